import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/roles/config-check.ts'
import { readConfig } from '../../src/roles/config-read.ts'
import { leavesOf } from '../../src/roles/config-schema.ts'

function fileOf(yaml: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'crowsnest.yaml')
  writeFileSync(file, yaml)
  return file
}

describe('the configuration', () => {
  it('is complete without a file: every field has a default', () => {
    const config = readConfig(undefined, {})
    expect(config.http.listen).toBe('127.0.0.1:10902')
    expect(config.tenants.aliases).toEqual({ default: 'default-tenant' })
    expect(config.ingest.outOfOrderWindow).toBe('6h')
  })

  it('documents every field', () => {
    for (const leaf of leavesOf()) expect(leaf.schema.description, leaf.flag).toMatch(/\.$/)
  })

  it('lets flags win over the file, and the file over defaults', () => {
    const file = fileOf('data: /var/lib/x\nquery:\n  timeout: 30s\n  maxConcurrent: 3\n')
    const config = readConfig(file, { 'query.timeout': '10s', 'query.replica-label': ['a,b', 'c'] })
    expect(config.data).toBe('/var/lib/x')
    expect(config.query).toMatchObject({
      timeout: '10s',
      maxConcurrent: 3,
      replicaLabel: ['a', 'b', 'c'],
    })
  })

  it('reads label flags as Thanos writes them', () => {
    const config = readConfig(undefined, { 'external-labels': ['cluster="hub"', 'replica=a'] })
    expect(config.externalLabels).toEqual({ cluster: 'hub', replica: 'a' })
  })

  it('reports every fault at once, each with its field', () => {
    const file = fileOf(
      'query:\n  timeout: never\n  maxConcurrent: -1\n  unknown: 1\nmemory:\n  limit: much\n',
    )
    const read = () => readConfig(file, {})
    for (const part of [
      'query.timeout: "never" is not a duration',
      'query.maxConcurrent',
      'query.unknown: unknown field',
      'memory.limit: "much" is not a size',
    ]) {
      expect(read).toThrow(part)
    }
  })

  it('refuses a listener that others reach unless insecure is said', () => {
    expect(() => readConfig(undefined, { 'http.listen': '0.0.0.0:9090' })).toThrow(
      'nobody is authenticated',
    )
    expect(readConfig(undefined, { 'http.listen': ':9090', insecure: true }).insecure).toBe(true)
    expect(parseAddress('[::1]:80')).toEqual({ host: '::1', port: 80 })
  })

  it('says which file is not YAML', () => {
    expect(() => readConfig(fileOf('a: [1'), {})).toThrow('is not YAML')
    expect(() => readConfig('/nonexistent.yaml', {})).toThrow('cannot read /nonexistent.yaml')
  })
})

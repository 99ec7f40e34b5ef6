// The API server double under kubectl, as Debian has it.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiServerDouble } from '../kube/api-server-double/api-server.ts'
import { widgetDefinition, widgetGroup } from '../kube/transcripts/scenarios.ts'

const run = promisify(execFile)
const double = new ApiServerDouble()
const folder = mkdtempSync(join(tmpdir(), 'double-'))
const kubeconfig = join(folder, 'config')

beforeAll(async () => {
  await double.start()
  double.makeNamespace('n')
  double.define(widgetDefinition)
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: double.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    }),
  )
})
afterAll(async () => {
  await double.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('kubectl', () => {
  const kubectl = async (...words: string[]): Promise<string> => {
    const global = ['--kubeconfig', kubeconfig, '--cache-dir', join(folder, 'cache'), '-n', 'n']
    return (await run('kubectl', [...global, ...words])).stdout.trim()
  }
  const apply = (manager: string, spec: object): Promise<string> => {
    const file = join(folder, `${manager}.json`)
    const metadata = { name: 'k', namespace: 'n' }
    writeFileSync(
      file,
      JSON.stringify({ apiVersion: `${widgetGroup}/v1`, kind: 'Widget', metadata, spec }),
    )
    const how = ['--server-side', '--validate=false', `--field-manager=${manager}`]
    return kubectl('apply', ...how, '-f', file)
  }

  it('finds kinds, also by their short names', async () => {
    expect(await kubectl('api-resources', '--api-group', widgetGroup, '-o', 'name')).toBe(
      `widgets.${widgetGroup}`,
    )
    expect(await kubectl('get', 'wdg', '-o', 'name')).toBe('')
  }, 20_000)

  it('applies, is refused what another manager owns, patches, selects, and deletes', async () => {
    expect(await apply('one', { size: 1 })).toContain('serverside-applied')
    await expect(apply('two', { size: 2 })).rejects.toThrow(/conflict with "one"/)
    await kubectl('label', 'wdg', 'k', 'team=red')
    expect(
      await kubectl('get', 'wdg', '-l', 'team=red', '-o', 'jsonpath={.items[*].spec.size}'),
    ).toBe('1')
    await kubectl('delete', 'wdg', 'k', '--wait=true')
    await expect(kubectl('get', 'wdg', 'k')).rejects.toThrow(/NotFound/)
  }, 30_000)
})

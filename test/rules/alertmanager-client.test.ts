import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AlertmanagerConfig,
  alertmanagerTransport,
  parseAlertmanagers,
} from '../../src/rules/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'am-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function config(entry: Record<string, unknown>): AlertmanagerConfig {
  return parseAlertmanagers([{ static_configs: ['x:1'], ...entry }], () => () => true)[0]!
}

describe('finding Alertmanagers', () => {
  it('takes static targets, addresses of names, and files by globs, each once', async () => {
    writeFileSync(join(folder, 'a.json'), JSON.stringify([{ targets: ['b:2', 'c:3'] }]))
    const errors: Error[] = []
    const found = await alertmanagerTransport.discover(
      config({
        static_configs: ['b:2', 'dns+localhost:9093'],
        file_sd_configs: [{ files: [join(folder, '*.json')] }],
      }),
      (error) => errors.push(error),
    )
    expect(found).toEqual(expect.arrayContaining(['127.0.0.1:9093', 'b:2', 'c:3']))
    expect(found.filter((one) => one === 'b:2')).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('goes on with the others when one cannot be found', async () => {
    writeFileSync(join(folder, 'bad.yml'), 'targets: 1')
    const errors: Error[] = []
    const found = await alertmanagerTransport.discover(
      config({ file_sd_configs: [{ files: [join(folder, 'bad.yml')] }] }),
      (error) => errors.push(error),
    )
    expect(found).toEqual(['x:1'])
    expect(errors).toHaveLength(1)
  })
})

describe('posting to Alertmanager', () => {
  let server: Server
  let url: string
  const seen: IncomingMessage[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(request)
      if (request.url === '/silent') return
      response.writeHead(request.url === '/bad' ? 400 : 200).end()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it('carries the credentials, read from their file at every request', async () => {
    const file = join(folder, 'token')
    const bearer = config({ bearer_token_file: file })
    for (const token of ['first', 'second']) {
      writeFileSync(file, `${token}\n`)
      expect(await alertmanagerTransport.post(`${url}/`, '[]', bearer)).toBe(200)
      expect(seen.at(-1)!.headers.authorization).toBe(`Bearer ${token}`)
    }
    const basic = config({ basic_auth: { username: 'u', password: 'p:w' } })
    await alertmanagerTransport.post(`${url}/`, '[]', basic)
    expect(seen.at(-1)!.headers.authorization).toBe(`Basic ${btoa('u:p:w')}`)
    await alertmanagerTransport.post(`${url}/`, '[]', config({}))
    expect(seen.at(-1)!.headers).toMatchObject({ 'content-type': 'application/json' })
    expect(seen.at(-1)!.headers.authorization).toBeUndefined()
  })

  it('tells the status, and gives up on one that is silent', async () => {
    expect(await alertmanagerTransport.post(`${url}/bad`, '[]', config({}))).toBe(400)
    const impatient = config({ timeout: '50ms' })
    await expect(alertmanagerTransport.post(`${url}/silent`, '[]', impatient)).rejects.toThrow()
  })
})

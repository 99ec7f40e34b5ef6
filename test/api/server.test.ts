import { describe, expect, it } from 'vitest'
import { anonymousCaller } from '../../src/access/index.ts'
import { createServer } from '../../src/api/index.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'

async function served(allowedHosts: readonly string[]) {
  const app = await createServer({
    log: createLogger('silent'),
    metrics: new Metrics(),
    findCaller: () => anonymousCaller(),
    allowedHosts,
    formSizeBytesMax: 1024,
  })
  app.get('/here', async () => ({ fine: true }))
  return async (host: string) => {
    const answer = await app.inject({ url: '/here', headers: { host } })
    return { status: answer.statusCode, headers: answer.headers, body: answer.body }
  }
}

describe('the server', () => {
  it('on loopback answers to its own names only, so that no page elsewhere reaches it by another', async () => {
    const ask = await served(['localhost', '127.0.0.1', '[::1]'])
    for (const host of ['localhost', '127.0.0.1:10902', '[::1]:10902'])
      expect((await ask(host)).status).toBe(200)
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:10902']) {
      const { status, body } = await ask(host)
      expect([host, status]).toEqual([host, 403])
      expect(body).toContain('does not answer to the host name')
    }
  })

  it('elsewhere answers to any name', async () => {
    const ask = await served([])
    expect((await ask('gateway.example')).status).toBe(200)
  })

  it('lets no browser guess types or send on where it came from', async () => {
    const { headers } = await (await served([]))('gateway.example')
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['referrer-policy']).toBe('no-referrer')
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })
})

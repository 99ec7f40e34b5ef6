import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { anonymousCaller } from '../../../src/access/index.ts'
import { alertmanagerRoutes, createServer } from '../../../src/api/index.ts'
import type { Caller } from '../../../src/model/index.ts'
import { createLogger, Metrics } from '../../../src/telemetry/index.ts'

const silence = (id: string, cluster: string, isRegex = false) => ({
  id,
  matchers: [{ name: 'cluster', value: cluster, isRegex, isEqual: true }],
})
const answers: Record<string, unknown> = {
  '/api/v2/alerts': [
    { labels: { alertname: 'A', cluster: 'west', namespace: 'web' } },
    { labels: { alertname: 'B', managed_cluster: 'east' } },
    { labels: { alertname: 'C' } },
  ],
  '/api/v2/alerts/groups': [
    { labels: {}, alerts: [{ labels: { cluster: 'west' } }, { labels: { cluster: 'east' } }] },
    { labels: {}, alerts: [{ labels: { cluster: 'east' } }] },
  ],
  '/api/v2/silences': [silence('1', 'west'), silence('2', 'east'), silence('3', 'we.*', true)],
  '/api/v2/silence/1': silence('1', 'west'),
  '/api/v2/silence/2': silence('2', 'east'),
}
const west: Caller = {
  ...anonymousCaller(),
  name: 'west',
  scope: { clusters: new Map([['west', 'all']]) },
}
const teams: Caller = { ...anonymousCaller(), name: 'team', mayRead: ['team-a'] }

let app: FastifyInstance
afterEach(() => app.close())

async function serve(caller: Caller, changesSilences = true) {
  const asked: string[] = []
  app = await createServer({
    log: createLogger('silent'),
    metrics: new Metrics(),
    findCaller: () => caller,
    allowedHosts: [],
    formSizeBytesMax: 1000,
  })
  await app.register(alertmanagerRoutes, {
    door: {
      changesSilences,
      async ask(path, { method, body }) {
        asked.push(`${method} ${path}${body === undefined ? '' : ` ${body}`}`)
        const answer = method === 'GET' ? answers[path.split('?')[0]!] : {}
        return {
          status: answer === undefined ? 404 : 200,
          contentType: 'application/json',
          body: Buffer.from(JSON.stringify(answer ?? 'none')),
        }
      },
    },
  })
  const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => {
    const response = await app.inject({ method, url, ...(payload ? { payload } : {}) })
    return { status: response.statusCode, body: response.json() as unknown }
  }
  return { ask, asked }
}

describe("Alertmanager's own API", () => {
  it('is passed through with its parameters to those who see everything', async () => {
    const { ask, asked } = await serve(anonymousCaller())
    expect(await ask('GET', '/api/v2/alerts?active=true&filter=a%3D%22b%22')).toEqual({
      status: 200,
      body: answers['/api/v2/alerts'],
    })
    expect((await ask('GET', '/api/v2/silence/9')).status).toBe(404)
    expect(asked).toEqual([
      'GET /api/v2/alerts?active=true&filter=a%3D%22b%22',
      'GET /api/v2/silence/9',
    ])
  })

  it('shows alerts, groups and silences of the clusters that the caller sees', async () => {
    const { ask } = await serve(west)
    expect((await ask('GET', '/api/v2/alerts')).body).toMatchObject([
      { labels: { alertname: 'A' } },
    ])
    expect((await ask('GET', '/api/v2/alerts/groups')).body).toEqual([
      { labels: {}, alerts: [{ labels: { cluster: 'west' } }] },
    ])
    expect((await ask('GET', '/api/v2/silences')).body).toMatchObject([{ id: '1' }])
    expect((await ask('GET', '/api/v2/silence/1')).status).toBe(200)
    expect((await ask('GET', '/api/v2/silence/2')).status).toBe(404)
  })

  it('is closed to those who read some tenants only', async () => {
    const { ask, asked } = await serve(teams)
    const paths = ['alerts', 'alerts/groups', 'silences', 'silence/1', 'status', 'receivers']
    for (const path of paths) expect((await ask('GET', `/api/v2/${path}`)).status).toBe(403)
    expect(asked).toEqual([])
  })

  it('changes silences only for admins', async () => {
    const { ask, asked } = await serve({ ...anonymousCaller(), isAdmin: false })
    expect((await ask('POST', '/api/v2/silences', silence('', 'west'))).status).toBe(403)
    expect((await ask('DELETE', '/api/v2/silence/1')).status).toBe(403)
    expect(asked).toEqual([])
  })

  it('changes silences only where that is configured', async () => {
    const closed = await serve(anonymousCaller(), false)
    expect((await closed.ask('POST', '/api/v2/silences', silence('', 'west'))).status).toBe(403)
    expect((await closed.ask('DELETE', '/api/v2/silence/1')).status).toBe(403)
    expect(closed.asked).toEqual([])
    await app.close()
    const { ask, asked } = await serve(anonymousCaller())
    expect((await ask('POST', '/api/v2/silences', { matchers: [] })).status).toBe(200)
    expect((await ask('DELETE', '/api/v2/silence/1')).status).toBe(200)
    expect(asked.at(0)).toBe('POST /api/v2/silences {"matchers":[]}')
    expect(asked.at(-1)).toBe('DELETE /api/v2/silence/1')
  })

  it('lets a caller silence only what it sees, and touch only such silences', async () => {
    const { ask, asked } = await serve(west)
    const statusOf = async (payload: object): Promise<number> =>
      (await ask('POST', '/api/v2/silences', payload)).status
    expect(await statusOf(silence('', 'west'))).toBe(200)
    expect(await statusOf(silence('', 'east'))).toBe(403)
    expect(await statusOf(silence('', 'west', true))).toBe(403)
    expect(await statusOf({ matchers: [{ name: 'cluster', value: 'west', isEqual: false }] })).toBe(
      403,
    )
    expect(await statusOf({ matchers: 7 })).toBe(403)
    expect(await statusOf(silence('2', 'west'))).toBe(404)
    expect((await ask('DELETE', '/api/v2/silence/2')).status).toBe(404)
    expect(asked.filter((one) => !one.startsWith('GET'))).toHaveLength(1)
  })
})

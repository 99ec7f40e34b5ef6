// Lists, single things and the summary over HTTP.
import { describe, expect, it } from 'vitest'
import { eventOf, fleetServer, testFleet } from './fleet-server.ts'

const app = await fleetServer(testFleet([eventOf(1), eventOf(2)]).port)
const get = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ url: `/api/v1/fleet/${url}`, headers })

describe('a list of the fleet', () => {
  it('comes in the envelope of the API, page by page, and Link names the next', async () => {
    const first = await get('clusters?limit=15')
    expect(first.statusCode).toBe(200)
    const { status, data } = first.json()
    expect(status).toBe('success')
    expect(data).toMatchObject({ total: 20, next: expect.any(String) })
    const link = /^<([^>]+)>; rel="next"$/.exec(String(first.headers.link))![1]!
    const second = await app.inject({ url: link })
    expect(second.json().data.items.length).toBe(5)
    expect(second.headers.link).toBeUndefined()
  })

  it('takes repeated values and lists with commas', async () => {
    const one = await get('clusters?state=unavailable&state=unknown')
    const other = await get('clusters?state=unavailable,unknown')
    expect(one.json()).toEqual(other.json())
    expect(one.json().data.items.length).toBe(2)
  })

  it('answers 304 without a body to a reader that has it', async () => {
    const { headers } = await get('clusters')
    const again = await get('clusters', { 'if-none-match': String(headers.etag) })
    expect([again.statusCode, again.body]).toEqual([304, ''])
    expect(again.headers.etag).toBe(headers.etag)
    const other = await get('clusters?state=unknown', { 'if-none-match': String(headers.etag) })
    expect(other.statusCode).toBe(200)
  })

  it('is CSV where the reader asks for it, by parameter or header', async () => {
    for (const asked of [
      await get('clusters?format=csv&fields=name,state'),
      await get('clusters?fields=name,state', { accept: 'text/csv' }),
    ]) {
      expect(asked.headers['content-type']).toContain('text/csv')
      expect(asked.body.split('\r\n')[0]).toBe('name,state')
    }
  })

  it('refuses parameters that it does not know, and says which there are', async () => {
    const answer = await get('clusters?stat=unknown')
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({
      status: 'error',
      errorType: 'bad_data',
      error: expect.stringMatching(/no parameter "stat".*use hub, name, state/),
    })
    for (const bad of ['limit=x', 'limit=0', 'format=xml', 'sort=nmae', 'cursor=zz'])
      expect((await get(`clusters?${bad}`)).statusCode, bad).toBe(400)
  })

  it('of events is bounded by times as Prometheus has them', async () => {
    expect((await get('events?start=0.002')).json().data.items.length).toBe(1)
    expect((await get('events?end=1970-01-01T00:00:00.002Z')).json().data.items.length).toBe(1)
  })

  it('shows what the scope of the caller shows', async () => {
    const scope = { clusters: new Map([['prod-eu-1', 'all' as const]]) }
    const scoped = await fleetServer(testFleet().port, { scope })
    const answer = await scoped.inject({ url: '/api/v1/fleet/clusters?fields=name' })
    expect(answer.json().data.items).toEqual([{ name: 'prod-eu-1' }])
  })
})

describe('one thing of the fleet', () => {
  it('is found by its path, with its clusters', async () => {
    const answer = await get('policies/policies/etcd-encryption?cluster=prod-eu-2')
    expect(answer.json().data).toMatchObject({
      name: 'etcd-encryption',
      clusters: { total: 1, items: [{ cluster: 'prod-eu-2', state: 'non_compliant' }] },
    })
    expect((await get('events/2')).json().data).toMatchObject({ id: 2 })
    expect((await get('sources/local')).json().data.parts.length).toBe(2)
  })

  it('answers 404 where it is not', async () => {
    for (const path of ['clusters/nope', 'policies/policies/nope', 'events/77', 'events/x'])
      expect((await get(path)).statusCode, path).toBe(404)
  })
})

describe('the summary', () => {
  it('is one answer', async () => {
    expect((await get('summary')).json().data).toMatchObject({ clusters: { total: 20 } })
    expect((await get('summary?set=prod')).statusCode).toBe(200)
    expect((await get('summary?name=x')).statusCode).toBe(400)
  })
})

describe('a process without a fleet', () => {
  it('says so', async () => {
    const none = await fleetServer(undefined)
    const answer = await none.inject({ url: '/api/v1/fleet/clusters' })
    expect(answer.statusCode).toBe(404)
    expect(answer.json().error).toContain('keeps no fleet')
  })
})

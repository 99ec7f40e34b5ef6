import { describe, expect, it } from 'vitest'
import { plainLabels } from '../../src/rules/evaluation.ts'
import { type PeerRequest, parseQueryEndpoints, RemoteQuery } from '../../src/rules/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'

type Reply = { readonly status: number; readonly body: unknown } | Error

const vector = (result: unknown, more: object = {}): Reply => ({
  status: 200,
  body: { status: 'success', data: { resultType: 'vector', result }, ...more },
})
const entry = (job: string, value: string) => ({ metric: { job }, value: [7, value] })

function remote(replies: Record<string, Reply>) {
  const asked: PeerRequest[] = []
  const query = new RemoteQuery({
    options: {
      endpoints: parseQueryEndpoints([
        { static_configs: Object.keys(replies), path_prefix: '/prom' },
      ]),
      tenantHeader: 'X-Tenant',
      seriesMax: 2,
    },
    transport: {
      discover: async ({ targets }) => [...targets],
      async send(request) {
        asked.push(request)
        const reply = replies[new URL(request.url).host]!
        if (reply instanceof Error) throw reply
        const body = Buffer.from(JSON.stringify(reply.body))
        return { status: reply.status, contentType: 'application/json', body }
      },
    },
    log: createLogger('silent'),
  })
  const ask = async (partial = false, deadlineMs = Date.now() + 1000) => {
    const samples = await query.query(
      'team',
      { query: 'up', timeMs: 1500, lookbackMs: 3_600_000, deadlineMs },
      partial,
    )
    query.close()
    return samples.map(({ labels, value }) => [plainLabels(labels), value])
  }
  return { ask, asked }
}

describe('a remote query', () => {
  it('is an instant query with tenant, time, lookback and what partial answers are worth', async () => {
    const { ask, asked } = remote({ 'a:1': vector([entry('x', '1.5'), entry('y', '+Inf')]) })
    expect(await ask()).toEqual([
      [{ job: 'x' }, 1.5],
      [{ job: 'y' }, Infinity],
    ])
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: 'http://a:1/prom/api/v1/query',
      headers: { 'X-Tenant': 'team', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'query=up&time=1.5&dedup=true&partial_response=false&lookback_delta=3600s',
    })
    const warned = remote({ 'a:1': vector([], { warnings: ['a store is gone'] }) })
    expect(await warned.ask(true)).toEqual([])
    expect(warned.asked[0]!.body).toContain('partial_response=true')
  })

  it('takes a scalar as one sample without labels', async () => {
    const scalar = { status: 'success', data: { resultType: 'scalar', result: [1, 'NaN'] } }
    expect(await remote({ 'a:1': { status: 200, body: scalar } }).ask()).toEqual([[{}, Number.NaN]])
  })

  it('goes on to others when one is down, and says why each was not used', async () => {
    const down = {
      'a:1': new Error('refused'),
      'b:2': { status: 503, body: { error: 'starting' } },
    }
    const { ask } = remote({ ...down, 'c:3': vector([entry('x', '1')]) })
    expect(await ask()).toHaveLength(1)
    const all = remote(down)
    const failure = expect(all.ask()).rejects
    await failure.toThrow(/http:\/\/a:1\/prom: refused/)
    await expect(remote(down).ask()).rejects.toThrow(/http:\/\/b:2\/prom answered 503: starting/)
  })

  it('does not ask others what one has refused', async () => {
    const refused = { status: 422, body: { status: 'error', error: 'many-to-many' } }
    const { ask, asked } = remote({ 'a:1': refused, 'b:2': refused })
    await expect(ask()).rejects.toThrow('answered 422: many-to-many')
    expect(asked).toHaveLength(1)
  })

  it('ends with its deadline', async () => {
    const { ask, asked } = remote({ 'a:1': vector([]) })
    await expect(ask(false, Date.now() - 1)).rejects.toThrow('no answer in time')
    expect(asked).toEqual([])
  })

  it('refuses too many series, ranges, and histograms that JSON does not carry', async () => {
    const many = vector([entry('x', '1'), entry('y', '1'), entry('z', '1')])
    await expect(remote({ 'a:1': many }).ask()).rejects.toThrow('yields 3 series, 2 are allowed')
    const matrix = { status: 200, body: { status: 'success', data: { resultType: 'matrix' } } }
    await expect(remote({ 'a:1': matrix }).ask()).rejects.toThrow('not a vector or scalar')
    const histogram = vector([{ metric: {}, histogram: [1, {}] }])
    await expect(remote({ 'a:1': histogram }).ask()).rejects.toThrow('native histograms')
  })
})

import { describe, expect, it } from 'vitest'
import type { QueryCall } from '../../src/query/index.ts'
import { ReadLimiter, type ReadLimits, unlimitedReads } from '../../src/query/read-limits.ts'

const hourMs = 3_600_000
const none = unlimitedReads.readers.default
const all = (limits: Partial<ReadLimits>) => ({ default: { ...none, ...limits }, named: {} })

function callOf(reader: string, tenants: readonly string[] = ['t'], more: object = {}): QueryCall {
  const asked = { kind: 'instant', query: 'up', timeMs: 0, scope: 'all', deadlineMs: Infinity }
  return { ...asked, reader, tenants, ...more } as unknown as QueryCall
}

describe('queries at a time', () => {
  it('are bounded for each reader, over all tenants', () => {
    const limiter = new ReadLimiter({ ...unlimitedReads, readers: all({ queriesInFlight: 2 }) })
    const underWay = [callOf('alice', ['t']), callOf('alice', ['u']), callOf('bob')]
    expect(() => limiter.admit(callOf('alice'), underWay, 0)).toThrow(
      '2 queries of reader alice are under way, the most there may be; wait for them, or raise access.limits.queriesInFlight',
    )
    limiter.admit(callOf('bob'), underWay, 0)
  })

  it('are bounded for each tenant, over all readers, each tenant of a query for itself', () => {
    const limiter = new ReadLimiter({ ...unlimitedReads, tenants: all({ queriesInFlight: 2 }) })
    const underWay = [callOf('alice', ['t', 'u']), callOf('bob', ['t'])]
    const refused = /^2 queries of tenant t .* raise query\.limits\.queriesInFlight$/
    expect(() => limiter.admit(callOf('eve', ['t']), underWay, 0)).toThrow(refused)
    expect(() => limiter.admit(callOf('eve', ['v', 't']), underWay, 0)).toThrow(refused)
    limiter.admit(callOf('eve', ['u', 'v']), underWay, 0)
  })

  it('neither count nor bound what rules ask', () => {
    const limits = { readers: all({ queriesInFlight: 1 }), tenants: all({ queriesInFlight: 1 }) }
    const limiter = new ReadLimiter(limits)
    const rule = callOf('rules', ['t'], { kind: 'vector' })
    limiter.admit(rule, [callOf('rules')], 0)
    limiter.admit(callOf('rules'), [rule, rule], 0)
  })
})

describe('queries in a minute', () => {
  const perMinute = () =>
    new ReadLimiter({ ...unlimitedReads, readers: all({ queriesPerMinute: 3 }) })

  it('may come at once, and then one by one as time passes', () => {
    const limiter = perMinute()
    for (let i = 0; i < 3; i++) limiter.admit(callOf('alice'), [], 0)
    expect(() => limiter.admit(callOf('alice'), [], 19_000)).toThrow(
      'reader alice has had the 3 queries that there may be in a minute; ask less often, or raise access.limits.queriesPerMinute',
    )
    limiter.admit(callOf('alice'), [], 20_000)
    expect(() => limiter.admit(callOf('alice'), [], 39_000)).toThrow(/in a minute/)
    for (let i = 0; i < 3; i++) limiter.admit(callOf('alice'), [], 600_000)
    expect(() => limiter.admit(callOf('alice'), [], 600_000)).toThrow(/in a minute/)
  })

  it('are each reader’s own, and a clock that is set back gives none', () => {
    const limiter = perMinute()
    for (let i = 0; i < 3; i++) limiter.admit(callOf('alice'), [], 60_000)
    limiter.admit(callOf('bob'), [], 60_000)
    expect(() => limiter.admit(callOf('alice'), [], 0)).toThrow(/in a minute/)
  })

  it('are not spent on a call that another limit refuses', () => {
    const limits = { readers: all({ queriesPerMinute: 1 }), tenants: all({ queriesPerMinute: 1 }) }
    const limiter = new ReadLimiter(limits)
    limiter.admit(callOf('alice', ['t']), [], 0)
    expect(() => limiter.admit(callOf('bob', ['t']), [], 0)).toThrow(/tenant t/)
    limiter.admit(callOf('bob', ['u']), [], 0)
  })
})

describe('bounds of a call', () => {
  it('are the narrowest of reader and tenants, with the option that sets each', () => {
    const limiter = new ReadLimiter({
      readers: {
        default: { ...none, samplesPerQuery: 100, queryRangeMs: 2 * hourMs },
        named: { bob: { samplesPerQuery: 5 }, root: { samplesPerQuery: 0, queryRangeMs: 0 } },
      },
      tenants: {
        default: { ...none, samplesPerQuery: 50 },
        named: { u: { samplesPerQuery: 0, queryRangeMs: hourMs } },
      },
    })
    const boundsOf = (reader: string, tenants: readonly string[]) =>
      limiter.bounded(callOf(reader, tenants), 0).bounds
    expect(boundsOf('alice', ['t'])).toEqual({
      samples: { max: 50, option: 'query.limits.samplesPerQuery' },
      range: { maxMs: 2 * hourMs, option: 'access.limits.queryRange' },
    })
    expect(boundsOf('bob', ['t', 'u'])).toEqual({
      samples: { max: 5, option: 'access.readers.bob.samplesPerQuery' },
      range: { maxMs: hourMs, option: 'tenants.overrides.u.queryLimits.queryRange' },
    })
    expect(boundsOf('root', ['u'])?.samples).toBeUndefined()
    expect(boundsOf('constructor', ['__proto__'])?.samples?.max).toBe(50)
  })

  it('leave a call as it is where nothing is limited', () => {
    const call = callOf('alice')
    expect(new ReadLimiter(unlimitedReads).bounded(call, 0)).toBe(call)
  })

  it('refuse a range query that is too long before it waits', () => {
    const limiter = new ReadLimiter({ ...unlimitedReads, readers: all({ queryRangeMs: hourMs }) })
    const range = (endMs: number) =>
      limiter.bounded(callOf('a', ['t'], { kind: 'range', startMs: 0, endMs, stepMs: 1 }), 0)
    expect(range(hourMs).bounds?.range?.maxMs).toBe(hourMs)
    expect(() => range(hourMs + 1)).toThrow(
      'the query ranges over 1h1ms, and at most 1h may be asked for at a time; ask for a shorter range, or raise access.limits.queryRange',
    )
  })

  it('let lists begin later, and say so', () => {
    const limiter = new ReadLimiter({ ...unlimitedReads, readers: all({ queryRangeMs: hourMs }) })
    const list = (minTimeMs: number, maxTimeMs: number) =>
      limiter.bounded(callOf('a', ['t'], { kind: 'series', minTimeMs, maxTimeMs }), 10 * hourMs)
    expect(list(0, Infinity)).toMatchObject({
      minTimeMs: 9 * hourMs,
      warnings: ['the list begins 1h before its end, by access.limits.queryRange'],
    })
    expect(list(0, 5 * hourMs)).toMatchObject({ minTimeMs: 4 * hourMs })
    expect(list(9 * hourMs, Infinity).warnings).toBeUndefined()
  })

  it('follow a reload', () => {
    const limiter = new ReadLimiter(unlimitedReads)
    limiter.reload({ ...unlimitedReads, readers: all({ queriesInFlight: 1 }) })
    expect(() => limiter.admit(callOf('a'), [callOf('a')], 0)).toThrow(/1 queries of reader a/)
  })
})

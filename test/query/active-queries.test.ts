import { describe, expect, it } from 'vitest'
import { ActiveQueries } from '../../src/query/active-queries.ts'
import type { QueryCall } from '../../src/query/call.ts'
import { unlimitedReads } from '../../src/query/read-limits.ts'

function callOf(tenant: string): QueryCall {
  return {
    kind: 'instant',
    tenants: [tenant],
    scope: 'all',
    reader: tenant,
    deadlineMs: 0,
    query: `up{t="${tenant}"}`,
    timeMs: 0,
    lookbackMs: undefined,
    limit: 0,
    stats: 'none',
    explain: 'none',
  }
}

const never = new AbortController().signal
const settled = async (): Promise<void> =>
  void (await new Promise((resolve) => setImmediate(resolve)))

describe('active queries', () => {
  it('shows what runs and what waits', async () => {
    const active = new ActiveQueries({ maxConcurrent: 1, maxWaiting: 10, limits: unlimitedReads })
    const first = await active.enter(callOf('a'), never, 5)
    void active.enter(callOf('a'), never, 6)
    expect(active.list().map((query) => [query.state, query.what, query.since])).toEqual([
      ['running', 'up{t="a"}', 5],
      ['waiting', 'up{t="a"}', 6],
    ])
    active.leave(first)
    expect(active.list()).toMatchObject([{ state: 'running', since: 6 }])
  })

  it('lets the tenant with the fewest running queries go first', async () => {
    const active = new ActiveQueries({ maxConcurrent: 2, maxWaiting: 10, limits: unlimitedReads })
    const order: string[] = []
    const ids: number[] = []
    for (const tenant of ['a', 'a', 'a', 'b']) {
      void active.enter(callOf(tenant), never, 0).then((id) => {
        order.push(tenant)
        ids.push(id)
      })
    }
    await settled()
    active.leave(ids[0]!)
    await settled()
    expect(order).toEqual(['a', 'a', 'b'])
  })

  it('refuses when too many wait, and forgets who gave up waiting', async () => {
    const active = new ActiveQueries({ maxConcurrent: 1, maxWaiting: 1, limits: unlimitedReads })
    await active.enter(callOf('a'), never, 0)
    const caller = new AbortController()
    const waiting = active.enter(callOf('a'), caller.signal, 0)
    await expect(active.enter(callOf('b'), never, 0)).rejects.toThrow(
      '1 queries are waiting already',
    )
    caller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'canceled' })
    expect(active.list()).toHaveLength(1)
  })
})

// Events as a list, and flaps.
import { describe, expect, it } from 'vitest'
import type { FleetEvent } from '../../../src/fleet/index.ts'
import { FlapCounter } from '../../../src/fleet/view/flap-counter.ts'
import { fixtureFleet, nowMs } from '../fixture-fleet.ts'
import { ask, itemsOf, listCall, logOf, viewOf } from './view-of.ts'

const hour = 3_600_000

function event(id: number, change: Partial<FleetEvent> = {}): FleetEvent {
  return {
    id,
    atMs: nowMs - 10 * hour + id * 60_000,
    kind: 'cluster',
    hub: 'local',
    type: 'ManagedCluster',
    namespace: '',
    name: 'prod-eu-1',
    cluster: 'prod-eu-1',
    from: id % 2 === 0 ? 'available' : 'unreachable',
    to: id % 2 === 0 ? 'unreachable' : 'available',
    reason: '',
    message: '',
    ...change,
  }
}

const events = Array.from({ length: 50 }, (_, i) => event(i + 101))
const view = viewOf(fixtureFleet(), events)

describe('events', () => {
  it('are listed newest first, page by page, while new ones come', () => {
    const first = ask(view, { ...listCall, list: 'events', limit: 3 })
    expect((first.items as FleetEvent[]).map(({ id }) => id)).toEqual([150, 149, 148])
    const more = viewOf(view.fleet, [...events, event(151), event(152)])
    const next = { list: 'events', limit: 3, cursor: String(first.next) } as const
    expect(itemsOf(more, next).map(({ id }) => id)).toEqual([147, 146, 145])
  })

  it('end where no more are kept', () => {
    const last = ask(view, { ...listCall, list: 'events', limit: 50 })
    expect((last.items as unknown[]).length).toBe(50)
    expect(last.next).toBeUndefined()
  })

  it('are filtered by time, state, kind, name and cluster', () => {
    const filter = { fromMs: events[10]!.atMs, toMs: events[14]!.atMs, state: ['available'] }
    expect(itemsOf(view, { list: 'events', filter }).map(({ id }) => id)).toEqual([113, 111])
    expect(itemsOf(view, { list: 'events', filter: { kind: ['policy'] } })).toEqual([])
    expect(itemsOf(view, { list: 'events', filter: { cluster: ['prod-us-1'] } })).toEqual([])
    expect(itemsOf(view, { list: 'events', filter: { name: 'eu-1' } }).length).toBe(50)
  })

  it('of other clusters are not seen, nor those that span clusters', () => {
    const scope = { clusters: new Map([['prod-us-1', 'all' as const]]) }
    expect(itemsOf(view, { list: 'events', scope })).toEqual([])
    const spanning = viewOf(view.fleet, [
      event(1, { kind: 'policy', cluster: '' }),
      event(2, { kind: 'policy_on_cluster', cluster: 'prod-us-1' }),
    ])
    expect(itemsOf(spanning, { list: 'events', scope }).map(({ id }) => id)).toEqual([2])
  })
})

describe('flaps', () => {
  it('are states that were left and entered again within the window', () => {
    const counter = new FlapCounter(24 * hour)
    counter.catchUp(logOf(events))
    // The first of 50 changes comes back to nothing that is known.
    expect(counter.countOf(events[0]!, nowMs)).toBe(49)
    expect(counter.sinceMs(events[0]!, 'unreachable')).toBe(events[49]!.atMs)
    expect(counter.countOf(events[0]!, nowMs + 24 * hour)).toBe(0)
  })

  it('are not what appears, goes away, or goes on to a third state', () => {
    const counter = new FlapCounter(24 * hour)
    const log = logOf([
      event(1, { from: undefined, to: 'unknown' }),
      event(2, { from: 'unknown', to: 'available' }),
      event(3, { from: 'available', to: 'unreachable' }),
      event(4, { from: 'unreachable', to: undefined }),
      event(5, { from: undefined, to: 'available' }),
    ])
    counter.catchUp(log)
    expect(counter.all(nowMs)).toEqual([])
  })

  it('are counted once, however often the log is looked at', () => {
    const counter = new FlapCounter(24 * hour)
    counter.catchUp(logOf(events.slice(0, 20)))
    counter.catchUp(logOf(events.slice(0, 20)))
    counter.catchUp(logOf(events))
    expect(counter.countOf(events[0]!, nowMs)).toBe(49)
  })

  it('stand with clusters and in the summary', () => {
    const [cluster] = itemsOf(view, { filter: { cluster: ['prod-eu-1'] } })
    expect(cluster!.flaps).toBe(49)
    const summary = ask(view, { kind: 'summary', scope: 'all', filter: {} })
    expect(summary.flaps).toMatchObject({ total: 49, things: { total: 1 } })
  })
})

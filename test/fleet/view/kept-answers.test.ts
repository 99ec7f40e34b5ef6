// Answers that are kept while nothing changes.
import { describe, expect, it } from 'vitest'
import type { FleetAnswer, FleetView } from '../../../src/fleet/index.ts'
import { KeptAnswers, keptDefaults } from '../../../src/fleet/view/kept-answers.ts'
import { listCall, logOf, viewOf } from './view-of.ts'

const view = viewOf()

function maker(sizeBytes = 10): { readonly make: () => FleetAnswer; readonly count: () => number } {
  let count = 0
  return {
    make: () => ({ contentType: '', etag: String(++count), body: new Uint8Array(sizeBytes) }),
    count: () => count,
  }
}

describe('an answer', () => {
  it('is made once while nothing changes, for each call and scope', () => {
    const kept = new KeptAnswers()
    const { make, count } = maker()
    const scope = { clusters: new Map([['a', 'all' as const]]) }
    kept.get(view, listCall, make)
    kept.get({ ...view }, { ...listCall }, make)
    expect(count()).toBe(1)
    kept.get(view, { ...listCall, limit: 3 }, make)
    kept.get(view, { ...listCall, scope }, make)
    expect(count()).toBe(3)
  })

  it('is made anew when the fleet, its data, sources, events or the time are others', () => {
    const event = { id: 1, atMs: 1, kind: 'cluster', hub: '', type: '' } as const
    const added = {
      ...event,
      namespace: '',
      name: '',
      cluster: '',
      from: 'a',
      to: 'b',
      reason: '',
      message: '',
    } as const
    const others: FleetView[] = [
      { ...view, fleet: { ...view.fleet } },
      { ...view, data: new Map() },
      { ...view, sources: [] },
      { ...view, events: logOf([added]) },
      { ...view, nowMs: view.nowMs + keptDefaults.ageMsMax + 1 },
    ]
    for (const other of others) {
      const kept = new KeptAnswers()
      const { make, count } = maker()
      kept.get(view, listCall, make)
      kept.get(other, listCall, make)
      expect(count()).toBe(2)
    }
  })

  it('is not kept where there is no room', () => {
    const kept = new KeptAnswers({ countMax: 2, sizeBytesMax: 25, ageMsMax: 1000 })
    const { make, count } = maker()
    for (let round = 0; round < 2; round++)
      for (const limit of [1, 2, 3]) kept.get(view, { ...listCall, limit }, make)
    expect(count()).toBe(4)
  })
})

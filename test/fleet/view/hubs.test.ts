// Two hubs whose clusters and policies have the same names.
import { describe, expect, it } from 'vitest'
import { type Fleet, FleetAnswers, mergeFleets } from '../../../src/fleet/index.ts'
import { fixtureFleet } from '../fixture-fleet.ts'
import { ask, itemsOf, listCall, objectCall, viewOf } from './view-of.ts'

const west = fixtureFleet()
const rename = <T extends { readonly hub: string }>(list: readonly T[]): readonly T[] =>
  list.map((one) => ({ ...one, hub: 'east' }))
const east: Fleet = {
  clusters: rename(west.clusters),
  sets: rename(west.sets),
  placements: rename(west.placements),
  addons: rename(west.addons),
  addonDefinitions: rename(west.addonDefinitions),
  works: rename(west.works),
  policies: rename(west.policies).map((policy) =>
    policy.name === 'etcd-encryption'
      ? {
          ...policy,
          compliance: 'compliant',
          clusters: policy.clusters.map((entry) => ({ ...entry, compliance: 'compliant' })),
        }
      : policy,
  ),
  policySets: rename(west.policySets),
  applications: rename(west.applications),
}
const view = viewOf(mergeFleets([west, east]))

describe('two hubs', () => {
  it('are listed together, in order of hub and name, each entry once over all pages', () => {
    const seen: string[] = []
    const answers = new FleetAnswers()
    let cursor: string | undefined
    do {
      const page = ask(
        view,
        { ...listCall, limit: 9, ...(cursor === undefined ? {} : { cursor }) },
        answers,
      )
      for (const { hub, name } of page.items as { hub: string; name: string }[])
        seen.push(`${hub} ${name}`)
      cursor = page.next as string | undefined
    } while (cursor !== undefined)
    expect(seen.length).toBe(40)
    expect(seen).toEqual([...seen].sort())
  })

  it('are told apart by the filter, also for single things', () => {
    const filter = { hub: ['east'] }
    expect(itemsOf(view, { filter }).length).toBe(20)
    const call = { ...objectCall, list: 'policies', namespace: 'policies' } as const
    const name = 'etcd-encryption'
    const state = (hub: string): unknown =>
      ask(view, { ...call, name, filter: { hub: [hub] } }).state
    expect([state('local'), state('east')]).toEqual(['non_compliant', 'compliant'])
  })

  it('keep what is on clusters of one name apart', () => {
    const filter = { cluster: ['prod-eu-2'] }
    const clusters = itemsOf(view, { filter })
    expect(clusters.map(({ hub }) => hub)).toEqual(['east', 'local'])
    const [ofEast, ofLocal] = clusters.map(({ policies }) => policies as Record<string, number>)
    expect(ofLocal!.non_compliant! - ofEast!.non_compliant!).toBe(1)
  })

  it('are summed up together, or one alone', () => {
    const summary = (filter: object) => ask(view, { kind: 'summary', scope: 'all', filter })
    expect(summary({}).clusters).toMatchObject({ total: 40 })
    expect(summary({ hub: ['east'] }).clusters).toMatchObject({ total: 20 })
    const entries = (of: Record<string, unknown>): Record<string, number> =>
      (of.policies as { entries: Record<string, number> }).entries
    const all = entries(summary({}))
    const one = entries(summary({ hub: ['east'] }))
    const other = entries(summary({ hub: ['local'] }))
    expect(all.non_compliant).toBe(one.non_compliant! + other.non_compliant!)
    expect(other.non_compliant).toBe(one.non_compliant! + 1)
  })
})

// What is seen under any scope and filter of clusters, against asking entry by entry.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Scope, sees, seesCluster } from '../../../src/model/index.ts'
import { itemsOf, viewOf } from './view-of.ts'

const view = viewOf()
const { clusters, policies, applications, addons } = view.fleet
const names = clusters.map(({ name }) => name)
const sets = view.fleet.sets.map(({ name }) => name)

const scopeArbitrary: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant('all' as const),
  fc
    .dictionary(
      fc.constantFrom(...names),
      fc.oneof(
        fc.constant('all' as const),
        fc.subarray(['apps', 'web', 'argocd']).map((own) => new Set(own)),
      ),
      { maxKeys: 8 },
    )
    .map((own) => ({ clusters: new Map(Object.entries(own)) })),
)

const filterArbitrary = fc.record(
  {
    cluster: fc.subarray(names, { minLength: 1, maxLength: 5 }),
    set: fc.subarray(sets, { minLength: 1 }),
  },
  { requiredKeys: [] },
)

type Filter = { readonly cluster?: string[]; readonly set?: string[] }

const isWanted = (filter: Filter, name: string): boolean => {
  const cluster = clusters.find((one) => one.name === name)
  if (filter.cluster?.includes(name) === false) return false
  return filter.set === undefined || filter.set.some((set) => cluster?.sets.includes(set) === true)
}

const keyOf = ({ kind = '', namespace, name }: Record<string, unknown>): string =>
  `${kind} ${namespace}/${name}`

const isWhole = (scope: Scope, filter: Filter): boolean =>
  scope === 'all' && filter.cluster === undefined && filter.set === undefined

describe('what is seen', () => {
  it('is, of clusters and addons, what the scope shows and the filter wants', () => {
    fc.assert(
      fc.property(scopeArbitrary, filterArbitrary, (scope, filter) => {
        const seen = names.filter((name) => seesCluster(scope, name) && isWanted(filter, name))
        expect(itemsOf(view, { scope, filter }).map(({ name }) => name)).toEqual(seen.sort())
        const onSeen = addons.filter(
          ({ cluster }) => sees(scope, cluster, '') && isWanted(filter, cluster),
        )
        expect(itemsOf(view, { list: 'addons', scope, filter }).length).toBe(onSeen.length)
      }),
    )
  })

  it('is, of policies and applications, counts over the clusters that are left', () => {
    const things = [
      ['policies', policies, () => '', ({ compliance }: { compliance: string }) => compliance],
      [
        'applications',
        applications,
        ({ namespace }: { namespace: string }) => namespace,
        ({ state }: { state: string }) => state,
      ],
    ] as const
    fc.assert(
      fc.property(scopeArbitrary, filterArbitrary, (scope, filter) => {
        for (const [list, all, namespaceOf, stateOf] of things) {
          const wanted = all.flatMap((thing) => {
            const left = thing.clusters.filter(
              ({ cluster }) =>
                sees(scope, cluster, namespaceOf(thing)) && isWanted(filter, cluster),
            )
            if (left.length === 0 && !isWhole(scope, filter)) return []
            const counts: Record<string, number> = {}
            for (const entry of left) {
              const state = stateOf(entry as never)
              counts[state] = (counts[state] ?? 0) + 1
            }
            return [[keyOf({ ...thing }), left.length, counts]]
          })
          const found = itemsOf(view, { list, scope, filter }).map((item) => [
            keyOf(item),
            item.clusterCount,
            Object.fromEntries(
              Object.entries(item.counts as Record<string, number>).filter(([, n]) => n > 0),
            ),
          ])
          const byName = (rows: unknown[][]): Map<unknown, unknown> =>
            new Map(rows.map(([name, ...rest]) => [name, rest]))
          expect(found.length).toBe(wanted.length)
          expect(byName(found)).toEqual(byName(wanted))
        }
      }),
    )
  })
})

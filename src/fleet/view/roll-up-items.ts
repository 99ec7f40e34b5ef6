// Compliance rolled up: over clusters, and by standard, category and control to policies, clusters and sets.
// Invariants: an entry is one policy on one cluster; a cluster counts once, by its worst entry.
// Source: facts/fleet.md §9.

import type { Policy } from '../model/fleet.ts'
import { type Compliance, compliances } from '../model/parts.ts'
import type { Dimension } from '../model/policies.ts'
import { type Counts, countStates } from '../model/state.ts'
import type { Item } from './fields.ts'
import { type Context, countsAt, policyCounts, type Row } from './row.ts'

/** Clusters that a value names as its worst. */
const worstMax = 20

/** How many clusters are in each state over all these policies, and how many entries. */
export function countsOnClusters(policies: readonly Policy[], { view, sight }: Context): Item {
  const counts =
    sight.isWhole && policies.length === view.fleet.policies.length
      ? sight.table.policyTotals(view.fleet.policies)
      : policyCounts(policies, sight)
  return { clusters: worstByCluster(counts), entries: sumOf(counts) }
}

/** Each dimension by value: its policies, clusters, entries, entries by set, and worst clusters. */
export function rollUpItems(
  policies: readonly Policy[],
  rows: readonly Row[],
  context: Context,
): Item {
  const states = new Map(rows.map((row) => [policyKey(row), row.states[0] as Compliance]))
  const members = setMembers(context)
  const of = (dimension: Dimension): readonly Item[] => {
    const values = byValue(
      dimension,
      policies.filter((policy) => states.has(policyKey(policy))),
    )
    return values.map(([value, own]) => {
      const counts = groupCounts(`${dimension} ${value}`, own, context)
      const found = own.map((policy) => states.get(policyKey(policy))!)
      return {
        value,
        policies: { total: found.length, states: countStates(compliances, found) },
        clusters: worstByCluster(counts),
        entries: sumOf(counts),
        sets: bySet(counts, members),
        worst: worstClusters(counts, context),
      }
    })
  }
  return {
    standards: of('standards'),
    categories: of('categories'),
    controls: of('controls'),
  }
}

function groupCounts(name: string, policies: readonly Policy[], { sight }: Context): Uint32Array {
  return sight.isWhole ? sight.table.groupTotals(name, policies) : policyCounts(policies, sight)
}

function policyKey({ hub, namespace, name }: Pick<Policy, 'hub' | 'namespace' | 'name'>): string {
  return `${hub}\0${namespace}\0${name}`
}

function byValue(
  dimension: Dimension,
  policies: readonly Policy[],
): readonly (readonly [string, readonly Policy[]])[] {
  const found = new Map<string, Policy[]>()
  for (const policy of policies) {
    for (const value of policy[dimension]) {
      const own = found.get(value)
      if (own === undefined) found.set(value, [policy])
      else own.push(policy)
    }
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1))
}

const worstFirst = (
  ['non_compliant', 'pending', 'no_status', 'compliant', 'disabled'] as const
).map((state) => compliances.indexOf(state))

// Of a cluster by its worst entry; `counts` is [cluster × compliance].
function worstByCluster(counts: Uint32Array): Counts<Compliance> {
  const clusters = new Uint32Array(compliances.length)
  for (let at = 0; at < counts.length; at += compliances.length) {
    for (let i = 0; i < worstFirst.length; i++) {
      if (counts[at + worstFirst[i]!] === 0) continue
      clusters[worstFirst[i]!]!++
      break
    }
  }
  return countsAt(compliances, clusters)
}

function sumOf(counts: Uint32Array): Counts<Compliance> {
  const sums = new Uint32Array(compliances.length)
  for (let at = 0; at < counts.length; at += sums.length)
    for (let code = 0; code < sums.length; code++) sums[code]! += counts[at + code]!
  return countsAt(compliances, sums)
}

type Members = readonly { readonly hub: string; readonly name: string; readonly ids: Uint32Array }[]

function setMembers({ view, sight }: Context): Members {
  return view.fleet.sets.map(({ hub, name, clusters }) => ({
    hub,
    name,
    ids: Uint32Array.from(clusters, (cluster) => sight.table.idOf(hub, cluster)),
  }))
}

function bySet(counts: Uint32Array, members: Members): readonly Item[] {
  return members.flatMap(({ hub, name, ids }) => {
    const sums = new Uint32Array(compliances.length)
    let sum = 0
    for (const id of ids) {
      for (let code = 0; code < sums.length; code++) {
        const found = counts[id * sums.length + code]!
        sums[code]! += found
        sum += found
      }
    }
    return sum === 0 ? [] : [{ hub, name, entries: countsAt(compliances, sums) }]
  })
}

// The clusters with most violations, by insertion into a short list: most clusters never enter it.
function worstClusters(counts: Uint32Array, { sight }: Context): readonly Item[] {
  const bad = compliances.indexOf('non_compliant')
  const countOf = (id: number): number => counts[id * compliances.length + bad]!
  const worst: number[] = []
  for (let id = 0; id < counts.length / compliances.length; id++) {
    const count = countOf(id)
    if (count === 0 || (worst.length === worstMax && count <= countOf(worst.at(-1)!))) continue
    let at = worst.length
    while (at > 0 && countOf(worst[at - 1]!) < count) at--
    worst.splice(at, 0, id)
    if (worst.length > worstMax) worst.pop()
  }
  return worst.map((id) => ({
    hub: sight.table.hubOf(id),
    cluster: sight.table.nameOf(id),
    entries: countsAt(compliances, counts, id * compliances.length),
  }))
}

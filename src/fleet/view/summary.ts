// The fleet in one answer: counts by state of everything that is seen, what is unsatisfied, what flaps, and compliance
// rolled up by standard, category and control.
// Invariants: counts are of what the scope shows and the filter wants; lists in it are short and say how many there are.
// Source: facts/fleet.md §9, §15.

import { complianceOfClusters } from '../model/compliance.ts'
import type { Fleet, Policy } from '../model/fleet.ts'
import { type Compliance, clusterStates, compliances } from '../model/parts.ts'
import type { Dimension } from '../model/policies.ts'
import { type Counts, countStates, healths } from '../model/state.ts'
import { applicationRows } from './application-rows.ts'
import { addonRows, clusterSetRows } from './cluster-rows.ts'
import { countByCluster } from './cluster-table.ts'
import { isEventSeen } from './event-list.ts'
import type { Item } from './fields.ts'
import { clustersSeen, placementItem } from './placement-rows.ts'
import { policyRows, policySetRows } from './policy-rows.ts'
import { type Context, countsAt, type Row } from './row.ts'

/** Entries of the short lists. */
const shortMax = 20

/** Counts over everything that is seen of some hubs (undefined = all). */
export function summaryItem(context: Context, hubs: readonly string[] | undefined): Item {
  const { view, sight } = context
  const ofHub = <T extends { readonly hub: string }>(list: readonly T[]): readonly T[] =>
    hubs === undefined ? list : list.filter(({ hub }) => hubs.includes(hub))
  const clusters = ofHub(view.fleet.clusters).filter(({ hub, name }) => sight.hasCluster(hub, name))
  const policies = ofHub(view.fleet.policies)
  return {
    clusters: {
      ...counted(
        clusterStates,
        clusters.map(({ status }) => status.state),
      ),
      reachability: countStates(
        ['ready', 'degraded', 'offline', 'unknown', 'pending'],
        clusters.map(({ reachability }) => reachability),
      ),
    },
    clusterSets: short(ofHub(clusterSetRows(context)).map(({ item }) => item())),
    placements: placementSummary(ofHub(view.fleet.placements), context),
    addons: addonSummary(ofHub(addonRows(context)), view.fleet),
    policies: {
      ...counted(compliances, firstStates(ofHub(policyRows(context)))),
      ...onClusters(policies, context),
    },
    policySets: counted(compliances, firstStates(ofHub(policySetRows(context)))),
    applications: counted([...healths, 'empty'], firstStates(ofHub(applicationRows(context)))),
    standards: rollUpSeen('standards', policies, context),
    categories: rollUpSeen('categories', policies, context),
    controls: rollUpSeen('controls', policies, context),
    flaps: flapSummary(context, hubs),
    sources:
      sight.scope === 'all'
        ? counted(
            ['syncing', 'synced', 'failing'],
            view.sources.map(({ state }) => state),
          )
        : undefined,
  }
}

function counted(states: readonly string[], found: readonly string[]): Item {
  return { total: found.length, states: countStates(states, found) }
}

function firstStates(rows: readonly Row[]): readonly string[] {
  return rows.map(({ states }) => states[0]!)
}

function short(list: readonly unknown[]): Item {
  return { total: list.length, first: list.slice(0, shortMax) }
}

function placementSummary(placements: Fleet['placements'], context: Context): Item {
  const seen = placements.filter((placement) => clustersSeen(placement, context) !== undefined)
  const bad = seen.filter(
    ({ status }) => status.state === 'not_satisfied' || status.state === 'misconfigured',
  )
  return {
    ...counted(
      ['satisfied', 'not_satisfied', 'misconfigured', 'no_status'],
      seen.map(({ status }) => status.state),
    ),
    unsatisfied: short(
      bad.map((placement) =>
        placementItem(placement, clustersSeen(placement, context)!.length, context),
      ),
    ),
  }
}

function addonSummary(rows: readonly Row[], fleet: Fleet): Item {
  const names = new Map(fleet.addons.map(({ name, displayName }) => [name, displayName]))
  const byName = Map.groupBy(rows, ({ name }) => name)
  return {
    ...counted(healths, firstStates(rows)),
    byName: short(
      [...byName].sort().map(([name, own]) => ({
        name,
        displayName: names.get(name),
        states: countStates(healths, firstStates(own) as (typeof healths)[number][]),
      })),
    ),
  }
}

// How many clusters are in each state over all their policies, and how many entries there are.
function onClusters(policies: readonly Policy[], context: Context): Item {
  const counts = countedByCluster(policies, context)
  return { clusters: worstByCluster(counts), entries: sumOf(counts) }
}

function countedByCluster(policies: readonly Policy[], { sight }: Context): Uint32Array {
  const counts = new Uint32Array(sight.table.size * compliances.length)
  for (const policy of policies)
    countByCluster(sight.table.ofPolicy(policy), sight.mask(''), compliances.length, counts)
  return counts
}

function worstByCluster(counts: Uint32Array): Counts<Compliance> {
  const worst: Compliance[] = []
  for (let at = 0; at < counts.length; at += compliances.length) {
    const found = compliances.filter((_, code) => counts[at + code]! > 0)
    if (found.length > 0) worst.push(complianceOfClusters(found))
  }
  return countStates(compliances, worst)
}

function sumOf(counts: Uint32Array): Counts<Compliance> {
  const sums = new Uint32Array(compliances.length)
  for (let i = 0; i < counts.length; i++) sums[i % compliances.length]! += counts[i]!
  return countsAt(compliances, sums)
}

// Per value: its policies, its clusters by their worst state, all entries, entries by set, and the worst clusters.
function rollUpSeen(dimension: Dimension, policies: readonly Policy[], context: Context): Item[] {
  const byValue = new Map<string, Policy[]>()
  for (const policy of policies)
    for (const value of policy[dimension]) {
      const own = byValue.get(value)
      if (own === undefined) byValue.set(value, [policy])
      else own.push(policy)
    }
  const states = new Map(
    policyRows(context).map((row) => [`${row.hub}\0${row.namespace}\0${row.name}`, row.states[0]!]),
  )
  const members = setMembers(context)
  return [...byValue]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([value, own]) => {
      const found = own.flatMap(
        ({ hub, namespace, name }) => states.get(`${hub}\0${namespace}\0${name}`) ?? [],
      )
      if (found.length === 0) return []
      const counts = countedByCluster(own, context)
      return [
        {
          value,
          policies: counted(compliances, found),
          clusters: worstByCluster(counts),
          entries: sumOf(counts),
          sets: bySet(counts, members),
          worst: worstClusters(counts, context),
        },
      ]
    })
}

type Members = readonly { readonly hub: string; readonly name: string; readonly ids: Uint32Array }[]

function setMembers({ view, sight }: Context): Members {
  return view.fleet.sets.map(({ hub, name, clusters }) => ({
    hub,
    name,
    ids: Uint32Array.from(clusters, (cluster) => sight.table.idOf(hub, cluster)),
  }))
}

function bySet(counts: Uint32Array, members: Members): Item[] {
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

function worstClusters(counts: Uint32Array, { sight }: Context): Item[] {
  const bad = compliances.indexOf('non_compliant')
  const found: { readonly id: number; readonly count: number }[] = []
  for (let id = 0; id < sight.table.size; id++) {
    const count = counts[id * compliances.length + bad]!
    if (count > 0) found.push({ id, count })
  }
  found.sort((a, b) => b.count - a.count || a.id - b.id)
  return found.slice(0, shortMax).map(({ id }) => ({
    hub: sight.table.hubOf(id),
    cluster: sight.table.nameOf(id),
    entries: countsAt(compliances, counts, id * compliances.length),
  }))
}

function flapSummary({ view, sight, flaps }: Context, hubs: readonly string[] | undefined): Item {
  const seen = flaps
    .all(view.nowMs)
    .filter(
      (one) =>
        hubs?.includes(one.hub) !== false &&
        (!sight.isFiltered || sight.wants(one.hub, one.cluster)) &&
        isEventSeen(sight.scope, one),
    )
  return { total: seen.reduce((sum, { count }) => sum + count, 0), things: short(seen) }
}

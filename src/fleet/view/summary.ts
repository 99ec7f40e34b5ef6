// The fleet in one answer: counts by state of everything that is seen, what is unsatisfied, what flaps, and compliance
// rolled up by standard, category and control.
// Invariants: counts are of what the scope shows and the filter wants; lists in it are short and say how many there are.
// Source: facts/fleet.md §9, §15.

import { rolloutStates } from '../model/addon-rollout.ts'
import type { Fleet } from '../model/fleet.ts'
import { clusterStates, compliances } from '../model/parts.ts'
import { countStates, healths } from '../model/state.ts'
import { applicationRows } from './application-rows.ts'
import { addonRows, clusterSetRows } from './cluster-rows.ts'
import { isEventSeen } from './event-list.ts'
import type { Item } from './fields.ts'
import { clustersSeen, placementItem } from './placement-rows.ts'
import { policyRows, policySetRows } from './policy-rows.ts'
import { countsOnClusters, rollUpItems } from './roll-up-items.ts'
import { rolloutRows } from './rollout-rows.ts'
import type { Context, Row } from './row.ts'

/** Entries of the short lists. */
const shortMax = 20

/** Counts over everything that is seen of some hubs (undefined = all). */
export function summaryItem(context: Context, hubs: readonly string[] | undefined): Item {
  const { view, sight } = context
  const ofHub = <T extends { readonly hub: string }>(list: readonly T[]): readonly T[] =>
    hubs === undefined ? list : list.filter(({ hub }) => hubs.includes(hub))
  const clusters = ofHub(view.fleet.clusters).filter(({ hub, name }) => sight.hasCluster(hub, name))
  const policies = ofHub(view.fleet.policies)
  const policyRowsSeen = ofHub(policyRows(context))
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
    rollouts: counted([...rolloutStates, 'empty'], firstStates(ofHub(rolloutRows(context)))),
    policies: {
      ...counted(compliances, firstStates(policyRowsSeen)),
      ...countsOnClusters(policies, context),
    },
    policySets: counted(compliances, firstStates(ofHub(policySetRows(context)))),
    applications: counted([...healths, 'empty'], firstStates(ofHub(applicationRows(context)))),
    ...rollUpItems(policies, policyRowsSeen, context),
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

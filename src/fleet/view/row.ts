// Rows: one entry of a list before it is sorted, paged and made into JSON.
// Here: what every list has in common, and the parts that several items share.

import type { Application, Policy, Stale } from '../model/fleet.ts'
import { type Compliance, compliances } from '../model/parts.ts'
import { type Counts, type Health, healths, type Said } from '../model/state.ts'
import { countByCluster } from './cluster-table.ts'
import type { Item } from './fields.ts'
import type { FlapCounter } from './flap-counter.ts'
import type { FleetView } from './fleet-view.ts'
import type { Keyed } from './page.ts'
import type { Sight } from './sight.ts'

/** What rows are made from. */
export interface Context {
  readonly view: FleetView
  readonly sight: Sight
  readonly flaps: FlapCounter
  /** Policies that the filter wants, whatever clusters they are on; all of the view where it names no standards. */
  readonly policies: readonly Policy[]
}

/** One entry of a list. The item is made when it is shown. */
export interface Row extends Keyed {
  readonly hub: string
  /** Of an addon: its cluster. */
  readonly namespace: string
  readonly name: string
  /** Kind of the object; '' where the list has one kind. */
  readonly type: string
  /** States under which a filter finds it. */
  readonly states: readonly string[]
  readonly item: () => Item
}

/** A row's key: hub, namespace, name, kind. */
export function rowKey(row: Pick<Row, 'hub' | 'namespace' | 'name' | 'type'>): string {
  return [row.hub, row.namespace, row.name, row.type].join('\0')
}

/** A state with since when, why, and which object and condition says so. */
export function saidItem({ state, sinceMs, reason, message, by }: Said<string>): Item {
  return { state, sinceMs, reason, message, by }
}

/** `stale`, where a cluster is not reachable now: what it reported last is shown with its age. */
export function staleItem(stale: Stale | undefined): Item {
  return stale === undefined ? {} : { stale: { sinceMs: stale.sinceMs ?? null } }
}

/** Counts from a column of numbers, in order of `states`. */
export function countsAt<S extends string>(
  states: readonly S[],
  counts: Uint32Array,
  offset = 0,
): Counts<S> {
  return Object.fromEntries(states.map((state, i) => [state, counts[offset + i]!])) as Counts<S>
}

/** How policies and applications are on each cluster that is seen: [cluster × state]. */
export interface ClusterCounts {
  policiesOn(id: number): Counts<Compliance>
  applicationsOn(id: number): Counts<Health>
}

/** Counts over all policies and applications of a view, one pass each when first asked. */
export function clusterCounts({ view, sight, policies }: Context): ClusterCounts {
  const { table } = sight
  const { applications } = view.fleet
  // A filter of clusters leaves whole clusters out, so that what is on the others stays.
  const isWhole = sight.scope === 'all'
  let ofPolicies: Uint32Array | undefined
  let ofApplications: Uint32Array | undefined
  return {
    policiesOn(id) {
      ofPolicies ??=
        isWhole && policies === view.fleet.policies
          ? table.policyTotals(policies)
          : policyCounts(policies, sight)
      return countsAt(compliances, ofPolicies, id * compliances.length)
    },
    applicationsOn(id) {
      ofApplications ??= isWhole
        ? table.applicationTotals(applications)
        : applicationCounts(applications, sight)
      return countsAt(healths, ofApplications, id * healths.length)
    },
  }
}

/** Some policies on each cluster that is seen, [cluster × compliance]. */
export function policyCounts(policies: readonly Policy[], sight: Sight): Uint32Array {
  const { table } = sight
  const counts = new Uint32Array(table.size * compliances.length)
  const mask = sight.mask('')
  for (const policy of policies)
    countByCluster(table.ofPolicy(policy), mask, compliances.length, counts)
  return counts
}

function applicationCounts(applications: readonly Application[], sight: Sight): Uint32Array {
  const { table } = sight
  const counts = new Uint32Array(table.size * healths.length)
  for (const one of applications)
    countByCluster(table.ofApplication(one), sight.mask(one.namespace), healths.length, counts)
  return counts
}

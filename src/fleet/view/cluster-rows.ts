// Rows of clusters, cluster sets and addons.
// Invariants: beside what the hub claims of a cluster stands what its data say; counts are of what is seen.
// Source: facts/fleet.md §15.

import type { Addon, Application, Cluster, ClusterSetStatus, Policy } from '../model/fleet.ts'
import { clusterStates, compliances } from '../model/parts.ts'
import { addCounts, countStates, healths } from '../model/state.ts'
import { applicationEntryItem } from './application-rows.ts'
import { type Item, objectOf } from './fields.ts'
import { policyEntryItem } from './policy-rows.ts'
import { briefRolloutItem, wholeRolloutItem } from './rollout-rows.ts'
import {
  type ClusterCounts,
  type Context,
  clusterCounts,
  type Row,
  rowKey,
  saidItem,
  staleItem,
} from './row.ts'

/** All clusters that are seen. */
export function clusterRows(context: Context): readonly Row[] {
  const { view, sight } = context
  const counts = clusterCounts(context)
  const addons = addonsByCluster(context)
  const hasPolicies = policyCheck(context, counts)
  return view.fleet.clusters
    .filter(({ hub, name }) => sight.hasCluster(hub, name) && hasPolicies(hub, name))
    .map((cluster) =>
      row({
        hub: cluster.hub,
        namespace: '',
        name: cluster.name,
        type: '',
        states: [cluster.status.state],
        item: () => clusterItem(cluster, context, counts, addons()),
      }),
    )
}

/** Everything that is known of a cluster: its conditions, addons, policies and applications too. */
export function clusterObject(found: Cluster, context: Context): Item {
  const { hub, name, conditions, claims, taints, urls } = found
  const { view, sight } = context
  const addons = addonsByCluster(context)()
  return {
    ...clusterItem(found, context, clusterCounts(context), addons),
    conditions,
    claims: objectOf(claims),
    taints,
    urls,
    addonStates: (addons.get(`${hub}\0${name}`) ?? []).map((addon) => addonItem(addon, context)),
    policyStates: view.fleet.policies.flatMap((policy: Policy) => {
      const entry = entryOn(policy, hub, name)
      if (entry === undefined || !sight.has(hub, name, '')) return []
      const { namespace, name: policyName } = policy
      return [{ namespace, name: policyName, ...policyEntryItem(policy, entry, context, 'brief') }]
    }),
    applicationStates: view.fleet.applications.flatMap((application: Application) => {
      const entry = entryOn(application, hub, name)
      if (entry === undefined || !sight.has(hub, name, application.namespace)) return []
      const { kind, namespace, name: applicationName } = application
      const its = applicationEntryItem(application, entry, context)
      return [{ kind, namespace, name: applicationName, ...its }]
    }),
  }
}

// Entries are in order of cluster, so one is found by halving.
function entryOn<E extends { readonly cluster: string }>(
  thing: { readonly hub: string; readonly clusters: readonly E[] },
  hub: string,
  cluster: string,
): E | undefined {
  if (thing.hub !== hub) return undefined
  let low = 0
  let high = thing.clusters.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (thing.clusters[middle]!.cluster < cluster) low = middle + 1
    else high = middle
  }
  return thing.clusters[low]?.cluster === cluster ? thing.clusters[low] : undefined
}

function clusterItem(
  cluster: Cluster,
  { view, sight, flaps }: Context,
  counts: ClusterCounts,
  addons: ReadonlyMap<string, readonly Addon[]>,
): Item {
  const { hub, name, status } = cluster
  const id = sight.table.idOf(hub, name)
  const own = addons.get(`${hub}\0${name}`) ?? []
  const flapper = { kind: 'cluster', type: status.by.kind, namespace: '', cluster: name } as const
  return {
    hub,
    name,
    id: cluster.id,
    manager: cluster.manager,
    ...saidItem(status),
    reachability: cluster.reachability,
    degraded: cluster.degraded.map(saidItem),
    deletingSinceMs: cluster.deletingSinceMs,
    sets: cluster.sets,
    labels: objectOf(cluster.labels),
    kubernetesVersion: cluster.kubernetesVersion,
    capacity: objectOf(cluster.capacity),
    allocatable: objectOf(cluster.allocatable),
    data: view.data.get(name) ?? {},
    addons: countStates(
      healths,
      own.map(({ health }) => health),
    ),
    policies: counts.policiesOn(id),
    applications: counts.applicationsOn(id),
    flaps: flaps.countOf({ ...flapper, hub, name }, view.nowMs),
  }
}

function addonsByCluster({ view, sight }: Context): () => ReadonlyMap<string, readonly Addon[]> {
  let grouped: ReadonlyMap<string, readonly Addon[]> | undefined
  return () => {
    grouped ??= Map.groupBy(
      view.fleet.addons.filter(({ hub, cluster }) => sight.has(hub, cluster, '')),
      ({ hub, cluster }) => `${hub}\0${cluster}`,
    )
    return grouped
  }
}

/** Cluster sets with a member that is seen; without scope and filter also empty ones. */
export function clusterSetRows(context: Context): readonly Row[] {
  const { view, sight } = context
  const states = new Map(
    view.fleet.clusters.map(({ hub, name, status }) => [`${hub}\0${name}`, status.state]),
  )
  const counts = clusterCounts(context)
  const hasPolicies = policyCheck(context, counts)
  return view.fleet.sets.flatMap((set) => {
    const members = membersSeen(set, context).filter((name) => hasPolicies(set.hub, name))
    if (members.length === 0 && !(sight.isWhole && context.policies === view.fleet.policies))
      return []
    const found = members.flatMap((name) => states.get(`${set.hub}\0${name}`) ?? [])
    const item = (): Item => {
      const ids = members.map((name) => sight.table.idOf(set.hub, name))
      return {
        hub: set.hub,
        name: set.name,
        clusterCount: members.length,
        counts: countStates(clusterStates, found),
        policies: addCounts(compliances, ids.map(counts.policiesOn)),
        applications: addCounts(healths, ids.map(counts.applicationsOn)),
      }
    }
    return [row({ hub: set.hub, namespace: '', name: set.name, type: '', states: found, item })]
  })
}

// Whether a policy that is wanted is on a cluster; always, where the filter names none.
function policyCheck(
  { view, sight, policies }: Context,
  counts: ClusterCounts,
): (hub: string, cluster: string) => boolean {
  if (policies === view.fleet.policies) return () => true
  return (hub, cluster) =>
    Object.values(counts.policiesOn(sight.table.idOf(hub, cluster))).some((count) => count > 0)
}

/** Members of a set that are seen, in order of name. */
export function membersSeen({ hub, clusters }: ClusterSetStatus, { sight }: Context): string[] {
  return clusters.filter((name) => sight.hasCluster(hub, name))
}

/** All addons that are seen. */
export function addonRows(context: Context): readonly Row[] {
  const { view, sight } = context
  return view.fleet.addons
    .filter(({ hub, cluster }) => sight.has(hub, cluster, ''))
    .map((addon) =>
      row({
        hub: addon.hub,
        namespace: addon.cluster,
        name: addon.name,
        type: '',
        states:
          addon.health === addon.status.state ? [addon.health] : [addon.health, addon.status.state],
        item: () => addonItem(addon, context),
      }),
    )
}

/** Everything that is known of an addon. */
export function addonObject(addon: Addon, context: Context): Item {
  const { conditions, rollout } = addon
  return {
    ...addonItem(addon, context),
    conditions,
    rollout: rollout === undefined ? undefined : wholeRolloutItem(rollout),
  }
}

function addonItem(addon: Addon, { view, flaps }: Context): Item {
  const { hub, cluster, name, displayName, status, health, rollout } = addon
  const flapper = { kind: 'addon', type: status.by.kind, namespace: cluster } as const
  return {
    hub,
    cluster,
    name,
    displayName,
    health,
    ...saidItem(status),
    ...staleItem(addon.stale),
    data: view.data.get(cluster) ?? {},
    rollout: rollout === undefined ? undefined : briefRolloutItem(rollout),
    flaps: flaps.countOf({ ...flapper, hub, name, cluster }, view.nowMs),
  }
}

function row(parts: Omit<Row, 'key'>): Row {
  return { ...parts, key: rowKey(parts) }
}

// The fleet as series: which there are, and the samples of one thing.
// Here: names, labels and values, pure. Elsewhere: when samples are written (series-writer.ts), the page for people
// (docs/fleet-series.md, which a test keeps equal to this table).
// Invariants: a series that is of one managed cluster carries `cluster`; the same thing gives the same series, whatever
// manages it; ACM's names carry ACM's labels as well.
// Source: facts/fleet.md §9 (metrics), §14 (lifecycle metrics).

import type { Condition } from '../kube-object.ts'
import { rolloutStates } from '../model/addon-rollout.ts'
import type {
  Addon,
  Application,
  Cluster,
  ClusterSetStatus,
  PlacementStatus,
  Policy,
  PolicyOnCluster,
  PolicySet,
} from '../model/fleet.ts'
import { type Compliance, clusterStates, compliances } from '../model/parts.ts'
import { type Health, healths } from '../model/state.ts'
import type { ClusterData, SourceStatus } from '../view/fleet-view.ts'

/** A kind of series. */
export interface SeriesKind {
  readonly name: string
  readonly labels: readonly string[]
  readonly help: string
}

/** Every series there is, in order of the page. */
export const fleetSeries = [
  {
    name: 'acm_managed_cluster_info',
    labels: [
      'cluster',
      'hub',
      'hub_cluster_id',
      'managed_cluster_id',
      'managed_cluster_name',
      'manager',
      'vendor',
      'cloud',
      'version',
      'available',
      'core_worker',
      'socket_worker',
      'product',
    ],
    help: '1 per managed cluster. `available` is True, False or Unknown; `manager` is ocm, karmada or kubefed.',
  },
  {
    name: 'acm_managed_cluster_labels',
    labels: ['cluster', 'hub', 'hub_cluster_id', 'managed_cluster_id', 'name', '…'],
    help: '1 per managed cluster, with every label of it (characters that label names cannot have become `_`).',
  },
  {
    name: 'acm_managed_cluster_status_condition',
    labels: ['cluster', 'hub', 'managed_cluster_id', 'managed_cluster_name', 'condition', 'status'],
    help: '1 for the status (true, false, unknown) that a condition of the cluster has, 0 for the other two.',
  },
  {
    name: 'acm_managed_cluster_worker_cores',
    labels: ['cluster', 'hub', 'managed_cluster_id'],
    help: 'Cores of worker nodes, where the cluster reports them.',
  },
  {
    name: 'acm_managed_cluster_count',
    labels: ['hub'],
    help: 'Managed clusters of the hub.',
  },
  {
    name: 'acm_managed_cluster_addon_status_condition',
    labels: ['cluster', 'hub', 'addon_name', 'managed_cluster_name', 'condition', 'status'],
    help: '1 for the status (true, false, unknown) that a condition of the addon has, 0 for the other two.',
  },
  {
    name: 'policy_governance_info',
    labels: ['cluster', 'hub', 'type', 'policy', 'policy_namespace', 'cluster_namespace'],
    help: '0 compliant, 1 not compliant, -1 pending or no status. `type` is propagated (one per cluster) or root (over all clusters: no `cluster`, and `cluster_namespace` is `<null>`). Disabled policies have none.',
  },
  {
    name: 'crowsnest_fleet_cluster_state',
    labels: ['cluster', 'hub', 'state'],
    help: `1 for the state that the cluster is in, 0 for the others: ${clusterStates.join(', ')}.`,
  },
  {
    name: 'crowsnest_fleet_cluster_degraded',
    labels: ['cluster', 'hub'],
    help: '1 where something is wrong although the cluster is available: its clock, or an addon that is degraded.',
  },
  {
    name: 'crowsnest_fleet_clusterset_member',
    labels: ['cluster', 'hub', 'clusterset'],
    help: '1 while the cluster is a member of the set.',
  },
  {
    name: 'crowsnest_fleet_placement_member',
    labels: ['cluster', 'hub', 'placement_namespace', 'placement', 'kind'],
    help: '1 while the cluster is decided for the placement (`kind` is Placement or PlacementRule).',
  },
  {
    name: 'crowsnest_fleet_placement_satisfied',
    labels: ['hub', 'placement_namespace', 'placement', 'kind'],
    help: '1 satisfied, 0 not satisfied or misconfigured, -1 no status.',
  },
  {
    name: 'crowsnest_fleet_addon_health',
    labels: ['cluster', 'hub', 'addon'],
    help: 'Health of the addon: the worse of what it claims and of its data. 0 healthy, 1 progressing, 2 pending, 3 unknown, 4 failed.',
  },
  {
    name: 'crowsnest_fleet_addon_rollout',
    labels: ['cluster', 'hub', 'addon'],
    help: 'How far the newest configuration of the addon is. 0 succeeded, 1 progressing, 2 to apply, 3 timed out, 4 failed; `count by (addon) (… == 4)` counts clusters.',
  },
  {
    name: 'crowsnest_fleet_policy_clusters',
    labels: ['hub', 'policy_namespace', 'policy', 'state'],
    help: `Clusters on which the policy is in the state: ${compliances.join(', ')}.`,
  },
  {
    name: 'crowsnest_fleet_policyset_compliance',
    labels: ['hub', 'policyset_namespace', 'policyset'],
    help: '0 compliant, 1 not compliant, -1 pending or no status.',
  },
  {
    name: 'crowsnest_fleet_application_state',
    labels: ['hub', 'application_namespace', 'application', 'kind'],
    help: 'Worst health over all clusters, in the numbers of `crowsnest_fleet_addon_health`; 5 on no cluster.',
  },
  {
    name: 'crowsnest_fleet_application_cluster_state',
    labels: ['cluster', 'hub', 'application_namespace', 'application', 'kind'],
    help: 'Health on one cluster, in the same numbers.',
  },
  {
    name: 'crowsnest_fleet_application_clusters',
    labels: ['hub', 'application_namespace', 'application', 'kind', 'state'],
    help: `Clusters on which the application is in the state: ${healths.join(', ')}.`,
  },
  {
    name: 'crowsnest_fleet_cluster_last_sample_timestamp_seconds',
    labels: ['cluster'],
    help: 'Time of the newest sample with this `cluster` label, fleet series left out; absent where there is none.',
  },
  {
    name: 'crowsnest_fleet_cluster_active_series',
    labels: ['cluster'],
    help: 'Series with this `cluster` label that had a sample in the last five minutes, fleet series left out.',
  },
  {
    name: 'crowsnest_fleet_cluster_samples_per_second',
    labels: ['cluster'],
    help: 'Samples with this `cluster` label that arrive per second.',
  },
  {
    name: 'crowsnest_fleet_cluster_delay_seconds',
    labels: ['cluster'],
    help: 'Smallest age of the newest sample over the last five minutes: how far the data of the cluster are behind.',
  },
  {
    name: 'crowsnest_fleet_cluster_rejected_samples_total',
    labels: ['cluster'],
    help: 'Samples that were rejected of senders whose identity is the cluster, since the start.',
  },
  {
    name: 'crowsnest_fleet_source_up',
    labels: ['hub', 'kind'],
    help: '1 while the source of the hub has been read whole and is being watched.',
  },
] as const satisfies readonly SeriesKind[]

/** A name of `fleetSeries`. */
export type SeriesName = (typeof fleetSeries)[number]['name']

/** Takes one sample: names and values of labels in turn, without the metric's name; empty values are no labels. */
export type Emit = (name: SeriesName, labels: readonly string[], value: number) => void

/** Which cluster id a hub has: that of the cluster it manages itself by, else its name. */
export type HubIds = ReadonlyMap<string, string>

const statuses = ['true', 'false', 'unknown'] as const

/** Series of a cluster. */
export function emitCluster(cluster: Cluster, hubIds: HubIds, emit: Emit): void {
  const { hub, name, id, labels, claims, capacity, manager, status } = cluster
  const own = ['cluster', name, 'hub', hub]
  const hubId = hubIds.get(hub) ?? hub
  const available =
    status.state === 'available' ? 'True' : status.state === 'unavailable' ? 'False' : 'Unknown'
  const number = (resource: string): string => String(capacity.get(resource) ?? '')
  emit(
    'acm_managed_cluster_info',
    [
      ...own,
      'hub_cluster_id',
      hubId,
      'managed_cluster_id',
      id,
      'managed_cluster_name',
      name,
      'manager',
      manager,
      'vendor',
      labels.get('vendor') ?? '',
      'cloud',
      labels.get('cloud') ?? '',
      'version',
      claims.get('version.openshift.io') ?? cluster.kubernetesVersion,
      'available',
      available,
      'core_worker',
      number('core_worker'),
      'socket_worker',
      number('socket_worker'),
      'product',
      claims.get('product.open-cluster-management.io') ?? '',
    ],
    1,
  )
  emit('acm_managed_cluster_labels', clusterLabels(cluster, hubId), 1)
  emitConditions(
    'acm_managed_cluster_status_condition',
    cluster.conditions,
    [...own, 'managed_cluster_id', id, 'managed_cluster_name', name],
    emit,
  )
  const cores = capacity.get('core_worker')
  if (cores !== undefined)
    emit('acm_managed_cluster_worker_cores', [...own, 'managed_cluster_id', id], cores)
  for (const state of clusterStates)
    emit('crowsnest_fleet_cluster_state', [...own, 'state', state], state === status.state ? 1 : 0)
  emit('crowsnest_fleet_cluster_degraded', own, cluster.degraded.length > 0 ? 1 : 0)
}

// A label that becomes the name of another one, or of one of ours, is left out: the first in order of name stays.
function clusterLabels({ hub, name, id, labels }: Cluster, hubId: string): readonly string[] {
  const own = [
    'cluster',
    name,
    'hub',
    hub,
    'hub_cluster_id',
    hubId,
    'managed_cluster_id',
    id,
    'name',
    name,
  ]
  const taken = new Set([
    'cluster',
    'hub',
    'hub_cluster_id',
    'managed_cluster_id',
    'name',
    'clusterID',
  ])
  for (const [label, value] of [...labels].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const plain = label.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_')
    if (taken.has(plain) || plain.startsWith('__')) continue
    taken.add(plain)
    own.push(plain, value)
  }
  return own
}

function emitConditions(
  name: SeriesName,
  conditions: readonly Condition[],
  labels: readonly string[],
  emit: Emit,
): void {
  for (const { type, status } of conditions)
    for (const one of statuses)
      emit(
        name,
        [...labels, 'condition', type, 'status', one],
        status.toLowerCase() === one ? 1 : 0,
      )
}

/** Series of a set. */
export function emitSet({ hub, name, clusters }: ClusterSetStatus, emit: Emit): void {
  for (const cluster of clusters)
    emit(
      'crowsnest_fleet_clusterset_member',
      ['cluster', cluster, 'hub', hub, 'clusterset', name],
      1,
    )
}

/** Series of a placement. */
export function emitPlacement(placement: PlacementStatus, emit: Emit): void {
  const { hub, kind, namespace, name, status, clusters } = placement
  const own = ['hub', hub, 'placement_namespace', namespace, 'placement', name, 'kind', kind]
  for (const cluster of clusters)
    emit('crowsnest_fleet_placement_member', ['cluster', cluster, ...own], 1)
  const satisfied = status.state === 'satisfied' ? 1 : status.state === 'no_status' ? -1 : 0
  emit('crowsnest_fleet_placement_satisfied', own, satisfied)
}

/** Series of an addon. */
export function emitAddon(addon: Addon, emit: Emit): void {
  const { hub, cluster, name, conditions, health, rollout } = addon
  const own = ['cluster', cluster, 'hub', hub]
  emitConditions(
    'acm_managed_cluster_addon_status_condition',
    conditions,
    [...own, 'addon_name', name, 'managed_cluster_name', cluster],
    emit,
  )
  emit('crowsnest_fleet_addon_health', [...own, 'addon', name], healthNumber(health))
  if (rollout === undefined) return
  const progress = rolloutStates.length - 1 - rolloutStates.indexOf(rollout.status.state)
  emit('crowsnest_fleet_addon_rollout', [...own, 'addon', name], progress)
}

/** Series of a policy as a whole. */
export function emitPolicy(
  { hub, namespace, name, compliance, disabled, counts }: Policy,
  emit: Emit,
): void {
  const own = ['policy', name, 'policy_namespace', namespace]
  if (!disabled)
    emit(
      'policy_governance_info',
      ['hub', hub, 'type', 'root', ...own, 'cluster_namespace', '<null>'],
      complianceNumber(compliance),
    )
  for (const state of compliances)
    emit('crowsnest_fleet_policy_clusters', ['hub', hub, ...own, 'state', state], counts[state])
}

/** Series of a policy on one cluster. */
export function emitPolicyOnCluster(
  { hub, namespace, name }: Policy,
  { cluster, compliance }: PolicyOnCluster,
  emit: Emit,
): void {
  emit(
    'policy_governance_info',
    [
      'cluster',
      cluster,
      'hub',
      hub,
      'type',
      'propagated',
      'policy',
      name,
      'policy_namespace',
      namespace,
      'cluster_namespace',
      cluster,
    ],
    complianceNumber(compliance),
  )
}

/** Series of a policy set. */
export function emitPolicySet({ hub, namespace, name, compliance }: PolicySet, emit: Emit): void {
  emit(
    'crowsnest_fleet_policyset_compliance',
    ['hub', hub, 'policyset_namespace', namespace, 'policyset', name],
    complianceNumber(compliance),
  )
}

/** Series of an application as a whole. */
export function emitApplication(application: Application, emit: Emit): void {
  const own = ['hub', application.hub, ...applicationLabels(application)]
  const { state, counts } = application
  emit('crowsnest_fleet_application_state', own, state === 'empty' ? 5 : healthNumber(state))
  for (const one of healths)
    emit('crowsnest_fleet_application_clusters', [...own, 'state', one], counts[one])
}

/** Series of an application on one cluster. */
export function emitApplicationOnCluster(
  application: Application,
  { cluster, state }: { readonly cluster: string; readonly state: Health },
  emit: Emit,
): void {
  emit(
    'crowsnest_fleet_application_cluster_state',
    ['cluster', cluster, 'hub', application.hub, ...applicationLabels(application)],
    healthNumber(state),
  )
}

function applicationLabels({ namespace, name, kind }: Application): readonly string[] {
  return ['application_namespace', namespace, 'application', name, 'kind', kind]
}

/** Series of what the data say of a cluster. */
export function emitClusterData(cluster: string, data: ClusterData, emit: Emit): void {
  const own = ['cluster', cluster]
  if (data.lastSampleMs !== undefined)
    emit('crowsnest_fleet_cluster_last_sample_timestamp_seconds', own, data.lastSampleMs / 1000)
  if (data.activeSeries !== undefined)
    emit('crowsnest_fleet_cluster_active_series', own, data.activeSeries)
  if (data.samplesPerSecond !== undefined)
    emit('crowsnest_fleet_cluster_samples_per_second', own, data.samplesPerSecond)
  if (data.delayMs !== undefined)
    emit('crowsnest_fleet_cluster_delay_seconds', own, data.delayMs / 1000)
  if (data.rejectedSamples !== undefined)
    emit('crowsnest_fleet_cluster_rejected_samples_total', own, data.rejectedSamples)
}

/** Series of a hub and its source. */
export function emitSource(
  { name, kind, state }: SourceStatus,
  clusterCount: number,
  emit: Emit,
): void {
  emit('acm_managed_cluster_count', ['hub', name], clusterCount)
  emit('crowsnest_fleet_source_up', ['hub', name, 'kind', kind], state === 'synced' ? 1 : 0)
}

/** Hubs' own cluster ids. */
export function hubIdsOf(clusters: readonly Cluster[]): HubIds {
  return new Map(
    clusters
      .filter(({ labels }) => labels.get('local-cluster') === 'true')
      .map(({ hub, id }) => [hub, id]),
  )
}

function complianceNumber(compliance: Compliance): number {
  if (compliance === 'compliant') return 0
  return compliance === 'non_compliant' ? 1 : -1
}

// Worse is more.
function healthNumber(health: Health): number {
  return healths.length - 1 - healths.indexOf(health)
}

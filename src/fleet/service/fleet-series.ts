// The fleet as series: the samples of one thing.
// Here: labels and values, pure. Elsewhere: which series there are (series-table.ts), when samples are written
// (series-writer.ts).
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
  Fleet,
  PlacementStatus,
  Policy,
  PolicyOnCluster,
  PolicySet,
  Work,
} from '../model/fleet.ts'
import { type Compliance, clusterStates, compliances } from '../model/parts.ts'
import { type Health, healths } from '../model/state.ts'
import type { ClusterData, SourceStatus } from '../view/fleet-view.ts'
import type { SeriesName } from './series-table.ts'

/** Takes one sample: names and values of labels in turn, without the metric's name; empty values are no labels. */
export type Emit = (name: SeriesName, labels: readonly string[], value: number) => void

/** Ids as clusters say them. */
export interface ClusterIds {
  /** Of a hub: that of the cluster it manages itself by, else its name. */
  ofHub(hub: string): string
  /** Of a managed cluster; '' where it is not known. */
  of(hub: string, cluster: string): string
}

const statuses = ['true', 'false', 'unknown'] as const

/** Series of a cluster. */
export function emitCluster(cluster: Cluster, ids: ClusterIds, emit: Emit): void {
  const { hub, name, id, labels, claims, capacity, manager, status } = cluster
  const own = ['cluster', name, 'hub', hub]
  const hubId = ids.ofHub(hub)
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
      'created_via',
      wordOf(createdVias, cluster.imported?.createdVia),
      'service_name',
      wordOf(serviceNames, cluster.imported?.serviceName),
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
  const named = [...own, 'managed_cluster_id', id, 'managed_cluster_name', name]
  const required = manager === 'ocm' ? ['ManagedClusterConditionAvailable'] : []
  emitConditions('acm_managed_cluster_status_condition', cluster.conditions, required, named, emit)
  emitImport(cluster, named, emit)
  const cores = capacity.get('core_worker')
  if (cores !== undefined)
    emit('acm_managed_cluster_worker_cores', [...own, 'managed_cluster_id', id], cores)
  for (const state of clusterStates)
    emit('crowsnest_fleet_cluster_state', [...own, 'state', state], state === status.state ? 1 : 0)
  emit('crowsnest_fleet_cluster_degraded', own, cluster.degraded.length > 0 ? 1 : 0)
}

function plainName(label: string): string {
  return label.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_')
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
    const plain = plainName(label)
    if (taken.has(plain) || plain.startsWith('__')) continue
    taken.add(plain)
    own.push(plain, value)
  }
  return own
}

function emitImport({ imported, conditions }: Cluster, named: readonly string[], emit: Emit): void {
  if (imported === undefined) return
  const name = 'acm_managed_cluster_import_timestamp'
  const own = [...named, 'hosting_cluster_name', imported.hostingCluster, 'status']
  if (imported.createdMs !== undefined) emit(name, [...own, 'Created'], imported.createdMs / 1000)
  const joined = conditions.find(({ type }) => type === 'ManagedClusterJoined')
  if (joined?.status === 'True' && joined.sinceMs !== undefined)
    emit(name, [...own, 'Joined'], joined.sinceMs / 1000)
}

// ACM knows a few words of annotations; whatever is not there is Other.
const createdVias: Readonly<Record<string, string>> = {
  discovery: 'Discovery',
  'assisted-installer': 'AssistedInstaller',
  hive: 'Hive',
  hypershift: 'HyperShift',
}
const serviceNames: Readonly<Record<string, string>> = { compute: 'Compute' }

function wordOf(words: Readonly<Record<string, string>>, said: string | undefined): string {
  if (said === undefined) return ''
  return Object.hasOwn(words, said) ? words[said]! : 'Other'
}

// Conditions that are `required` and missing are unknown.
function emitConditions(
  name: SeriesName,
  conditions: readonly Pick<Condition, 'type' | 'status'>[],
  required: readonly string[],
  labels: readonly string[],
  emit: Emit,
): void {
  const missing = required.filter((type) => !conditions.some((one) => one.type === type))
  const lacks = missing.map((type) => ({ type, status: 'Unknown' }))
  for (const { type, status } of [...conditions, ...lacks])
    for (const one of statuses)
      emit(
        name,
        [...labels, 'condition', type, 'status', one],
        status.toLowerCase() === one ? 1 : 0,
      )
}

/** Series of a work. */
export function emitWork(
  { hub, cluster, name, conditions, hosting }: Work,
  ids: ClusterIds,
  emit: Emit,
): void {
  const id = ids.of(hub, cluster)
  const managed = ['managed_cluster_id', id, 'managed_cluster_name', cluster]
  const own = ['cluster', cluster, 'hub', hub, 'manifestwork', name, ...managed]
  emitConditions(
    'acm_manifestwork_status_condition',
    conditions,
    ['Applied', 'Available'],
    own,
    emit,
  )
  if (hosting === undefined) return
  const timed = [...own, 'hosted_cluster_name', hosting.cluster, 'status']
  emit('acm_manifestwork_apply_timestamp', [...timed, 'Created'], hosting.createdMs / 1000)
  if (hosting.appliedMs !== undefined)
    emit('acm_manifestwork_apply_timestamp', [...timed, 'Applied'], hosting.appliedMs / 1000)
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
export function emitAddon(addon: Addon, ids: ClusterIds, emit: Emit): void {
  const { hub, cluster, name, conditions, health, rollout } = addon
  const own = ['cluster', cluster, 'hub', hub]
  const named = ['managed_cluster_name', cluster]
  emitConditions(
    'acm_managed_cluster_addon_status_condition',
    conditions,
    ['Available'],
    [...own, 'addon_name', name, 'managed_cluster_id', ids.of(hub, cluster), ...named],
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
  { clusters, works }: Pick<Fleet, 'clusters' | 'works'>,
  emit: Emit,
): void {
  const count = (list: readonly { readonly hub: string }[]): number =>
    list.reduce((sum, { hub }) => sum + (hub === name ? 1 : 0), 0)
  emit('acm_managed_cluster_count', ['hub', name], count(clusters))
  emit('acm_manifestwork_count', ['hub', name], count(works))
  emit('crowsnest_fleet_source_up', ['hub', name, 'kind', kind], state === 'synced' ? 1 : 0)
}

/** Ids that clusters say. */
export function clusterIdsOf(clusters: readonly Cluster[]): ClusterIds {
  const own = clusters.filter(({ labels }) => labels.get('local-cluster') === 'true')
  const hubs = new Map(own.map(({ hub, id }) => [hub, id]))
  const managed = new Map(clusters.map(({ hub, name, id }) => [`${hub}\0${name}`, id]))
  return {
    ofHub: (hub) => hubs.get(hub) ?? hub,
    of: (hub, cluster) => managed.get(`${hub}\0${cluster}`) ?? '',
  }
}

/** Names of the labels of a hub's clusters as series have them, in order. */
export function labelNamesOf(clusters: readonly Cluster[], hub: string): readonly string[] {
  const own = clusters.filter((cluster) => cluster.hub === hub)
  const names = new Set(own.flatMap(({ labels }) => [...labels.keys()].map(plainName)))
  return [...names.add('name')].filter((name) => !name.startsWith('__')).sort()
}

function complianceNumber(compliance: Compliance): number {
  if (compliance === 'compliant') return 0
  return compliance === 'non_compliant' ? 1 : -1
}

// Worse is more.
function healthNumber(health: Health): number {
  return healths.length - 1 - healths.indexOf(health)
}

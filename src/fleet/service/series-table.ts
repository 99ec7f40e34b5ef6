// The fleet's series: their names, labels and meanings.
// Elsewhere: the samples of one thing (fleet-series.ts), the page for people (docs/fleet-series.md, which a test keeps equal
// to this table).
// Source: facts/fleet.md §9 (metrics), §14 (lifecycle metrics).

import { clusterStates, compliances } from '../model/parts.ts'
import { healths } from '../model/state.ts'

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
      'created_via',
      'service_name',
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
    labels: [
      'cluster',
      'hub',
      'addon_name',
      'managed_cluster_id',
      'managed_cluster_name',
      'condition',
      'status',
    ],
    help: '1 for the status (true, false, unknown) that a condition of the addon has, 0 for the other two.',
  },
  {
    name: 'acm_managed_cluster_import_timestamp',
    labels: [
      'cluster',
      'hub',
      'managed_cluster_id',
      'managed_cluster_name',
      'hosting_cluster_name',
      'status',
    ],
    help: 'When the cluster came to the hub (`status` Created) and when its agent joined (Joined), in Unix seconds.',
  },
  {
    name: 'acm_manifestwork_status_condition',
    labels: [
      'cluster',
      'hub',
      'manifestwork',
      'managed_cluster_id',
      'managed_cluster_name',
      'condition',
      'status',
    ],
    help: '1 for the status (true, false, unknown) that a condition of the ManifestWork has, 0 for the other two.',
  },
  {
    name: 'acm_manifestwork_apply_timestamp',
    labels: [
      'cluster',
      'hub',
      'manifestwork',
      'managed_cluster_id',
      'managed_cluster_name',
      'hosted_cluster_name',
      'status',
    ],
    help: 'Of works that make a hosted cluster: when the work was created (`status` Created) and applied (Applied), in Unix seconds.',
  },
  {
    name: 'acm_manifestwork_count',
    labels: ['hub'],
    help: 'ManifestWorks of the hub, those of addons among them.',
  },
  {
    name: 'acm_label_names',
    labels: ['hub', 'label_name'],
    help: '1 for each label of `acm_managed_cluster_labels` that clusters of the hub have: what dashboards choose labels from.',
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

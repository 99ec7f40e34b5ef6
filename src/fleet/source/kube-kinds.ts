// What is followed on a hub's Kubernetes API: resources by what manages the fleet there.
// Invariants: where a group has several versions that hold the same, the one that hubs store comes first; what is
// only counted comes as metadata.
// Source: facts/fleet.md §1.

import type { KubeResource, KubeSelection } from '../../kube/index.ts'

/** What may manage a fleet on a hub; each has kinds of its own. */
export const kubeManagers = [
  'ocm',
  'policy',
  'application',
  'argocd',
  'karmada',
  'kubefed',
] as const

/** See `kubeManagers`. */
export type KubeManager = (typeof kubeManagers)[number]

/** A resource that is followed, in the first of its versions that the server has. */
export interface FollowedKind {
  readonly resource: KubeResource
  /** Versions to look for where the resource's own is not served. */
  readonly olderVersions: readonly string[]
  readonly selection: KubeSelection
}

/** The group whose kinds KubeFed makes as its users ask for them. */
export const federatedGroup = { group: 'types.kubefed.io', version: 'v1beta1' } as const

function namespaced(group: string, version: string, plural: string, kind: string): FollowedKind {
  const resource = { group, version, plural, kind, namespaced: true }
  return { resource, olderVersions: [], selection: {} }
}

// Nothing of its spec is read: that it is there, and how many there are, is enough.
function counted(kind: FollowedKind): FollowedKind {
  return { ...kind, selection: { metadataOnly: true } }
}

function clusterWide(group: string, version: string, plural: string, kind: string): FollowedKind {
  const { resource, ...rest } = namespaced(group, version, plural, kind)
  return { resource: { ...resource, namespaced: false }, ...rest }
}

const ocm = 'open-cluster-management.io'
const addon = { olderVersions: ['v1beta1'] }

const kinds: Readonly<Record<KubeManager, readonly FollowedKind[]>> = {
  ocm: [
    clusterWide(`cluster.${ocm}`, 'v1', 'managedclusters', 'ManagedCluster'),
    clusterWide(`cluster.${ocm}`, 'v1beta2', 'managedclustersets', 'ManagedClusterSet'),
    namespaced(
      `cluster.${ocm}`,
      'v1beta2',
      'managedclustersetbindings',
      'ManagedClusterSetBinding',
    ),
    namespaced(`cluster.${ocm}`, 'v1beta1', 'placements', 'Placement'),
    namespaced(`cluster.${ocm}`, 'v1beta1', 'placementdecisions', 'PlacementDecision'),
    namespaced(`cluster.${ocm}`, 'v1alpha1', 'addonplacementscores', 'AddOnPlacementScore'),
    {
      ...clusterWide(
        `addon.${ocm}`,
        'v1alpha1',
        'clustermanagementaddons',
        'ClusterManagementAddOn',
      ),
      ...addon,
    },
    {
      ...namespaced(`addon.${ocm}`, 'v1alpha1', 'managedclusteraddons', 'ManagedClusterAddOn'),
      ...addon,
    },
    namespaced(`work.${ocm}`, 'v1', 'manifestworks', 'ManifestWork'),
    namespaced(`work.${ocm}`, 'v1alpha1', 'manifestworkreplicasets', 'ManifestWorkReplicaSet'),
  ],
  policy: [
    namespaced(`policy.${ocm}`, 'v1', 'policies', 'Policy'),
    namespaced(`policy.${ocm}`, 'v1', 'placementbindings', 'PlacementBinding'),
    namespaced(`policy.${ocm}`, 'v1beta1', 'policysets', 'PolicySet'),
    namespaced(`policy.${ocm}`, 'v1beta1', 'policyautomations', 'PolicyAutomation'),
  ],
  application: [
    namespaced(`apps.${ocm}`, 'v1', 'subscriptions', 'Subscription'),
    namespaced(`apps.${ocm}`, 'v1alpha1', 'subscriptionreports', 'SubscriptionReport'),
    namespaced(`apps.${ocm}`, 'v1', 'placementrules', 'PlacementRule'),
    namespaced('app.k8s.io', 'v1beta1', 'applications', 'Application'),
  ],
  argocd: [
    namespaced('argoproj.io', 'v1alpha1', 'applications', 'Application'),
    namespaced('argoproj.io', 'v1alpha1', 'applicationsets', 'ApplicationSet'),
    namespaced(`apps.${ocm}`, 'v1beta1', 'gitopsclusters', 'GitOpsCluster'),
    namespaced(
      `apps.${ocm}`,
      'v1alpha1',
      'multiclusterapplicationsetreports',
      'MulticlusterApplicationSetReport',
    ),
  ],
  karmada: [
    clusterWide('cluster.karmada.io', 'v1alpha1', 'clusters', 'Cluster'),
    namespaced('policy.karmada.io', 'v1alpha1', 'propagationpolicies', 'PropagationPolicy'),
    clusterWide(
      'policy.karmada.io',
      'v1alpha1',
      'clusterpropagationpolicies',
      'ClusterPropagationPolicy',
    ),
    counted(namespaced('policy.karmada.io', 'v1alpha1', 'overridepolicies', 'OverridePolicy')),
    counted(
      clusterWide(
        'policy.karmada.io',
        'v1alpha1',
        'clusteroverridepolicies',
        'ClusterOverridePolicy',
      ),
    ),
    namespaced('work.karmada.io', 'v1alpha2', 'resourcebindings', 'ResourceBinding'),
    clusterWide('work.karmada.io', 'v1alpha2', 'clusterresourcebindings', 'ClusterResourceBinding'),
    namespaced('work.karmada.io', 'v1alpha1', 'works', 'Work'),
  ],
  kubefed: [
    namespaced('core.kubefed.io', 'v1beta1', 'kubefedclusters', 'KubeFedCluster'),
    namespaced('core.kubefed.io', 'v1beta1', 'federatedtypeconfigs', 'FederatedTypeConfig'),
    namespaced(
      'scheduling.kubefed.io',
      'v1alpha1',
      'replicaschedulingpreferences',
      'ReplicaSchedulingPreference',
    ),
  ],
}

/** Kinds of the managers, those of KubeFed's users left out. */
export function kindsOfManagers(managers: readonly KubeManager[]): readonly FollowedKind[] {
  return managers.flatMap((manager) => kinds[manager])
}

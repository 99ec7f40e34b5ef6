// From any Kubernetes object to the part of the fleet it describes: one table of kinds.
// Invariants: kinds are told apart by group, never by name alone (`Application` exists twice); versions of a
// group are read alike; a kind that is not in the table is no part, and no error.
// Source: facts/fleet.md §1.

import {
  conditionsOf,
  groupOf,
  isObject,
  labelOf,
  listOf,
  nameOf,
  namespaceOf,
  textOf,
} from '../kube-object.ts'
import type { DecisionPart, FleetPart } from '../model/parts.ts'
import { readAddon, readAddonDefinition } from './addon-reader.ts'
import {
  readKubernetesApplication,
  readSubscription,
  readSubscriptionReport,
} from './application-reader.ts'
import {
  readApplicationSet,
  readApplicationSetReport,
  readArgoApplication,
  readGitOpsCluster,
} from './argo-reader.ts'
import { readKarmadaCluster, readKubeFedCluster, readManagedCluster } from './cluster-reader.ts'
import {
  readFederated,
  readFederatedType,
  readKarmadaWork,
  readPropagation,
  readReplicaPreference,
  readResourceBinding,
} from './federation-reader.ts'
import {
  readClusterSet,
  readClusterSetBinding,
  readPlacement,
  readPlacementScore,
} from './placement-reader.ts'
import { readBinding, readPolicy, readPolicyAutomation, readPolicySet } from './policy-reader.ts'
import { readWork, readWorkReplicaSet, readWorkStatus } from './work-reader.ts'

type Reader = (object: unknown) => FleetPart | undefined

const ocm = 'open-cluster-management.io'

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [`cluster.${ocm}/ManagedCluster`, readManagedCluster],
  [`cluster.${ocm}/ManagedClusterSet`, (object) => ({ part: 'set', set: readClusterSet(object) })],
  [
    `cluster.${ocm}/ManagedClusterSetBinding`,
    (object) => ({ part: 'set_binding', binding: readClusterSetBinding(object) }),
  ],
  [
    `cluster.${ocm}/Placement`,
    (object) => ({
      part: 'placement',
      placement: readPlacement(object),
      conditions: conditionsOf(object),
    }),
  ],
  [`cluster.${ocm}/PlacementDecision`, readPlacementDecision],
  [
    `cluster.${ocm}/AddOnPlacementScore`,
    (object) => ({ part: 'score', score: readPlacementScore(object) }),
  ],
  [`addon.${ocm}/ManagedClusterAddOn`, readAddon],
  [`addon.${ocm}/ClusterManagementAddOn`, readAddonDefinition],
  [`work.${ocm}/ManifestWork`, readWork],
  [`work.${ocm}/ManifestWorkReplicaSet`, readWorkReplicaSet],
  [`policy.${ocm}/Policy`, readPolicy],
  [`policy.${ocm}/PolicySet`, readPolicySet],
  [`policy.${ocm}/PolicyAutomation`, readPolicyAutomation],
  [`policy.${ocm}/PlacementBinding`, readBinding],
  [`apps.${ocm}/PlacementRule`, readPlacementRule],
  [`apps.${ocm}/Subscription`, readSubscription],
  [`apps.${ocm}/SubscriptionReport`, readSubscriptionReport],
  [`apps.${ocm}/MulticlusterApplicationSetReport`, readApplicationSetReport],
  [`apps.${ocm}/GitOpsCluster`, readGitOpsCluster],
  ['app.k8s.io/Application', readKubernetesApplication],
  ['argoproj.io/Application', readArgoApplication],
  ['argoproj.io/ApplicationSet', readApplicationSet],
  ['cluster.karmada.io/Cluster', readKarmadaCluster],
  ['work.karmada.io/ResourceBinding', readResourceBinding],
  ['work.karmada.io/ClusterResourceBinding', readResourceBinding],
  ['work.karmada.io/Work', readKarmadaWork],
  ['core.kubefed.io/KubeFedCluster', readKubeFedCluster],
  ['core.kubefed.io/FederatedTypeConfig', readFederatedType],
  ['scheduling.kubefed.io/ReplicaSchedulingPreference', readReplicaPreference],
])

/** The part of the fleet that an object describes; undefined for kinds that describe none, and for what has no name. */
export function readObject(object: unknown): FleetPart | undefined {
  if (!isObject(object) || nameOf(object) === '') return undefined
  const group = groupOf(object)
  if (group === 'types.kubefed.io') return readFederated(object)
  return readers.get(`${group}/${textOf(object, 'kind')}`)?.(object)
}

/** Names of what one object may say. A binding of Karmada also says where its policy put it; a work is counted as one. */
export const partNames = ['', ' propagation', ' work'] as const

/** Everything that an object says. */
export function readParts(
  object: unknown,
): Readonly<Record<(typeof partNames)[number], FleetPart | undefined>> {
  return {
    '': readObject(object),
    ' propagation': readPropagation(object),
    ' work': readWorkStatus(object),
  }
}

function readPlacementDecision(object: unknown): DecisionPart | undefined {
  const placement = labelOf(object, `cluster.${ocm}/placement`)
  if (placement === undefined) return undefined
  const clusters = listOf(object, 'status', 'decisions').map((one) => textOf(one, 'clusterName'))
  return {
    part: 'decision',
    kind: 'Placement',
    namespace: namespaceOf(object),
    placement,
    clusters,
  }
}

function readPlacementRule(object: unknown): DecisionPart {
  return {
    part: 'decision',
    kind: 'PlacementRule',
    namespace: namespaceOf(object),
    placement: nameOf(object),
    clusters: listOf(object, 'status', 'decisions').map((one) => textOf(one, 'clusterName')),
  }
}

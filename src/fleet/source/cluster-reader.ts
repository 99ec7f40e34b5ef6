// Clusters of OCM, Karmada and KubeFed, read from the object that stands for each.
// Here: which state a cluster is in, since when, and which condition says so.
// Invariants: True, False and Unknown of a hub stay distinct; a cluster that never reported has not joined.
// Source: facts/fleet.md §2 (OCM), §11 (Karmada), §12 (KubeFed), §15 (id).

import {
  type Condition,
  conditionOf,
  conditionsOf,
  listOf,
  nameOf,
  namespaceOf,
  textMapOf,
  textOf,
  timeOf,
} from '../kube-object.ts'
import type { ClusterImport, ClusterPart, ClusterState } from '../model/parts.ts'
import { type Evidence, type Said, saidBy, saidByLack } from '../model/state.ts'
import { readCandidate, readResources } from './placement-reader.ts'

/** A ManagedCluster. */
export function readManagedCluster(object: unknown): ClusterPart {
  const candidate = readCandidate(object)
  const conditions = conditionsOf(object)
  const by = { kind: 'ManagedCluster', namespace: '', name: candidate.name }
  const clock = conditionOf(conditions, 'ManagedClusterConditionClockSynced')
  const deletingSinceMs = timeOf(object, 'metadata', 'deletionTimestamp')
  const { name, labels, claims, capacity, allocatable, taints } = candidate
  return {
    part: 'cluster',
    manager: 'ocm',
    name,
    id: claims.get('id.k8s.io') ?? claims.get('id.openshift.io') ?? name,
    status: managedState(conditions, by),
    degraded: clock?.status === 'False' ? [saidBy('degraded', clock, by)] : [],
    conditions,
    labels,
    claims,
    kubernetesVersion: textOf(object, 'status', 'version', 'kubernetes'),
    capacity,
    allocatable,
    taints,
    urls: listOf(object, 'spec', 'managedClusterClientConfigs').map((one) => textOf(one, 'url')),
    ...(deletingSinceMs === undefined ? {} : { deletingSinceMs }),
    imported: readImport(object),
    candidate,
  }
}

function readImport(object: unknown): ClusterImport {
  const said = (annotation: string): string => textOf(object, 'metadata', 'annotations', annotation)
  const createdMs = timeOf(object, 'metadata', 'creationTimestamp')
  return {
    createdVia: said('open-cluster-management/created-via'),
    serviceName: said('open-cluster-management/service-name'),
    hostingCluster: said('import.open-cluster-management.io/hosting-cluster-name'),
    ...(createdMs === undefined ? {} : { createdMs }),
  }
}

function managedState(conditions: readonly Condition[], by: Evidence): Said<ClusterState> {
  const accepted = conditionOf(conditions, 'HubAcceptedManagedCluster')
  if (accepted === undefined)
    return saidByLack('not_joined', by, 'NotAccepted', 'the hub has not accepted the cluster yet')
  if (accepted.status !== 'True') return saidBy('not_joined', accepted, by)
  const joined = conditionOf(conditions, 'ManagedClusterJoined')
  if (joined === undefined)
    return saidByLack('not_joined', by, 'NotJoined', 'accepted, but no agent has connected yet')
  if (joined.status !== 'True') return saidBy('not_joined', joined, by)
  const available = conditionOf(conditions, 'ManagedClusterConditionAvailable')
  if (available === undefined)
    return saidByLack('unknown', by, 'NoReport', 'joined, but has not reported its health yet')
  if (available.status === 'True') return saidBy('available', available, by)
  if (available.status === 'False') return saidBy('unavailable', available, by)
  const isSilent = available.reason === 'ManagedClusterLeaseUpdateStopped'
  return saidBy(isSilent ? 'unreachable' : 'unknown', available, by)
}

/** A Karmada Cluster. */
export function readKarmadaCluster(object: unknown): ClusterPart {
  const name = nameOf(object)
  const conditions = conditionsOf(object)
  const by = { kind: 'Cluster', namespace: '', name }
  const enabled = conditionOf(conditions, 'CompleteAPIEnablements')
  const deletingSinceMs = timeOf(object, 'metadata', 'deletionTimestamp')
  const allocatable = readResources(object, 'status', 'resourceSummary', 'allocatable')
  return {
    part: 'cluster',
    manager: 'karmada',
    name,
    id: textOf(object, 'spec', 'id') || name,
    status: karmadaState(conditions, by),
    degraded: enabled?.status === 'False' ? [saidBy('degraded', enabled, by)] : [],
    conditions,
    labels: textMapOf(object, 'metadata', 'labels'),
    claims: new Map(),
    kubernetesVersion: textOf(object, 'status', 'kubernetesVersion'),
    capacity: allocatable,
    allocatable,
    taints: readCandidate(object).taints,
    urls: [textOf(object, 'spec', 'apiEndpoint')].filter((url) => url !== ''),
    ...(deletingSinceMs === undefined ? {} : { deletingSinceMs }),
  }
}

function karmadaState(conditions: readonly Condition[], by: Evidence): Said<ClusterState> {
  const ready = conditionOf(conditions, 'Ready')
  if (ready === undefined)
    return saidByLack('not_joined', by, 'NoReport', 'the cluster has never reported')
  if (ready.status === 'True') return saidBy('available', ready, by)
  if (ready.reason === 'ClusterStatusNeverUpdated') return saidBy('not_joined', ready, by)
  const isSilent = ready.reason === 'ClusterNotReachable' || ready.reason === 'ClusterStatusUnknown'
  if (isSilent) return saidBy('unreachable', ready, by)
  return saidBy(ready.status === 'False' ? 'unavailable' : 'unknown', ready, by)
}

/** A KubeFedCluster. */
export function readKubeFedCluster(object: unknown): ClusterPart {
  const name = nameOf(object)
  const conditions = conditionsOf(object)
  const url = textOf(object, 'spec', 'apiEndpoint')
  const by = { kind: 'KubeFedCluster', namespace: namespaceOf(object), name }
  return {
    part: 'cluster',
    manager: 'kubefed',
    name,
    id: name,
    status: kubeFedState(conditions, by),
    degraded: [],
    conditions,
    labels: textMapOf(object, 'metadata', 'labels'),
    claims: new Map(),
    kubernetesVersion: textOf(object, 'status', 'kubernetesVersion'),
    capacity: new Map(),
    allocatable: new Map(),
    taints: [],
    urls: url === '' ? [] : [url],
  }
}

function kubeFedState(conditions: readonly Condition[], by: Evidence): Said<ClusterState> {
  const malformed = conditionOf(conditions, 'ConfigMalformed')
  if (malformed?.status === 'True') return saidBy('not_joined', malformed, by)
  const offline = conditionOf(conditions, 'Offline')
  if (offline?.status === 'True') return saidBy('unreachable', offline, by)
  const ready = conditionOf(conditions, 'Ready')
  if (ready === undefined)
    return saidByLack('not_joined', by, 'NoReport', 'the cluster has never been probed')
  if (ready.status === 'True') return saidBy('available', ready, by)
  return saidBy(ready.status === 'False' ? 'unavailable' : 'unknown', ready, by)
}

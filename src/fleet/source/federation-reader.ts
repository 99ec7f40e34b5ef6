// Applications of Karmada (ResourceBinding) and of KubeFed (Federated kinds): what runs where, per cluster.
// Invariants: a cluster that is chosen and has not reported is wanted, not healthy.
// Source: facts/fleet.md §11, §12, §15.

import {
  conditionOf,
  conditionsOf,
  fieldOf,
  isObject,
  listOf,
  nameOf,
  namespaceOf,
  numberOf,
  textMapOf,
  textOf,
} from '../kube-object.ts'
import type { ApplicationPart, Delivery, RowState } from '../model/parts.ts'

/** A Karmada ResourceBinding or ClusterResourceBinding; the application is the resource that it binds. */
export function readResourceBinding(object: unknown): ApplicationPart {
  const resource = fieldOf(object, 'spec', 'resource')
  const scheduled = conditionOf(conditionsOf(object), 'Scheduled')
  return {
    part: 'application',
    kind: 'ResourceBinding',
    namespace: textOf(resource, 'namespace'),
    name: `${textOf(resource, 'kind')}/${textOf(resource, 'name')}`,
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: listOf(object, 'status', 'aggregatedStatus').map((entry) => ({
      cluster: textOf(entry, 'clusterName'),
      by: `${namespaceOf(object)}/${nameOf(object)}`,
      health: karmadaHealth(textOf(entry, 'health')),
      sync: fieldOf(entry, 'applied') === true ? 'healthy' : 'danger',
      deployed: '',
      message: textOf(entry, 'appliedMessage'),
    })),
    wanted: listOf(object, 'spec', 'clusters').map((entry) => textOf(entry, 'name')),
    ...(scheduled?.status === 'False'
      ? { failure: `${scheduled.reason}: ${scheduled.message}` }
      : {}),
  }
}

function karmadaHealth(word: string): RowState {
  if (word === 'Healthy') return 'healthy'
  return word === 'Unhealthy' ? 'danger' : 'unknown'
}

/** A Federated object of KubeFed (group types.kubefed.io). */
export function readFederated(object: unknown): ApplicationPart {
  const clusters = fieldOf(object, 'spec', 'placement', 'clusters')
  const propagation = conditionOf(conditionsOf(object), 'Propagation')
  const isRefused =
    propagation?.status === 'False' &&
    propagation.reason !== '' &&
    propagation.reason !== 'CheckClusters'
  return {
    part: 'application',
    kind: 'Federated',
    namespace: namespaceOf(object),
    name: `${textOf(object, 'kind').replace(/^Federated/, '')}/${nameOf(object)}`,
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: listOf(object, 'status', 'clusters').map((entry) =>
      readFederatedCluster(entry, `${namespaceOf(object)}/${nameOf(object)}`),
    ),
    wanted: Array.isArray(clusters) ? clusters.map((entry) => textOf(entry, 'name')) : [],
    ...(isRefused ? { failure: propagation.reason } : {}),
  }
}

function readFederatedCluster(entry: unknown, by: string): Delivery {
  const word = textOf(entry, 'status')
  return {
    cluster: textOf(entry, 'name'),
    by,
    health: remoteHealth(fieldOf(entry, 'remoteStatus')),
    sync: federatedSync(word),
    deployed: '',
    message: word,
  }
}

function federatedSync(word: string): RowState {
  if (word === '' || word === 'OK') return 'healthy'
  if (word === 'WaitingForRemoval') return 'progressing'
  return word === 'ClusterNotReady' ? 'unknown' : 'danger'
}

// A workload's own status: all wanted replicas ready, or not yet. Kinds without replicas say nothing.
function remoteHealth(status: unknown): RowState | '' {
  if (!isObject(status)) return ''
  const wanted = numberOf(status, 'replicas') ?? numberOf(status, 'desiredNumberScheduled')
  const ready = numberOf(status, 'readyReplicas') ?? numberOf(status, 'numberReady') ?? 0
  if (wanted === undefined) return ''
  return ready >= wanted ? 'healthy' : 'progressing'
}

// Applications of Karmada (ResourceBinding) and of KubeFed (Federated kinds): what runs where, per cluster.
// Invariants: a cluster that is chosen and has not reported is wanted, not healthy.
// Source: facts/fleet.md §11, §12, §15.

import {
  conditionOf,
  conditionsOf,
  fieldOf,
  groupOf,
  isObject,
  labelOf,
  listOf,
  nameOf,
  namespaceOf,
  numberOf,
  textMapOf,
  textOf,
} from '../kube-object.ts'
import type {
  ApplicationPart,
  DecisionPart,
  Delivery,
  DeliveryPart,
  RowState,
} from '../model/parts.ts'

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

/** Where the policy of a ResourceBinding or ClusterResourceBinding of Karmada put its resource. */
export function readPropagation(object: unknown): DecisionPart | undefined {
  if (groupOf(object) !== 'work.karmada.io') return undefined
  const said = (key: string): string =>
    textOf(object, 'metadata', 'annotations', key) || (labelOf(object, key) ?? '')
  const own = said('propagationpolicy.karmada.io/name')
  const wide = said('clusterpropagationpolicy.karmada.io/name')
  const placement = own || wide
  if (placement === '') return undefined
  return {
    part: 'decision',
    kind: own === '' ? 'ClusterPropagationPolicy' : 'PropagationPolicy',
    namespace: own === '' ? '' : said('propagationpolicy.karmada.io/namespace'),
    placement,
    clusters: listOf(object, 'spec', 'clusters').map((entry) => textOf(entry, 'name')),
  }
}

function karmadaHealth(word: string): RowState {
  if (word === 'Healthy') return 'healthy'
  return word === 'Unhealthy' ? 'danger' : 'unknown'
}

/** The namespaces in which Karmada keeps the works of a cluster begin with this. */
const workNamespacePrefix = 'karmada-es-'

/** A Karmada Work: how its resource is on one cluster, for bindings that have gathered nothing yet. */
export function readKarmadaWork(object: unknown): DeliveryPart | undefined {
  const namespace = namespaceOf(object)
  const status = listOf(object, 'status', 'manifestStatuses')[0]
  const manifest = listOf(object, 'spec', 'workload', 'manifests')[0]
  const resource = isObject(status) ? fieldOf(status, 'identifier') : undefined
  const kind = textOf(resource, 'kind') || textOf(manifest, 'kind')
  const name = textOf(resource, 'name') || nameOf(manifest)
  if (!namespace.startsWith(workNamespacePrefix) || name === '') return undefined
  const applied = conditionOf(conditionsOf(object), 'Applied')
  return {
    part: 'deliveries',
    kind: 'ResourceBinding',
    namespace: textOf(resource, 'namespace') || namespaceOf(manifest),
    name: `${kind}/${name}`,
    fallback: true,
    deliveries: [
      {
        cluster: namespace.slice(workNamespacePrefix.length),
        by: `${namespace}/${nameOf(object)}`,
        health: karmadaHealth(textOf(status, 'health')),
        sync: applied === undefined ? 'unknown' : applied.status === 'True' ? 'healthy' : 'danger',
        deployed: '',
        message: applied?.status === 'True' ? '' : (applied?.message ?? ''),
        ...(applied?.sinceMs === undefined ? {} : { sinceMs: applied.sinceMs }),
      },
    ],
  }
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

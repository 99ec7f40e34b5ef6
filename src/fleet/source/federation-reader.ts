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
  FederatedTypePart,
  Override,
  ReplicaPreferencePart,
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

/** Changes that are kept of one override: the first say enough. */
const changeCountMax = 20

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
  const cluster = namespace.slice(workNamespacePrefix.length)
  const overrides = appliedOverrides(object, textOf(resource, 'namespace') || namespaceOf(manifest))
  return {
    part: 'deliveries',
    kind: 'ResourceBinding',
    namespace: textOf(resource, 'namespace') || namespaceOf(manifest),
    name: `${kind}/${name}`,
    fallback: true,
    ...(overrides.length === 0 ? {} : { overrides: [{ cluster, overrides }] }),
    deliveries: [
      {
        cluster,
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

// Karmada notes on a work which policies changed it, with all that they say: values may be secrets, and are left out.
function appliedOverrides(work: unknown, namespace: string): readonly Override[] {
  const noted = (annotation: string, kind: string, prefix: string): readonly Override[] =>
    parsedList(textOf(work, 'metadata', 'annotations', `policy.karmada.io/${annotation}`)).map(
      (entry) => ({
        by: `${kind} ${prefix}${textOf(entry, 'policyName')}`,
        changes: changesOf(fieldOf(entry, 'overriders')),
      }),
    )
  return [
    ...noted('applied-cluster-overrides', 'ClusterOverridePolicy', ''),
    ...noted('applied-overrides', 'OverridePolicy', `${namespace}/`),
  ]
}

function parsedList(text: string): readonly unknown[] {
  try {
    const parsed: unknown = text === '' ? [] : JSON.parse(text)
    return Array.isArray(parsed) ? parsed : []
  } catch {
    return []
  }
}

// Paths of what is patched; of other overriders their kind, such as image or labels.
function changesOf(overriders: unknown): readonly string[] {
  if (!isObject(overriders)) return []
  const changes = Object.keys(overriders).flatMap((name) => {
    const paths = listOf(overriders, name).map(
      (one) => textOf(one, 'path') || textOf(one, 'fieldPath'),
    )
    const isPatch = name === 'plaintext' || name === 'fieldOverrider'
    return isPatch ? paths : paths.length === 0 ? [] : [name.replace(/Overrider$/, '')]
  })
  return [...new Set(changes)].filter((change) => change !== '').slice(0, changeCountMax)
}

/** A FederatedTypeConfig of KubeFed. */
export function readFederatedType(object: unknown): FederatedTypePart {
  const kind = textOf(object, 'spec', 'targetType', 'kind')
  const by = `FederatedTypeConfig ${namespaceOf(object)}/${nameOf(object)}`
  const isOff = textOf(object, 'spec', 'propagation') === 'Disabled'
  const isDown = textOf(object, 'status', 'propagationController') === 'NotRunning'
  const what = isOff ? `propagation of ${kind} is disabled` : `the controller of ${kind} is down`
  return {
    part: 'federated_type',
    kind,
    ...(isOff || isDown ? { halted: `${what} (${by})` } : {}),
  }
}

/** A ReplicaSchedulingPreference of KubeFed; the Federated object of its kind and name is meant. */
export function readReplicaPreference(object: unknown): ReplicaPreferencePart {
  const namespace = namespaceOf(object)
  const name = nameOf(object)
  const clusters = fieldOf(object, 'spec', 'clusters')
  return {
    part: 'replica_preference',
    namespace,
    application: `${textOf(object, 'spec', 'targetKind').replace(/^Federated/, '')}/${name}`,
    replicas: {
      by: `ReplicaSchedulingPreference ${namespace}/${name}`,
      total: numberOf(object, 'spec', 'totalReplicas') ?? 0,
      rebalance: fieldOf(object, 'spec', 'rebalance') === true,
      clusters: Object.entries(isObject(clusters) ? clusters : {}).map(([cluster, one]) => {
        const max = numberOf(one, 'maxReplicas')
        return {
          cluster,
          min: numberOf(one, 'minReplicas') ?? 0,
          ...(max === undefined ? {} : { max }),
          weight: numberOf(one, 'weight') ?? 0,
        }
      }),
    },
  }
}

/** A Federated object of KubeFed (group types.kubefed.io). */
export function readFederated(object: unknown): ApplicationPart {
  const clusters = fieldOf(object, 'spec', 'placement', 'clusters')
  const propagation = conditionOf(conditionsOf(object), 'Propagation')
  const by = `Federated${textOf(object, 'kind').replace(/^Federated/, '')} ${namespaceOf(object)}/${nameOf(object)}`
  const overrides = listOf(object, 'spec', 'overrides').map((entry) => ({
    cluster: textOf(entry, 'clusterName'),
    overrides: [{ by, changes: changesOf({ plaintext: listOf(entry, 'clusterOverrides') }) }],
  }))
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
    ...(overrides.length === 0 ? {} : { overrides }),
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

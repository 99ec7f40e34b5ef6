// Works of OCM: what a hub sends to a cluster, alone or as the copies of a ManifestWorkReplicaSet.
// Here: which application a work belongs to, and how it is on its cluster.
// Invariants: works of addons are no applications, their addon speaks for them; "available" of a work says that its
// objects exist, not that they are well, so a work whose manifests are degraded is in danger all the same.
// Source: facts/fleet.md §8.

import {
  type Condition,
  conditionOf,
  conditionsOf,
  groupOf,
  labelOf,
  listOf,
  nameOf,
  namespaceOf,
  textMapOf,
  textOf,
  timeOf,
} from '../kube-object.ts'
import type {
  AddonWorkPart,
  ApplicationPart,
  Delivery,
  DeliveryPart,
  RowState,
  WorkPart,
} from '../model/parts.ts'
import { readAddonWork } from './addon-reader.ts'
import { readApplicationWork } from './argo-reader.ts'

/** A ManifestWork: of an addon, of a pulled application, of a replica set, or an application of its own. */
export function readWork(
  object: unknown,
): ApplicationPart | DeliveryPart | AddonWorkPart | undefined {
  const addon = labelOf(object, 'open-cluster-management.io/addon-name')
  if (addon !== undefined) return readAddonWork(object, addon)
  const pulled = readApplicationWork(object)
  if (pulled !== undefined) return pulled
  const set = labelOf(object, 'work.open-cluster-management.io/manifestworkreplicaset')
  const delivery = readDelivery(object)
  if (set !== undefined) {
    // NAMESPACE.NAME, and a namespace holds no dot.
    const dot = set.indexOf('.')
    return {
      part: 'deliveries',
      kind: 'ManifestWorkReplicaSet',
      namespace: set.slice(0, dot),
      name: set.slice(dot + 1),
      deliveries: [delivery],
      fallback: false,
    }
  }
  return {
    part: 'application',
    kind: 'ManifestWork',
    namespace: namespaceOf(object),
    name: nameOf(object),
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: [delivery],
    wanted: [namespaceOf(object)],
  }
}

/** Labels that name the cluster whose control plane a work makes; the last one does not name it. */
const hostingLabels = [
  'import.open-cluster-management.io/hosted-cluster',
  'api.open-cluster-management.io/hosted-cluster',
  'api.openshift.com/management-cluster',
]

/** A ManifestWork as metrics have it; undefined for any other object. */
export function readWorkStatus(object: unknown): WorkPart | undefined {
  if (groupOf(object) !== 'work.open-cluster-management.io') return undefined
  if (textOf(object, 'kind') !== 'ManifestWork' || nameOf(object) === '') return undefined
  const hosting = readHosting(object)
  return {
    part: 'work',
    cluster: namespaceOf(object),
    name: nameOf(object),
    conditions: conditionsOf(object).map(({ type, status }) => ({ type, status })),
    ...(hosting === undefined ? {} : { hosting }),
  }
}

function readHosting(object: unknown): WorkPart['hosting'] {
  const label = hostingLabels.find((name) => labelOf(object, name) !== undefined)
  const createdMs = timeOf(object, 'metadata', 'creationTimestamp')
  if (label === undefined || createdMs === undefined) return undefined
  const cluster = label === hostingLabels.at(-1) ? '' : (labelOf(object, label) ?? '')
  const applied = conditionOf(conditionsOf(object), 'Applied')
  const appliedMs = applied?.status === 'True' ? applied.sinceMs : undefined
  return { cluster, createdMs, ...(appliedMs === undefined ? {} : { appliedMs }) }
}

function readDelivery(object: unknown): Delivery {
  const conditions = conditionsOf(object)
  const applied = conditionOf(conditions, 'Applied')
  const bad = conditions.filter(isBad)
  const times = conditions.flatMap(({ sinceMs }) => sinceMs ?? [])
  return {
    cluster: namespaceOf(object),
    by: `${namespaceOf(object)}/${nameOf(object)}`,
    health: healthOf(conditions),
    sync: rowOf(applied),
    deployed: '',
    message: bad.map(({ reason, message }) => message || reason).join('; '),
    ...(times.length === 0 ? {} : { sinceMs: Math.max(...times) }),
  }
}

function isBad({ type, status }: Condition): boolean {
  if (type === 'Degraded') return status === 'True'
  return (type === 'Applied' || type === 'Available') && status !== 'True'
}

function healthOf(conditions: readonly Condition[]): RowState {
  const available = conditionOf(conditions, 'Available')
  if (conditionOf(conditions, 'Degraded')?.status === 'True') return 'danger'
  if (available?.status === 'True' && conditionOf(conditions, 'Progressing')?.status === 'True')
    return 'progressing'
  return rowOf(available)
}

function rowOf(condition: Condition | undefined): RowState {
  if (condition?.status === 'True') return 'healthy'
  return condition?.status === 'False' ? 'danger' : 'unknown'
}

/** A ManifestWorkReplicaSet; how it is on clusters stands in its works. Its first placement says where it should be. */
export function readWorkReplicaSet(object: unknown): ApplicationPart {
  const namespace = namespaceOf(object)
  const placement = textOf(listOf(object, 'spec', 'placementRefs')[0], 'name')
  const verified = conditionOf(conditionsOf(object), 'PlacementVerified')
  return {
    part: 'application',
    kind: 'ManifestWorkReplicaSet',
    namespace,
    name: nameOf(object),
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: [],
    wanted: [],
    ...(placement === '' ? {} : { placementRef: `Placement ${namespace}/${placement}` }),
    ...(verified?.status === 'False' ? { failure: verified.message || verified.reason } : {}),
  }
}

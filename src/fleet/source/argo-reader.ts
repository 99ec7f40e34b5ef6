// Argo CD: Application, ApplicationSet, the works that carry pulled applications, and the deprecated report.
// Here: what each object says per cluster. Elsewhere: joining them (model/assemble-applications.ts).
// Invariants: a hub Application that is pulled says nothing itself, its work does.
// Source: facts/fleet.md §10 (kinds, pull model).

import {
  conditionOf,
  conditionsOf,
  fieldOf,
  labelOf,
  listOf,
  nameOf,
  namespaceOf,
  textMapOf,
  textOf,
  timeOf,
} from '../kube-object.ts'
import { rowOfHealth, rowOfSync } from '../model/application-rows.ts'
import type { ApplicationPart, Delivery, DeliveryPart } from '../model/parts.ts'

const group = 'apps.open-cluster-management.io'

/** The destination of an application on the cluster that Argo CD itself runs on. */
export const inCluster = 'https://kubernetes.default.svc'

/** An Argo CD Application. Its cluster is a name, a server URL, or `inCluster`. */
export function readArgoApplication(object: unknown): ApplicationPart {
  const by = `${namespaceOf(object)}/${nameOf(object)}`
  const pulledTo = textOf(object, 'metadata', 'annotations', `${group}/ocm-managed-cluster`)
  const isPulled = labelOf(object, `${group}/pull-to-ocm-managed-cluster`) === 'true'
  const destination = fieldOf(object, 'spec', 'destination')
  const server = textOf(destination, 'server')
  const named = textOf(destination, 'name') || server
  const cluster = isPulled ? pulledTo : named === 'in-cluster' ? inCluster : named
  const owner = listOf(object, 'metadata', 'ownerReferences').find(
    (reference) => textOf(reference, 'kind') === 'ApplicationSet',
  )
  return {
    part: 'application',
    kind: 'Application.argoproj.io',
    namespace: namespaceOf(object),
    name: nameOf(object),
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: isPulled ? [] : [readStatus(object, cluster, by)],
    wanted: [cluster],
    ...(owner === undefined ? {} : { owner: textOf(owner, 'name') }),
  }
}

function readStatus(object: unknown, cluster: string, by: string): Delivery {
  const status = fieldOf(object, 'status')
  const sinceMs = timeOf(status, 'health', 'lastTransitionTime')
  const said = [
    textOf(status, 'health', 'message'),
    textOf(status, 'operationState', 'message'),
    ...listOf(status, 'conditions').map((condition) => textOf(condition, 'message')),
  ]
  return {
    cluster,
    by,
    health: rowOfHealth(textOf(status, 'health', 'status')),
    sync: rowOfSync(textOf(status, 'sync', 'status')),
    deployed: '',
    message: said.filter((message) => message !== '').join('; '),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  }
}

/** An ApplicationSet. What its applications say is joined by their owner. */
export function readApplicationSet(object: unknown): ApplicationPart {
  const failed = listOf(object, 'status', 'conditions').find(
    (condition) =>
      textOf(condition, 'type') === 'ErrorOccurred' && textOf(condition, 'status') === 'True',
  )
  const generator = listOf(object, 'spec', 'generators')
    .map((entry) => fieldOf(entry, 'clusterDecisionResource', 'labelSelector'))
    .find((selector) => selector !== undefined)
  const placement = textOf(generator, 'matchLabels', 'cluster.open-cluster-management.io/placement')
  const namespace = namespaceOf(object)
  return {
    part: 'application',
    kind: 'ApplicationSet',
    namespace,
    name: nameOf(object),
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: [],
    wanted: [],
    ...(placement === '' ? {} : { placementRef: `Placement ${namespace}/${placement}` }),
    ...(failed === undefined ? {} : { failure: textOf(failed, 'message') }),
  }
}

/** A GitOpsCluster: whether the clusters of a placement are known to the Argo CD of the hub itself. */
export function readGitOpsCluster(object: unknown): ApplicationPart {
  const by = `${namespaceOf(object)}/${nameOf(object)}`
  const ready = conditionOf(conditionsOf(object), 'Ready')
  const phase = textOf(object, 'status', 'phase')
  const isBad = ready === undefined ? /fail/i.test(phase) : ready.status === 'False'
  const isGood = ready === undefined ? phase === 'successful' : ready.status === 'True'
  const message = textOf(object, 'status', 'message') || (ready?.message ?? '')
  const health = isBad ? 'danger' : isGood ? 'healthy' : 'unknown'
  return {
    part: 'application',
    kind: 'GitOpsCluster',
    namespace: namespaceOf(object),
    name: nameOf(object),
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: [
      {
        cluster: inCluster,
        by,
        health,
        sync: '',
        deployed: '',
        message: isGood ? '' : message,
        ...(ready?.sinceMs === undefined ? {} : { sinceMs: ready.sinceMs }),
      },
    ],
    wanted: [inCluster],
  }
}

/** A ManifestWork that carries a pulled Application: its feedback is the application's status. */
export function readApplicationWork(object: unknown): DeliveryPart | undefined {
  const annotation = (name: string): string =>
    textOf(object, 'metadata', 'annotations', `${group}/${name}`)
  const by = `${annotation('hub-application-namespace')}/${annotation('hub-application-name')}`
  const set = annotation('hosting-applicationset')
  if (set === '' && by === '/') return undefined
  const [namespace = '', name = ''] = (set === '' ? by : set).split('/')
  const values = new Map(
    listOf(object, 'status', 'resourceStatus', 'manifests').flatMap((manifest) =>
      listOf(manifest, 'statusFeedback', 'values').map((value) => [
        textOf(value, 'name'),
        textOf(value, 'fieldValue', 'string'),
      ]),
    ),
  )
  const delivery: Delivery = {
    cluster: namespaceOf(object),
    by,
    health: rowOfHealth(values.get('healthStatus') ?? ''),
    sync: rowOfSync(values.get('syncStatus') ?? ''),
    deployed: '',
    message: '',
  }
  return {
    part: 'deliveries',
    kind: set === '' ? 'Application.argoproj.io' : 'ApplicationSet',
    namespace,
    name,
    deliveries: [delivery],
    fallback: false,
  }
}

/** A MulticlusterApplicationSetReport (deprecated): used only where works and applications are missing. */
export function readApplicationSetReport(object: unknown): DeliveryPart {
  const namespace = namespaceOf(object)
  const name = nameOf(object)
  return {
    part: 'deliveries',
    kind: 'ApplicationSet',
    namespace,
    name,
    fallback: true,
    deliveries: listOf(object, 'statuses', 'clusterConditions').map((entry) => ({
      cluster: textOf(entry, 'cluster'),
      by: `${namespace}/${name}`,
      health: rowOfHealth(textOf(entry, 'healthStatus')),
      sync: rowOfSync(textOf(entry, 'syncStatus')),
      deployed: '',
      message: listOf(entry, 'conditions')
        .map((condition) => textOf(condition, 'message'))
        .join('; '),
    })),
  }
}

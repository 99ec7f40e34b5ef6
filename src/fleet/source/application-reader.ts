// Applications by subscription: Subscription, its report per application, and app.k8s.io Application.
// Source: facts/fleet.md §10.

import { fieldOf, labelOf, listOf, nameOf, namespaceOf, textMapOf, textOf } from '../kube-object.ts'
import { readLabelSelector } from '../label-selector.ts'
import { rowOfResult } from '../model/application-rows.ts'
import type { ApplicationPart, DeliveryPart } from '../model/parts.ts'

/** A Subscription of the hub, or undefined for the copies that it makes on managed clusters. */
export function readSubscription(object: unknown): ApplicationPart | undefined {
  const namespace = namespaceOf(object)
  const name = nameOf(object)
  const placement = fieldOf(object, 'spec', 'placement')
  const isCopy =
    textOf(placement, 'local') === 'true' ||
    textOf(
      object,
      'metadata',
      'annotations',
      'apps.open-cluster-management.io/hosting-subscription',
    ) !== ''
  if (isCopy) return undefined
  const target = textOf(placement, 'placementRef', 'name')
  const kind = textOf(placement, 'placementRef', 'kind') || 'PlacementRule'
  const phase = textOf(object, 'status', 'phase')
  const said = textOf(object, 'status', 'message') || textOf(object, 'status', 'reason')
  return {
    part: 'application',
    kind: 'Subscription',
    namespace,
    name,
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: [],
    wanted: listOf(placement, 'clusters').map((entry) => textOf(entry, 'name')),
    ...(target === '' ? {} : { placementRef: `${kind} ${namespace}/${target}` }),
    ...(/Failed$/.test(phase) ? { failure: said || phase } : {}),
  }
}

/** A SubscriptionReport of an application; those of a cluster repeat what these say. */
export function readSubscriptionReport(object: unknown): DeliveryPart | undefined {
  if (textOf(object, 'reportType') !== 'Application') return undefined
  const hosting = labelOf(object, 'apps.open-cluster-management.io/hosting-subscription') ?? ''
  const namespace = namespaceOf(object)
  const name = nameOf(object)
  // The label holds NAMESPACE.NAME; the report has its subscription's name and namespace as well.
  const subscription = hosting.startsWith(`${namespace}.`)
    ? hosting.slice(namespace.length + 1)
    : name
  return {
    part: 'deliveries',
    kind: 'Subscription',
    namespace,
    name: subscription,
    fallback: false,
    deliveries: listOf(object, 'results').map((entry) => ({
      cluster: textOf(entry, 'source'),
      by: `${namespace}/${name}`,
      health: '',
      sync: '',
      deployed: rowOfResult(textOf(entry, 'result')),
      message: textOf(entry, 'result'),
    })),
  }
}

/** An app.k8s.io Application: a name for the subscriptions that its selector matches. */
export function readKubernetesApplication(object: unknown): ApplicationPart {
  const failed = listOf(object, 'status', 'conditions').find(
    (condition) => textOf(condition, 'type') === 'Error' && textOf(condition, 'status') === 'True',
  )
  return {
    part: 'application',
    kind: 'Application.app.k8s.io',
    namespace: namespaceOf(object),
    name: nameOf(object),
    labels: textMapOf(object, 'metadata', 'labels'),
    deliveries: [],
    wanted: [],
    selector: readLabelSelector(fieldOf(object, 'spec', 'selector')),
    ...(failed === undefined ? {} : { failure: textOf(failed, 'message') }),
  }
}

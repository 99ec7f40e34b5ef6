// Kubernetes objects of group cluster.open-cluster-management.io, read into what the scheduler decides from.
// Source: facts/fleet.md §2–§4; defaults as the CRDs state them (numberOfClusters all, weight 1, groups of 100%).

import {
  fieldOf,
  isObject,
  type KubeObject,
  listOf,
  nameOf,
  namespaceOf,
  numberOf,
  textMapOf,
  textOf,
  textsOf,
  timeOf,
} from '../kube-object.ts'
import { readLabelSelector } from '../label-selector.ts'
import type {
  Candidate,
  ClusterSelector,
  ClusterSet,
  ClusterSetBinding,
  Placement,
  PlacementScore,
  PrioritizerConfig,
  Toleration,
} from '../placement/world.ts'
import { parseQuantity } from '../quantity.ts'

/** A map of quantities (status.capacity, status.allocatable) in base units; what is no quantity is left out. */
export function readResources(
  object: unknown,
  ...path: readonly string[]
): ReadonlyMap<string, number> {
  return new Map(
    [...textMapOf(object, ...path)].flatMap(([name, text]) => {
      const amount = parseQuantity(text)
      return amount === undefined ? [] : [[name, amount] as const]
    }),
  )
}

/** What the scheduler sees of a ManagedCluster. */
export function readCandidate(object: unknown): Candidate {
  return {
    name: nameOf(object),
    labels: textMapOf(object, 'metadata', 'labels'),
    claims: new Map(
      listOf(object, 'status', 'clusterClaims').map((claim) => [
        textOf(claim, 'name'),
        textOf(claim, 'value'),
      ]),
    ),
    taints: listOf(object, 'spec', 'taints').map((taint) => {
      const timeAddedMs = timeOf(taint, 'timeAdded')
      return {
        key: textOf(taint, 'key'),
        value: textOf(taint, 'value'),
        effect: textOf(taint, 'effect'),
        ...(timeAddedMs === undefined ? {} : { timeAddedMs }),
      }
    }),
    capacity: readResources(object, 'status', 'capacity'),
    allocatable: readResources(object, 'status', 'allocatable'),
    deleting: fieldOf(object, 'metadata', 'deletionTimestamp') !== undefined,
    object: withoutManagedFields(object),
  }
}

function withoutManagedFields(object: unknown): KubeObject {
  if (!isObject(object)) return {}
  const metadata = fieldOf(object, 'metadata')
  if (!isObject(metadata)) return object
  const { managedFields: _, ...kept } = metadata
  return { ...object, metadata: kept }
}

/** A ManagedClusterSet. A LabelSelector set without a selector holds nothing, as on the hub. */
export function readClusterSet(object: unknown): ClusterSet {
  const name = nameOf(object)
  if (textOf(object, 'spec', 'clusterSelector', 'selectorType') !== 'LabelSelector') return { name }
  const selector = fieldOf(object, 'spec', 'clusterSelector', 'labelSelector')
  const never = { key: 'metadata.name', operator: 'In', values: [] }
  return { name, selector: isObject(selector) ? readLabelSelector(selector) : [never] }
}

/** A ManagedClusterSetBinding. */
export function readClusterSetBinding(object: unknown): ClusterSetBinding {
  return { namespace: namespaceOf(object), set: nameOf(object) }
}

/** An AddOnPlacementScore; its namespace is the cluster. */
export function readPlacementScore(object: unknown): PlacementScore {
  const validUntilMs = timeOf(object, 'status', 'validUntil')
  return {
    cluster: namespaceOf(object),
    resourceName: nameOf(object),
    scores: new Map(
      listOf(object, 'status', 'scores').map((entry) => [
        textOf(entry, 'name'),
        numberOf(entry, 'value') ?? 0,
      ]),
    ),
    ...(validUntilMs === undefined ? {} : { validUntilMs }),
  }
}

/** A Placement. */
export function readPlacement(object: unknown): Placement {
  const spec = fieldOf(object, 'spec')
  const groups = fieldOf(spec, 'decisionStrategy', 'groupStrategy')
  const size = fieldOf(groups, 'clustersPerDecisionGroup')
  const numberOfClusters = numberOf(spec, 'numberOfClusters')
  const disabled = 'cluster.open-cluster-management.io/experimental-scheduling-disable'
  return {
    namespace: namespaceOf(object),
    name: nameOf(object),
    spec: {
      clusterSets: textsOf(spec, 'clusterSets'),
      ...(numberOfClusters === undefined ? {} : { numberOfClusters }),
      predicates: listOf(spec, 'predicates').map((entry) =>
        readClusterSelector(fieldOf(entry, 'requiredClusterSelector')),
      ),
      prioritizerMode: textOf(spec, 'prioritizerPolicy', 'mode'),
      prioritizers: listOf(spec, 'prioritizerPolicy', 'configurations').map(readPrioritizer),
      tolerations: listOf(spec, 'tolerations').map(readToleration),
      decisionGroups: listOf(groups, 'decisionGroups').map((entry) => ({
        groupName: textOf(entry, 'groupName'),
        // Groups know no CEL.
        selector: {
          ...readClusterSelector(fieldOf(entry, 'groupClusterSelector')),
          celExpressions: [],
        },
      })),
      clustersPerGroup: typeof size === 'number' || typeof size === 'string' ? size : '100%',
    },
    schedulingDisabled: textOf(object, 'metadata', 'annotations', disabled) === 'true',
    deleting: fieldOf(object, 'metadata', 'deletionTimestamp') !== undefined,
  }
}

function readClusterSelector(selector: unknown): ClusterSelector {
  return {
    labels: readLabelSelector(fieldOf(selector, 'labelSelector')),
    claims: readLabelSelector(fieldOf(selector, 'claimSelector')),
    celExpressions: textsOf(selector, 'celSelector', 'celExpressions'),
  }
}

function readPrioritizer(entry: unknown): PrioritizerConfig {
  const coordinate = fieldOf(entry, 'scoreCoordinate')
  const weight = numberOf(entry, 'weight') ?? 1
  if (textOf(coordinate, 'type') !== 'AddOn') return { name: textOf(coordinate, 'builtIn'), weight }
  const resourceName = textOf(coordinate, 'addOn', 'resourceName')
  return { name: `AddOn/${resourceName}/${textOf(coordinate, 'addOn', 'scoreName')}`, weight }
}

function readToleration(entry: unknown): Toleration {
  const tolerationSeconds = numberOf(entry, 'tolerationSeconds')
  return {
    key: textOf(entry, 'key'),
    operator: textOf(entry, 'operator'),
    value: textOf(entry, 'value'),
    effect: textOf(entry, 'effect'),
    ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
  }
}

// What a placement is decided from: clusters, sets, bindings, scores, and what is decided already.
// Here: the scheduler's nouns as plain data, and which clusters a set holds. Times in Unix milliseconds.
// Invariants: names of clusters are unique in a world; `decided` holds each placement's union of shards.
// Source: facts/fleet.md §2–§4.

import type { KubeObject } from '../kube-object.ts'
import { type LabelSelector, matchesSelector } from '../label-selector.ts'

/** The label that says which exclusive set a cluster belongs to. */
export const clusterSetLabel = 'cluster.open-cluster-management.io/clusterset'

/** A taint of a managed cluster. Effects are NoSelect, PreferNoSelect and NoSelectIfNew. */
export interface Taint {
  readonly key: string
  readonly value: string
  readonly effect: string
  readonly timeAddedMs?: number
}

/** What the scheduler sees of a managed cluster. Resources are base units (cores, bytes). */
export interface Candidate {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly claims: ReadonlyMap<string, string>
  readonly taints: readonly Taint[]
  readonly capacity: ReadonlyMap<string, number>
  readonly allocatable: ReadonlyMap<string, number>
  readonly deleting: boolean
  /** The object itself, for CEL; without what the API server manages. */
  readonly object: KubeObject
}

/** A ManagedClusterSet. Without a selector it is exclusive: its members carry `clusterSetLabel`. */
export interface ClusterSet {
  readonly name: string
  readonly selector?: LabelSelector
}

/** A ManagedClusterSetBinding: the set may be used from the namespace. */
export interface ClusterSetBinding {
  readonly namespace: string
  readonly set: string
}

/** A selector over labels and claims; all of both must hold. All CEL expressions must be true. */
export interface ClusterSelector {
  readonly labels: LabelSelector
  readonly claims: LabelSelector
  readonly celExpressions: readonly string[]
}

/** A toleration of a placement. Operator '' means Equal; effect '' means every effect. */
export interface Toleration {
  readonly key: string
  readonly operator: string
  readonly value: string
  readonly effect: string
  readonly tolerationSeconds?: number
}

/** A weighted prioritizer of a placement. `name` is a built-in's, or `AddOn/RESOURCE/SCORE`. */
export interface PrioritizerConfig {
  readonly name: string
  readonly weight: number
}

/** A declared decision group. */
export interface GroupSelector {
  readonly groupName: string
  readonly selector: ClusterSelector
}

/** The spec of a Placement, defaults filled in. */
export interface PlacementSpec {
  readonly clusterSets: readonly string[]
  readonly numberOfClusters?: number
  readonly predicates: readonly ClusterSelector[]
  readonly prioritizerMode: string
  readonly prioritizers: readonly PrioritizerConfig[]
  readonly tolerations: readonly Toleration[]
  readonly decisionGroups: readonly GroupSelector[]
  /** A count, or a percentage such as "25%". */
  readonly clustersPerGroup: number | string
}

/** A Placement. `schedulingDisabled` says that somebody else writes its decisions. */
export interface Placement {
  readonly namespace: string
  readonly name: string
  readonly spec: PlacementSpec
  readonly schedulingDisabled: boolean
  readonly deleting: boolean
}

/** An AddOnPlacementScore: `scores` by name, −100…100, valid until a time where it says so. */
export interface PlacementScore {
  readonly cluster: string
  readonly resourceName: string
  readonly scores: ReadonlyMap<string, number>
  readonly validUntilMs?: number
}

/** Everything a decision depends on, the clock included. `decided` maps `NS/NAME` to cluster names. */
export interface PlacementWorld {
  readonly clusters: readonly Candidate[]
  readonly sets: readonly ClusterSet[]
  readonly bindings: readonly ClusterSetBinding[]
  readonly scores: readonly PlacementScore[]
  readonly decided: ReadonlyMap<string, readonly string[]>
  /** How many placements have decided each cluster, kept by who decides many; counted from `decided` where absent. */
  readonly decidedCounts?: ReadonlyMap<string, number>
  readonly nowMs: number
  /** Most steps that CEL expressions may cost; absent = as much as a decision may. */
  readonly celStepsMax?: number
}

/** `NAMESPACE/NAME`: how a placement is named in maps, in the API and in PromQL. */
export function placementKey(placement: Pick<Placement, 'namespace' | 'name'>): string {
  return `${placement.namespace}/${placement.name}`
}

/** How many placements have decided each cluster. */
export function countDecided(decided: PlacementWorld['decided']): Map<string, number> {
  const counts = new Map<string, number>()
  for (const names of decided.values())
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** True where the cluster is a member of the set. A cluster without a set's label belongs to `default`. */
export function isMember(set: ClusterSet, labels: ReadonlyMap<string, string>): boolean {
  if (set.selector !== undefined) return matchesSelector(set.selector, labels)
  const label = labels.get(clusterSetLabel) ?? ''
  return label === set.name || (label === '' && set.name === 'default')
}

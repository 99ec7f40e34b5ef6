// The groups of a placement's decisions, from its PlacementDecisions.
// Invariants: every shard of a group is read; what has no index is in group 0, as everything is where there are no groups.
// Source: facts/fleet.md §4 (Decision groups and PlacementDecision).

import type { ApiObject } from '../../kube/index.ts'

/** A decision group with its clusters, in order of name. */
export interface DecisionGroup {
  readonly index: number
  /** '' where it has none; several groups may have one name. */
  readonly name: string
  readonly clusters: readonly string[]
}

const label = 'cluster.open-cluster-management.io'

/** The groups of a placement, in order of index. `decisions` may be those of several placements. */
export function decisionGroupsOf(
  placement: { readonly namespace: string; readonly name: string },
  decisions: readonly ApiObject[],
): readonly DecisionGroup[] {
  const groups = new Map<number, { readonly name: string; readonly clusters: Set<string> }>()
  for (const decision of decisions) {
    const { namespace, labels = {} } = decision.metadata
    if (namespace !== placement.namespace || labels[`${label}/placement`] !== placement.name)
      continue
    const index = Number(labels[`${label}/decision-group-index`] ?? 0)
    const name = labels[`${label}/decision-group-name`] ?? ''
    const group = groups.get(index) ?? { name, clusters: new Set() }
    groups.set(index, group)
    for (const cluster of clustersOf(decision)) group.clusters.add(cluster)
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([index, { name, clusters }]) => ({ index, name, clusters: [...clusters].sort() }))
}

function clustersOf(decision: ApiObject): readonly string[] {
  const status = decision.status as { readonly decisions?: readonly unknown[] } | undefined
  return (status?.decisions ?? []).flatMap((one) => {
    const name = (one as { readonly clusterName?: unknown } | null)?.clusterName
    return typeof name === 'string' && name !== '' ? name : []
  })
}

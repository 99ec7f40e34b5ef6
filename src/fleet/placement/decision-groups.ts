// Decision groups and PlacementDecision objects: selected clusters are grouped, groups are cut in shards.
// Invariants: there is always one group and one shard per group; names are sorted within a group;
// a shard holds at most 100 decisions; shards are numbered from 1 over all groups.
// Source: facts/fleet.md §4, decision groups and PlacementDecision.

import { clusterSelectorMistake, selectsCluster } from './filters.ts'
import type { Candidate, Placement, PlacementSpec } from './world.ts'

/** At most this many decisions stand in one PlacementDecision. */
export const decisionsPerObjectMax = 100

/** Clusters that roll out together. `name` is '' for those that no declared group took. */
export interface DecisionGroup {
  readonly index: number
  readonly name: string
  readonly clusters: readonly string[]
  /** Names of the PlacementDecisions that hold the group. */
  readonly objects: readonly string[]
}

/** A PlacementDecision to write: name, labels, and clusters in order of name. */
export interface DecisionObject {
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly clusters: readonly string[]
}

/** What is wrong with the group strategy; undefined where nothing is. */
export function groupMistake(spec: PlacementSpec): string | undefined {
  for (const { groupName, selector } of spec.decisionGroups) {
    const mistake = clusterSelectorMistake(selector)
    if (mistake !== undefined) return `decision group "${groupName}": ${mistake}`
  }
  const size = spec.clustersPerGroup
  return typeof size === 'number' || /^\d+(\.\d+)?%$/.test(size)
    ? undefined
    : `clustersPerDecisionGroup "${size}" is neither a number nor a percentage`
}

/** Groups the selected clusters and cuts the groups in shards. The spec has passed `groupMistake`. */
export function groupDecisions(
  placement: Placement,
  selected: readonly Candidate[],
): { readonly groups: readonly DecisionGroup[]; readonly objects: readonly DecisionObject[] } {
  const { decisionGroups, clustersPerGroup } = placement.spec
  const length = groupLength(clustersPerGroup, selected.length)
  const left = new Map(selected.map((cluster) => [cluster.name, cluster]))
  const chunks: { name: string; clusters: readonly string[] }[] = []
  for (const { groupName, selector } of decisionGroups) {
    const taken = [...left.values()].filter((cluster) => selectsCluster(selector, cluster))
    for (const { name } of taken) left.delete(name)
    const names = taken.map(({ name }) => name)
    for (const clusters of chunksOf(names, length)) chunks.push({ name: groupName, clusters })
  }
  for (const clusters of chunksOf([...left.keys()], length)) chunks.push({ name: '', clusters })
  if (chunks.length === 0) chunks.push({ name: '', clusters: [] })
  return decisionObjects(placement, chunks)
}

/** Cuts groups in shards of at most `decisionsPerObjectMax`. */
export function decisionObjects(
  placement: Pick<Placement, 'namespace' | 'name'>,
  chunks: readonly { readonly name: string; readonly clusters: readonly string[] }[],
): { readonly groups: readonly DecisionGroup[]; readonly objects: readonly DecisionObject[] } {
  const objects: DecisionObject[] = []
  const groups = chunks.map(({ name, clusters }, index) => {
    const shards = clusters.length === 0 ? [[]] : chunksOf(clusters, decisionsPerObjectMax)
    const own = shards.map((names, offset) => ({
      namespace: placement.namespace,
      name: `${placement.name}-decision-${objects.length + offset + 1}`,
      labels: {
        'cluster.open-cluster-management.io/placement': placement.name,
        'cluster.open-cluster-management.io/decision-group-name': name,
        'cluster.open-cluster-management.io/decision-group-index': String(index),
      },
      clusters: names,
    }))
    objects.push(...own)
    return { index, name, clusters, objects: own.map((object) => object.name) }
  })
  return { groups, objects }
}

function groupLength(size: number | string, total: number): number {
  const length =
    typeof size === 'number' ? size : Math.ceil((Number.parseFloat(size) / 100) * total)
  return length <= 0 || length > total ? total : length
}

function chunksOf(names: readonly string[], length: number): (readonly string[])[] {
  const sorted = [...names].sort()
  const chunks: (readonly string[])[] = []
  for (let from = 0; from < sorted.length; from += length)
    chunks.push(sorted.slice(from, from + length))
  return chunks
}

// Why a placement decides as it does: per cluster what removed it, or its scores and weights and its rank.
// Also: where the hub's decisions differ from ours, and tolerations whose lack would take addons off clusters.
// Source: facts/fleet.md §4 (pipeline), §6 (what happens to addons of unreachable clusters).

import { decide, type PlacementDecision } from './decide.ts'
import { toleratedUntilMs } from './filters.ts'
import { isMember, type Placement, type PlacementWorld, placementKey } from './world.ts'

/** The step of the scheduler at which a cluster left; the last one is the cut at numberOfClusters. */
export type RemovalStep =
  | 'Deleting'
  | 'ClusterSet'
  | 'Predicate'
  | 'TaintToleration'
  | 'NumberOfClusters'

/** One prioritizer's part of a cluster's total. */
export interface ScoreLine {
  readonly name: string
  readonly weight: number
  readonly score: number
}

/** Why one cluster is selected or not. `rank` counts from 1 among the clusters that passed the filters. */
export interface ClusterExplanation {
  readonly cluster: string
  readonly selected: boolean
  readonly removedBy?: RemovalStep
  readonly why?: string
  readonly scores: readonly ScoreLine[]
  readonly total?: number
  readonly rank?: number
}

/** A placement explained; clusters are in order of name. */
export interface PlacementExplanation {
  readonly placement: string
  readonly decision: PlacementDecision
  readonly clusters: readonly ClusterExplanation[]
  /** Clusters that we would select and the written decisions lack, and the other way round. */
  readonly differs: { readonly missing: readonly string[]; readonly surplus: readonly string[] }
  readonly warnings: readonly string[]
}

const hubTaints = ['unreachable', 'unavailable'].map(
  (name) => `cluster.open-cluster-management.io/${name}`,
)

/**
 * Explains a placement, also one that does not exist yet (then nothing is written that could differ), or whose
 * decisions somebody else writes (then as if we decided).
 */
export function explain(placement: Placement, world: PlacementWorld): PlacementExplanation {
  const decision = decide({ ...placement, schedulingDisabled: false }, world)
  const written = world.decided.get(placementKey(placement))
  const ours = new Set(decision.clusters)
  const theirs = new Set(written ?? decision.clusters)
  const differs = {
    missing: [...ours].filter((name) => !theirs.has(name)).sort(),
    surplus: [...theirs].filter((name) => !ours.has(name)).sort(),
  }
  const ranks = new Map(decision.trace.ranking.map((name, index) => [name, index + 1]))
  const clusters = world.clusters
    .map(({ name }) => explainCluster(name, placement, world, decision, ranks.get(name)))
    .sort((a, b) => (a.cluster < b.cluster ? -1 : 1))
  return {
    placement: placementKey(placement),
    decision,
    clusters,
    differs,
    warnings: [
      ...decision.conditions.flatMap(({ type, status, message }) =>
        type === 'PlacementMisconfigured' && status === 'True' ? message : [],
      ),
      ...decision.warnings,
      ...differenceWarnings(differs),
      ...tolerationWarnings(placement),
    ],
  }
}

function explainCluster(
  name: string,
  placement: Placement,
  world: PlacementWorld,
  decision: PlacementDecision,
  rank: number | undefined,
): ClusterExplanation {
  const { trace } = decision
  const selected = decision.clusters.includes(name)
  const base = { cluster: name, selected, scores: [] }
  const removal = trace.removed.get(name)
  if (removal !== undefined) return { ...base, removedBy: removal.by, why: removal.why }
  if (rank === undefined) {
    if (selected) return { ...base, why: `kept as it was: the placement is ${decision.outcome}` }
    if (trace.candidates.includes(name))
      return { ...base, why: `not scheduled: the placement is ${decision.outcome}` }
    return { ...base, ...explainAbsence(name, placement, world, trace.eligibleSets) }
  }
  const scored = {
    ...base,
    scores: trace.prioritizers.map((entry) => ({
      name: entry.name,
      weight: entry.weight,
      score: entry.scores.get(name) ?? 0,
    })),
    total: trace.totals.get(name)!,
    rank,
  }
  if (selected) return scored
  const why = `rank ${rank} is behind the ${placement.spec.numberOfClusters} that are wanted`
  return { ...scored, removedBy: 'NumberOfClusters', why }
}

function explainAbsence(
  name: string,
  placement: Placement,
  world: PlacementWorld,
  eligibleSets: readonly string[],
): { readonly removedBy: RemovalStep; readonly why: string } {
  const cluster = world.clusters.find((candidate) => candidate.name === name)!
  if (cluster.deleting) return { removedBy: 'Deleting', why: 'the cluster is being deleted' }
  const sets = world.sets.filter((set) => isMember(set, cluster.labels)).map((set) => set.name)
  const its = sets.length === 0 ? 'no set' : sets.sort().join(', ')
  const wanted =
    eligibleSets.length === 0
      ? `no set is both bound to namespace ${placement.namespace} and wanted`
      : `eligible are ${eligibleSets.join(', ')}`
  return { removedBy: 'ClusterSet', why: `the cluster belongs to ${its}; ${wanted}` }
}

function differenceWarnings({ missing, surplus }: PlacementExplanation['differs']): string[] {
  return [
    ...(missing.length === 0 ? [] : [`the written decisions lack ${missing.join(', ')}`]),
    ...(surplus.length === 0 ? [] : [`the written decisions also hold ${surplus.join(', ')}`]),
  ]
}

// Operator Exists tolerates the hub's taints whatever their value; those have none, so Equal with '' does too.
function tolerationWarnings({ spec }: Placement): string[] {
  return hubTaints.flatMap((key) => {
    const taint = { key, value: '', effect: 'NoSelect', timeAddedMs: 0 }
    const ends = spec.tolerations.flatMap((entry) => toleratedUntilMs(taint, entry) ?? [])
    if (ends.includes(Number.POSITIVE_INFINITY)) return []
    const state = key.slice(key.indexOf('/') + 1)
    if (ends.length === 0)
      return [
        `${key} is not tolerated: an ${state} cluster leaves, and loses addons placed by this`,
      ]
    const seconds = Math.max(...ends) / 1000
    return [`${key} is tolerated for ${seconds} s only: then an ${state} cluster loses its addons`]
  })
}

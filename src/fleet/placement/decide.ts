// The scheduler: from a placement and the world to its decisions, groups, PlacementDecisions and conditions.
// Here: the pipeline and what it saw on the way (for explain). Filters, scores and groups have files of their own.
// Invariants: pure, the clock is in the world; a misconfigured placement keeps its previous decisions, which is
// the one deviation from the hub's scheduler (there all decisions disappear).
// Source: facts/fleet.md §4.

import { StepBudget } from '../cel/cluster-expressions.ts'
import { selectorMistake } from '../label-selector.ts'
import {
  type DecisionGroup,
  type DecisionObject,
  groupDecisions,
  groupMistake,
} from './decision-groups.ts'
import {
  clusterSelectorMistake,
  judgeTaints,
  predicateRemoves,
  tolerationMistake,
} from './filters.ts'
import { type PrioritizerScores, score, weightsOf } from './prioritizers.ts'
import {
  type Candidate,
  type ClusterSet,
  isMember,
  type Placement,
  type PlacementWorld,
  placementKey,
} from './world.ts'

/** A condition of a placement's status, as the hub writes it. */
export interface PlacementCondition {
  readonly type: 'PlacementSatisfied' | 'PlacementMisconfigured'
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

/** Where a cluster left the pipeline, and why. */
export interface Removal {
  readonly by: 'Predicate' | 'TaintToleration'
  readonly why: string
}

/** What the pipeline saw: candidates, removals, scores, and the ranking of what was left. */
export interface DecisionTrace {
  readonly eligibleSets: readonly string[]
  readonly candidates: readonly string[]
  readonly removed: ReadonlyMap<string, Removal>
  readonly prioritizers: readonly PrioritizerScores[]
  readonly totals: ReadonlyMap<string, number>
  /** Filtered clusters, best first. */
  readonly ranking: readonly string[]
}

/**
 * The decision of a placement. `outcome` skipped: somebody else decides, or it is being deleted; misconfigured:
 * the previous decisions stay, and `groups` and `objects` are empty because nothing is to be written.
 */
export interface PlacementDecision {
  readonly outcome: 'decided' | 'misconfigured' | 'skipped'
  /** Selected clusters, best first (previous ones by name where `outcome` is not decided). */
  readonly clusters: readonly string[]
  readonly unscheduledCount: number
  readonly groups: readonly DecisionGroup[]
  readonly objects: readonly DecisionObject[]
  readonly conditions: readonly PlacementCondition[]
  readonly warnings: readonly string[]
  /** When a toleration or a score runs out, so that the placement is to be decided again. */
  readonly recheckAtMs?: number
  readonly trace: DecisionTrace
}

/** A decision without what the pipeline saw. */
export type KeptDecision = Omit<PlacementDecision, 'trace'>

/** Decides a placement. Never throws: a mistake in the placement is an outcome. */
export function decide(placement: Placement, world: PlacementWorld): PlacementDecision {
  const previous = [...(world.decided.get(placementKey(placement)) ?? [])].sort()
  const bound = boundSets(placement, world)
  const wanted = new Set(placement.spec.clusterSets)
  const eligible = wanted.size === 0 ? bound : bound.filter(({ name }) => wanted.has(name))
  const candidates = candidatesOf(eligible, world)
  const base: DecisionTrace = {
    eligibleSets: eligible.map(({ name }) => name).sort(),
    candidates: candidates.map(({ name }) => name),
    removed: new Map(),
    prioritizers: [],
    totals: new Map(),
    ranking: [],
  }
  if (placement.schedulingDisabled || placement.deleting)
    return { ...nothing(previous), outcome: 'skipped', conditions: [], trace: base }
  const run = schedule(placement, world, candidates, new Set(previous))
  const seen = { placement, boundCount: bound.length, trace: base }
  if ('mistake' in run) {
    return {
      ...nothing(previous),
      outcome: 'misconfigured',
      conditions: [
        satisfied({ ...seen, selectedCount: 0, unscheduledCount: 0, keptCount: previous.length }),
        misconfigured(run.mistake),
      ],
      trace: base,
    }
  }
  const selected = run.ranked.slice(0, placement.spec.numberOfClusters ?? run.ranked.length)
  const unscheduledCount = (placement.spec.numberOfClusters ?? selected.length) - selected.length
  const { recheckAtMs } = run
  return {
    outcome: 'decided',
    clusters: selected.map(({ name }) => name),
    unscheduledCount,
    ...groupDecisions(placement, selected),
    conditions: [
      satisfied({ ...seen, selectedCount: selected.length, unscheduledCount, keptCount: 0 }),
      misconfigured(undefined),
    ],
    warnings: run.prioritizers.flatMap(({ warning }) => warning ?? []),
    ...(recheckAtMs === undefined ? {} : { recheckAtMs }),
    trace: { ...base, ...run.trace, prioritizers: run.prioritizers },
  }
}

/** What is wrong with a placement wherever it may run; undefined where nothing is. To check before it is saved. */
export function placementMistake(placement: Placement): string | undefined {
  const { spec } = placement
  const weights = weightsOf(spec)
  return (
    predicateMistake(placement) ??
    tolerationMistake(spec.tolerations) ??
    ('mistake' in weights ? weights.mistake : undefined) ??
    groupMistake(spec)
  )
}

function boundSets(placement: Placement, world: PlacementWorld): readonly ClusterSet[] {
  const names = new Set(
    world.bindings
      .filter(({ namespace }) => namespace === placement.namespace)
      .map(({ set }) => set),
  )
  // A set whose selector the hub would refuse holds nothing that we could vouch for.
  return world.sets.filter(
    ({ name, selector }) =>
      names.has(name) && (selector === undefined || selectorMistake(selector) === undefined),
  )
}

// Most placements of a hub choose from one of a few unions of sets: in one world each union is made once.
const candidatesByWorld = new WeakMap<PlacementWorld, Map<string, readonly Candidate[]>>()

function candidatesOf(
  eligible: readonly ClusterSet[],
  world: PlacementWorld,
): readonly Candidate[] {
  let known = candidatesByWorld.get(world)
  if (known === undefined) {
    known = new Map()
    candidatesByWorld.set(world, known)
  }
  const key = eligible.map(({ name }) => name).join(' ')
  let candidates = known.get(key)
  if (candidates === undefined) {
    candidates = world.clusters
      .filter(({ labels, deleting }) => !deleting && eligible.some((set) => isMember(set, labels)))
      .sort(byName)
    known.set(key, candidates)
  }
  return candidates
}

interface Run {
  readonly ranked: readonly Candidate[]
  readonly prioritizers: readonly PrioritizerScores[]
  readonly trace: Pick<DecisionTrace, 'removed' | 'totals' | 'ranking'>
  readonly recheckAtMs?: number
}

function schedule(
  placement: Placement,
  world: PlacementWorld,
  candidates: readonly Candidate[],
  previous: ReadonlySet<string>,
): Run | { readonly mistake: string } {
  const { spec } = placement
  const removed = new Map<string, Removal>()
  // Selectors and tolerations are judged only where a cluster reaches them, as on the hub.
  const badPredicate = candidates.length > 0 ? predicateMistake(placement) : undefined
  if (badPredicate !== undefined) return { mistake: badPredicate }
  const budget = new StepBudget(world.celStepsMax)
  const matching = candidates.filter((cluster) => {
    const why = predicateRemoves(spec.predicates, cluster, { scores: world.scores, budget })
    if (why !== undefined) removed.set(cluster.name, { by: 'Predicate', why })
    return why === undefined
  })
  if (budget.left <= 0) return { mistake: 'Predicate: the CEL expressions cost too much' }
  const badToleration = matching.length > 0 ? tolerationMistake(spec.tolerations) : undefined
  if (badToleration !== undefined) return { mistake: `TaintToleration: ${badToleration}` }
  const rechecks = new Map<string, number>()
  const filtered = matching.filter((cluster) => {
    const isDecided = previous.has(cluster.name)
    const verdict = judgeTaints(cluster, spec.tolerations, { isDecided, nowMs: world.nowMs })
    if (verdict.recheckAtMs !== undefined) rechecks.set(cluster.name, verdict.recheckAtMs)
    if (verdict.removed === undefined) return true
    removed.set(cluster.name, { by: 'TaintToleration', why: verdict.removed })
    return false
  })
  const weights = weightsOf(spec)
  if ('mistake' in weights) return weights
  const badGroup = groupMistake(spec)
  if (badGroup !== undefined) return { mistake: badGroup }
  const prioritizers = [...weights.weights].map(([name, weight]) =>
    score({ name, weight }, filtered, placement, world),
  )
  const totals = totalsOf(filtered, prioritizers)
  const ranked = filtered.toSorted(
    (a, b) => totals.get(b.name)! - totals.get(a.name)! || byName(a, b),
  )
  const recheckAtMs = Math.min(
    ...rechecks.values(),
    ...prioritizers.map((entry) => entry.recheckAtMs ?? Number.POSITIVE_INFINITY),
  )
  return {
    ranked,
    prioritizers,
    trace: { removed, totals, ranking: ranked.map(({ name }) => name) },
    ...(Number.isFinite(recheckAtMs) ? { recheckAtMs } : {}),
  }
}

function predicateMistake({ spec }: Placement): string | undefined {
  for (const predicate of spec.predicates) {
    const mistake = clusterSelectorMistake(predicate)
    if (mistake !== undefined) return `Predicate: ${mistake}`
  }
  return undefined
}

function totalsOf(
  clusters: readonly Candidate[],
  prioritizers: readonly PrioritizerScores[],
): ReadonlyMap<string, number> {
  return new Map(
    clusters.map(({ name }) => {
      let total = 0
      for (const { weight, scores } of prioritizers) total += weight * (scores.get(name) ?? 0)
      return [name, total]
    }),
  )
}

function nothing(
  previous: readonly string[],
): Pick<PlacementDecision, 'clusters' | 'unscheduledCount' | 'groups' | 'objects' | 'warnings'> {
  return { clusters: previous, unscheduledCount: 0, groups: [], objects: [], warnings: [] }
}

interface Seen {
  readonly placement: Placement
  readonly boundCount: number
  readonly trace: DecisionTrace
  readonly selectedCount: number
  readonly unscheduledCount: number
  readonly keptCount: number
}

function satisfied(seen: Seen): PlacementCondition {
  const [reason, message] = satisfaction(seen)
  const status = reason === 'AllDecisionsScheduled' ? 'True' : 'False'
  return { type: 'PlacementSatisfied', status, reason, message }
}

function satisfaction(seen: Seen): readonly [string, string] {
  const { placement, trace, keptCount, unscheduledCount } = seen
  if (seen.boundCount === 0)
    return [
      'NoManagedClusterSetBindings',
      `no ManagedClusterSetBinding in namespace ${placement.namespace} names a set that exists`,
    ]
  if (trace.eligibleSets.length === 0)
    return ['NoIntersection', `none of ${placement.spec.clusterSets.join(', ')} is bound here`]
  if (trace.candidates.length === 0)
    return ['AllManagedClusterSetsEmpty', `no clusters in ${trace.eligibleSets.join(', ')}`]
  if (keptCount > 0)
    return ['NoManagedClusterMatched', `misconfigured: ${keptCount} previous decisions are kept`]
  if (seen.selectedCount === 0)
    return ['NoManagedClusterMatched', 'no cluster passes the predicates and taints']
  return unscheduledCount === 0
    ? ['AllDecisionsScheduled', 'all cluster decisions scheduled']
    : ['NotAllDecisionsScheduled', `${unscheduledCount} cluster decisions unscheduled`]
}

function misconfigured(mistake: string | undefined): PlacementCondition {
  const type = 'PlacementMisconfigured'
  return mistake === undefined
    ? { type, status: 'False', reason: 'Succeedconfigured', message: 'nothing is wrong' }
    : { type, status: 'True', reason: 'Misconfigured', message: mistake }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

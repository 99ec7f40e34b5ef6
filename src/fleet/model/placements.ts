// Placements of a hub with their decisions: as the hub wrote them, or decided here where no hub does (embedded).
// Invariants: decisions are the union of all shards of a placement; deciding again with what was decided
// changes nothing as long as the world stays.
// Source: facts/fleet.md §4 (consumer rule), §9 (PlacementRule).

import { conditionOf } from '../kube-object.ts'
import { decide, type KeptDecision } from '../placement/decide.ts'
import { countDecided, type PlacementWorld, placementKey } from '../placement/world.ts'
import type { PlacementState, PlacementStatus } from './fleet.ts'
import { type HubParts, sortedBy } from './join.ts'
import type { DecisionPart, PlacementKind, PlacementPart } from './parts.ts'
import { type Said, saidBy, saidByLack } from './state.ts'

/** Clusters by `NS/NAME` of a placement. */
export type Decided = ReadonlyMap<string, readonly string[]>

/** What the hub has decided, each placement's shards united, in order of name. */
export function writtenDecisions(hub: HubParts, kind: PlacementKind): Decided {
  const parts = hub.of('decision').filter((part) => part.kind === kind)
  const shards = Map.groupBy(parts, ({ namespace, placement }) => `${namespace}/${placement}`)
  return new Map([...shards].map(([key, own]) => [key, uniteShards(own)]))
}

/** The clusters of a placement's shards, in order of name. */
export function uniteShards(shards: Iterable<DecisionPart>): readonly string[] {
  const names = new Set<string>()
  for (const { clusters } of shards) for (const name of clusters) names.add(name)
  return [...names].sort()
}

/** The scheduler's world of a hub, for deciding and explaining. */
export function placementWorld(hub: HubParts, decided: Decided, nowMs: number): PlacementWorld {
  return {
    clusters: hub.of('cluster').flatMap(({ candidate }) => candidate ?? []),
    sets: hub.of('set').map(({ set }) => set),
    bindings: hub.of('set_binding').map(({ binding }) => binding),
    scores: hub.of('score').map(({ score }) => score),
    decided,
    nowMs,
  }
}

/** Decides every placement of a hub in order of name; each sees what was decided before it. */
export function decideAll(
  hub: HubParts,
  previous: Decided,
  nowMs: number,
): { readonly decided: Decided; readonly decisions: ReadonlyMap<string, KeptDecision> } {
  const placements = sortedBy(
    hub.of('placement').map(({ placement }) => placement),
    placementKey,
  )
  const keys = new Set(placements.map(placementKey))
  const decided = new Map([...previous].filter(([key]) => keys.has(key)))
  const decisions = new Map<string, KeptDecision>()
  const decidedCounts = countDecided(decided)
  const count = (names: readonly string[], by: number): void => {
    for (const name of names) decidedCounts.set(name, (decidedCounts.get(name) ?? 0) + by)
  }
  const world = { ...placementWorld(hub, decided, nowMs), decidedCounts }
  for (const placement of placements) {
    const key = placementKey(placement)
    // What the pipeline saw is for who explains: kept of all placements it would be most of the fleet's memory.
    const { trace: _, ...decision } = decide(placement, world)
    count(decided.get(key) ?? [], -1)
    count(decision.clusters, 1)
    decided.set(key, decision.clusters.toSorted())
    decisions.set(key, decision)
  }
  return { decided, decisions }
}

/** All placements of a hub, legacy rules included. `decisions` are ours, where we decide. */
export function joinPlacements(
  hub: HubParts,
  decided: Decided,
  decisions: ReadonlyMap<string, KeptDecision>,
): readonly PlacementStatus[] {
  const placements = hub.of('placement').map((part) => {
    const key = placementKey(part.placement)
    return joinPlacement(hub.hub, part, decided.get(key) ?? [], decisions.get(key))
  })
  const others = silentKinds.flatMap((kind) =>
    [...writtenDecisions(hub, kind)].map(([key, clusters]) =>
      joinSilent(hub.hub, `${kind} ${key}`, clusters),
    ),
  )
  return sortedBy([...placements, ...others], placementOrder)
}

/** What placements are in order of. */
export function placementOrder({ namespace, name }: PlacementStatus): string {
  return `${namespace}/${name}`
}

/** One placement with its clusters. `decision` is ours, where we decide. */
export function joinPlacement(
  hub: string,
  part: PlacementPart,
  clusters: readonly string[],
  decision: KeptDecision | undefined,
): PlacementStatus {
  const { namespace, name } = part.placement
  const status = placementState(part, decision)
  return { hub, kind: 'Placement', namespace, name, status, clusters }
}

// Kinds that say no state themselves: known by the clusters that are chosen.
const silentKinds = ['PlacementRule', 'PropagationPolicy', 'ClusterPropagationPolicy'] as const

/** One legacy PlacementRule or policy of Karmada (`KIND NS/NAME`) with its clusters. */
export function joinSilent(
  hub: string,
  reference: string,
  clusters: readonly string[],
): PlacementStatus {
  const [kind, key = ''] = reference.split(' ') as [PlacementKind, string?]
  const [namespace = '', name = ''] = key.split('/')
  const by = { kind, namespace, name }
  const reason = kind === 'PlacementRule' ? 'Legacy' : 'PerResource'
  const message =
    kind === 'PlacementRule' ? 'rules say no state' : 'Karmada says a state for each resource'
  const status = saidByLack<PlacementState>('no_status', by, reason, message)
  return { hub, kind, namespace, name, status, clusters }
}

function placementState(
  part: PlacementPart,
  decision: KeptDecision | undefined,
): Said<PlacementState> {
  const { namespace, name } = part.placement
  const by = { kind: 'Placement', namespace, name }
  const conditions = decision === undefined ? part.conditions : decision.conditions
  const misconfigured = conditionOf(conditions, 'PlacementMisconfigured')
  if (misconfigured?.status === 'True') return saidBy('misconfigured', misconfigured, by)
  const satisfied = conditionOf(conditions, 'PlacementSatisfied')
  if (satisfied === undefined)
    return saidByLack('no_status', by, 'NoReport', 'nobody has decided this placement yet')
  return saidBy(satisfied.status === 'True' ? 'satisfied' : 'not_satisfied', satisfied, by)
}

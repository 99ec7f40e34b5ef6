// Placements of a hub with their decisions: as the hub wrote them, or decided here where no hub does (embedded).
// Invariants: decisions are the union of all shards of a placement; deciding again with what was decided
// changes nothing as long as the world stays.
// Source: facts/fleet.md §4 (consumer rule), §9 (PlacementRule).

import { conditionOf } from '../kube-object.ts'
import { decide, type PlacementDecision } from '../placement/decide.ts'
import { type PlacementWorld, placementKey } from '../placement/world.ts'
import type { PlacementState, PlacementStatus } from './fleet.ts'
import { type HubParts, sortedBy } from './join.ts'
import type { PlacementPart } from './parts.ts'
import { type Said, saidBy, saidByLack } from './state.ts'

/** Clusters by `NS/NAME` of a placement. */
export type Decided = ReadonlyMap<string, readonly string[]>

/** What the hub has decided, each placement's shards united, in order of name. */
export function writtenDecisions(hub: HubParts, kind: 'Placement' | 'PlacementRule'): Decided {
  const decided = new Map<string, Set<string>>()
  for (const part of hub.of('decision')) {
    if (part.kind !== kind) continue
    const key = `${part.namespace}/${part.placement}`
    const names = decided.get(key) ?? new Set()
    for (const name of part.clusters) names.add(name)
    decided.set(key, names)
  }
  return new Map([...decided].map(([key, names]) => [key, [...names].sort()]))
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
): { readonly decided: Decided; readonly decisions: ReadonlyMap<string, PlacementDecision> } {
  const placements = sortedBy(
    hub.of('placement').map(({ placement }) => placement),
    placementKey,
  )
  const keys = new Set(placements.map(placementKey))
  const decided = new Map([...previous].filter(([key]) => keys.has(key)))
  const decisions = new Map<string, PlacementDecision>()
  const world = placementWorld(hub, decided, nowMs)
  for (const placement of placements) {
    const decision = decide(placement, world)
    decided.set(placementKey(placement), decision.clusters.toSorted())
    decisions.set(placementKey(placement), decision)
  }
  return { decided, decisions }
}

/** All placements of a hub, legacy rules included. `decisions` are ours, where we decide. */
export function joinPlacements(
  hub: HubParts,
  decided: Decided,
  decisions: ReadonlyMap<string, PlacementDecision>,
): readonly PlacementStatus[] {
  const placements = hub.of('placement').map((part): PlacementStatus => {
    const { namespace, name } = part.placement
    const key = placementKey(part.placement)
    const status = placementState(part, decisions.get(key))
    const clusters = decided.get(key) ?? []
    return { hub: hub.hub, kind: 'Placement', namespace, name, status, clusters }
  })
  const rules = [...writtenDecisions(hub, 'PlacementRule')].map(([key, clusters]) => {
    const [namespace = '', name = ''] = key.split('/')
    const by = { kind: 'PlacementRule', namespace, name }
    const status = saidByLack<PlacementState>('no_status', by, 'Legacy', 'rules say no state')
    return { hub: hub.hub, kind: 'PlacementRule', namespace, name, status, clusters } as const
  })
  return sortedBy([...placements, ...rules], ({ namespace, name }) => `${namespace}/${name}`)
}

function placementState(
  part: PlacementPart,
  decision: PlacementDecision | undefined,
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

// Views to ask: the fixture's fleet, and events given by a test.
import {
  type Fleet,
  FleetAnswers,
  type FleetCall,
  type FleetEvent,
  type FleetListCall,
  type FleetObjectCall,
  type FleetView,
  readObject,
} from '../../../src/fleet/index.ts'
import { placementKey } from '../../../src/fleet/placement/world.ts'
import { fixtureFleet, fixtureObjects, nowMs } from '../fixture-fleet.ts'

/** An event log over a list of events. */
export function logOf(events: readonly FleetEvent[]): FleetView['events'] {
  const oldestId = events[0]?.id ?? 1
  return {
    oldestId,
    newestId: oldestId + events.length - 1,
    at: (id) => events[id - oldestId]!,
  }
}

// Everything that the fixture's placements are decided from.
function fixturePlacements(): NonNullable<ReturnType<FleetView['placementsOf']>> {
  const parts = fixtureObjects().flatMap((object) => readObject(object) ?? [])
  return {
    placements: new Map(
      parts.flatMap((part) =>
        part.part === 'placement' ? [[placementKey(part.placement), part.placement] as const] : [],
      ),
    ),
    world: {
      clusters: parts.flatMap((part) => (part.part === 'cluster' ? (part.candidate ?? []) : [])),
      sets: parts.flatMap((part) => (part.part === 'set' ? part.set : [])),
      bindings: parts.flatMap((part) => (part.part === 'set_binding' ? part.binding : [])),
      scores: parts.flatMap((part) => (part.part === 'score' ? part.score : [])),
      decided: fixtureFleet().decided,
      nowMs,
    },
  }
}

/** A view of a fleet, at noon of the fixture. */
export function viewOf(
  fleet: Fleet = fixtureFleet(),
  events: readonly FleetEvent[] = [],
): FleetView {
  return {
    fleet,
    nowMs,
    sources: [
      {
        name: 'local',
        kind: 'directory',
        state: 'synced',
        sinceMs: nowMs - 60_000,
        message: '',
        parts: [
          { name: 'a.yaml', objectCount: 3 },
          { name: 'b.yaml', objectCount: 0, mistake: 'an object without kind' },
        ],
      },
    ],
    unread: new Set(),
    data: new Map([['prod-eu-1', { lastSampleMs: nowMs - 10_000, activeSeries: 12 }]]),
    events: logOf(events),
    placementsOf: (hub) => (hub === 'local' ? fixturePlacements() : undefined),
  }
}

/** What a list call says where a test does not. */
export const listCall: FleetListCall = {
  kind: 'list',
  list: 'clusters',
  scope: 'all',
  filter: {},
  limit: 100,
  format: 'json',
}

/** What an object call says where a test does not. */
export const objectCall: FleetObjectCall = {
  kind: 'object',
  list: 'clusters',
  scope: 'all',
  filter: {},
  namespace: '',
  name: '',
  limit: 100,
}

/** The `data` of an answer. */
export function ask(
  view: FleetView,
  call: FleetCall,
  answers: FleetAnswers = new FleetAnswers(),
): Record<string, unknown> {
  const { body } = answers.answer(view, call)
  return (JSON.parse(Buffer.from(body).toString()) as { data: Record<string, unknown> }).data
}

/** Items of a list. */
export function itemsOf(view: FleetView, call: Partial<FleetListCall>): Record<string, unknown>[] {
  return ask(view, { ...listCall, ...call }).items as Record<string, unknown>[]
}

/** Names of a list's items in order. */
export function namesOf(view: FleetView, call: Partial<FleetListCall>): unknown[] {
  return itemsOf(view, call).map(({ name }) => name)
}

// What happened to the fleet: every transition becomes an event in the journal, and the journal knows the states that
// the events led to, so that a start finds what happened while nobody watched.
// Invariants: the first sight of a hub is where its history begins, and no event; what changed between two lives of
// the process is one event per thing that is not as it was, marked with since when nobody watched; a hub that has not
// been read whole has no transitions.
// Units: times in Unix milliseconds.

import type { Journal } from '../../journal/index.ts'
import type { Fleet } from '../model/fleet.ts'
import { type FleetStates, transitionsBetween } from '../model/transitions.ts'
import type { FleetEvent } from '../view/call.ts'
import { encodeStates, RecordedStates } from './recorded-states.ts'

/** Events of one append, so that a storm is written in bounded pieces. */
const appendCountMax = 5000

/** Bounds of how much a start has to read. */
export interface HistoryOptions {
  /** States are written again after so many events, */
  readonly eventsPerState: number
  /** and this long after the first event that they lack. */
  readonly stateAgeMsMax: number
}

/** Defaults: states are written after 20,000 events or ten minutes. */
export const historyDefaults: HistoryOptions = { eventsPerState: 20_000, stateAgeMsMax: 600_000 }

/** Events of the fleet as it goes on. */
export class FleetHistory {
  readonly #journal: Journal<FleetEvent>
  readonly #options: HistoryOptions
  readonly #recorded: RecordedStates
  /** Hubs that nobody has seen since the start, as they were recorded. */
  readonly #unseen = new Map<string, FleetStates>()
  readonly #seen = new Map<string, Fleet>()
  #stateId: number
  #stateDueMs = Number.POSITIVE_INFINITY

  constructor(journal: Journal<FleetEvent>, options: HistoryOptions = historyDefaults) {
    this.#journal = journal
    this.#options = options
    const { state } = journal
    this.#stateId = state?.id ?? 0
    this.#recorded = new RecordedStates(state?.bytes)
    for (let id = Math.max(this.#stateId + 1, journal.oldestId); id <= journal.newestId; id++)
      this.#recorded.apply(journal.at(id))
    for (const hub of this.#recorded.hubs()) this.#unseen.set(hub, this.#recorded.statesOf(hub))
  }

  /**
   * Takes a hub's fleet in; what changed since the last call becomes events, which are returned and durable.
   * `unseenSinceMs`: since when the hub could not be watched. Throws what the disk throws; the same change is then
   * found again by the next call.
   */
  note(
    hub: string,
    fleet: Fleet,
    { nowMs, unseenSinceMs }: { readonly nowMs: number; readonly unseenSinceMs?: number },
  ): readonly FleetEvent[] {
    const recorded = this.#unseen.get(hub)
    const before = this.#seen.get(hub) ?? recorded
    if (before === fleet) return []
    if (before === undefined) {
      this.#seen.set(hub, fleet)
      this.#stateDueMs = nowMs
      return []
    }
    const since = recorded === undefined ? unseenSinceMs : this.#recorded.atMs
    const late = since === undefined ? {} : { unseenSinceMs: since }
    const events = transitionsBetween(before, fleet).map((transition) => ({
      ...transition,
      atMs: nowMs,
      ...late,
    }))
    const appended: FleetEvent[] = []
    for (let from = 0; from < events.length; from += appendCountMax)
      appended.push(...this.#journal.append(events.slice(from, from + appendCountMax)))
    this.#seen.set(hub, fleet)
    this.#unseen.delete(hub)
    if (appended.length > 0)
      this.#stateDueMs = Math.min(this.#stateDueMs, nowMs + this.#options.stateAgeMsMax)
    if (this.#journal.newestId - this.#stateId >= this.#options.eventsPerState)
      this.#stateDueMs = nowMs
    return appended
  }

  /** Whether it is time to write the states. */
  isStateDue(nowMs: number): boolean {
    return nowMs >= this.#stateDueMs
  }

  /** Writes the states; old events may go then. */
  writeState(nowMs: number): void {
    const all: readonly FleetStates[] = [...this.#seen.values(), ...this.#unseen.values()]
    const states: FleetStates = {
      clusters: all.flatMap(({ clusters }) => clusters),
      sets: all.flatMap(({ sets }) => sets),
      placements: all.flatMap(({ placements }) => placements),
      addons: all.flatMap(({ addons }) => addons),
      policies: all.flatMap(({ policies }) => policies),
      policySets: all.flatMap(({ policySets }) => policySets),
      applications: all.flatMap(({ applications }) => applications),
    }
    this.#journal.writeState(encodeStates(states, nowMs), nowMs)
    this.#stateId = this.#journal.newestId
    this.#stateDueMs = Number.POSITIVE_INFINITY
  }
}

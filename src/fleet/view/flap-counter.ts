// Flaps: how often a thing left a state and came back to it within a window of time. Kept up with the event log.
// Invariants: appearing and going away are no flaps; counts depend on the kept events and the clock alone.
// Units: times in Unix milliseconds.

import type { FleetEvent } from './call.ts'
import type { FleetEventLog } from './fleet-view.ts'

/** What tells things with states apart. */
export type Flapper = Pick<FleetEvent, 'kind' | 'hub' | 'type' | 'namespace' | 'name' | 'cluster'>

/** A thing that flapped, and how often. */
export interface Flaps extends Flapper {
  readonly count: number
}

/** Flaps that are remembered per thing. */
const flapsMax = 1000

/** Things that are remembered beyond what the log keeps. */
const slackMax = 1000

interface Known {
  readonly of: Flapper
  state: string
  before: string | undefined
  changedMs: number
  flapsMs: number[]
}

/** Follows an event log. */
export class FlapCounter {
  readonly #windowMs: number
  #known = new Map<string, Known>()
  #lastId = 0

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** Takes in what the log has got since the last time. */
  catchUp(log: FleetEventLog): void {
    const isOther = log.newestId < this.#lastId
    if (isOther || log.oldestId > this.#lastId + 1) this.#known.clear()
    const from = isOther ? log.oldestId : Math.max(log.oldestId, this.#lastId + 1)
    for (let id = from; id <= log.newestId; id++) this.#note(log.at(id))
    this.#lastId = log.newestId
    const keptCount = log.newestId - log.oldestId + 1
    if (this.#known.size > keptCount + slackMax) this.#forgetBefore(log)
  }

  /** How often a thing flapped in the window that ends now. */
  countOf(thing: Flapper, nowMs: number): number {
    const known = this.#known.get(keyOf(thing))
    return known === undefined ? 0 : this.#inWindow(known, nowMs)
  }

  /** When a thing came to the state it is in, where the kept events know. */
  sinceMs(thing: Flapper, state: string): number | undefined {
    const known = this.#known.get(keyOf(thing))
    return known?.state === state ? known.changedMs : undefined
  }

  /** Everything that flapped in the window that ends now, most first. */
  all(nowMs: number): Flaps[] {
    const flaps: Flaps[] = []
    for (const known of this.#known.values()) {
      const count = known.flapsMs.length === 0 ? 0 : this.#inWindow(known, nowMs)
      if (count > 0) flaps.push({ ...known.of, count })
    }
    return flaps.sort((a, b) => b.count - a.count)
  }

  #note(event: FleetEvent): void {
    const { from, to, atMs } = event
    const key = keyOf(event)
    if (to === undefined) {
      this.#known.delete(key)
      return
    }
    const known = this.#known.get(key)
    if (known === undefined || from === undefined) {
      const { kind, hub, type, namespace, name, cluster } = event
      const of = { kind, hub, type, namespace, name, cluster }
      this.#known.set(key, { of, state: to, before: from, changedMs: atMs, flapsMs: [] })
      return
    }
    if (known.before === to) known.flapsMs.push(atMs)
    if (known.flapsMs.length > flapsMax) known.flapsMs.splice(0, flapsMax / 2)
    known.before = from
    known.state = to
    known.changedMs = atMs
  }

  #inWindow({ flapsMs }: Known, nowMs: number): number {
    while (flapsMs.length > 0 && flapsMs[0]! <= nowMs - this.#windowMs) flapsMs.shift()
    return flapsMs.length
  }

  // What the log itself has let go is let go here too, now and then, so that memory stays that of the log.
  #forgetBefore(log: FleetEventLog): void {
    const oldestMs =
      log.newestId < log.oldestId ? Number.POSITIVE_INFINITY : log.at(log.oldestId).atMs
    for (const [key, { changedMs }] of this.#known)
      if (changedMs < oldestMs) this.#known.delete(key)
  }
}

function keyOf({ kind, hub, type, namespace, name, cluster }: Flapper): string {
  return [kind, hub, type, namespace, name, cluster].join('\0')
}

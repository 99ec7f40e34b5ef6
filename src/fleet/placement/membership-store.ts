// The membership log on disk: a checkpoint now and then, and the journal's events since, so that the history outlives
// the events that the journal keeps.
// Format: docs/formats/memberships.md. Invariants: what a hub was seen to be is in the log, whether its transitions were
// heard or not; a checkpoint names the last event that is in it.

import type { MembershipColumns } from '../../model/index.ts'
import type { FleetStates } from '../model/transitions.ts'
import type { FleetEvent } from '../view/call.ts'
import type { FleetEventLog } from '../view/fleet-view.ts'
import { parseJsonFile, readFileIfThere, replaceFile } from '../whole-file.ts'
import {
  MembershipLog,
  type MembershipLogOptions,
  membershipDefaults,
  type SavedMemberships,
} from './membership-log.ts'

interface Checkpoint extends SavedMemberships {
  readonly format: 1
  readonly newestId: number
}

/** The memberships of all hubs. */
export class MembershipStore {
  readonly #path: string
  readonly #log: MembershipLog
  readonly #agreed = new Set<string>()
  #newestId: number
  #isSaved = true
  #last: Promise<void> = Promise.resolve()

  private constructor(path: string, log: MembershipLog, newestId: number) {
    this.#path = path
    this.#log = log
    this.#newestId = newestId
  }

  /** Reads the checkpoint and the events after it. Throws CorruptionError. */
  static async open(
    path: string,
    events: FleetEventLog,
    options: MembershipLogOptions = membershipDefaults,
  ): Promise<MembershipStore> {
    const text = await readFileIfThere(path)
    const saved = text === undefined ? undefined : (parseJsonFile(path, text) as Checkpoint)
    const log = new MembershipLog(options, saved)
    const firstId = Math.max((saved?.newestId ?? 0) + 1, events.oldestId)
    for (let id = firstId; id <= events.newestId; id++) log.add([events.at(id)])
    return new MembershipStore(path, log, events.newestId)
  }

  /** Takes in what a hub is seen to be, and the events that say so; returns whether memberships changed. */
  note(
    hub: string,
    fleet: Pick<FleetStates, 'placements' | 'sets'>,
    events: readonly FleetEvent[],
    nowMs: number,
  ): boolean {
    const heard = this.#log.add(events)
    const isNew = !this.#agreed.has(hub)
    this.#agreed.add(hub)
    const isChanged = (isNew && this.#log.agree(hub, fleet, nowMs)) || heard
    this.#newestId = events.at(-1)?.id ?? this.#newestId
    if (isChanged) this.#isSaved = false
    return isChanged
  }

  /** For query threads. */
  columns(): MembershipColumns {
    return this.#log.columns()
  }

  /** Writes a checkpoint where anything changed since the last one; resolves when it is durable. */
  save(): Promise<void> {
    this.#last = this.#last.catch(() => undefined).then(() => this.#write())
    return this.#last
  }

  async #write(): Promise<void> {
    if (this.#isSaved) return
    const checkpoint: Checkpoint = { format: 1, newestId: this.#newestId, ...this.#log.save() }
    this.#isSaved = true
    try {
      await replaceFile(this.#path, JSON.stringify(checkpoint))
    } catch (error) {
      this.#isSaved = false
      throw error
    }
  }
}

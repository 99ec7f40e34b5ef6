// Cancellation across threads: one shared word per query, set by the front, read wherever work is done for the query.
// Units: deadlines in Unix milliseconds, because threads agree on no other clock.

import { UserError } from '../model/index.ts'
import type { MemoryAccount } from './memory-account.ts'
import type { CancelSignal } from './queryable.ts'

/** The word's values: go on, stop because the caller has gone, stop because the time is up. */
export const cancelWord = { running: 0, canceled: 1, deadline: 2 } as const

/** Where a query's word is and when its time is up: plain data that can be posted to another thread. */
export interface CancelPlace {
  /** Over a SharedArrayBuffer where the signal is to cross threads. */
  readonly words: Int32Array
  readonly index: number
  /** Infinity where there is no deadline. */
  readonly deadlineMs: number
}

/** A signal that can be rebuilt in another thread from its `place`. */
export class SharedCancelSignal implements CancelSignal {
  readonly place: CancelPlace
  readonly memory?: MemoryAccount
  readonly #clock: () => number

  constructor(place: CancelPlace, clock: () => number, memory?: MemoryAccount) {
    this.place = place
    if (memory !== undefined) this.memory = memory
    this.#clock = clock
  }

  check(): void {
    const { words, index, deadlineMs } = this.place
    let state: number = Atomics.load(words, index)
    if (state === cancelWord.running) {
      if (this.#clock() <= deadlineMs) return
      // Whoever notices first tells the others, so that all give the same reason.
      state = cancelWord.deadline
      Atomics.compareExchange(words, index, cancelWord.running, state)
    }
    throw state === cancelWord.deadline
      ? new UserError('timeout', { what: 'query timed out in expression evaluation' })
      : new UserError('canceled', { what: 'query was canceled in expression evaluation' })
  }
}

/**
 * A signal over `words[index]` and a deadline in wall-clock milliseconds. `check` throws UserError canceled or timeout;
 * the clock is read on every call, so inner loops check per batch or per few thousand items.
 */
export function createCancelSignal(
  words: Int32Array,
  index: number,
  deadlineMs: number,
  clock: () => number = Date.now,
  memory?: MemoryAccount,
): SharedCancelSignal {
  return new SharedCancelSignal({ words, index, deadlineMs }, clock, memory)
}

/** A signal that never stops anything: for work that is not on behalf of a reader. */
export const neverCancelled: CancelSignal = { check(): void {} }

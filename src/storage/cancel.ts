// Cancellation across threads: one shared word per query, set by the front, read wherever work is done for the query.

import { UserError } from '../model/index.ts'
import type { CancelSignal } from './queryable.ts'

/** The word's values: go on, or stop because the caller has gone. */
export const cancelWord = { running: 0, canceled: 1 } as const

/**
 * A signal over `words[index]` and a deadline in wall-clock milliseconds. `check` throws UserError canceled or timeout;
 * the clock is read on every call, so inner loops check per batch or per few thousand items.
 */
export function createCancelSignal(
  words: Int32Array,
  index: number,
  deadlineMs: number,
  clock: () => number = Date.now,
): CancelSignal {
  return {
    check(): void {
      if (Atomics.load(words, index) !== cancelWord.running) {
        throw new UserError('canceled', { what: 'query was canceled in expression evaluation' })
      }
      if (clock() > deadlineMs) {
        throw new UserError('timeout', { what: 'query timed out in expression evaluation' })
      }
    },
  }
}

/** A signal that never stops anything: for work that is not on behalf of a reader. */
export const neverCancelled: CancelSignal = { check(): void {} }

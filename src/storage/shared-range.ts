// Shared range: the times that one thread's source may have samples for, as other threads see it without asking.
// Units: Unix milliseconds, inclusive. Invariant: the owner widens it before anybody relies on what came.

import type { TimeRange } from '../model/index.ts'

const beyond = 2n ** 62n

/** A time range in memory that threads share; all times until it is set for the first time. */
export class SharedTimeRange {
  /** To be handed to another thread. */
  readonly words: BigInt64Array

  /** Looks at the words of another one; makes its own where there are none. */
  constructor(words?: BigInt64Array) {
    this.words = words ?? new BigInt64Array(new SharedArrayBuffer(16))
    if (words === undefined) this.set(everything)
  }

  /** Replaces the range; bounds may be infinite, and a range without times has Infinity before −Infinity. */
  set({ minTimeMs, maxTimeMs }: TimeRange): void {
    Atomics.store(this.words, 0, wordOf(minTimeMs))
    Atomics.store(this.words, 1, wordOf(maxTimeMs))
  }

  /** The range as it was set last. */
  get(): TimeRange {
    return {
      minTimeMs: Number(Atomics.load(this.words, 0)),
      maxTimeMs: Number(Atomics.load(this.words, 1)),
    }
  }
}

/** All times. */
export const everything: TimeRange = { minTimeMs: -Infinity, maxTimeMs: Infinity }

/** The times of any of the ranges. */
export function spanOf(ranges: Iterable<TimeRange>): TimeRange {
  let minTimeMs = Infinity
  let maxTimeMs = -Infinity
  for (const range of ranges) {
    minTimeMs = Math.min(minTimeMs, range.minTimeMs)
    maxTimeMs = Math.max(maxTimeMs, range.maxTimeMs)
  }
  return { minTimeMs, maxTimeMs }
}

function wordOf(timeMs: number): bigint {
  if (Number.isFinite(timeMs)) return BigInt(Math.trunc(timeMs))
  return timeMs > 0 ? beyond : -beyond
}

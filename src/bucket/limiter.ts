// Limiter: at most so many things at a time, the others in line. Turns: long work in slices, so that the thread stays
// responsive.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Slices } from '../tsdb/index.ts'

/** Runs at most `countMax` pieces of work at a time, in the order in which they were handed over. */
export class Limiter {
  readonly #countMax: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** Runs `work` when its turn comes. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#countMax) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The place goes straight to the next in line.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

/** Longest slice of work between two looks at what else waits. */
const sliceMsMax = 8

/** Slices the work of one caller. */
export class Turns {
  #startedMs = performance.now()

  /** Whether the slice is used up. */
  get due(): boolean {
    return performance.now() - this.#startedMs > sliceMsMax
  }

  /** Lets others have a turn when the slice is used up. */
  async give(): Promise<void> {
    if (!this.due) return
    await nextTurn()
    this.#startedMs = performance.now()
  }

  /** Does sliced work to its end, letting others have their turns in between. */
  async finish<T>(work: Slices<T>): Promise<T> {
    for (;;) {
      const step = work.next()
      if (step.done === true) return step.value
      await this.give()
    }
  }
}

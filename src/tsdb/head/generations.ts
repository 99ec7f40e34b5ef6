// Generations: the open windows of a lane. A window is open once; what comes for it after it was sealed goes to an
// out-of-order generation of the same window, which is cut later into a block of its own.
// Invariant: a sealed generation is read but never written; its key is free again once it is dropped.

import type { HashSeed } from '../../kernel/index.ts'
import { Generation } from './generation.ts'
import { type GenerationKey, type RecordSink, recordType, windowKeyOf } from './record.ts'

/** The generations of one lane. */
export class Generations {
  readonly #seed: HashSeed
  readonly #countMax: number
  readonly #all = new Set<Generation>()
  readonly #open = new Map<number, Generation>()
  readonly #cut = new Set<number>()

  /** Twice `countMax` is the bound; above it the head asks for early cuts. `cutWindows` are starts of windows in blocks. */
  constructor(seed: HashSeed, countMax: number, cutWindows: readonly number[]) {
    this.#seed = seed
    this.#countMax = countMax
    for (const windowStartMs of cutWindows) this.#cut.add(windowStartMs)
  }

  /** All, sealed ones included, oldest window first. */
  all(): Generation[] {
    return [...this.#all].sort((a, b) => a.windowKey - b.windowKey)
  }

  /**
   * The open generation that takes samples of a window; made, and its start logged, when there is none.
   * undefined = there are too many.
   */
  forWindow(windowStartMs: number, nowMs: number, sink: RecordSink): Generation | undefined {
    const isOutOfOrder = this.#cut.has(windowStartMs)
    const key = { windowStartMs, isOutOfOrder }
    const known = this.#open.get(windowKeyOf(key))
    if (known !== undefined) return known
    if (this.#all.size >= 2 * this.#countMax) return undefined
    const generation = this.#add(key, nowMs)
    sink.push(new Uint8Array([recordType.generationStart]), generation.windowKey)
    return generation
  }

  /** The generation that a log record names. */
  forRecord(key: GenerationKey, nowMs: number): Generation {
    return this.#open.get(windowKeyOf(key)) ?? this.#add(key, nowMs)
  }

  /** Other generations that may know a series: the newest and the neighbours, nearest first. */
  relatives(of: Generation): Generation[] {
    const distance = (one: Generation): number => Math.abs(one.windowKey - of.windowKey)
    const others = [...this.#all].filter((one) => one !== of)
    return others.sort((a, b) => distance(a) - distance(b)).slice(0, 4)
  }

  /** Generations of later windows. */
  newerThan(of: Generation): Generation[] {
    return [...this.#all].filter((one) => one.key.windowStartMs > of.key.windowStartMs)
  }

  /** Stops writes to the open generation of this key; undefined when there is none. */
  seal(windowKey: number): Generation | undefined {
    const generation = this.#open.get(windowKey)
    if (generation === undefined) return undefined
    generation.sealed = true
    this.#open.delete(windowKey)
    this.#cut.add(generation.key.windowStartMs)
    return generation
  }

  /** Forgets a sealed generation. */
  drop(generation: Generation): void {
    this.#all.delete(generation)
  }

  #add(key: GenerationKey, nowMs: number): Generation {
    const generation = new Generation(key, this.#seed, nowMs)
    this.#all.add(generation)
    this.#open.set(generation.windowKey, generation)
    return generation
  }
}

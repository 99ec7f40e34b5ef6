// Int64 columns: 64-bit integers as pairs of 32-bit words, because arithmetic on bigint allocates.
// Invariants: a column's words share the bytes of a BigInt64Array (low word first); sums wrap at 64 bits.

/** The words of 64-bit integers: entry i is words 2i (low) and 2i + 1 (high). */
export function wordsOfInt64(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2)
}

/** Integers with the last difference of each, as histogram chunks store them. */
export class Int64Column {
  /** The last value of each entry. */
  readonly values: BigInt64Array
  /** High word of the result of `advance`. */
  high = 0
  /** Low word of the result of `advance`. */
  low = 0
  readonly #words: Int32Array
  readonly #deltas: Int32Array

  constructor(length: number) {
    this.values = new BigInt64Array(length)
    this.#words = wordsOfInt64(this.values)
    this.#deltas = new Int32Array(2 * length)
  }

  /** Keeps the value with these words; `high` and `low` become its second difference. */
  advance(index: number, high: number, low: number): void {
    const at = 2 * index
    const words = this.#words
    const deltas = this.#deltas
    const deltaLow = (low - words[at]!) | 0
    const deltaHigh = (high - words[at + 1]! - borrow(low, words[at]!)) | 0
    this.low = (deltaLow - deltas[at]!) | 0
    this.high = (deltaHigh - deltas[at + 1]! - borrow(deltaLow, deltas[at]!)) | 0
    words[at] = low
    words[at + 1] = high
    deltas[at] = deltaLow
    deltas[at + 1] = deltaHigh
  }

  /** Moves an entry on by the second difference with these words. */
  apply(index: number, high: number, low: number): void {
    const at = 2 * index
    const words = this.#words
    const deltas = this.#deltas
    const deltaLow = (deltas[at]! + low) | 0
    const deltaHigh = (deltas[at + 1]! + high + carry(deltaLow, low)) | 0
    const valueLow = (words[at]! + deltaLow) | 0
    words[at + 1] = (words[at + 1]! + deltaHigh + carry(valueLow, deltaLow)) | 0
    words[at] = valueLow
    deltas[at] = deltaLow
    deltas[at + 1] = deltaHigh
  }

  /** Sets an entry and leaves its difference at 0. */
  set(index: number, high: number, low: number): void {
    this.#words[2 * index] = low
    this.#words[2 * index + 1] = high
  }
}

/** The running sums of differences, as doubles: bucket counts of an integer histogram. */
export function runningSums(deltas: BigInt64Array): Float64Array {
  const words = wordsOfInt64(deltas)
  const out = new Float64Array(deltas.length)
  let high = 0
  let low = 0
  for (let i = 0; i < out.length; i++) {
    const addend = words[2 * i]!
    low = (low + addend) | 0
    high = (high + words[2 * i + 1]! + carry(low, addend)) | 0
    out[i] = high * 4_294_967_296 + (low >>> 0)
  }
  return out
}

/** Whether a running sum of `after` is below that of `before` anywhere; both have the same length. */
export function anyRunningSumFell(before: BigInt64Array, after: BigInt64Array): boolean {
  const from = wordsOfInt64(before)
  const to = wordsOfInt64(after)
  let high = 0
  let low = 0
  for (let i = 0; i < before.length; i++) {
    const at = 2 * i
    const stepLow = (to[at]! - from[at]!) | 0
    const stepHigh = to[at + 1]! - from[at + 1]! - borrow(to[at]!, from[at]!)
    low = (low + stepLow) | 0
    high = (high + stepHigh + carry(low, stepLow)) | 0
    if (high < 0) return true
  }
  return false
}

// Whether a sum of unsigned words wrapped, given the sum and an addend.
function carry(sum: number, addend: number): number {
  return sum >>> 0 < addend >>> 0 ? 1 : 0
}

// Whether a difference of unsigned words needs a borrow.
function borrow(from: number, subtrahend: number): number {
  return from >>> 0 < subtrahend >>> 0 ? 1 : 0
}

// Sample buffer: decoded samples of one series as columns, reused from series to series.
// Units: timestamps in Unix milliseconds. Staleness is read from the bits of `values` (model/stale.ts).

import type { FloatHistogram } from '../model/index.ts'
import { wordsOf } from '../model/index.ts'

/** Growable columns; entries at and beyond `count` are garbage. */
export class SampleBuffer {
  count = 0
  timestampsMs: Float64Array
  /** Float samples; at a histogram's index the value is meaningless (`histograms[i]` is set). */
  values: Float64Array
  /** The bits of `values`. */
  words: Uint32Array
  /** Start timestamps, 0 = unknown; empty until a chunk brings one. */
  startTimestampsMs: Float64Array
  hasStartTimestamps = false
  /** Set by index where the sample is a histogram; undefined until the first histogram. */
  histograms: (FloatHistogram | undefined)[] | undefined

  constructor(capacity = 256) {
    this.timestampsMs = new Float64Array(capacity)
    this.values = new Float64Array(capacity)
    this.words = wordsOf(this.values)
    this.startTimestampsMs = new Float64Array(0)
  }

  /** Empties the buffer and keeps its capacity. */
  clear(): void {
    this.count = 0
    this.hasStartTimestamps = false
    this.histograms = undefined
  }

  /** Makes room for `extra` more samples; existing entries are kept. */
  reserve(extra: number): void {
    const needed = this.count + extra
    if (needed > this.timestampsMs.length) {
      const capacity = Math.max(needed, this.timestampsMs.length * 2)
      this.timestampsMs = grown(this.timestampsMs, capacity)
      this.values = grown(this.values, capacity)
      this.words = wordsOf(this.values)
    }
    if (this.hasStartTimestamps && this.startTimestampsMs.length < this.timestampsMs.length) {
      this.startTimestampsMs = grown(this.startTimestampsMs, this.timestampsMs.length)
    }
  }
}

function grown(column: Float64Array, capacity: number): Float64Array {
  const out = new Float64Array(capacity)
  // Copied as words: a Float64Array.set between arrays of one type copies bytes, so NaN payloads survive.
  out.set(column)
  return out
}

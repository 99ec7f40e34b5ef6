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

  /** Bytes of the columns, histograms left out. */
  get sizeBytes(): number {
    return 16 * this.values.length + 8 * this.startTimestampsMs.length
  }

  /** Empties the buffer and keeps its capacity. */
  clear(): void {
    this.count = 0
    this.hasStartTimestamps = false
    this.histograms = undefined
  }

  /** From here on every sample has a start timestamp; those of the samples already there are unknown. */
  beginStartTimestamps(): void {
    if (this.hasStartTimestamps) return
    this.hasStartTimestamps = true
    this.reserve(0)
    this.startTimestampsMs.fill(0, 0, this.count)
  }

  /**
   * Appends sample `index` of `source`. Unless it `follows` the sample before it in its own chunk as well, a
   * histogram no longer knows that no counter reset lies between.
   */
  copyFrom(source: SampleBuffer, index: number, follows: boolean): void {
    this.reserve(1)
    const at = this.count++
    this.timestampsMs[at] = source.timestampsMs[index]!
    this.words[2 * at] = source.words[2 * index]!
    this.words[2 * at + 1] = source.words[2 * index + 1]!
    if (this.hasStartTimestamps)
      this.startTimestampsMs[at] = source.hasStartTimestamps ? source.startTimestampsMs[index]! : 0
    const histogram = source.histograms?.[index]
    if (histogram === undefined) return
    const unsure = !follows && histogram.counterResetHint === 'not_reset'
    this.setHistogram(at, unsure ? { ...histogram, counterResetHint: 'unknown' } : histogram)
  }

  /** Appends a histogram; a start timestamp of 0 is unknown. */
  appendHistogram(timestampMs: number, startTimestampMs: number, histogram: FloatHistogram): void {
    if (startTimestampMs !== 0) this.beginStartTimestamps()
    this.reserve(1)
    const at = this.count++
    this.timestampsMs[at] = timestampMs
    this.values[at] = 0
    if (this.hasStartTimestamps) this.startTimestampsMs[at] = startTimestampMs
    this.setHistogram(at, histogram)
  }

  /** Makes entry `index` a histogram. */
  setHistogram(index: number, histogram: FloatHistogram): void {
    this.histograms ??= []
    while (this.histograms.length < index) this.histograms.push(undefined)
    this.histograms[index] = histogram
  }

  /** Takes over the columns of `source`, which must not be used again. */
  take(source: SampleBuffer): void {
    this.count = source.count
    this.timestampsMs = source.timestampsMs
    this.values = source.values
    this.words = source.words
    this.startTimestampsMs = source.startTimestampsMs
    this.hasStartTimestamps = source.hasStartTimestamps
    this.histograms = source.histograms
  }

  /** Removes the first `dropCount` samples. */
  dropFirst(dropCount: number): void {
    this.timestampsMs.copyWithin(0, dropCount, this.count)
    this.words.copyWithin(0, 2 * dropCount, 2 * this.count)
    if (this.hasStartTimestamps) this.startTimestampsMs.copyWithin(0, dropCount, this.count)
    this.histograms?.splice(0, dropCount)
    this.count -= dropCount
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

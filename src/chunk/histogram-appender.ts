// Histogram appender: the chunk that is being written for one series of native histograms.
// Here: which sample fits, when buckets are added (the chunk is written anew, wider), when a new chunk has to start.
// Units: timestamps in Unix milliseconds within ±2^51, sizes in bytes.
// Invariants: timestamps strictly increase; after a stale marker only stale markers follow.
// Source: Prometheus tsdb/chunkenc/histogram.go, float_histogram.go, histogram_meta.go.

import { BitWriter } from '../kernel/index.ts'
import type { CounterResetHint } from '../model/index.ts'
import { assert } from '../model/index.ts'
import { chunkEncoding } from './chunk-encoding.ts'
import { readHistogramSamples } from './histogram-chunk.ts'
import type { HistogramWriter } from './histogram-fields.ts'
import { histogramWriter } from './histogram-fields.ts'
import type { HistogramLayout } from './histogram-layout.ts'
import {
  bucketCountOf,
  bucketIndexes,
  layoutOf,
  sameBounds,
  sameResolution,
  sameSpans,
  unionSpans,
  writeLayout,
} from './histogram-layout.ts'
import type { HistogramSample } from './histogram-sample.ts'
import { isGaugeHistogram, isStaleHistogram, staleHistogram } from './histogram-sample.ts'
import { anyRunningSumFell } from './int64-column.ts'
import { StartTimestampWriter } from './start-timestamps.ts'
import { writeVarbitInt } from './varbit.ts'
import type { BucketCounts } from './widen-histogram.ts'
import { negativeCounts, positiveCounts, widenHistogram } from './widen-histogram.ts'

/** What a chunk's header says about a counter reset before its first sample. */
export type CounterResetHeader = CounterResetHint

/** What became of a sample: in the chunk, in the chunk after it was written anew, or a new chunk with this header. */
export type HistogramAppendResult =
  | 'appended'
  | 'recoded'
  | { readonly newChunk: CounterResetHeader }

/** How a chunk starts. */
export interface HistogramChunkStart {
  readonly header: CounterResetHeader
  /** Writes encodings 5 and 6, which keep start timestamps. */
  readonly startTimestamps: boolean
}

const headerBits = { unknown: 0, not_reset: 0x40, reset: 0x80, gauge: 0xc0 } as const
// Encodings 5 and 6 lend the two highest bits of the count to the header.
const countMax = 65_535
const countMaxSt = 16_383

/** The header of a series' first chunk, or of one after a chunk of another encoding. */
export function firstChunkHeader(sample: HistogramSample): CounterResetHeader {
  const hint = sample.counterResetHint
  return hint === 'gauge' || hint === 'reset' ? hint : 'unknown'
}

/** Builds one chunk; start the next one when `append` asks for it, or when a size or time is reached. */
export class HistogramAppender {
  readonly header: CounterResetHeader
  readonly kind: HistogramSample['kind']
  readonly #startTimestamps: boolean
  #bits = new BitWriter()
  #writer: HistogramWriter
  #starts = new StartTimestampWriter()
  #layout: HistogramLayout
  /** The last sample that is no stale marker, over the buckets of the layout. */
  #last: HistogramSample
  #endsStale = false
  #count = 0
  #timestampMs = 0
  #deltaMs = 0

  /** A chunk with its first sample. */
  constructor(
    start: HistogramChunkStart,
    timestampMs: number,
    sample: HistogramSample,
    startTimestampMs = 0,
  ) {
    const first = isStaleHistogram(sample) ? staleHistogram(sample.kind) : sample
    this.header = start.header
    this.kind = sample.kind
    this.#startTimestamps = start.startTimestamps
    this.#layout = layoutOf(first)
    this.#last = first
    this.#writer = this.#begin()
    this.#write(timestampMs, first, startTimestampMs)
  }

  /** The encoding byte of this chunk. */
  get encoding(): number {
    if (this.kind === 'integer')
      return this.#startTimestamps ? chunkEncoding.histogramSt : chunkEncoding.histogram
    return this.#startTimestamps ? chunkEncoding.floatHistogramSt : chunkEncoding.floatHistogram
  }

  /** Whether the chunk's encoding has room for start timestamps. */
  get keepsStartTimestamps(): boolean {
    return this.#startTimestamps
  }

  /** Samples appended so far. */
  get count(): number {
    return this.#count
  }

  /** Size of the chunk so far, header included. */
  get sizeBytes(): number {
    return this.#bits.sizeBytes
  }

  /** Timestamp of the last sample. */
  get lastTimestampMs(): number {
    return this.#timestampMs
  }

  /** Appends a sample of this chunk's kind, or says which header the chunk that must hold it has. */
  append(
    timestampMs: number,
    sample: HistogramSample,
    startTimestampMs = 0,
  ): HistogramAppendResult {
    assert(sample.kind === this.kind, 'a chunk holds histograms of one kind')
    const refused = this.#refusal(sample)
    if (refused !== undefined) return { newChunk: refused }
    assert(timestampMs > this.#timestampMs, 'timestamps of a chunk strictly increase')
    if (isStaleHistogram(sample)) {
      this.#write(timestampMs, sample, startTimestampMs)
      return 'appended'
    }
    const positiveSpans = unionSpans(this.#layout.positiveSpans, sample.positiveSpans)
    const negativeSpans = unionSpans(this.#layout.negativeSpans, sample.negativeSpans)
    const recode =
      positiveSpans !== this.#layout.positiveSpans || negativeSpans !== this.#layout.negativeSpans
    if (recode) this.#recode({ ...this.#layout, positiveSpans, negativeSpans })
    const wide = widenHistogram(sample, this.#layout)
    this.#write(timestampMs, wide, startTimestampMs)
    return recode ? 'recoded' : 'appended'
  }

  /** The header of the next chunk, were it to start with `sample` because this one reached its size or time. */
  nextHeader(sample: HistogramSample): CounterResetHeader {
    return this.#refusal(sample) ?? (isGaugeHistogram(sample) ? 'gauge' : 'not_reset')
  }

  /** The chunk's data, without the encoding byte. The appender may go on. */
  finish(): Uint8Array {
    return this.#bits.finish()
  }

  // The tests stand in Prometheus' order: the first that applies names the header.
  #refusal(sample: HistogramSample): CounterResetHeader | undefined {
    if (this.#count === (this.#startTimestamps ? countMaxSt : countMax))
      return isGaugeHistogram(sample) ? 'gauge' : 'not_reset'
    if (isGaugeHistogram(sample)) return this.#gaugeRefusal(sample)
    if (this.header === 'gauge') return 'not_reset'
    if (sample.counterResetHint === 'reset') return 'reset'
    if (isStaleHistogram(sample)) return undefined
    if (this.#endsStale) return 'unknown'
    const last = this.#last
    if (sample.count < last.count) return 'reset'
    if (sample.schema !== last.schema || sample.zeroThreshold !== last.zeroThreshold)
      return 'unknown'
    if (!sameBounds(sample, this.#layout)) return 'reset'
    if (sample.zeroCount < last.zeroCount) return 'reset'
    return this.#bucketsFell(sample) ? 'reset' : undefined
  }

  #gaugeRefusal(sample: HistogramSample): CounterResetHeader | undefined {
    if (this.header !== 'gauge') return 'gauge'
    if (isStaleHistogram(sample)) return undefined
    return this.#endsStale || !sameResolution(layoutOf(sample), this.#layout) ? 'gauge' : undefined
  }

  #bucketsFell(sample: HistogramSample): boolean {
    const { positiveSpans, negativeSpans } = this.#layout
    const last = this.#last
    if (
      sample.kind === 'integer' &&
      last.kind === 'integer' &&
      sameSpans(sample.positiveSpans, positiveSpans) &&
      sameSpans(sample.negativeSpans, negativeSpans)
    )
      return (
        anyRunningSumFell(last.positiveDeltas, sample.positiveDeltas) ||
        anyRunningSumFell(last.negativeDeltas, sample.negativeDeltas)
      )
    return (
      fell(
        { indexes: bucketIndexes(positiveSpans), counts: positiveCounts(last) },
        { indexes: bucketIndexes(sample.positiveSpans), counts: positiveCounts(sample) },
      ) ||
      fell(
        { indexes: bucketIndexes(negativeSpans), counts: negativeCounts(last) },
        { indexes: bucketIndexes(sample.negativeSpans), counts: negativeCounts(sample) },
      )
    )
  }

  #begin(): HistogramWriter {
    this.#bits = new BitWriter()
    this.#starts = new StartTimestampWriter()
    this.#count = 0
    this.#bits.writeBits(0, 24)
    writeLayout(this.#bits, this.#layout)
    const { positiveSpans, negativeSpans } = this.#layout
    return histogramWriter(this.kind, bucketCountOf(positiveSpans) + bucketCountOf(negativeSpans))
  }

  // Reads the chunk back and writes it over the wider layout. Rare: once per new bucket.
  #recode(layout: HistogramLayout): void {
    const bytes = this.finish()
    this.#layout = layout
    this.#writer = this.#begin()
    readHistogramSamples(this.encoding, bytes, 0, bytes.length, (timestampMs, startMs, sample) => {
      const stale = isStaleHistogram(sample)
      this.#write(timestampMs, stale ? sample : widenHistogram(sample, layout), startMs)
    })
  }

  #write(timestampMs: number, sample: HistogramSample, startTimestampMs: number): void {
    const bits = this.#bits
    const index = this.#count
    const previousMs = index === 0 ? timestampMs : this.#timestampMs
    const deltaMs = timestampMs - previousMs
    // The first difference counts as a second one, the one before it being 0.
    writeVarbitInt(bits, index === 0 ? timestampMs : deltaMs - this.#deltaMs)
    this.#writer.write(bits, sample)
    if (this.#startTimestamps) this.#starts.write(bits, index, previousMs, startTimestampMs)
    this.#deltaMs = deltaMs
    this.#timestampMs = timestampMs
    this.#endsStale = isStaleHistogram(sample)
    if (!this.#endsStale) this.#last = sample
    this.#count++
    this.#writeHeader()
  }

  #writeHeader(): void {
    const flags = headerBits[this.header]
    const high = this.#count >>> 8
    this.#bits.setByte(0, this.#startTimestamps ? flags | high : high)
    this.#bits.setByte(1, this.#count)
    this.#bits.setByte(2, this.#startTimestamps ? this.#starts.headerByte : flags)
  }
}

interface Buckets {
  readonly indexes: readonly number[]
  readonly counts: BucketCounts
}

// Whether a bucket holds less than before, or is gone although it held something.
function fell(before: Buckets, after: Buckets): boolean {
  let place = 0
  for (let i = 0; i < before.indexes.length; i++) {
    const index = before.indexes[i]!
    while (place < after.indexes.length && after.indexes[place]! < index) place++
    const found = place < after.indexes.length && after.indexes[place] === index
    if (found ? after.counts[place]! < before.counts[i]! : before.counts[i]! > 0) return true
  }
  return false
}

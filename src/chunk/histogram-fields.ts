// Histogram fields: how one histogram of a chunk is stored, given the one before. Integer counts are second
// differences of 64 bits; float counts are XORs of doubles, each field with a window of its own.
// Source: Prometheus tsdb/docs/format/chunks.md, histogram and float histogram chunk data.

import type { BitReader, BitWriter } from '../kernel/index.ts'
import { readXor, writeXor, XorState } from '../kernel/index.ts'
import type { CounterResetHint } from '../model/index.ts'
import { staleHigh, staleLow, wordsOf } from '../model/index.ts'
import type { HistogramLayout } from './histogram-layout.ts'
import { bucketCountOf } from './histogram-layout.ts'
import type { FloatCountHistogram, HistogramSample, IntegerHistogram } from './histogram-sample.ts'
import { isStaleHistogram, staleHistogram } from './histogram-sample.ts'
import { Int64Column, wordsOfInt64 } from './int64-column.ts'
import {
  readVarbitBigUint,
  readVarbitWords,
  writeVarbitBigUint,
  writeVarbitWords,
} from './varbit.ts'

/** Writes histograms of one layout, one after the other. */
export interface HistogramWriter {
  /** `sample` has exactly the buckets of the chunk's layout, or is a stale marker. */
  write(bits: BitWriter, sample: HistogramSample): void
}

/** Reads histograms of one layout, one after the other. */
export interface HistogramReader {
  read(bits: BitReader, hint: CounterResetHint): HistogramSample
}

/** A writer for the sample's kind. */
export function histogramWriter(
  kind: HistogramSample['kind'],
  bucketCount: number,
): HistogramWriter {
  return kind === 'integer' ? new IntegerWriter(bucketCount) : new FloatWriter(bucketCount)
}

/** A reader for chunks of the kind. */
export function histogramReader(
  kind: HistogramSample['kind'],
  layout: HistogramLayout,
): HistogramReader {
  return kind === 'integer' ? new IntegerReader(layout) : new FloatReader(layout)
}

// Column order: count, zero count, positive buckets, negative buckets.
const countColumn = 0
const zeroColumn = 1
const firstBucket = 2

class IntegerWriter implements HistogramWriter {
  readonly #columns: Int64Column
  readonly #sum = new XorState()
  // Count and zero count of the sample at hand, to get at their words.
  readonly #counts = new BigInt64Array(2)
  readonly #countWords = wordsOfInt64(this.#counts)
  #first = true

  constructor(bucketCount: number) {
    this.#columns = new Int64Column(firstBucket + bucketCount)
  }

  write(bits: BitWriter, sample: HistogramSample): void {
    const histogram = sample as IntegerHistogram
    if (this.#first) {
      writeVarbitBigUint(bits, histogram.count)
      writeVarbitBigUint(bits, histogram.zeroCount)
      writeFirstSum(bits, this.#sum, histogram)
    } else if (isStaleHistogram(histogram)) {
      // Second differences of count and zero count are 0, which takes a bit each.
      bits.writeBits(0, 2)
      writeXor(bits, this.#sum, histogram.sumHigh, histogram.sumLow)
      return
    }
    this.#counts[countColumn] = histogram.count
    this.#counts[zeroColumn] = histogram.zeroCount
    this.#writeColumns(bits, countColumn, this.#countWords, !this.#first)
    if (!this.#first) writeXor(bits, this.#sum, histogram.sumHigh, histogram.sumLow)
    const { positiveDeltas, negativeDeltas } = histogram
    this.#writeColumns(bits, firstBucket, wordsOfInt64(positiveDeltas), true)
    const negativeStart = firstBucket + positiveDeltas.length
    this.#writeColumns(bits, negativeStart, wordsOfInt64(negativeDeltas), true)
    this.#first = false
  }

  // First values are kept and leave no difference; buckets of a first sample are written as they are.
  #writeColumns(bits: BitWriter, from: number, words: Int32Array, written: boolean): void {
    const columns = this.#columns
    for (let i = 0; i < words.length; i += 2) {
      const index = from + (i >> 1)
      const low = words[i]!
      const high = words[i + 1]!
      if (this.#first) {
        columns.set(index, high, low)
        if (written) writeVarbitWords(bits, high, low)
        continue
      }
      columns.advance(index, high, low)
      writeVarbitWords(bits, columns.high, columns.low)
    }
  }
}

class IntegerReader implements HistogramReader {
  readonly #layout: HistogramLayout
  readonly #positiveCount: number
  readonly #columns: Int64Column
  readonly #sum = new XorState()
  #first = true

  constructor(layout: HistogramLayout) {
    this.#layout = layout
    this.#positiveCount = bucketCountOf(layout.positiveSpans)
    const bucketCount = this.#positiveCount + bucketCountOf(layout.negativeSpans)
    this.#columns = new Int64Column(firstBucket + bucketCount)
  }

  read(bits: BitReader, hint: CounterResetHint): HistogramSample {
    const { values } = this.#columns
    if (this.#first) {
      values[countColumn] = readVarbitBigUint(bits)
      values[zeroColumn] = readVarbitBigUint(bits)
      readFirstSum(bits, this.#sum)
      this.#readBuckets(bits)
      this.#first = false
    } else {
      this.#apply(bits, countColumn)
      this.#apply(bits, zeroColumn)
      readXor(bits, this.#sum)
      if (!isStaleSum(this.#sum)) this.#readBuckets(bits)
    }
    if (isStaleSum(this.#sum)) return staleHistogram('integer')
    const { schema, zeroThreshold, positiveSpans, negativeSpans, customValues } = this.#layout
    const negativeStart = firstBucket + this.#positiveCount
    return {
      kind: 'integer',
      counterResetHint: hint,
      schema,
      zeroThreshold,
      positiveSpans,
      negativeSpans,
      customValues,
      count: BigInt.asUintN(64, values[countColumn]!),
      zeroCount: BigInt.asUintN(64, values[zeroColumn]!),
      positiveDeltas: values.slice(firstBucket, negativeStart),
      negativeDeltas: values.slice(negativeStart),
      sumLow: this.#sum.low,
      sumHigh: this.#sum.high,
    }
  }

  #readBuckets(bits: BitReader): void {
    const columns = this.#columns
    for (let i = firstBucket; i < columns.values.length; i++) {
      if (!this.#first) this.#apply(bits, i)
      else {
        readVarbitWords(bits)
        columns.set(i, bits.high, bits.low)
      }
    }
  }

  #apply(bits: BitReader, index: number): void {
    readVarbitWords(bits)
    this.#columns.apply(index, bits.high, bits.low)
  }
}

class FloatWriter implements HistogramWriter {
  readonly #columns: XorState[]
  readonly #sum = new XorState()
  readonly #values: Float64Array
  readonly #words: Uint32Array
  #first = true

  constructor(bucketCount: number) {
    this.#columns = Array.from({ length: firstBucket + bucketCount }, () => new XorState())
    this.#values = new Float64Array(firstBucket + bucketCount)
    this.#words = wordsOf(this.#values)
  }

  write(bits: BitWriter, sample: HistogramSample): void {
    const histogram = sample as FloatCountHistogram
    if (!this.#first && isStaleHistogram(histogram)) {
      // Count and zero count repeat, which takes a bit each.
      bits.writeBits(0, 2)
      writeXor(bits, this.#sum, histogram.sumHigh, histogram.sumLow)
      return
    }
    this.#values[countColumn] = histogram.count
    this.#values[zeroColumn] = histogram.zeroCount
    this.#values.set(histogram.positiveBuckets, firstBucket)
    this.#values.set(histogram.negativeBuckets, firstBucket + histogram.positiveBuckets.length)
    this.#writeColumn(bits, countColumn)
    this.#writeColumn(bits, zeroColumn)
    if (this.#first) writeFirstSum(bits, this.#sum, histogram)
    else writeXor(bits, this.#sum, histogram.sumHigh, histogram.sumLow)
    for (let i = firstBucket; i < this.#columns.length; i++) this.#writeColumn(bits, i)
    this.#first = false
  }

  #writeColumn(bits: BitWriter, index: number): void {
    const low = this.#words[2 * index]!
    const high = this.#words[2 * index + 1]!
    const column = this.#columns[index]!
    if (!this.#first) {
      writeXor(bits, column, high, low)
      return
    }
    bits.writeWords(high, low, 64)
    column.high = high | 0
    column.low = low | 0
  }
}

class FloatReader implements HistogramReader {
  readonly #layout: HistogramLayout
  readonly #positiveCount: number
  readonly #columns: XorState[]
  readonly #sum = new XorState()
  readonly #values: Float64Array
  readonly #words: Uint32Array
  #first = true

  constructor(layout: HistogramLayout) {
    this.#layout = layout
    this.#positiveCount = bucketCountOf(layout.positiveSpans)
    const bucketCount = this.#positiveCount + bucketCountOf(layout.negativeSpans)
    this.#columns = Array.from({ length: firstBucket + bucketCount }, () => new XorState())
    this.#values = new Float64Array(firstBucket + bucketCount)
    this.#words = wordsOf(this.#values)
  }

  read(bits: BitReader, hint: CounterResetHint): HistogramSample {
    this.#readColumn(bits, countColumn)
    this.#readColumn(bits, zeroColumn)
    if (this.#first) readFirstSum(bits, this.#sum)
    else readXor(bits, this.#sum)
    const stale = isStaleSum(this.#sum)
    if (!stale || this.#first)
      for (let i = firstBucket; i < this.#columns.length; i++) this.#readColumn(bits, i)
    this.#first = false
    if (stale) return staleHistogram('float')
    const negativeStart = firstBucket + this.#positiveCount
    return {
      kind: 'float',
      ...this.#layout,
      counterResetHint: hint,
      count: this.#values[countColumn]!,
      zeroCount: this.#values[zeroColumn]!,
      positiveBuckets: this.#values.slice(firstBucket, negativeStart),
      negativeBuckets: this.#values.slice(negativeStart),
      sumLow: this.#sum.low,
      sumHigh: this.#sum.high,
    }
  }

  #readColumn(bits: BitReader, index: number): void {
    const column = this.#columns[index]!
    if (this.#first) {
      bits.readWords(64)
      column.high = bits.high
      column.low = bits.low
    } else readXor(bits, column)
    this.#words[2 * index] = column.low
    this.#words[2 * index + 1] = column.high
  }
}

function writeFirstSum(bits: BitWriter, sum: XorState, histogram: HistogramSample): void {
  sum.high = histogram.sumHigh | 0
  sum.low = histogram.sumLow | 0
  bits.writeWords(sum.high, sum.low, 64)
}

function readFirstSum(bits: BitReader, sum: XorState): void {
  bits.readWords(64)
  sum.high = bits.high
  sum.low = bits.low
}

function isStaleSum(sum: XorState): boolean {
  return sum.high === staleHigh && sum.low === staleLow
}

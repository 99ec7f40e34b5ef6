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
import {
  readVarbitBigInt,
  readVarbitBigUint,
  writeVarbitBigInt,
  writeVarbitBigUint,
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

/** An integer field: its last value and last difference; both wrap at 64 bits. */
class IntegerColumn {
  readonly values: BigInt64Array
  readonly deltas: BigInt64Array

  constructor(length: number) {
    this.values = new BigInt64Array(length)
    this.deltas = new BigInt64Array(length)
  }

  /** Keeps `value`; returns the second difference to store. */
  advance(index: number, value: bigint): bigint {
    const delta = BigInt.asIntN(64, value - this.values[index]!)
    const dod = BigInt.asIntN(64, delta - this.deltas[index]!)
    this.values[index] = value
    this.deltas[index] = delta
    return dod
  }

  /** The value whose second difference is `dod`. */
  apply(index: number, dod: bigint): bigint {
    this.deltas[index] = this.deltas[index]! + dod
    this.values[index] = this.values[index]! + this.deltas[index]!
    return this.values[index]!
  }
}

// Column order: count, zero count, positive buckets, negative buckets.
const countColumn = 0
const zeroColumn = 1
const firstBucket = 2

class IntegerWriter implements HistogramWriter {
  readonly #columns: IntegerColumn
  readonly #sum = new XorState()
  #first = true

  constructor(bucketCount: number) {
    this.#columns = new IntegerColumn(firstBucket + bucketCount)
  }

  write(bits: BitWriter, sample: HistogramSample): void {
    const histogram = sample as IntegerHistogram
    const { values } = this.#columns
    if (this.#first) {
      this.#first = false
      values[countColumn] = histogram.count
      values[zeroColumn] = histogram.zeroCount
      writeVarbitBigUint(bits, histogram.count)
      writeVarbitBigUint(bits, histogram.zeroCount)
      writeFirstSum(bits, this.#sum, histogram)
      let at = firstBucket
      for (const deltas of [histogram.positiveDeltas, histogram.negativeDeltas])
        for (const delta of deltas) {
          values[at++] = delta
          writeVarbitBigInt(bits, delta)
        }
      return
    }
    if (isStaleHistogram(histogram)) {
      writeVarbitBigInt(bits, 0n)
      writeVarbitBigInt(bits, 0n)
      writeXor(bits, this.#sum, histogram.sumHigh, histogram.sumLow)
      return
    }
    writeVarbitBigInt(bits, this.#columns.advance(countColumn, histogram.count))
    writeVarbitBigInt(bits, this.#columns.advance(zeroColumn, histogram.zeroCount))
    writeXor(bits, this.#sum, histogram.sumHigh, histogram.sumLow)
    let at = firstBucket
    for (const deltas of [histogram.positiveDeltas, histogram.negativeDeltas])
      for (const delta of deltas) writeVarbitBigInt(bits, this.#columns.advance(at++, delta))
  }
}

class IntegerReader implements HistogramReader {
  readonly #layout: HistogramLayout
  readonly #positiveCount: number
  readonly #columns: IntegerColumn
  readonly #sum = new XorState()
  #first = true

  constructor(layout: HistogramLayout) {
    this.#layout = layout
    this.#positiveCount = bucketCountOf(layout.positiveSpans)
    const bucketCount = this.#positiveCount + bucketCountOf(layout.negativeSpans)
    this.#columns = new IntegerColumn(firstBucket + bucketCount)
  }

  read(bits: BitReader, hint: CounterResetHint): HistogramSample {
    const columns = this.#columns
    const { values } = columns
    if (this.#first) {
      this.#first = false
      values[countColumn] = readVarbitBigUint(bits)
      values[zeroColumn] = readVarbitBigUint(bits)
      readFirstSum(bits, this.#sum)
      for (let i = firstBucket; i < values.length; i++) values[i] = readVarbitBigInt(bits)
    } else {
      columns.apply(countColumn, readVarbitBigInt(bits))
      columns.apply(zeroColumn, readVarbitBigInt(bits))
      readXor(bits, this.#sum)
      if (!isStaleSum(this.#sum))
        for (let i = firstBucket; i < values.length; i++) columns.apply(i, readVarbitBigInt(bits))
    }
    if (isStaleSum(this.#sum)) return staleHistogram('integer')
    const negativeStart = firstBucket + this.#positiveCount
    return {
      kind: 'integer',
      ...this.#layout,
      counterResetHint: hint,
      count: BigInt.asUintN(64, values[countColumn]!),
      zeroCount: BigInt.asUintN(64, values[zeroColumn]!),
      positiveDeltas: values.slice(firstBucket, negativeStart),
      negativeDeltas: values.slice(negativeStart),
      sumLow: this.#sum.low,
      sumHigh: this.#sum.high,
    }
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

// Histogram sample: a native histogram exactly as it is stored, integer or float.
// Invariants: integer counts are 64-bit and exact (bigint), never doubles; the sum travels as words, because a stale
// marker in it would lose its bits as a number; one bucket per span position, in span order.
// Source: Prometheus model/histogram; remote write's Histogram message.

import type { CounterResetHint, FloatHistogram, Span } from '../model/index.ts'
import { staleHigh, staleLow } from '../model/index.ts'
import { runningSums } from './int64-column.ts'

/** What integer and float histograms share. */
export interface HistogramShape {
  readonly counterResetHint: CounterResetHint
  readonly schema: number
  readonly zeroThreshold: number
  readonly positiveSpans: readonly Span[]
  readonly negativeSpans: readonly Span[]
  /** Upper bounds of custom buckets; empty for other schemas. */
  readonly customValues: Float64Array
  /** The words of the sum. */
  readonly sumLow: number
  readonly sumHigh: number
}

/** Integer counts; each bucket is the difference to the bucket before, the first is absolute. */
export interface IntegerHistogram extends HistogramShape {
  readonly kind: 'integer'
  readonly count: bigint
  readonly zeroCount: bigint
  readonly positiveDeltas: BigInt64Array
  readonly negativeDeltas: BigInt64Array
}

/** Float counts; buckets are absolute. */
export interface FloatCountHistogram extends HistogramShape {
  readonly kind: 'float'
  readonly count: number
  readonly zeroCount: number
  readonly positiveBuckets: Float64Array
  readonly negativeBuckets: Float64Array
}

/** A native histogram as stored. */
export type HistogramSample = IntegerHistogram | FloatCountHistogram

const scratch = new Float64Array(1)
const scratchWords = new Uint32Array(scratch.buffer)

/** Whether the sample marks the end of its series. */
export function isStaleHistogram(histogram: HistogramShape): boolean {
  return histogram.sumLow >>> 0 === staleLow && histogram.sumHigh >>> 0 === staleHigh
}

/** Whether the sample is of a gauge, whose counts may fall. */
export function isGaugeHistogram(histogram: HistogramShape): boolean {
  return histogram.counterResetHint === 'gauge'
}

/** What a stale marker reads back as: nothing but its sum. */
export function staleHistogram(kind: 'integer' | 'float'): HistogramSample {
  const shape = {
    counterResetHint: 'unknown',
    schema: 0,
    zeroThreshold: 0,
    positiveSpans: [],
    negativeSpans: [],
    customValues: new Float64Array(0),
    sumLow: staleLow,
    sumHigh: staleHigh,
  } as const
  if (kind === 'integer') {
    const none = new BigInt64Array(0)
    return { ...shape, kind, count: 0n, zeroCount: 0n, positiveDeltas: none, negativeDeltas: none }
  }
  const none = new Float64Array(0)
  return { ...shape, kind, count: 0, zeroCount: 0, positiveBuckets: none, negativeBuckets: none }
}

/** The sum as a number; a NaN may lose its payload. */
export function sumOf(histogram: HistogramShape): number {
  scratchWords[0] = histogram.sumLow
  scratchWords[1] = histogram.sumHigh
  return scratch[0]!
}

/** The value that PromQL computes with. */
export function toFloatHistogram(histogram: HistogramSample): FloatHistogram {
  const shared = {
    counterResetHint: histogram.counterResetHint,
    schema: histogram.schema,
    zeroThreshold: histogram.zeroThreshold,
    sum: sumOf(histogram),
    stale: isStaleHistogram(histogram),
    positiveSpans: histogram.positiveSpans,
    negativeSpans: histogram.negativeSpans,
    customValues: histogram.customValues,
  }
  if (histogram.kind === 'float') {
    const { count, zeroCount, positiveBuckets, negativeBuckets } = histogram
    return { ...shared, count, zeroCount, positiveBuckets, negativeBuckets }
  }
  return {
    ...shared,
    count: Number(histogram.count),
    zeroCount: Number(histogram.zeroCount),
    positiveBuckets: runningSums(histogram.positiveDeltas),
    negativeBuckets: runningSums(histogram.negativeDeltas),
  }
}

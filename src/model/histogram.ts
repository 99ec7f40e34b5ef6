// Native histograms as values: exponential (schema -4…8, wider when read) and custom buckets (schema -53).
// Counts are doubles here, as PromQL computes with them; integer histograms keep u64 pairs in `chunk`.
// Invariants: bucket counts are absolute, one per span position, in span order.
// Source: Prometheus model/histogram/float_histogram.go.

/** What is known about a counter reset before this histogram. */
export type CounterResetHint = 'unknown' | 'reset' | 'not_reset' | 'gauge'

/** `length` consecutive buckets that start `offset` buckets after the end of the span before (first: absolute index). */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** The schema of histograms with custom bucket bounds. */
export const customBucketsSchema = -53

/** A native histogram with floating-point counts. */
export interface FloatHistogram {
  readonly counterResetHint: CounterResetHint
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly count: number
  readonly sum: number
  /** The sum was a stale marker: the series ended here. Carried apart because a number may lose NaN bits. */
  readonly stale: boolean
  readonly positiveSpans: readonly Span[]
  readonly negativeSpans: readonly Span[]
  readonly positiveBuckets: Float64Array
  readonly negativeBuckets: Float64Array
  /** Upper bounds of custom buckets, strictly ascending, without +Inf; empty for other schemas. */
  readonly customValues: Float64Array
}

/** Whether the histogram has custom buckets. */
export function usesCustomBuckets(histogram: FloatHistogram): boolean {
  return histogram.schema === customBucketsSchema
}

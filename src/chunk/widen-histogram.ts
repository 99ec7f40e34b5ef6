// Widening: a histogram laid out over more buckets than it has, the new ones empty.

import type { Span } from '../model/index.ts'
import type { HistogramLayout } from './histogram-layout.ts'
import { bucketCountOf, bucketIndexes, sameSpans } from './histogram-layout.ts'
import type { HistogramSample } from './histogram-sample.ts'

/** Absolute bucket counts: bigint of an integer histogram, numbers of a float one. */
export type BucketCounts = BigInt64Array | Float64Array

/** Absolute counts of differences. */
export function absoluteCounts(deltas: BigInt64Array): BigInt64Array {
  const counts = new BigInt64Array(deltas.length)
  let count = 0n
  for (let i = 0; i < deltas.length; i++) {
    count += deltas[i]!
    counts[i] = count
  }
  return counts
}

/** The absolute counts of the positive buckets. */
export function positiveCounts(sample: HistogramSample): BucketCounts {
  return sample.kind === 'integer' ? absoluteCounts(sample.positiveDeltas) : sample.positiveBuckets
}

/** The absolute counts of the negative buckets. */
export function negativeCounts(sample: HistogramSample): BucketCounts {
  return sample.kind === 'integer' ? absoluteCounts(sample.negativeDeltas) : sample.negativeBuckets
}

/** The sample with the buckets of `layout`, which has all of the sample's own. */
export function widenHistogram(sample: HistogramSample, layout: HistogramLayout): HistogramSample {
  const { positiveSpans, negativeSpans } = layout
  if (
    sameSpans(sample.positiveSpans, positiveSpans) &&
    sameSpans(sample.negativeSpans, negativeSpans)
  )
    return sample
  const spans = { positiveSpans, negativeSpans }
  if (sample.kind === 'integer')
    return {
      ...sample,
      ...spans,
      positiveDeltas: widenDeltas(sample.positiveDeltas, sample.positiveSpans, positiveSpans),
      negativeDeltas: widenDeltas(sample.negativeDeltas, sample.negativeSpans, negativeSpans),
    }
  return {
    ...sample,
    ...spans,
    positiveBuckets: widenCounts(sample.positiveBuckets, sample.positiveSpans, positiveSpans),
    negativeBuckets: widenCounts(sample.negativeBuckets, sample.negativeSpans, negativeSpans),
  }
}

function widenDeltas(
  deltas: BigInt64Array,
  from: readonly Span[],
  to: readonly Span[],
): BigInt64Array {
  if (sameSpans(from, to)) return deltas
  const counts = absoluteCounts(deltas)
  const out = new BigInt64Array(bucketCountOf(to))
  placesOf(from, to).forEach((place, i) => {
    out[place] = counts[i]!
  })
  for (let i = out.length - 1; i > 0; i--) out[i] = out[i]! - out[i - 1]!
  return out
}

function widenCounts(
  counts: Float64Array,
  from: readonly Span[],
  to: readonly Span[],
): Float64Array {
  if (sameSpans(from, to)) return counts
  const out = new Float64Array(bucketCountOf(to))
  placesOf(from, to).forEach((place, i) => {
    out[place] = counts[i]!
  })
  return out
}

// Where each bucket of `from` stands in `to`.
function placesOf(from: readonly Span[], to: readonly Span[]): number[] {
  const wide = bucketIndexes(to)
  let place = 0
  return bucketIndexes(from).map((index) => {
    while (wide[place] !== index) place++
    return place
  })
}

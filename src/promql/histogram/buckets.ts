// Buckets with their bounds: what quantiles, fractions, JSON and text read.
// Order: from the most negative value to the most positive, the zero bucket between the sides.

import type { FloatHistogram, Span } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import { bucketBound } from './bounds.ts'

/** One bucket: the values between two bounds, and how many were seen. */
export interface Bucket {
  readonly lower: number
  readonly upper: number
  readonly lowerInclusive: boolean
  readonly upperInclusive: boolean
  readonly count: number
}

/** Buckets of the positive side, upwards; empty ones are kept, so that they pair with `positiveBuckets`. */
export function positiveBuckets(histogram: FloatHistogram): Bucket[] {
  const out: Bucket[] = []
  let index = 0
  for (const span of histogram.positiveSpans) {
    index += span.offset
    for (let i = 0; i < span.length && out.length < histogram.positiveBuckets.length; i++) {
      out.push(positiveBucket(histogram, index++, histogram.positiveBuckets[out.length]!))
    }
  }
  return out
}

/** Buckets of the negative side from zero downwards; empty ones are kept. */
export function negativeBuckets(histogram: FloatHistogram): Bucket[] {
  const out: Bucket[] = []
  let index = 0
  for (const span of histogram.negativeSpans) {
    index += span.offset
    for (let i = 0; i < span.length && out.length < histogram.negativeBuckets.length; i++) {
      out.push(negativeBucket(histogram, index++, histogram.negativeBuckets[out.length]!))
    }
  }
  return out
}

/** The zero bucket, populated or not. */
export function zeroBucket(histogram: FloatHistogram): Bucket {
  return {
    lower: -histogram.zeroThreshold,
    upper: histogram.zeroThreshold,
    lowerInclusive: true,
    upperInclusive: true,
    count: histogram.zeroCount,
  }
}

/** All buckets upwards. A bucket that reaches into the zero bucket ends at its threshold. */
export function allBuckets(histogram: FloatHistogram): Bucket[] {
  const threshold = histogram.zeroThreshold
  const out: Bucket[] = []
  for (const bucket of negativeBuckets(histogram).reverse()) {
    out.push(bucket.upper > -threshold ? { ...bucket, upper: -threshold } : bucket)
  }
  if (histogram.zeroCount > 0) out.push(zeroBucket(histogram))
  for (const bucket of positiveBuckets(histogram)) {
    const clipped = bucket.lower > 0 && bucket.lower < threshold
    out.push(clipped ? { ...bucket, lower: threshold } : bucket)
  }
  return out
}

/** Bucket `at` of those that `allBuckets` lists, without making the others. */
export function bucketAt(histogram: FloatHistogram, at: number): Bucket {
  const { negativeSpans, positiveSpans, zeroThreshold } = histogram
  const negativeCount = histogram.negativeBuckets.length
  if (at < negativeCount) {
    const position = negativeCount - 1 - at
    const count = histogram.negativeBuckets[position]!
    const bucket = negativeBucket(histogram, indexOf(negativeSpans, position), count)
    return bucket.upper > -zeroThreshold ? { ...bucket, upper: -zeroThreshold } : bucket
  }
  const zeroSize = histogram.zeroCount > 0 ? 1 : 0
  const position = at - negativeCount - zeroSize
  if (position < 0) return zeroBucket(histogram)
  const count = histogram.positiveBuckets[position]!
  const bucket = positiveBucket(histogram, indexOf(positiveSpans, position), count)
  const isClipped = bucket.lower > 0 && bucket.lower < zeroThreshold
  return isClipped ? { ...bucket, lower: zeroThreshold } : bucket
}

// The bucket index that stands at a position of the spans.
function indexOf(spans: readonly Span[], position: number): number {
  let index = 0
  let left = position
  for (const span of spans) {
    index += span.offset
    if (left < span.length) return index + left
    left -= span.length
    index += span.length
  }
  return index
}

function positiveBucket(histogram: FloatHistogram, index: number, count: number): Bucket {
  const { schema, customValues } = histogram
  return {
    lower: bucketBound(index - 1, schema, customValues),
    upper: bucketBound(index, schema, customValues),
    lowerInclusive: usesCustomBuckets(histogram) && index === 0,
    upperInclusive: true,
    count,
  }
}

function negativeBucket(histogram: FloatHistogram, index: number, count: number): Bucket {
  const { schema, customValues } = histogram
  return {
    lower: -bucketBound(index, schema, customValues),
    upper: -bucketBound(index - 1, schema, customValues),
    lowerInclusive: true,
    upperInclusive: false,
    count,
  }
}

/** A bucket that touches zero, with the side cut away on which the histogram has no buckets. */
export function naturalEdges(bucket: Bucket, histogram: FloatHistogram): Bucket {
  const hasPositive = histogram.positiveBuckets.length > 0
  const hasNegative = histogram.negativeBuckets.length > 0
  if (hasPositive && !hasNegative) return { ...bucket, lower: 0 }
  if (hasNegative && !hasPositive) return { ...bucket, upper: 0 }
  return bucket
}

/**
 * How much of a bucket's width lies below `value`, which is inside its finite bounds. Linear for custom buckets and
 * the zero bucket, on a logarithmic scale otherwise.
 */
export function fractionBelow(bucket: Bucket, value: number, linear: boolean): number {
  if (linear) return (value - bucket.lower) / (bucket.upper - bucket.lower)
  const low = Math.log2(Math.abs(bucket.lower))
  const high = Math.log2(Math.abs(bucket.upper))
  const at = Math.log2(Math.abs(value))
  return value > 0 ? (at - low) / (high - low) : 1 - (at - high) / (low - high)
}

// Trim operators: the part of a histogram below (`</`) or above (`>/`) a number.
// A bucket that the number cuts keeps the share that interpolation gives it. Count and sum are then estimated anew
// from the buckets that are left: each observation is taken to lie at the middle of what is left of its bucket.
// Source: Prometheus model/histogram/float_histogram.go (TrimBuckets).

import type { FloatHistogram } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import type { Bucket } from './buckets.ts'
import { fractionBelow, negativeBuckets, positiveBuckets, zeroBucket } from './buckets.ts'
import { compact } from './layout.ts'

/** Which side of the limit is kept. */
export type TrimSide = 'below' | 'above'

// What is left of a bucket: observations, and where they are taken to lie.
interface Kept {
  readonly count: number
  readonly middle: number
}

const nothing: Kept = { count: 0, middle: 0 }

/** The observations on one side of `limit`. A histogram of which nothing is cut keeps its count and sum. */
export function trimHistogram(
  histogram: FloatHistogram,
  limit: number,
  side: TrimSide,
): FloatHistogram {
  const linear = usesCustomBuckets(histogram)
  let count = 0
  let sum = 0
  let changed = false
  const tally = (bucket: Bucket, kept: Kept): number => {
    count += kept.count
    sum += kept.middle * kept.count
    if (kept.count !== bucket.count) changed = true
    return kept.count
  }
  const trimmed = (bucket: Bucket): number =>
    bucket.count === 0 ? 0 : tally(bucket, keptOf(bucket, limit, side, linear))
  const positive = Float64Array.from(positiveBuckets(histogram), trimmed)
  const negative = Float64Array.from(negativeBuckets(histogram), trimmed)
  let zeroCount = histogram.zeroCount
  if (zeroCount > 0) {
    const bucket = zeroEdges(histogram)
    zeroCount = tally(bucket, keptOfZero(bucket, limit, side))
  }
  if (!changed) return histogram
  return compact({
    ...histogram,
    count,
    sum,
    zeroCount,
    positiveBuckets: positive,
    negativeBuckets: negative,
  })
}

function keptOf(bucket: Bucket, limit: number, side: TrimSide, linear: boolean): Kept {
  const { lower, upper, count } = bucket
  const inside = side === 'below' ? upper <= limit : lower >= limit
  if (inside) return { count, middle: middleOf(lower, upper, linear) }
  const isCut = side === 'below' ? lower < limit : upper > limit
  if (!isCut) return nothing
  if (lower === -Infinity) return keptOfLowest(bucket, limit, side)
  if (upper === Infinity) return side === 'below' ? nothing : { count, middle: limit }
  const under = count * fractionBelow(bucket, limit, linear)
  return side === 'below'
    ? { count: under, middle: middleOf(lower, limit, linear) }
    : { count: count - under, middle: middleOf(limit, upper, linear) }
}

// The bucket from −Inf: where it reaches above zero, its observations are taken to be positive. Otherwise their spread
// is not known, and a cut from below drops them all.
function keptOfLowest(bucket: Bucket, limit: number, side: TrimSide): Kept {
  const { upper, count } = bucket
  const finite = upper !== Infinity
  if (side === 'below') {
    if (limit > 0 && upper > 0 && finite) {
      return { count: (count * limit) / upper, middle: limit / 2 }
    }
    return upper <= 0 ? { count, middle: limit } : nothing
  }
  if (limit >= 0 && finite)
    return { count: count * (1 - limit / upper), middle: (limit + upper) / 2 }
  return nothing
}

function zeroEdges(histogram: FloatHistogram): Bucket {
  const hasPositive = histogram.positiveBuckets.some((count) => count !== 0)
  const hasNegative = histogram.negativeBuckets.some((count) => count !== 0)
  const bucket = zeroBucket(histogram)
  if (hasPositive && !hasNegative) return { ...bucket, lower: 0 }
  if (hasNegative && !hasPositive) return { ...bucket, upper: 0 }
  return bucket
}

function keptOfZero(bucket: Bucket, limit: number, side: TrimSide): Kept {
  const { lower, upper, count } = bucket
  const low = side === 'below' ? lower : limit
  const high = side === 'below' ? limit : upper
  if (limit <= lower) {
    return side === 'below' ? nothing : { count, middle: (lower + upper) / 2 }
  }
  if (limit >= upper) {
    return side === 'below' ? { count, middle: (lower + upper) / 2 } : nothing
  }
  return { count: count * ((high - low) / (upper - lower)), middle: (low + high) / 2 }
}

function middleOf(lower: number, upper: number, linear: boolean): number {
  if (lower === -Infinity || lower === Infinity) {
    if (upper === Infinity || upper === -Infinity) return 0
    return upper > 0 ? upper / 2 : upper
  }
  if (upper === Infinity || upper === -Infinity) return lower
  if (linear) return (lower + upper) / 2
  const size = Math.sqrt(Math.abs(lower * upper))
  return upper > 0 ? size : -size
}

// Quantiles and fractions of native histograms.
// Interpolation: linear in custom buckets and in the zero bucket; elsewhere observations are taken to be spread
// evenly on a logarithmic scale. A NaN sum tells of NaN observations, which are in the count but in no bucket.
// Source: Prometheus promql/quantile.go; docs "histogram_quantile()" and "histogram_fraction()".

import type { FloatHistogram } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import type { Bucket } from './buckets.ts'
import { allBuckets, bucketAt, fractionBelow, naturalEdges } from './buckets.ts'

/** A quantile, and whether NaN observations bent it. */
export interface QuantileAnswer {
  readonly value: number
  /** 'result' = the quantile is NaN because of them; 'skewed' = it is too high because of them. */
  readonly nanObservations: 'none' | 'result' | 'skewed'
}

const plain = (value: number): QuantileAnswer => ({ value, nanObservations: 'none' })

/** The φ-quantile. Outside [0, 1]: ∓Inf; NaN where φ is NaN or nothing was observed. */
export function histogramQuantile(quantile: number, histogram: FloatHistogram): QuantileAnswer {
  if (quantile < 0) return plain(-Infinity)
  if (quantile > 1) return plain(Infinity)
  if (histogram.count === 0 || Number.isNaN(quantile)) return plain(Number.NaN)
  // NaN observations count as above everything, so that they can only be passed from below.
  if (Number.isNaN(histogram.sum)) return quantileWithNan(quantile, histogram)
  // Ranks count from the nearer end, which keeps digits.
  const forward = quantile < 0.5
  const rank = (forward ? quantile : 1 - quantile) * histogram.count
  const hit = findRank(histogram, rank, forward)
  const edges = edgesOf(hit.bucket, histogram)
  if (typeof edges === 'number') return plain(edges)
  const reached = Math.min(hit.reached, histogram.count)
  if (reached < rank) return plain(edges.upper)
  const rankInBucket = forward ? rank - (reached - edges.count) : reached - rank
  return plain(valueAt(edges, rankInBucket, usesCustomBuckets(histogram)))
}

function quantileWithNan(quantile: number, histogram: FloatHistogram): QuantileAnswer {
  const rank = quantile * histogram.count
  const buckets = allBuckets(histogram)
  let at = 0
  let total = 0
  for (; at < buckets.length; at++) {
    total += buckets[at]!.count
    if (buckets[at]!.count !== 0 && total >= rank) break
  }
  const edges = edgesOf(buckets[at] ?? buckets.at(-1) ?? nothing, histogram)
  if (typeof edges === 'number') return plain(edges)
  const reached = Math.min(total, histogram.count)
  if (reached < rank) return { value: Number.NaN, nanObservations: 'result' }
  const rankInBucket = rank - (reached - edges.count)
  // The last bucket stands in for the one that was hit: a quirk that results have to keep.
  const bucket = at + 1 < buckets.length ? buckets.at(-1)! : edges
  for (at++; at < buckets.length; at++) total += buckets[at]!.count
  return {
    value: valueAt(bucket, rankInBucket, usesCustomBuckets(histogram)),
    nanObservations: total < histogram.count ? 'skewed' : 'none',
  }
}

const nothing: Bucket = {
  lower: 0,
  upper: 0,
  lowerInclusive: false,
  upperInclusive: false,
  count: 0,
}

// A bucket with the ends that interpolation takes, or the answer itself where one end is infinite.
function edgesOf(bucket: Bucket, histogram: FloatHistogram): Bucket | number {
  if (usesCustomBuckets(histogram)) {
    if (bucket.lower === -Infinity) {
      return bucket.upper <= 0 ? bucket.upper : { ...bucket, lower: 0 }
    }
    return bucket.upper === Infinity ? bucket.lower : bucket
  }
  return bucket.lower < 0 && bucket.upper > 0 ? naturalEdges(bucket, histogram) : bucket
}

// The first populated bucket with which the running count reaches `rank`, or the last bucket there is. Counts alone
// are walked; bounds, which cost more, are found for the bucket that is hit.
function findRank(
  histogram: FloatHistogram,
  rank: number,
  forward: boolean,
): { readonly bucket: Bucket; readonly reached: number } {
  const { positiveBuckets, negativeBuckets, zeroCount } = histogram
  const negativeCount = negativeBuckets.length
  const zeroSize = zeroCount > 0 ? 1 : 0
  const count = negativeCount + zeroSize + positiveBuckets.length
  let reached = 0
  for (let step = 0; step < count; step++) {
    const at = forward ? step : count - 1 - step
    const bucketCount =
      at < negativeCount
        ? negativeBuckets[negativeCount - 1 - at]!
        : at < negativeCount + zeroSize
          ? zeroCount
          : positiveBuckets[at - negativeCount - zeroSize]!
    if (bucketCount === 0) continue
    reached += bucketCount
    if (reached >= rank) return { bucket: bucketAt(histogram, at), reached }
  }
  const last = forward ? count - 1 : 0
  return { bucket: count === 0 ? nothing : bucketAt(histogram, last), reached }
}

function valueAt(bucket: Bucket, rank: number, custom: boolean): number {
  const fraction = rank / bucket.count
  if (custom || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return bucket.lower + (bucket.upper - bucket.lower) * fraction
  }
  const low = Math.log2(Math.abs(bucket.lower))
  const high = Math.log2(Math.abs(bucket.upper))
  if (bucket.lower > 0) return 2 ** (low + (high - low) * fraction)
  return -(2 ** (high + (low - high) * (1 - fraction)))
}

/** A fraction, and whether NaN observations are missing from it. */
export interface FractionAnswer {
  readonly value: number
  readonly hasNanObservations: boolean
}

/** The fraction of observations between two bounds; NaN where a bound is NaN or nothing was observed. */
export function histogramFraction(
  lower: number,
  upper: number,
  histogram: FloatHistogram,
): FractionAnswer {
  if (histogram.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) {
    return { value: Number.NaN, hasNanObservations: false }
  }
  if (lower >= upper) return { value: 0, hasNanObservations: false }
  const buckets = allBuckets(histogram)
  let total = histogram.count
  let hasNanObservations = false
  if (Number.isNaN(histogram.sum)) {
    total = 0
    for (const bucket of buckets) total += bucket.count
    hasNanObservations = total < histogram.count
  }
  const below = rankBelow(lower, buckets, histogram, total)
  const upTo = rankBelow(upper, buckets, histogram, total)
  return { value: (upTo - below) / histogram.count, hasNanObservations }
}

// How many observations lie below `bound`, at most `total`.
function rankBelow(
  bound: number,
  buckets: readonly Bucket[],
  histogram: FloatHistogram,
  total: number,
): number {
  const custom = usesCustomBuckets(histogram)
  let rank = 0
  for (const stored of buckets) {
    const spansZero = stored.lower <= 0 && stored.upper >= 0
    const bucket = spansZero ? naturalEdges(stored, histogram) : stored
    if (bucket.lower >= bound) return Math.min(rank, total)
    if (bucket.upper > bound) {
      // No way to interpolate in a bucket without a lower end: all of it counts as below.
      const open = (custom || spansZero) && bucket.lower === -Infinity
      const inside = open
        ? bucket.count
        : rank + bucket.count * fractionBelow(bucket, bound, custom || spansZero)
      return Math.min(inside, total)
    }
    rank += bucket.count
  }
  return total
}

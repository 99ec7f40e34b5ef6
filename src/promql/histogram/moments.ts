// Average and spread of the observations of a native histogram.
// The observations of a bucket are taken to lie at its middle: arithmetic in custom buckets, zero in the zero bucket,
// geometric in exponential ones.
// Source: Prometheus promql/functions.go (histogram_avg, histogram_stdvar).

import type { FloatHistogram } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import type { Bucket } from './buckets.ts'
import { allBuckets } from './buckets.ts'
import { compensate } from './kahan.ts'

/** Sum over count. */
export function histogramAverage(histogram: FloatHistogram): number {
  return histogram.sum / histogram.count
}

/** Population variance of the observations. */
export function histogramVariance(histogram: FloatHistogram): number {
  const mean = histogramAverage(histogram)
  const custom = usesCustomBuckets(histogram)
  let squares = 0
  let error = 0
  for (const bucket of allBuckets(histogram)) {
    if (bucket.count === 0) continue
    const delta = middle(bucket, custom) - mean
    const square = bucket.count * delta * delta
    error = compensate(squares, square, error)
    squares += square
  }
  return (squares + error) / histogram.count
}

function middle(bucket: Bucket, custom: boolean): number {
  if (custom) return (bucket.upper + bucket.lower) / 2
  if (bucket.lower <= 0 && bucket.upper >= 0) return 0
  const size = Math.sqrt(bucket.upper * bucket.lower)
  return bucket.upper < 0 ? -size : size
}

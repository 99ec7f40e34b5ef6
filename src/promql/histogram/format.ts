// How histograms are written: as text (in count_values labels and messages) and as JSON of the HTTP API.
// Source: Prometheus model/histogram/float_histogram.go (String); docs "HTTP API", native histograms.

import type { FloatHistogram } from '../../model/index.ts'
import { formatShortest, usesCustomBuckets } from '../../model/index.ts'
import type { Bucket } from './buckets.ts'
import { allBuckets, negativeBuckets, positiveBuckets, zeroBucket } from './buckets.ts'

/** `{count:…, sum:…, (lower,upper]:count, …}` with the populated buckets upwards. */
export function formatHistogram(histogram: FloatHistogram): string {
  const parts = [`count:${formatShortest(histogram.count)}`, `sum:${formatShortest(histogram.sum)}`]
  const buckets = negativeBuckets(histogram).reverse()
  if (!usesCustomBuckets(histogram)) buckets.push(zeroBucket(histogram))
  buckets.push(...positiveBuckets(histogram))
  for (const bucket of buckets) if (bucket.count !== 0) parts.push(formatBucket(bucket))
  return `{${parts.join(', ')}}`
}

function formatBucket(bucket: Bucket): string {
  const open = bucket.lowerInclusive ? '[' : '('
  const close = bucket.upperInclusive ? ']' : ')'
  const bounds = `${formatShortest(bucket.lower)},${formatShortest(bucket.upper)}`
  return `${open}${bounds}${close}:${formatShortest(bucket.count)}`
}

/** A populated bucket for JSON: `rule` 0 = (lower, upper], 1 = [lower, upper), 2 = (lower, upper), 3 = [lower, upper]. */
export interface JsonBucket {
  readonly rule: 0 | 1 | 2 | 3
  readonly lower: number
  readonly upper: number
  readonly count: number
}

/** The populated buckets upwards. */
export function jsonBuckets(histogram: FloatHistogram): JsonBucket[] {
  const out: JsonBucket[] = []
  for (const bucket of allBuckets(histogram)) {
    if (bucket.count === 0) continue
    const { lower, upper, count } = bucket
    out.push({ rule: ruleOf(bucket), lower, upper, count })
  }
  return out
}

function ruleOf(bucket: Bucket): 0 | 1 | 2 | 3 {
  if (bucket.lowerInclusive) return bucket.upperInclusive ? 3 : 1
  return bucket.upperInclusive ? 0 : 2
}

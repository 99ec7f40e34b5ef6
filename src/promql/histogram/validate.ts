// Whether a histogram is well formed: what storage refuses, and why, in Prometheus' words.
// Source: Prometheus model/histogram/float_histogram.go (Validate) and generic.go.

import type { FloatHistogram, Span } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'

const schemaMin = -4
const schemaMax = 8

/** The first fault of a histogram, or undefined. */
export function histogramFault(histogram: FloatHistogram): string | undefined {
  const shape = usesCustomBuckets(histogram) ? customFault(histogram) : exponentialFault(histogram)
  if (shape !== undefined) return shape
  if (histogram.count < 0) {
    return `observation count is  ${histogram.count}: histogram's observation count is negative`
  }
  return prefixed('positive side', countFault(histogram.positiveBuckets))
}

function exponentialFault(histogram: FloatHistogram): string | undefined {
  if (histogram.schema < schemaMin || histogram.schema > schemaMax) {
    return (
      'histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, ' +
      `or -53 for custom buckets, got schema ${histogram.schema}`
    )
  }
  const spans =
    prefixed(
      'positive side',
      spanFault(histogram.positiveSpans, histogram.positiveBuckets.length, 1),
    ) ??
    prefixed(
      'negative side',
      spanFault(histogram.negativeSpans, histogram.negativeBuckets.length, 1),
    ) ??
    prefixed('negative side', countFault(histogram.negativeBuckets))
  if (spans !== undefined) return spans
  if (histogram.zeroCount < 0) {
    return (
      `zero bucket has observation count of ${histogram.zeroCount}: ` +
      'histogram has a bucket whose observation count is negative'
    )
  }
  return histogram.customValues.length > 0
    ? 'histogram with exponential schema must not have custom bounds'
    : undefined
}

function customFault(histogram: FloatHistogram): string | undefined {
  const bounds =
    boundFault(histogram.customValues) ??
    spanFault(histogram.positiveSpans, histogram.positiveBuckets.length, 0) ??
    coverFault(histogram)
  if (bounds !== undefined) return `custom buckets: ${bounds}`
  if (histogram.zeroCount !== 0) return 'custom buckets: must have zero count of 0'
  if (histogram.zeroThreshold !== 0) return 'custom buckets: must have zero threshold of 0'
  if (histogram.negativeSpans.length > 0) return 'custom buckets: must not have negative spans'
  return histogram.negativeBuckets.length > 0
    ? 'custom buckets: must not have negative buckets'
    : undefined
}

function boundFault(bounds: Float64Array): string | undefined {
  let previous = -Infinity
  for (const [i, bound] of bounds.entries()) {
    if (Number.isNaN(bound)) return 'histogram custom bounds must not be NaN'
    if (i > 0 && bound <= previous) {
      return (
        `previous bound is ${previous.toFixed(6)} and current is ${bound.toFixed(6)}: ` +
        'histogram custom bounds must be in strictly increasing order'
      )
    }
    previous = bound
  }
  return previous === Infinity
    ? 'last +Inf bound must not be explicitly defined: histogram custom bounds must be finite'
    : undefined
}

// Only the first `absoluteCount` spans may have a negative offset: it is an index there, a gap elsewhere.
function spanFault(
  spans: readonly Span[],
  bucketCount: number,
  absoluteCount: number,
): string | undefined {
  let needed = 0
  for (const [i, span] of spans.entries()) {
    if (i >= absoluteCount && span.offset < 0) {
      return (
        `span number ${i + 1} with offset ${span.offset}: ` +
        'histogram has a span whose offset is negative'
      )
    }
    needed += span.length
  }
  if (needed === bucketCount) return undefined
  return (
    `spans need ${needed} buckets, have ${bucketCount} buckets: ` +
    'histogram spans specify different number of buckets than provided'
  )
}

function coverFault(histogram: FloatHistogram): string | undefined {
  let covered = 0
  for (const span of histogram.positiveSpans) covered += span.length + span.offset
  const boundCount = histogram.customValues.length
  if (covered <= boundCount + 1) return undefined
  return (
    `only ${boundCount} custom bounds defined which is insufficient to cover total span length ` +
    `of ${covered}: histogram custom bounds are too few`
  )
}

function countFault(buckets: Float64Array): string | undefined {
  for (const [i, count] of buckets.entries()) {
    if (count < 0) {
      return (
        `bucket number ${i + 1} has observation count of ${count}: ` +
        'histogram has a bucket whose observation count is negative'
      )
    }
  }
  return undefined
}

function prefixed(side: string, fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : `${side}: ${fault}`
}

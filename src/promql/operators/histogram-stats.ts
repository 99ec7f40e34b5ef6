// Histogram statistics: where a query looks at counts and sums of histograms only, their buckets are dropped as soon
// as they were read; what only buckets can tell, whether the counter was reset, is kept in the hint.
// Source: Prometheus promql/histogram_stats_iterator.go.

import type { SampleBuffer } from '../../chunk/index.ts'
import type { FloatHistogram } from '../../model/index.ts'
import { detectReset } from '../histogram/reset.ts'

const noBuckets = new Float64Array(0)

/** Reduces the histograms of one series, oldest first, to schema, count, sum and hint. */
export function keepStatsOnly(samples: SampleBuffer): void {
  const { histograms, count } = samples
  if (histograms === undefined) return
  let last: FloatHistogram | undefined
  for (let i = 0; i < count; i++) {
    const histogram = histograms[i]
    if (histogram === undefined || histogram.stale) continue
    histograms[i] = statsOf(histogram, hintOf(histogram, last))
    last = histogram
  }
}

function hintOf(
  histogram: FloatHistogram,
  last: FloatHistogram | undefined,
): FloatHistogram['counterResetHint'] {
  if (histogram.counterResetHint !== 'unknown' || last === undefined) {
    return histogram.counterResetHint
  }
  return detectReset(histogram, last) ? 'reset' : 'not_reset'
}

function statsOf(
  histogram: FloatHistogram,
  counterResetHint: FloatHistogram['counterResetHint'],
): FloatHistogram {
  const { schema, count, sum } = histogram
  return {
    counterResetHint,
    schema,
    zeroThreshold: 0,
    zeroCount: 0,
    count,
    sum,
    stale: false,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: noBuckets,
    negativeBuckets: noBuckets,
    customValues: noBuckets,
  }
}

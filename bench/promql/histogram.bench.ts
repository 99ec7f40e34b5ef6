// Native histograms: sums, resets, rates and quantiles of histograms with 80 buckets in four spans.
// Run: node bench/promql/histogram.bench.ts

import type { FloatHistogram } from '../../src/model/index.ts'
import { subtractHistograms } from '../../src/promql/histogram/arithmetic.ts'
import { HistogramSum } from '../../src/promql/histogram/histogram-sum.ts'
import { histogramQuantile } from '../../src/promql/histogram/quantile.ts'
import { detectReset } from '../../src/promql/histogram/reset.ts'
import { measure } from '../measure.ts'

const bucketCount = 80
const histogramCount = 200

function histogramAt(index: number): FloatHistogram {
  const buckets = Float64Array.from({ length: bucketCount }, (_, i) => 1 + i + index)
  return {
    counterResetHint: 'unknown',
    schema: 3,
    zeroThreshold: 2 ** -128,
    zeroCount: index,
    count: buckets.reduce((a, b) => a + b, index),
    sum: 1000 * (index + 1),
    stale: false,
    positiveSpans: Array.from({ length: 4 }, (_, i) => ({ offset: i === 0 ? -20 : 3, length: 20 })),
    negativeSpans: [],
    positiveBuckets: buckets,
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
  }
}

const histograms = Array.from({ length: histogramCount }, (_, i) => histogramAt(i))
let checksum = 0

const perBucket = (name: string, budget: number, work: (at: number) => number) => ({
  name,
  unit: 'ns/bucket',
  budget,
  run: () => {
    for (let i = 1; i < histogramCount; i++) checksum += work(i)
    return (histogramCount - 1) * bucketCount
  },
})

measure([
  {
    name: 'sum of many',
    unit: 'ns/bucket',
    budget: 40,
    run: () => {
      const sum = new HistogramSum(histograms[0]!)
      for (let i = 1; i < histogramCount; i++) sum.add(histograms[i]!)
      checksum += sum.toHistogram().count
      return (histogramCount - 1) * bucketCount
    },
  },
  perBucket('difference of two', 100, (i) => {
    return subtractHistograms(histograms[i]!, histograms[i - 1]!)!.histogram.count
  }),
  perBucket('reset detection', 60, (i) => Number(detectReset(histograms[i]!, histograms[i - 1]!))),
  perBucket('quantile', 200, (i) => histogramQuantile(0.9, histograms[i]!).value),
])
if (Number.isNaN(checksum)) process.exitCode = 1

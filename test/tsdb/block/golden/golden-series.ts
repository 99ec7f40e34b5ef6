// Our data, of which Prometheus 3.14 made the block beside this file (sent by remote write 2.0, snapshot by its admin API):
// floats, integer and float histograms, exponential and with custom buckets, a stale marker.
import type { io } from '../../../../src/encoding/index.ts'

/** Start of the data. */
export const goldenStartMs = 1_795_557_600_000
/** Milliseconds from sample to sample. */
export const goldenStepMs = 15_000

type Histogram = io.prometheus.write.v2.IHistogram

/** One series. */
export interface GoldenSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly samples?: readonly number[]
  readonly histograms?: readonly Histogram[]
}

const timeOf = (i: number): number => goldenStartMs + i * goldenStepMs

function integerHistogram(i: number): Histogram {
  // The layout grows at sample 10: a bucket appears in a gap.
  const wide = i >= 10
  const deltas = wide ? [2 + i, 1, -2, 3] : [2 + i, 1, 2]
  const spans = wide
    ? [{ offset: 0, length: 4 }]
    : [
        { offset: 0, length: 2 },
        { offset: 1, length: 1 },
      ]
  let bucket = 0
  let inBuckets = 0
  for (const delta of deltas) {
    bucket += delta
    inBuckets += bucket
  }
  return {
    countInt: inBuckets + 3 + i,
    sum: 1.5 * i,
    schema: 1,
    zeroThreshold: 2 ** -128,
    zeroCountInt: 3 + i,
    positiveSpans: spans,
    positiveDeltas: deltas,
    timestamp: timeOf(i),
  }
}

function floatHistogram(i: number): Histogram {
  return {
    countFloat: 6.5 + i,
    sum: -2.25 * i,
    schema: 0,
    zeroThreshold: 0.001,
    zeroCountFloat: 0.5,
    negativeSpans: [{ offset: -1, length: 2 }],
    negativeCounts: [2, 4 + i],
    timestamp: timeOf(i),
  }
}

function customHistogram(i: number): Histogram {
  return {
    countInt: 6 + 3 * i,
    sum: 7.125 + i,
    schema: -53,
    positiveSpans: [{ offset: 0, length: 3 }],
    positiveDeltas: [1 + i, 1, 1],
    customValues: [0.1, 0.25],
    timestamp: timeOf(i),
  }
}

const twenty = Array.from({ length: 20 }, (_, i) => i)

/** The series; sample i is at goldenStartMs + i × goldenStepMs. */
export const goldenSeries: readonly GoldenSeries[] = [
  { labels: { __name__: 'counter_total', code: '200' }, samples: twenty.map((i) => i * 7) },
  { labels: { __name__: 'gauge', 'utf8.label': 'ä€😀' }, samples: twenty.map((i) => Math.sin(i)) },
  { labels: { __name__: 'special' }, samples: [NaN, Infinity, -Infinity, -0, 5e-324, 1e308] },
  { labels: { __name__: 'integer_histogram' }, histograms: twenty.map(integerHistogram) },
  { labels: { __name__: 'float_histogram' }, histograms: twenty.map(floatHistogram) },
  { labels: { __name__: 'custom_histogram' }, histograms: twenty.map(customHistogram) },
]

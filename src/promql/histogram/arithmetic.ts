// Arithmetic on two histograms, or a histogram and a number. Results are compact, inputs are left alone.
// Source: Prometheus model/histogram/float_histogram.go; PromQL's operators on native histograms.

import type { FloatHistogram } from '../../model/index.ts'
import type { Reconciled } from './histogram-sum.ts'
import { combineHints, HistogramSum, reachesIntoZero } from './histogram-sum.ts'
import { coarserSide, compact, sameLayout, sidesOf, spansOf } from './layout.ts'

/** A sum or difference, and what was reconciled on the way. */
export interface Combined extends Reconciled {
  readonly histogram: FloatHistogram
}

/** a + b; undefined where custom meets exponential buckets. */
export function addHistograms(a: FloatHistogram, b: FloatHistogram): Combined | undefined {
  return combined(a, b, 1)
}

/** a − b with the hint that a sum would have; undefined where custom meets exponential buckets. */
export function subtractHistograms(a: FloatHistogram, b: FloatHistogram): Combined | undefined {
  return combined(a, b, -1)
}

function combined(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): Combined | undefined {
  if (sameLayout(a, b) && !reachesIntoZero(a)) return combinedInStep(a, b, sign)
  const sum = new HistogramSum(a)
  const met = sum.add(b, sign)
  return met === undefined ? undefined : { histogram: sum.toHistogram(), ...met }
}

// Two operands need no compensation: a sum and its error round to the sum.
function combinedInStep(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): Combined {
  const { hint, collide } = combineHints(a.counterResetHint, b.counterResetHint)
  const histogram = compact({
    ...a,
    counterResetHint: hint,
    zeroCount: a.zeroCount + sign * b.zeroCount,
    count: a.count + sign * b.count,
    sum: a.sum + sign * b.sum,
    stale: false,
    positiveBuckets: bucketwise(a.positiveBuckets, b.positiveBuckets, sign),
    negativeBuckets: bucketwise(a.negativeBuckets, b.negativeBuckets, sign),
  })
  return { histogram, hintsCollide: collide, boundsDiffer: false }
}

function bucketwise(a: Float64Array, b: Float64Array, sign: 1 | -1): Float64Array {
  const out = new Float64Array(a.length)
  for (let i = 0; i < a.length; i++) out[i] = a[i]! + sign * b[i]!
  return out
}

/** Every count and the sum times `factor`; a negative factor makes a gauge. */
export function scaleHistogram(histogram: FloatHistogram, factor: number): FloatHistogram {
  return mapped(histogram, (value) => value * factor, factor < 0)
}

/** Every count and the sum divided; by zero no bucket is left, a negative divisor makes a gauge. */
export function divideHistogram(histogram: FloatHistogram, divisor: number): FloatHistogram {
  const out = mapped(histogram, (value) => value / divisor, divisor < 0)
  return divisor === 0 ? withoutBuckets(out) : out
}

/** The histogram with another counter reset hint. */
export function withHint(
  histogram: FloatHistogram,
  counterResetHint: FloatHistogram['counterResetHint'],
): FloatHistogram {
  return histogram.counterResetHint === counterResetHint
    ? histogram
    : { ...histogram, counterResetHint }
}

/** The histogram at a coarser exponential schema. */
export function reduceSchema(histogram: FloatHistogram, schema: number): FloatHistogram {
  const steps = histogram.schema - schema
  if (steps === 0) return histogram
  const { positive, negative } = sidesOf(histogram)
  const up = spansOf(coarserSide(positive, steps))
  const down = spansOf(coarserSide(negative, steps))
  return {
    ...histogram,
    schema,
    positiveSpans: up.spans,
    positiveBuckets: up.buckets,
    negativeSpans: down.spans,
    negativeBuckets: down.buckets,
  }
}

/** A histogram without observations in the schema, zero threshold aside, of another. */
export function emptyLike(histogram: FloatHistogram): FloatHistogram {
  return withoutBuckets({
    ...histogram,
    counterResetHint: 'unknown',
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
  })
}

function withoutBuckets(histogram: FloatHistogram): FloatHistogram {
  return {
    ...histogram,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: new Float64Array(0),
    negativeBuckets: new Float64Array(0),
  }
}

function mapped(
  histogram: FloatHistogram,
  change: (value: number) => number,
  makesGauge: boolean,
): FloatHistogram {
  return compact({
    ...histogram,
    counterResetHint: makesGauge ? 'gauge' : histogram.counterResetHint,
    zeroCount: change(histogram.zeroCount),
    count: change(histogram.count),
    sum: change(histogram.sum),
    positiveBuckets: histogram.positiveBuckets.map(change),
    negativeBuckets: histogram.negativeBuckets.map(change),
  })
}

/** A 64-bit sample and its share of a histogram's memory count as one sample; a histogram counts as this many. */
export function sampleCountOf(histogram: FloatHistogram): number {
  const entries =
    histogram.positiveSpans.length +
    histogram.negativeSpans.length +
    histogram.positiveBuckets.length +
    histogram.negativeBuckets.length +
    histogram.customValues.length
  return Math.floor((168 + 8 * entries + 8) / 16)
}

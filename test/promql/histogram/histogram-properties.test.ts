// What holds for all histograms: nothing is lost or made up, order does not matter, growth is no reset.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FloatHistogram, Span } from '../../../src/model/index.ts'
import {
  addHistograms,
  reduceSchema,
  subtractHistograms,
} from '../../../src/promql/histogram/arithmetic.ts'
import { allBuckets, bucketAt } from '../../../src/promql/histogram/buckets.ts'
import { HistogramSum } from '../../../src/promql/histogram/histogram-sum.ts'
import { compact, histogramsEqual } from '../../../src/promql/histogram/layout.ts'
import { histogramFraction, histogramQuantile } from '../../../src/promql/histogram/quantile.ts'
import { detectReset } from '../../../src/promql/histogram/reset.ts'
import { trimHistogram } from '../../../src/promql/histogram/trim.ts'

const side = fc
  .tuple(
    fc.integer({ min: -6, max: 6 }),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.array(fc.nat(9), { maxLength: 4 })), {
      maxLength: 3,
    }),
  )
  .map(([first, pieces]) => {
    const spans: Span[] = pieces.map(([gap, counts], i) => ({
      offset: i === 0 ? first : gap,
      length: counts.length,
    }))
    return { spans, buckets: Float64Array.from(pieces.flatMap(([, counts]) => counts)) }
  })

const total = (numbers: Float64Array): number => numbers.reduce((a, b) => a + b, 0)

const exponential = fc
  .record({
    schema: fc.integer({ min: -2, max: 3 }),
    zeroThreshold: fc.constantFrom(0, 0.001, 0.25, 1, 3),
    zeroCount: fc.nat(5),
    positive: side,
    negative: side,
  })
  .map(({ positive, negative, ...rest }): FloatHistogram => {
    const count = rest.zeroCount + total(positive.buckets) + total(negative.buckets)
    return wellFormed({
      ...rest,
      counterResetHint: 'unknown',
      count,
      sum: count,
      stale: false,
      positiveSpans: positive.spans,
      positiveBuckets: positive.buckets,
      negativeSpans: negative.spans,
      negativeBuckets: negative.buckets,
      customValues: new Float64Array(0),
    })
  })

// No bucket of a well-formed histogram reaches into its zero bucket: such a threshold becomes 0.
function wellFormed(histogram: FloatHistogram): FloatHistogram {
  const raw = { ...histogram, zeroThreshold: 0 }
  const isClear = allBuckets(raw).every(
    ({ lower, upper }) =>
      Math.min(Math.abs(lower), Math.abs(upper)) >= histogram.zeroThreshold || lower === upper,
  )
  return isClear ? histogram : raw
}

const custom = fc
  .tuple(fc.uniqueArray(fc.integer({ min: -5, max: 9 }), { maxLength: 5 }), fc.array(fc.nat(9)))
  .map(([bounds, counts]): FloatHistogram => {
    const buckets = Float64Array.from(counts.slice(0, bounds.length + 1))
    return {
      counterResetHint: 'unknown',
      schema: -53,
      zeroThreshold: 0,
      zeroCount: 0,
      count: total(buckets),
      sum: 1,
      stale: false,
      positiveSpans: buckets.length === 0 ? [] : [{ offset: 0, length: buckets.length }],
      positiveBuckets: buckets,
      negativeSpans: [],
      negativeBuckets: new Float64Array(0),
      customValues: Float64Array.from(bounds.toSorted((a, b) => a - b)),
    }
  })

const pair = fc.oneof(fc.tuple(exponential, exponential), fc.tuple(custom, custom))
const observed = (h: FloatHistogram): number =>
  h.zeroCount + total(h.positiveBuckets) + total(h.negativeBuckets)

test('a sum holds the observations of both, in whatever order they are added', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const sum = addHistograms(a, b)!.histogram
      expect(observed(sum)).toBe(observed(a) + observed(b))
      expect(histogramsEqual(sum, addHistograms(b, a)!.histogram)).toBe(true)
    }),
  )
})

test('running sums are sums of pairs, at one layout and at several', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const sum = new HistogramSum(a)
      for (const each of [b, a, a]) sum.add(each)
      let pairs = a
      for (const each of [b, a, a]) pairs = addHistograms(pairs, each)!.histogram
      expect(histogramsEqual(sum.toHistogram(), pairs)).toBe(true)
    }),
  )
})

test('taking away what was added leaves the observations of the first', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const rest = subtractHistograms(addHistograms(a, b)!.histogram, b)!.histogram
      expect(observed(rest)).toBe(observed(a))
    }),
  )
})

test('what has grown was not reset, what has shrunk was', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const grown = addHistograms(a, b)!.histogram
      expect(detectReset(grown, a)).toBe(false)
      if (b.count > 0) expect(detectReset(a, grown)).toBe(true)
    }),
  )
})

test('a coarser schema keeps all observations and is no reset', () => {
  fc.assert(
    fc.property(exponential, fc.integer({ min: 0, max: 3 }), (histogram, steps) => {
      const coarse = reduceSchema(histogram, histogram.schema - steps)
      expect(observed(coarse)).toBe(observed(histogram))
      expect(detectReset(coarse, histogram)).toBe(false)
    }),
  )
})

test('a bucket is the same alone as in the list of all', () => {
  fc.assert(
    fc.property(fc.oneof(exponential, custom), (histogram) => {
      const buckets = allBuckets(histogram)
      expect(buckets.map((_, at) => bucketAt(histogram, at))).toEqual(buckets)
    }),
  )
})

test('compaction changes no bucket', () => {
  fc.assert(
    fc.property(fc.oneof(exponential, custom), (histogram) => {
      const populated = allBuckets(histogram).filter(({ count }) => count !== 0)
      expect(allBuckets(compact(histogram))).toEqual(populated)
    }),
  )
})

test('what lies below a limit and what lies above it make up the whole', () => {
  fc.assert(
    fc.property(exponential, fc.double({ min: -9, max: 9, noNaN: true }), (histogram, limit) => {
      const below = trimHistogram(histogram, limit, 'below')
      const above = trimHistogram(histogram, limit, 'above')
      expect(observed(below) + observed(above)).toBeCloseTo(observed(histogram), 9)
    }),
  )
})

test('the fraction below a quantile is the quantile, unless it falls between two buckets', () => {
  fc.assert(
    fc.property(exponential, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (h, quantile) => {
      fc.pre(h.count > 0 && (h.zeroThreshold > 0 || h.zeroCount === 0))
      const { value } = histogramQuantile(quantile, h)
      expect(histogramFraction(-Infinity, value, h).value).toBeCloseTo(quantile, 6)
    }),
  )
})

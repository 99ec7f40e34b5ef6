// Native histograms: arithmetic, resets, trimming, quantiles, text. Expected numbers are worked out by hand.

import { expect, test } from 'vitest'
import type { FloatHistogram } from '../../../src/model/index.ts'
import { formatShortest } from '../../../src/model/index.ts'
import {
  addHistograms,
  divideHistogram,
  reduceSchema,
  sampleCountOf,
  scaleHistogram,
  subtractHistograms,
} from '../../../src/promql/histogram/arithmetic.ts'
import { coarserIndex, exponentialBound } from '../../../src/promql/histogram/bounds.ts'
import { formatHistogram, jsonBuckets } from '../../../src/promql/histogram/format.ts'
import { HistogramSum } from '../../../src/promql/histogram/histogram-sum.ts'
import { compact, histogramsEqual } from '../../../src/promql/histogram/layout.ts'
import { histogramVariance } from '../../../src/promql/histogram/moments.ts'
import { histogramFraction, histogramQuantile } from '../../../src/promql/histogram/quantile.ts'
import { detectReset } from '../../../src/promql/histogram/reset.ts'
import { trimHistogram } from '../../../src/promql/histogram/trim.ts'
import { histogramFault } from '../../../src/promql/histogram/validate.ts'

interface Parts extends Partial<FloatHistogram> {
  readonly offset?: number
  readonly buckets?: readonly number[]
  readonly negativeOffset?: number
  readonly negative?: readonly number[]
}

function histogram(parts: Parts): FloatHistogram {
  const { offset = 0, buckets = [], negativeOffset = 0, negative = [], ...rest } = parts
  return {
    counterResetHint: 'unknown',
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    stale: false,
    customValues: new Float64Array(0),
    positiveSpans: buckets.length > 0 ? [{ offset, length: buckets.length }] : [],
    negativeSpans: negative.length > 0 ? [{ offset: negativeOffset, length: negative.length }] : [],
    positiveBuckets: Float64Array.from(buckets),
    negativeBuckets: Float64Array.from(negative),
    ...rest,
  }
}

const custom = (bounds: readonly number[], buckets: readonly number[], rest: Parts = {}) =>
  histogram({ schema: -53, customValues: Float64Array.from(bounds), buckets, ...rest })

test('bounds are powers of two at schema 0 and roots between them at finer schemas', () => {
  expect(exponentialBound(0, 0)).toBe(1)
  expect(exponentialBound(3, 0)).toBe(8)
  expect(exponentialBound(-2, 0)).toBe(0.25)
  expect(exponentialBound(1, -2)).toBe(16)
  expect(exponentialBound(1, 1)).toBeCloseTo(Math.SQRT2, 14)
  expect(exponentialBound(8, 8)).toBe(exponentialBound(1, 5))
})

test('the last finite bucket ends at the largest double and the next one at infinity', () => {
  expect(exponentialBound(1024, 0)).toBe(Number.MAX_VALUE)
  expect(exponentialBound(1025, 0)).toBe(Infinity)
  expect(exponentialBound(1024 * 256, 8)).toBe(Number.MAX_VALUE)
  expect(exponentialBound(64, -4)).toBe(Number.MAX_VALUE)
  expect(exponentialBound(65, -4)).toBe(Infinity)
})

test('a coarser bucket ends where its last finer bucket ends', () => {
  for (let index = -9; index < 9; index++) {
    const coarse = coarserIndex(index, 1)
    expect(exponentialBound(coarse, 2)).toBeGreaterThanOrEqual(exponentialBound(index, 3))
    expect(exponentialBound(coarse - 1, 2)).toBeLessThan(exponentialBound(index, 3))
  }
})

test('addition merges bucket by bucket and keeps gaps', () => {
  const a = histogram({ count: 3, sum: 5, buckets: [1, 2] })
  const b = histogram({ count: 5, sum: 50, offset: 4, buckets: [5] })
  const sum = addHistograms(a, b)!.histogram
  expect(sum.count).toBe(8)
  expect(sum.sum).toBe(55)
  expect(sum.positiveSpans).toEqual([
    { offset: 0, length: 2 },
    { offset: 2, length: 1 },
  ])
  expect([...sum.positiveBuckets]).toEqual([1, 2, 5])
})

test('addition of different schemas happens at the coarser one', () => {
  const a = histogram({ schema: 1, count: 10, buckets: [1, 2, 3, 4] })
  const b = histogram({ schema: 0, count: 7, buckets: [7] })
  const sum = addHistograms(a, b)!.histogram
  expect(sum.schema).toBe(0)
  expect([...sum.positiveBuckets]).toEqual([8, 5, 4])
  expect(sum.positiveSpans[0]).toEqual({ offset: 0, length: 3 })
  expect([...reduceSchema(a, 0).positiveBuckets]).toEqual([1, 5, 4])
})

test('the smaller zero bucket widens to the end of a populated bucket that it would cut', () => {
  const a = histogram({ zeroThreshold: 3, zeroCount: 1, count: 1 })
  const b = histogram({ zeroThreshold: 1, zeroCount: 2, count: 12, offset: 1, buckets: [4, 5, 1] })
  const sum = addHistograms(a, b)!.histogram
  expect(sum.zeroThreshold).toBe(4)
  expect(sum.zeroCount).toBe(1 + 2 + 4 + 5)
  expect([...sum.positiveBuckets]).toEqual([1])
  expect(addHistograms(b, a)!.histogram).toEqual(sum)
})

test('custom bounds that differ shrink to the common ones', () => {
  const a = custom([1, 2, 5], [1, 2, 3, 4], { count: 10 })
  const b = custom([2, 4], [10, 20, 30], { count: 60 })
  const sum = addHistograms(a, b)!
  expect(sum.boundsDiffer).toBe(true)
  expect([...sum.histogram.customValues]).toEqual([2])
  expect([...sum.histogram.positiveBuckets]).toEqual([1 + 2 + 10, 3 + 4 + 20 + 30])
})

test('custom and exponential buckets do not add', () => {
  expect(addHistograms(custom([1], [1]), histogram({}))).toBeUndefined()
})

test('hints combine: gauges win, a reset beside a non-reset collides', () => {
  const of = (counterResetHint: FloatHistogram['counterResetHint']) =>
    histogram({ counterResetHint })
  expect(addHistograms(of('reset'), of('not_reset'))).toMatchObject({
    hintsCollide: true,
    histogram: { counterResetHint: 'unknown' },
  })
  expect(addHistograms(of('gauge'), of('reset'))!.histogram.counterResetHint).toBe('gauge')
  expect(addHistograms(of('unknown'), of('reset'))!.histogram.counterResetHint).toBe('unknown')
})

test('sums are compensated in every field', () => {
  const big = histogram({ count: 1e100, sum: 1e100, buckets: [1e100] })
  const one = histogram({ count: 1, sum: 1, buckets: [1] })
  const sum = new HistogramSum(big)
  sum.add(one)
  sum.add(one)
  sum.add(big, -1)
  const { count, sum: total, positiveBuckets } = sum.toHistogram()
  expect([count, total, ...positiveBuckets]).toEqual([2, 2, 2])
})

test('subtraction of equals leaves no buckets', () => {
  const a = histogram({ count: 3, sum: 5, buckets: [1, 2], zeroCount: 1, zeroThreshold: 0.5 })
  const { histogram: rest } = subtractHistograms(a, a)!
  expect(rest.positiveSpans).toEqual([])
  expect(rest.zeroCount).toBe(0)
})

test('scaling by a negative number makes a gauge, dividing by zero drops the buckets', () => {
  const a = histogram({ count: 3, sum: 5, buckets: [1, 2] })
  expect(scaleHistogram(a, -2)).toMatchObject({ count: -6, counterResetHint: 'gauge' })
  expect(divideHistogram(a, 0)).toMatchObject({ count: Infinity, positiveSpans: [] })
})

test('compaction leaves out empty buckets and joins adjacent spans', () => {
  const loose = histogram({
    positiveSpans: [
      { offset: 2, length: 2 },
      { offset: 0, length: 2 },
    ],
    positiveBuckets: Float64Array.of(0, 1, 2, 0),
  })
  expect(compact(loose)).toMatchObject({ positiveSpans: [{ offset: 3, length: 2 }] })
  expect(histogramsEqual(loose, compact(loose))).toBe(false)
  expect(histogramsEqual(compact(loose), compact(loose))).toBe(true)
})

test('a reset is a fallen count, a lost bucket, a finer schema or a smaller zero bucket', () => {
  const before = histogram({ count: 3, buckets: [1, 2], zeroThreshold: 0.5 })
  const grown = histogram({ count: 4, buckets: [1, 3], zeroThreshold: 0.5 })
  expect(detectReset(grown, before)).toBe(false)
  expect(detectReset(before, grown)).toBe(true)
  expect(detectReset(histogram({ count: 4, buckets: [0, 4], zeroThreshold: 0.5 }), before)).toBe(
    true,
  )
  expect(detectReset(histogram({ ...grown, schema: 1 }), before)).toBe(true)
  expect(detectReset(histogram({ count: 4, buckets: [1, 3] }), before)).toBe(true)
  expect(detectReset({ ...before, counterResetHint: 'not_reset' }, grown)).toBe(false)
})

test('a wider zero bucket or a coarser schema is no reset when the counts fit', () => {
  const before = histogram({ schema: 1, count: 10, buckets: [1, 2, 3, 4], zeroThreshold: 0.25 })
  const coarse = histogram({ schema: 0, count: 10, buckets: [1, 5, 4], zeroThreshold: 0.25 })
  expect(detectReset(coarse, before)).toBe(false)
  const wide = histogram({
    schema: 0,
    count: 10,
    zeroThreshold: 1,
    zeroCount: 1,
    offset: 1,
    buckets: [5, 4],
  })
  expect(detectReset(wide, before)).toBe(false)
  expect(detectReset({ ...wide, zeroCount: 0 }, before)).toBe(true)
})

test('quantiles interpolate on a logarithmic scale, linearly in the zero bucket', () => {
  const h = histogram({ count: 4, sum: 6, buckets: [0, 4] })
  expect(histogramQuantile(0.5, h).value).toBeCloseTo(Math.SQRT2, 12)
  const zero = histogram({ count: 4, sum: 0, zeroCount: 4, zeroThreshold: 1 })
  expect(histogramQuantile(0.25, zero).value).toBe(-0.5)
  expect(histogramQuantile(-1, h).value).toBe(-Infinity)
  expect(histogramQuantile(2, h).value).toBe(Infinity)
  expect(histogramQuantile(0.5, histogram({})).value).toBeNaN()
})

test('NaN observations are told', () => {
  const h = histogram({ count: 10, sum: Number.NaN, buckets: [0, 8] })
  expect(histogramQuantile(0.95, h)).toEqual({ value: Number.NaN, nanObservations: 'result' })
  expect(histogramQuantile(0.4, h).nanObservations).toBe('skewed')
  expect(histogramFraction(0, Infinity, h)).toEqual({ value: 0.8, hasNanObservations: true })
})

test('the fraction below a quantile is the quantile', () => {
  const h = histogram({
    count: 12,
    sum: 20,
    buckets: [3, 2, 1],
    negative: [4, 2],
    zeroThreshold: 0.001,
  })
  for (const quantile of [0.1, 0.3, 0.5, 0.8, 0.99]) {
    const { value } = histogramQuantile(quantile, h)
    expect(histogramFraction(-Infinity, value, h).value).toBeCloseTo(quantile, 9)
  }
})

test('the spread takes observations at the middle of their buckets', () => {
  const h = custom([2, 4], [0, 2, 0], { count: 2, sum: 6 })
  expect(histogramVariance(h)).toBe(0)
  expect(histogramVariance({ ...h, sum: 4 })).toBe(1)
})

test('trimming keeps the share that interpolation gives a cut bucket', () => {
  const h = custom([0, 10, 20], [0, 4, 6, 0], { count: 10, sum: 110 })
  expect(trimHistogram(h, 15, 'below')).toMatchObject({ count: 7, sum: 4 * 5 + 3 * 12.5 })
  expect(trimHistogram(h, 15, 'above')).toMatchObject({ count: 3, sum: 3 * 17.5 })
  expect(trimHistogram(h, 20, 'below')).toBe(h)
})

test('text and JSON list the populated buckets upwards', () => {
  const h = histogram({
    count: 7,
    sum: 1.5,
    zeroThreshold: 0.5,
    zeroCount: 1,
    offset: 0,
    buckets: [1, 0, 2],
    negative: [3],
  })
  expect(formatHistogram(h)).toBe(
    '{count:7, sum:1.5, [-1,-0.5):3, [-0.5,0.5]:1, (0.5,1]:1, (2,4]:2}',
  )
  expect(jsonBuckets(h).map((bucket) => bucket.rule)).toEqual([1, 3, 0, 0])
})

test('%g writes the fewest digits with an exponent of two digits', () => {
  const shown = [0, -0, 1e6, 999999, 1234567, 0.0001, 0.00001, 1e100, -Infinity, Number.NaN]
  expect(shown.map(formatShortest)).toEqual([
    '0',
    '-0',
    '1e+06',
    '999999',
    '1.234567e+06',
    '0.0001',
    '1e-05',
    '1e+100',
    '-Inf',
    'NaN',
  ])
})

test('faults are named', () => {
  expect(histogramFault(histogram({ schema: 9 }))).toMatch(/invalid schema.*got schema 9/)
  expect(histogramFault(histogram({ buckets: [-1] }))).toMatch(/bucket number 1 has/)
  expect(histogramFault(custom([2, 1], []))).toMatch(/strictly increasing/)
  expect(histogramFault(custom([1], [1, 2, 3]))).toMatch(/custom bounds are too few/)
  expect(histogramFault(custom([1], [1, 2]))).toBeUndefined()
})

test('a histogram counts as many samples as its memory holds', () => {
  expect(sampleCountOf(histogram({ buckets: [1, 2, 3] }))).toBe(13)
})

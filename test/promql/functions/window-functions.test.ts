// Window functions on windows built by hand; the numbers follow from the definitions in the docs.
import { expect, test } from 'vitest'
import { windowFunctions } from '../../../src/promql/functions/registry.ts'
import type { Notes, SampleWindow } from '../../../src/promql/operators/operator.ts'
import { cellAbsent, PointOut } from '../../../src/promql/operators/operator.ts'

interface WindowParts {
  /** [seconds, value] pairs. */
  readonly samples: readonly (readonly [number, number])[]
  readonly range: readonly [number, number]
  readonly starts?: readonly number[]
  readonly selection?: SampleWindow['selection']
}

function call(name: string, parts: WindowParts, scalars: readonly number[] = []) {
  const texts: string[] = []
  const notes: Notes = {
    metricName: () => 'x_total',
    metricType: () => '',
    typeLabels: false,
    annotate: (level, text) => texts.push(`${level}: ${text}`),
  }
  const window: SampleWindow = {
    timestampsMs: Float64Array.from(parts.samples, ([time]) => time * 1000),
    values: Float64Array.from(parts.samples, ([, value]) => value),
    startTimestampsMs: parts.starts && Float64Array.from(parts.starts, (time) => time * 1000),
    histograms: undefined,
    dropCounts: undefined,
    from: 0,
    to: parts.samples.length,
    startMs: parts.range[0] * 1000,
    endMs: parts.range[1] * 1000,
    stepMs: parts.range[1] * 1000,
    selection: parts.selection ?? 'plain',
  }
  const out = new PointOut()
  windowFunctions.get(name)!(window, scalars, out, notes)
  return { value: out.present === cellAbsent ? undefined : out.value, texts }
}

const steady = {
  samples: [
    [10, 10],
    [20, 20],
    [30, 30],
    [40, 40],
  ],
  range: [0, 50],
} as const

test('increase extrapolates to both ends of the window where samples are near', () => {
  expect(call('increase', steady).value).toBeCloseTo(50)
  expect(call('rate', steady).value).toBeCloseTo(1)
})

test('increase extrapolates by half a sample distance where samples begin late', () => {
  const late = {
    samples: [
      [70, 100],
      [80, 110],
      [90, 120],
    ],
    range: [0, 90],
  } as const
  expect(call('increase', late).value).toBeCloseTo(25)
})

test('a counter is not extrapolated below zero', () => {
  const fresh = {
    samples: [
      [12, 1],
      [22, 11],
      [32, 21],
    ],
    range: [2, 32],
  } as const
  expect(call('increase', fresh).value).toBeCloseTo(21)
  expect(call('delta', fresh).value).toBeCloseTo(30)
})

test('what a counter had before a reset counts', () => {
  const reset = {
    samples: [
      [10, 10],
      [20, 2],
      [30, 4],
    ],
    range: [10, 30],
  } as const
  expect(call('increase', reset).value).toBeCloseTo(4)
  expect(call('resets', reset).value).toBe(1)
  expect(call('changes', reset).value).toBe(2)
})

test('a counter that started within the window grew from zero there', () => {
  const started = {
    samples: [
      [30, 6],
      [40, 8],
    ],
    range: [0, 40],
    starts: [10, 10],
  } as const
  expect(call('increase', started).value).toBeCloseTo(8)
  const single = { samples: [[30, 6]], range: [0, 40], starts: [10] } as const
  expect(call('increase', single).value).toBeCloseTo(6)
})

test('a start after the sample before is a reset, even where the value grew', () => {
  const restarted = {
    samples: [
      [10, 5],
      [20, 6],
    ],
    range: [5, 20],
    starts: [1, 15],
  } as const
  expect(call('resets', restarted).value).toBe(1)
  expect(call('irate', restarted).value).toBeCloseTo(0.6)
})

test('one sample has no rate', () => {
  expect(call('rate', { samples: [[10, 1]], range: [0, 50] }).value).toBeUndefined()
})

test('anchored windows measure from the last sample before them', () => {
  const anchored = {
    samples: [
      [-5, 1],
      [10, 4],
      [20, 9],
    ],
    range: [0, 30],
    selection: 'anchored',
  } as const
  expect(call('increase', anchored).value).toBe(8)
  expect(call('changes', anchored).value).toBe(2)
})

test('smoothed windows interpolate at both edges', () => {
  const smoothed = {
    samples: [
      [-10, 0],
      [10, 20],
      [30, 40],
    ],
    range: [0, 20],
    selection: 'smoothed',
  } as const
  expect(call('increase', smoothed).value).toBe(20)
})

test('sums carry what rounding lost', () => {
  const wide = {
    samples: [
      [1, 1e100],
      [2, 1],
      [3, -1e100],
    ],
    range: [0, 3],
  } as const
  expect(call('sum_over_time', wide).value).toBe(1)
  expect(call('avg_over_time', wide).value).toBeCloseTo(1 / 3)
})

test('averages survive sums that overflow', () => {
  const huge = {
    samples: [
      [1, 1.7e308],
      [2, 1.7e308],
    ],
    range: [0, 2],
  } as const
  expect(call('avg_over_time', huge).value).toBeCloseTo(1.7e308, -300)
})

test('extremes prefer any number to NaN and name the last of equals', () => {
  const mixed = {
    samples: [
      [1, Number.NaN],
      [2, 3],
      [3, 1],
      [4, 3],
    ],
    range: [0, 4],
  } as const
  expect(call('max_over_time', mixed).value).toBe(3)
  expect(call('min_over_time', mixed).value).toBe(1)
  expect(call('ts_of_max_over_time', mixed).value).toBe(4)
})

test('quantiles interpolate, and ones outside [0, 1] are told', () => {
  const four = {
    samples: [
      [1, 4],
      [2, 1],
      [3, 3],
      [4, 2],
    ],
    range: [0, 4],
  } as const
  expect(call('quantile_over_time', four, [0.5]).value).toBe(2.5)
  expect(call('quantile_over_time', four, [2])).toEqual({
    value: Infinity,
    texts: ['warning: quantile value should be between 0 and 1, got 2'],
  })
  expect(call('mad_over_time', four).value).toBe(1)
})

test('spread is that of a population', () => {
  const two = {
    samples: [
      [1, 2],
      [2, 4],
    ],
    range: [0, 2],
  } as const
  expect(call('stdvar_over_time', two).value).toBe(1)
  expect(call('stddev_over_time', two).value).toBe(1)
})

test('regression finds slope and prediction of a line', () => {
  expect(call('deriv', steady).value).toBeCloseTo(1)
  expect(call('predict_linear', steady, [50]).value).toBeCloseTo(100)
  const flat = {
    samples: [
      [1, 7],
      [2, 7],
    ],
    range: [0, 2],
  } as const
  expect(call('deriv', flat).value).toBe(0)
})

test('smoothing factors outside (0, 1) fail', () => {
  expect(() => call('double_exponential_smoothing', steady, [1, 0.5])).toThrow(
    'invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000',
  )
  expect(call('double_exponential_smoothing', steady, [0.5, 0.5]).value).toBeCloseTo(40)
})

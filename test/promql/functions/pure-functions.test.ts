// The parts of functions that are not about windows: calendar, classic buckets, natural order, label templates.
import { expect, test } from 'vitest'
import {
  classicFraction,
  classicQuantile,
  parseBound,
} from '../../../src/promql/functions/classic-histogram.ts'
import { expandTemplate, parseTemplate } from '../../../src/promql/functions/label-template.ts'
import { compareNatural } from '../../../src/promql/functions/natural-order.ts'
import { quantileOf } from '../../../src/promql/functions/quantile.ts'
import { elementFunctions } from '../../../src/promql/functions/registry.ts'
import type { Notes } from '../../../src/promql/operators/operator.ts'
import { cellAbsent, PointOut } from '../../../src/promql/operators/operator.ts'

const silent: Notes = {
  metricName: () => '',
  metricType: () => '',
  typeLabels: false,
  annotate: () => {},
}

function element(name: string, value: number, ...scalars: number[]): number | undefined {
  const out = new PointOut()
  elementFunctions.get(name)!(value, undefined, scalars, out, silent)
  return out.present === cellAbsent ? undefined : out.value
}

test('calendar functions agree with the platform over two thousand years', () => {
  for (let day = -365_000; day < 365_000; day += 97) {
    const seconds = day * 86_400 + 3 * 3600 + 25 * 60 + 7
    const date = new Date(seconds * 1000)
    expect(element('year', seconds)).toBe(date.getUTCFullYear())
    expect(element('month', seconds)).toBe(date.getUTCMonth() + 1)
    expect(element('day_of_month', seconds)).toBe(date.getUTCDate())
    expect(element('day_of_week', seconds)).toBe(date.getUTCDay())
    expect(element('hour', seconds)).toBe(3)
    expect(element('minute', seconds)).toBe(25)
  }
})

test('leap years have 366 days and a 29th of February', () => {
  const seconds = Date.UTC(2024, 11, 31) / 1000
  expect(element('day_of_year', seconds)).toBe(366)
  expect(element('days_in_month', Date.UTC(2024, 1, 3) / 1000)).toBe(29)
  expect(element('days_in_month', Date.UTC(1900, 1, 3) / 1000)).toBe(28)
})

test('rounding goes up at halves and to any multiple', () => {
  expect(element('round', 2.5)).toBe(3)
  expect(element('round', -2.5)).toBe(-2)
  expect(element('round', 17, 5)).toBe(15)
})

test('clamping to an empty interval gives nothing, to NaN gives NaN', () => {
  expect(element('clamp', 5, 3, 1)).toBeUndefined()
  expect(element('clamp', 5, 1, 3)).toBe(3)
  expect(element('clamp_min', 5, Number.NaN)).toBeNaN()
})

test('the quantile of numbers interpolates between ranks and takes NaN for the smallest', () => {
  expect(quantileOf(0.5, Float64Array.of(3, 1, 2))).toBe(2)
  expect(quantileOf(0, Float64Array.of(3, Number.NaN))).toBeNaN()
  expect(quantileOf(1, Float64Array.of(3, Number.NaN))).toBe(3)
  expect(quantileOf(0.5, new Float64Array(0))).toBeNaN()
})

const bucket = (upperBound: number, count: number) => ({ upperBound, count })

test('classic quantiles interpolate linearly within a bucket', () => {
  const buckets = [bucket(1, 2), bucket(2, 4), bucket(Infinity, 4)]
  expect(classicQuantile(0.5, buckets).value).toBe(1)
  expect(classicQuantile(0.75, buckets).value).toBe(1.5)
  expect(classicQuantile(1, [bucket(1, 2), bucket(Infinity, 4)]).value).toBe(1)
  expect(classicQuantile(0.5, [bucket(1, 2)]).value).toBeNaN()
})

test('falling counts are raised and told, rounding is not', () => {
  const fell = [bucket(1, 5), bucket(2, 4), bucket(Infinity, 10)]
  expect(classicQuantile(0.9, fell).forced).toEqual({ minBound: 2, maxBound: 2, maxDifference: 1 })
  const rounded = [bucket(1, 5), bucket(2, 5 - 1e-14), bucket(Infinity, 10)]
  expect(classicQuantile(0.9, rounded).forced).toBeUndefined()
})

test('classic fractions are the inverse of quantiles', () => {
  const buckets = [bucket(1, 2), bucket(2, 4), bucket(Infinity, 4)]
  expect(classicFraction(0, 1.5, buckets)).toBe(0.75)
  expect(classicFraction(-Infinity, Infinity, buckets)).toBe(1)
})

test('bounds are read as Go reads numbers', () => {
  expect(['1', '+Inf', '-inf', '1e3', '0x1p4', 'x', ''].map(parseBound)).toEqual([
    1,
    Infinity,
    -Infinity,
    1000,
    16,
    undefined,
    undefined,
  ])
})

test('runs of digits sort as numbers', () => {
  const names = ['node-10', 'node-9', 'node', 'node-09b', 'a1']
  expect(names.sort(compareNatural)).toEqual(['a1', 'node', 'node-9', 'node-09b', 'node-10'])
})

test('templates name groups by number and by name, as far as word characters go', () => {
  const groups = {
    group: (index: number) => ['all', 'one'][index] ?? '',
    named: (name: string) => (name === 'key' ? 'value' : ''),
  }
  const expand = (template: string) => expandTemplate(parseTemplate(template), groups)
  expect(expand(`$1-$\{1}x-$1x`)).toBe('one-onex-')
  expect(expand(`$key/$\{key}$$`)).toBe('value/value$')
  expect(expand('$ 100$')).toBe('$ 100$')
})

// The language of test scripts: values, start offsets, expectations, and what derived queries look like.
import { expect, test } from 'vitest'
import { labelsOf } from '../../../src/model/index.ts'
import { allParserFeatures } from '../../../src/promql/parse/features.ts'
import { parseExpr } from '../../../src/promql/parse/parser.ts'
import { customHistogramsOf } from '../../../src/promql/promqltest/classic-to-custom.ts'
import { nearlyEqual } from '../../../src/promql/promqltest/compare.ts'
import { pinnedQueries } from '../../../src/promql/promqltest/derived-queries.ts'
import { parseScript } from '../../../src/promql/promqltest/parse-script.ts'
import type { LoadCommand } from '../../../src/promql/promqltest/script.ts'
import { parseSeriesValues } from '../../../src/promql/promqltest/series-values.ts'
import { parseStartOffsets } from '../../../src/promql/promqltest/start-offsets.ts'

const floats = (text: string) =>
  parseSeriesValues(text).map((value) => (value?.kind === 'float' ? value.value : value?.kind))

test('values repeat, step and leave gaps', () => {
  expect(floats('1 _ 2x2 1+2x3 5-1x1 _x2 stale')).toEqual([
    1,
    undefined,
    2,
    2,
    2,
    1,
    3,
    5,
    7,
    5,
    4,
    undefined,
    undefined,
    'stale',
  ])
  expect(floats('0x2 -1-2x1 1e+3 Inf -inf .5 1m')).toEqual([
    0,
    0,
    0,
    -1,
    -3,
    1000,
    Infinity,
    -Infinity,
    0.5,
    60,
  ])
})

test('histograms repeat and step', () => {
  const values = parseSeriesValues(
    '{{schema:1 count:3 buckets:[1 2]}}+{{schema:1 count:1 buckets:[1]}}x2 {{}}x1',
  )
  expect(values).toHaveLength(5)
  expect(values[2]).toMatchObject({ kind: 'histogram', histogram: { schema: 1, count: 5 } })
})

test('unreadable values are refused', () => {
  for (const text of ['1+2', '{{schema:1', '{{sum:1 sum:2}}', 'abc', '{{bad:1}}']) {
    expect(() => parseSeriesValues(text)).toThrow('cannot read the series value')
  }
})

test('start offsets are relative to their sample', () => {
  expect(parseStartOffsets('_ -1m 0 -30s-1mx2 _x2')).toEqual([
    undefined,
    -60_000,
    0,
    -30_000,
    -90_000,
    -150_000,
    undefined,
    undefined,
  ])
})

test('a script is clears, loads and evaluations with their expectations', () => {
  const script = parseScript(`
# A comment.
clear
load 1m
  up{a="b"}@st -30s _
  up{a="b"} 1 2

eval instant at 1m up
  expect no_warn
  expect info regex: not.*counter
  up{a="b"} 2
`)
  expect(script.map(({ kind, line }) => [kind, line])).toEqual([
    ['clear', 3],
    ['load', 4],
    ['eval', 8],
  ])
  expect(script[1]).toMatchObject({
    series: [{ samples: [{ startTimestampMs: -30_000 }, { startTimestampMs: 0 }] }],
  })
  expect(script[2]).toMatchObject({
    times: { startMs: 60_000, endMs: 60_000, stepMs: 0 },
    warn: { none: true },
    result: { kind: 'series', series: [{ labels: labelsOf({ __name__: 'up', a: 'b' }) }] },
  })
})

test('faults name their line', () => {
  expect(() => parseScript('\nfoo')).toThrow('line 2: invalid command "foo"')
  expect(() => parseScript('eval instant at 1m sum(')).toThrow('line 1: 1:5: parse error')
})

test('selectors are pinned unless a function depends on the time', () => {
  const pinned = (text: string) => pinnedQueries(parseExpr(text, allParserFeatures), 10_000)
  expect(pinned('rate(a[1m]) + b @ 3')[0]).toEqual({
    expr: 'rate(a[1m] @ 10.000) + b @ 3.000',
    timeMs: -100_000,
  })
  expect(pinned('sum_over_time(a[1m:10s])')[0]!.expr).toBe('sum_over_time(a[1m:10s] @ 10.000)')
  expect(pinned('hour(a)')).toEqual([])
})

test('classic histograms become one native series', () => {
  const [load] = parseScript(`load_with_nhcb 1m
  h_bucket{le="1", x="y"} 2
  h_bucket{le="+Inf", x="y"} 5
  h_sum{x="y"} 7`)
  expect(customHistogramsOf((load as LoadCommand).series)).toMatchObject([
    {
      labels: labelsOf({ __name__: 'h', x: 'y' }),
      samples: [{ value: { histogram: { schema: -53, count: 5, sum: 7 } } }],
    },
  ])
})

test('floats are compared to a millionth', () => {
  expect(nearlyEqual(1, 1 + 1e-7)).toBe(true)
  expect(nearlyEqual(1, 1 + 1e-5)).toBe(false)
  expect(nearlyEqual(0, 1e-9)).toBe(false)
  expect(nearlyEqual(Number.NaN, Number.NaN)).toBe(true)
})

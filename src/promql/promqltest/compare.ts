// Compares answers with what a script expects. Floats may differ by a millionth of their sum.
// Source: Prometheus promql/promqltest/test.go (compareResult), util/almost.

import type { FloatHistogram, Labels } from '../../model/index.ts'
import { compareLabels, formatLabels } from '../../model/index.ts'
import { compact, numbersEqual, spansEqual } from '../histogram/layout.ts'
import type { AnswerPoint, AnswerResult, AnswerSeries } from './answer.ts'
import { formatPoint, formatResult, formatValue } from './answer.ts'
import type {
  AnnotationExpectation,
  EvalCommand,
  EvalTimes,
  ExpectedSeries,
  TextExpectation,
} from './script.ts'
import type { ScriptValue } from './series-values.ts'

/** How an answer differs from what was expected; two texts. */
export interface Difference {
  readonly expected: string
  readonly got: string
}

const tolerance = 1e-6
const smallestNormal = 2 ** -1022

/** Whether two floats are equal up to rounding; NaN equals NaN. */
export function nearlyEqual(a: number, b: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  const size = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || size < smallestNormal) return difference < tolerance * smallestNormal
  return difference / Math.min(size, Number.MAX_VALUE) < tolerance
}

/** Whether two histograms are equal up to rounding and layout; the hint counts only where `compareHint` is set. */
export function histogramsNearlyEqual(
  expected: FloatHistogram,
  got: FloatHistogram,
  compareHint: boolean,
): boolean {
  const a = compact(expected)
  const b = compact(got)
  return (
    a.schema === b.schema &&
    nearlyEqual(a.count, b.count) &&
    nearlyEqual(a.sum, b.sum) &&
    nearlyEqual(a.zeroCount, b.zeroCount) &&
    a.zeroThreshold === b.zeroThreshold &&
    numbersEqual(a.customValues, b.customValues) &&
    spansEqual(a.positiveSpans, b.positiveSpans) &&
    spansEqual(a.negativeSpans, b.negativeSpans) &&
    a.positiveBuckets.every((count, i) => nearlyEqual(count, b.positiveBuckets[i]!)) &&
    a.negativeBuckets.every((count, i) => nearlyEqual(count, b.negativeBuckets[i]!)) &&
    (!compareHint || a.counterResetHint === b.counterResetHint)
  )
}

/** The first difference between a result and the expected one. */
export function compareResult(command: EvalCommand, got: AnswerResult): Difference | undefined {
  const { result: expected } = command
  if (expected.kind === 'scalar') {
    const equal = got.kind === 'scalar' && matches(expected.value, got.value, undefined)
    return equal
      ? undefined
      : { expected: `scalar ${formatValue(expected.value)}`, got: formatResult(got) }
  }
  if (expected.kind === 'string') {
    const equal = got.kind === 'string' && got.text === expected.text
    return equal
      ? undefined
      : { expected: `string ${JSON.stringify(expected.text)}`, got: formatResult(got) }
  }
  if (got.kind === 'scalar' || got.kind === 'string') {
    return { expected: formatExpected(expected.series), got: formatResult(got) }
  }
  if (got.kind === 'matrix') {
    if (command.ordered) return { expected: 'an ordered vector', got: 'a matrix' }
    return unsorted(got.series) ?? compareMatrix(command, expected.series, got.series)
  }
  return compareVector(command.ordered, expected.series, got.series)
}

function matches(
  expected: ScriptValue | undefined,
  value: number,
  histogram: FloatHistogram | undefined,
): boolean {
  if (expected?.kind === 'histogram') {
    return (
      histogram !== undefined &&
      histogramsNearlyEqual(expected.histogram, histogram, expected.hintGiven)
    )
  }
  if (histogram !== undefined || expected?.kind === 'stale') return false
  return nearlyEqual(expected?.value ?? 0, value)
}

function formatExpected(series: readonly ExpectedSeries[]): string {
  if (series.length === 0) return 'nothing'
  return series
    .map(({ labels, values }) => `${formatLabels(labels)} ${values.map(formatValue).join(' ')}`)
    .join('\n')
}

/** That the series of a matrix do not come in the order of their labels. */
export function unsorted(series: readonly AnswerSeries[]): Difference | undefined {
  for (let i = 1; i < series.length; i++) {
    const before = series[i - 1]!.labels
    const after = series[i]!.labels
    if (compareLabels(before, after) <= 0) continue
    return {
      expected: 'a matrix sorted by labels',
      got: `${formatLabels(before)} before ${formatLabels(after)}`,
    }
  }
  return undefined
}

const keyOf = (labels: Labels): string => JSON.stringify(labels)

function compareVector(
  ordered: boolean,
  expected: readonly ExpectedSeries[],
  got: readonly AnswerSeries[],
): Difference | undefined {
  const positions = new Map(expected.map(({ labels }, i) => [keyOf(labels), i]))
  const seen = new Set<number>()
  let equal = true
  for (const [i, { labels, points }] of got.entries()) {
    const position = positions.get(keyOf(labels))
    const point = points[0]!
    equal &&=
      position !== undefined &&
      (!ordered || position === i) &&
      matches(expected[position]!.values[0], point.value, point.histogram)
    if (position !== undefined) seen.add(position)
  }
  if (equal && seen.size === expected.length) return undefined
  return {
    expected: (ordered ? 'in this order:\n' : '') + formatExpected(expected),
    got: formatResult({ kind: 'vector', series: got }),
  }
}

function compareMatrix(
  command: EvalCommand,
  expected: readonly ExpectedSeries[],
  got: readonly AnswerSeries[],
): Difference | undefined {
  const byKey = new Map(got.map((series) => [keyOf(series.labels), series]))
  for (const { labels, values } of expected) {
    const series = byKey.get(keyOf(labels))
    const want = `${formatLabels(labels)} ${values.map(formatValue).join(' ')}`
    if (series === undefined) {
      return { expected: want, got: formatResult({ kind: 'matrix', series: got }) }
    }
    byKey.delete(keyOf(labels))
    if (!pointsMatch(values, series.points, command.expectedTimes)) {
      return { expected: want, got: formatResult({ kind: 'matrix', series: [series] }) }
    }
  }
  if (byKey.size === 0) return undefined
  const [surplus] = byKey.values()
  return {
    expected: `no series ${formatLabels(surplus!.labels)}`,
    got: surplus!.points.map(formatPoint).join(' '),
  }
}

function pointsMatch(
  values: readonly (ScriptValue | undefined)[],
  points: readonly AnswerPoint[],
  times: EvalTimes,
): boolean {
  let next = 0
  for (const [i, value] of values.entries()) {
    if (value === undefined) continue
    const timestampMs = times.startMs + i * times.stepMs
    const point = points[next++]
    if (point === undefined || timestampMs > times.endMs || point.timestampMs !== timestampMs) {
      return false
    }
    if (!matches(value, point.value, point.histogram)) return false
  }
  return next === points.length
}

/** Whether a text is as expected; patterns may match any part of it. */
export function textMatches(expectation: TextExpectation, text: string): boolean {
  if (expectation.kind === 'any') return true
  return expectation.kind === 'message'
    ? expectation.text === text
    : expectation.regex.matcher(text).find()
}

/** A text expectation as messages show it. */
export function formatTextExpectation(expectation: TextExpectation): string {
  if (expectation.kind === 'any') return 'any text'
  return expectation.kind === 'message'
    ? expectation.text
    : `a text matching ${expectation.pattern}`
}

/** The first difference between annotations of one level and the expected ones. */
export function compareAnnotations(
  level: 'warn' | 'info',
  { none, some, matching }: AnnotationExpectation,
  got: readonly string[],
): Difference | undefined {
  const shown = got.length === 0 ? `no ${level} annotations` : got.join('\n')
  if (none && got.length > 0) return { expected: `no ${level} annotations`, got: shown }
  if (some && got.length === 0) return { expected: `${level} annotations`, got: shown }
  if (matching.length === 0) return undefined
  const missing = matching.some(
    (expectation) => !got.some((text) => textMatches(expectation, text)),
  )
  const surplus = got.some(
    (text) => !matching.some((expectation) => textMatches(expectation, text)),
  )
  if (!missing && !surplus) return undefined
  return { expected: `${level}: ${matching.map(formatTextExpectation).join('\n')}`, got: shown }
}

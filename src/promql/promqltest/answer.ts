// An answer of the engine as scripts compare it, and how it is written in messages.
// Units: Unix milliseconds.

import type { FloatHistogram, Labels } from '../../model/index.ts'
import { formatLabels, formatShortest } from '../../model/index.ts'
import { compact } from '../histogram/layout.ts'
import type { ScriptValue } from './series-values.ts'

/** A sample of a result. */
export interface AnswerPoint {
  readonly timestampMs: number
  readonly value: number
  /** Set where the sample is a histogram; `value` has no meaning then. */
  readonly histogram: FloatHistogram | undefined
}

/** A series of a result; one point where the result is an instant vector. */
export interface AnswerSeries {
  readonly labels: Labels
  readonly points: readonly AnswerPoint[]
}

/** A result. */
export type AnswerResult =
  | { readonly kind: 'scalar'; readonly value: number }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'vector' | 'matrix'; readonly series: readonly AnswerSeries[] }

/** A result, and what was said about it. */
export interface Answer {
  readonly result: AnswerResult
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** A result in one line a series. */
export function formatResult(result: AnswerResult): string {
  if (result.kind === 'scalar') return `scalar ${formatShortest(result.value)}`
  if (result.kind === 'string') return `string ${JSON.stringify(result.text)}`
  if (result.series.length === 0) return 'nothing'
  return result.series
    .map(({ labels, points }) => `${formatLabels(labels)} ${points.map(formatPoint).join(' ')}`)
    .join('\n')
}

/** A sample as `value@seconds`. */
export function formatPoint(point: AnswerPoint): string {
  const value =
    point.histogram === undefined ? formatShortest(point.value) : histogramNotation(point.histogram)
  return `${value}@${point.timestampMs / 1000}`
}

/** An expected value as scripts write it. */
export function formatValue(value: ScriptValue | undefined): string {
  if (value === undefined) return '_'
  if (value.kind === 'stale') return 'stale'
  return value.kind === 'float' ? formatShortest(value.value) : histogramNotation(value.histogram)
}

/** A histogram as scripts write it; gaps between spans become empty buckets. */
export function histogramNotation(histogram: FloatHistogram): string {
  const { schema, count, sum, zeroCount, zeroThreshold, customValues } = histogram
  const parts: string[] = []
  const add = (key: string, value: number): void => {
    if (value !== 0) parts.push(`${key}:${formatShortest(value)}`)
  }
  add('schema', schema)
  add('count', count)
  add('sum', sum)
  add('z_bucket', zeroCount)
  add('z_bucket_w', zeroThreshold)
  if (customValues.length > 0) parts.push(`custom_values:${list(customValues)}`)
  if (histogram.counterResetHint !== 'unknown') {
    parts.push(`counter_reset_hint:${histogram.counterResetHint}`)
  }
  const { positiveSpans, positiveBuckets, negativeSpans, negativeBuckets } = compact(histogram)
  for (const [prefix, spans, buckets] of [
    ['', positiveSpans, positiveBuckets],
    ['n_', negativeSpans, negativeBuckets],
  ] as const) {
    if (spans.length === 0) continue
    add(`${prefix}offset`, spans[0]!.offset)
    const counts: number[] = []
    let next = 0
    for (const [i, span] of spans.entries()) {
      if (i > 0) for (let gap = 0; gap < span.offset; gap++) counts.push(0)
      for (let j = 0; j < span.length; j++) counts.push(buckets[next++]!)
    }
    parts.push(`${prefix}buckets:${list(counts)}`)
  }
  return `{{${parts.join(' ')}}}`
}

function list(numbers: Iterable<number>): string {
  return `[${Array.from(numbers, formatShortest).join(' ')}]`
}

// The values of a series line: `1 2 _ 3x4 1+2x3 stale {{schema:1 buckets:[1 2]}}x2`.
// One entry per position; positions are a load's interval or a range's step apart.
// Source: Prometheus docs "unit testing rules", series; promql/promqltest/README.md.

import type { CounterResetHint, FloatHistogram, Span } from '../../model/index.ts'
import { UserError } from '../../model/index.ts'
import { addHistograms, subtractHistograms } from '../histogram/arithmetic.ts'

/** What stands at one position; undefined stands for nothing (`_`). */
export type ScriptValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'stale' }
  | {
      readonly kind: 'histogram'
      readonly histogram: FloatHistogram
      /** The line names a counter reset hint, so that it is compared. */
      readonly hintGiven: boolean
    }

// Longest series a line may stand for: far above what tests need, low enough to fit into memory.
const positionsMax = 1_000_000

/** The values of a line, one by one; throws UserError bad_data. */
export function parseSeriesValues(text: string): (ScriptValue | undefined)[] {
  const out: (ScriptValue | undefined)[] = []
  let rest = text.trim()
  while (rest !== '') {
    const item = rest.startsWith('{{') ? histogramItem(rest) : plainItem(rest)
    if (out.length + item.values.length > positionsMax) throw fault(text, 'too many values')
    for (const value of item.values) out.push(value)
    rest = rest.slice(item.size).trimStart()
  }
  return out
}

interface Item {
  /** Characters read. */
  readonly size: number
  readonly values: readonly (ScriptValue | undefined)[]
}

const numberPattern = String.raw`(?:inf|nan|(?:\d+(?:ms|[smhdwy]))+|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)`
const floatItem = new RegExp(
  `^([+-]?${numberPattern})(?:([+-])(${numberPattern}))?(?:x(\\d+))?$`,
  'i',
)

function plainItem(text: string): Item {
  const word = /^\S+/.exec(text)![0]
  const size = word.length
  const omitted = /^_(?:x(\d+))?$/.exec(word)
  if (omitted !== null) return { size, values: repeated(undefined, Number(omitted[1] ?? 1)) }
  const stale = /^stale(?:x(\d+))?$/.exec(word)
  if (stale !== null) {
    return { size, values: repeated({ kind: 'stale' }, Number(stale[1] ?? 0) + 1) }
  }
  const match = floatItem.exec(word)
  if (match === null) throw fault(word, 'expected a number, _, stale or a histogram')
  const [, first, sign, step, times] = match
  if (sign !== undefined && times === undefined) throw fault(word, 'a step needs xN')
  let value = numberOf(first!)
  const increment = sign === undefined ? 0 : numberOf(sign + step!)
  const values: ScriptValue[] = []
  for (let i = checkedCount(Number(times ?? 0)); i >= 0; i--) {
    values.push({ kind: 'float', value })
    // Added again and again rather than multiplied: rounding is part of the notation.
    if (sign !== undefined) value += increment
  }
  return { size, values }
}

function repeated<T>(value: T, count: number): T[] {
  return new Array<T>(checkedCount(count)).fill(value)
}

function checkedCount(count: number): number {
  if (count <= positionsMax) return count
  throw fault(String(count), 'too many values')
}

/** A number as series lines and expectations write it: also Inf, NaN, signs and durations (in seconds). */
export function numberOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const bare = text.replace(/^[+-]/, '').toLowerCase()
  if (bare === 'inf') return sign * Infinity
  if (bare === 'nan') return Number.NaN
  if (/[smhdwy]$/.test(bare)) return sign * durationSeconds(bare)
  return sign * Number(bare.replaceAll('_', ''))
}

const unitSeconds: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  y: 365 * 86_400,
}

function durationSeconds(text: string): number {
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdwy])/g)) {
    total += Number(count) * unitSeconds[unit!]!
  }
  return total
}

function histogramItem(text: string): Item {
  const first = histogramText(text)
  const base = parseHistogram(first)
  let size = first.length
  const sign = /^[+-](?=\{\{)/.exec(text.slice(size))?.[0]
  const step = sign === undefined ? undefined : histogramText(text.slice(size + 1))
  if (step !== undefined) size += 1 + step.length
  const times = /^x(\d+)/.exec(text.slice(size))
  size += times?.[0].length ?? 0
  const next = text[size]
  if (next !== undefined && next !== ' ' && next !== '\t') throw fault(text, 'expected a space')
  if (step === undefined) {
    return { size, values: repeated(histogramValue(base), Number(times?.[1] ?? 0) + 1) }
  }
  if (times === null) throw fault(text, 'a step needs xN')
  const count = checkedCount(Number(times[1]))
  return { size, values: steps(base, parseHistogram(step), sign === '-', count) }
}

function histogramText(text: string): string {
  const end = text.indexOf('}}')
  if (end < 0) throw fault(text, 'expected }}')
  return text.slice(0, end + 2)
}

interface ParsedHistogram {
  readonly histogram: FloatHistogram
  readonly hintGiven: boolean
}

function histogramValue({ histogram, hintGiven }: ParsedHistogram): ScriptValue {
  return { kind: 'histogram', histogram, hintGiven }
}

function steps(
  base: ParsedHistogram,
  step: ParsedHistogram,
  isDecrease: boolean,
  count: number,
): ScriptValue[] {
  // Whether hints are compared is decided by the step, as in the reference implementation.
  const { hintGiven } = step
  let histogram = base.histogram
  const values = [histogramValue({ histogram, hintGiven })]
  for (let i = 0; i < count; i++) {
    const next =
      histogram.schema > step.histogram.schema
        ? undefined
        : isDecrease
          ? subtractHistograms(histogram, step.histogram)
          : addHistograms(histogram, step.histogram)
    if (next === undefined) throw fault('histogram step', 'the schemas do not go together')
    histogram = next.histogram
    values.push(histogramValue({ histogram, hintGiven }))
  }
  return values
}

const hints: Readonly<Record<string, CounterResetHint>> = {
  unknown: 'unknown',
  reset: 'reset',
  not_reset: 'not_reset',
  gauge: 'gauge',
}

const histogramKeys = new Set([
  'schema',
  'sum',
  'count',
  'z_bucket',
  'z_bucket_w',
  'buckets',
  'offset',
  'n_buckets',
  'n_offset',
  'custom_values',
  'counter_reset_hint',
])

function parseHistogram(text: string): ParsedHistogram {
  const fields = new Map<string, string>()
  let rest = text.slice(2, -2).trim()
  while (rest !== '') {
    const match = /^([a-z_]+)\s*:\s*(\[[^\]]*\]|\S+)\s*/.exec(rest)
    if (match === null) throw fault(text, 'expected key:value')
    const [whole, key, value] = match
    if (!histogramKeys.has(key!)) throw fault(text, `unknown key ${key}`)
    if (fields.has(key!)) throw fault(text, `duplicate key ${key}`)
    fields.set(key!, value!)
    rest = rest.slice(whole.length)
  }
  const numbers = (key: string): Float64Array => listOf(fields.get(key) ?? '[]', text)
  const number = (key: string): number => scalarOf(fields.get(key) ?? '0', text)
  const positiveBuckets = numbers('buckets')
  const negativeBuckets = numbers('n_buckets')
  const hint = hints[fields.get('counter_reset_hint') ?? 'unknown']
  if (hint === undefined) throw fault(text, 'unknown counter_reset_hint')
  const histogram: FloatHistogram = {
    counterResetHint: hint,
    schema: number('schema'),
    zeroThreshold: number('z_bucket_w'),
    zeroCount: number('z_bucket'),
    count: number('count'),
    sum: number('sum'),
    stale: false,
    positiveSpans: spansOf(number('offset'), positiveBuckets),
    negativeSpans: spansOf(number('n_offset'), negativeBuckets),
    positiveBuckets,
    negativeBuckets,
    customValues: numbers('custom_values'),
  }
  return { histogram, hintGiven: fields.has('counter_reset_hint') }
}

function spansOf(offset: number, buckets: Float64Array): Span[] {
  return buckets.length === 0 ? [] : [{ offset, length: buckets.length }]
}

const wholeNumber = new RegExp(`^[+-]?${numberPattern}$`, 'i')

function scalarOf(text: string, context: string): number {
  if (!wholeNumber.test(text)) throw fault(context, `${text} is no number`)
  return numberOf(text)
}

function listOf(text: string, context: string): Float64Array {
  if (!text.startsWith('[') || !text.endsWith(']')) throw fault(context, 'expected [numbers]')
  const words = text.slice(1, -1).split(/\s+/).filter(Boolean)
  return Float64Array.from(words, (word) => scalarOf(word, context))
}

function fault(text: string, reason: string): UserError {
  return new UserError('bad_data', {
    what: `cannot read the series value ${JSON.stringify(text.slice(0, 120))}: ${reason}`,
  })
}

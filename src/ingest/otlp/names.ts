// OTLP names to Prometheus names: metric, label and unit, by translation strategy.
// Source: OpenTelemetry "Prometheus and OpenMetrics compatibility"; prometheus/otlptranslator for the corner cases.

import type { OtlpTranslation } from './options.ts'

/** The kinds of metric that get different suffixes. */
export type OtlpKind = 'gauge' | 'counter' | 'other'

/** What a metric is called in OTLP. */
export interface OtlpName {
  readonly name: string
  readonly unit: string
  readonly kind: OtlpKind
}

/** Whether a strategy escapes what is not a legacy name. */
export function escapes(translation: OtlpTranslation): boolean {
  return translation.startsWith('UnderscoreEscaping')
}

/** The metric name, or undefined where nothing usable is left of it. */
export function metricNameOf(metric: OtlpName, translation: OtlpTranslation): string | undefined {
  switch (translation) {
    case 'UnderscoreEscapingWithSuffixes':
      return usable(withLeadingLetter(escapedWithSuffixes(metric)), metric.name)
    case 'UnderscoreEscapingWithoutSuffixes':
      return usable(
        withLeadingLetter(wordsOf(metric.name, /[^a-zA-Z0-9:_]+/).join('_')),
        metric.name,
      )
    case 'NoUTF8EscapingWithSuffixes':
      return metric.name === '' ? undefined : plainWithSuffixes(metric)
    case 'NoTranslation':
      return metric.name === '' ? undefined : metric.name
  }
}

/**
 * The label name, or undefined where nothing usable is left of it. Escaped names that start with a digit get
 * `key_` in front, those that start with one underscore get `key`.
 */
export function labelNameOf(name: string, translation: OtlpTranslation): string | undefined {
  if (/^_*$/.test(name)) return undefined
  if (!escapes(translation)) return name
  const escaped = name.replace(/[^a-zA-Z0-9_]/gu, '_')
  if (/^[0-9]/.test(escaped)) return `key_${escaped}`
  if (/^_(?!_)/.test(escaped)) return `key${escaped}`
  return /^_*$/.test(escaped) ? undefined : escaped
}

/** The unit as metadata and `_unit` suffixes write it: `By/s` is bytes_per_second, `1` and `{request}` are ''. */
export function unitNameOf(unit: string): string {
  const [main, per] = unitWordsOf(unit).map(cleanUnit)
  return [main, per]
    .filter((word) => word !== '')
    .join('_')
    .replace(/^_|_$/g, '')
}

const units: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
}

const perUnits: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
}

// Main unit and `per_…`, spelled out; what stands in braces is an annotation and no unit.
function unitWordsOf(unit: string): readonly [main: string, per: string] {
  const slash = unit.indexOf('/')
  const main = spelled(slash < 0 ? unit : unit.slice(0, slash), units)
  const per = slash < 0 ? '' : spelled(unit.slice(slash + 1), perUnits)
  return [main, per === '' ? '' : `per_${per}`]
}

function spelled(unit: string, names: Readonly<Record<string, string>>): string {
  const text = unit.trim()
  if (text === '' || /[{}]/.test(text)) return ''
  return Object.hasOwn(names, text) ? names[text]! : text
}

function cleanUnit(unit: string): string {
  return unit.replace(/[^a-zA-Z0-9:]+/g, '_').replace(/^_/, '')
}

function escapedWithSuffixes(metric: OtlpName): string {
  const words = wordsOf(metric.name, /[^a-zA-Z0-9:]+/)
  const [main, per] = unitWordsOf(metric.unit).map(cleanUnit)
  const unitWords = [main!, per === 'per_' ? '' : per!.replace(/_$/, '')]
  if (unitWords[1] !== '' && !words.includes(unitWords[1]!)) {
    unitWords[0] = unitWords[0]!.replace(/_$/, '')
  }
  let all = [...words, ...unitWords.filter((word) => word !== '' && !words.includes(word))]
  if (metric.kind === 'counter') all = [...all.filter((word) => word !== 'total'), 'total']
  if (isRatio(metric)) all = [...all.filter((word) => word !== 'ratio'), 'ratio']
  return all.join('_')
}

// Suffixes stand in the order unit, per unit, total or ratio; those that the name ends with are not repeated.
function plainWithSuffixes(metric: OtlpName): string {
  const [main, per] = unitWordsOf(metric.unit)
  const suffixes: string[] = []
  let name = metric.name
  const take = (suffix: string): void => {
    if (suffix === '') return
    if (name.endsWith(suffix) && name.length > suffix.length + 1) {
      name = name.slice(0, -(suffix.length + 1))
    }
    suffixes.unshift(suffix)
  }
  if (isRatio(metric)) take('ratio')
  if (metric.kind === 'counter') take('total')
  take(per)
  if (main !== '' && !name.endsWith(main)) suffixes.unshift(main)
  return [name, ...suffixes].join('_')
}

function isRatio(metric: OtlpName): boolean {
  return metric.unit === '1' && metric.kind === 'gauge'
}

function wordsOf(name: string, separators: RegExp): string[] {
  return name.split(separators).filter((word) => word !== '')
}

function withLeadingLetter(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name
}

function usable(name: string, sent: string): string | undefined {
  return name === '' || (name !== sent && /^_*$/.test(name)) ? undefined : name
}

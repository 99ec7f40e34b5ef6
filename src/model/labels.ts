// Labels: the name/value pairs that identify a series.
// Invariants: sorted by name in UTF-8 byte order, names unique, no empty value (empty means absent).
// Strings here are for the slow path, the API and tests; hot paths carry label pair ids.

import { compareUtf8 } from './utf8.ts'

/** One label. */
export interface Label {
  readonly name: string
  readonly value: string
}

/** Sorted, unique, non-empty labels. Build with `labelsOf` or `sortLabels`. */
export type Labels = readonly Label[]

/** The label that carries the metric name. */
export const metricNameLabel = '__name__'

/** Labels from a plain object; empty values are left out. */
export function labelsOf(pairs: Readonly<Record<string, string>>): Labels {
  return sortLabels(Object.entries(pairs).map(([name, value]) => ({ name, value })))
}

/** Sorted copy without empty values. Duplicate names are the caller's to refuse. */
export function sortLabels(labels: readonly Label[]): Labels {
  return labels.filter((label) => label.value !== '').sort((a, b) => compareUtf8(a.name, b.name))
}

/** The value of a label, or '' where it is absent. */
export function labelValue(labels: Labels, name: string): string {
  for (const label of labels) if (label.name === name) return label.value
  return ''
}

/** Order of label sets as Prometheus sorts results: name then value, bytewise, shorter prefix first. */
export function compareLabels(a: Labels, b: Labels): number {
  const count = Math.min(a.length, b.length)
  for (let i = 0; i < count; i++) {
    const byName = compareUtf8(a[i]!.name, b[i]!.name)
    if (byName !== 0) return byName
    const byValue = compareUtf8(a[i]!.value, b[i]!.value)
    if (byValue !== 0) return byValue
  }
  return a.length - b.length
}

const legacyMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const legacyLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** Whether a metric name needs no quotes. */
export function isLegacyMetricName(name: string): boolean {
  return legacyMetricName.test(name)
}

/** Whether a label name needs no quotes. */
export function isLegacyLabelName(name: string): boolean {
  return legacyLabelName.test(name)
}

/** `name{a="b"}` as Prometheus prints a series; UTF-8 names are quoted inside the braces. */
export function formatLabels(labels: Labels): string {
  const name = labelValue(labels, metricNameLabel)
  const bareName = isLegacyMetricName(name)
  const parts: string[] = []
  if (name !== '' && !bareName) parts.push(quoteGo(name))
  for (const label of labels) {
    if (label.name === metricNameLabel) continue
    const shown = isLegacyLabelName(label.name) ? label.name : quoteGo(label.name)
    parts.push(`${shown}=${quoteGo(label.value)}`)
  }
  if (parts.length === 0 && bareName) return name
  return `${bareName ? name : ''}{${parts.join(', ')}}`
}

/** `{__name__="name", a="b"}`: all labels alike, as Prometheus names series in errors of evaluation. */
export function formatLabelSet(labels: Labels): string {
  const parts = labels.map(({ name, value }) => {
    return `${isLegacyLabelName(name) ? name : quoteGo(name)}=${quoteGo(value)}`
  })
  return `{${parts.join(', ')}}`
}

/** A string as Go's strconv.Quote prints it (printable Unicode kept, the rest escaped). */
export function quoteGo(text: string): string {
  let out = '"'
  for (const char of text) out += escapeGo(char)
  return `${out}"`
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

function escapeGo(char: string): string {
  const short = shortEscapes[char]
  if (short !== undefined) return short
  const code = char.codePointAt(0)!
  if (code === 0x20 || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(char)) return char
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`
  return `\\U${code.toString(16).padStart(8, '0')}`
}

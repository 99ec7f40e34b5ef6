// Unit-test files of rules, as promtool reads them: strictly, times as durations since the start.
// Units: Unix milliseconds. Source: Prometheus docs "unit testing rules"; facts §9.5.

import { parse } from 'yaml'
import { type Labels, labelsOf, parseDurationMs, UserError } from '../model/index.ts'
import { parseSeriesDescription, parseSeriesValues, type ScriptValue } from '../promql/index.ts'
import type { StringMap } from './rule-file.ts'

/** A series that is loaded before the rules run. */
export interface InputSeries {
  readonly labels: Labels
  /** One entry per interval from the start. */
  readonly values: readonly (ScriptValue | undefined)[]
}

/** An alert that must fire. */
export interface ExpectedAlert {
  readonly labels: StringMap
  readonly annotations: StringMap
}

/** The alerts of one name that must fire at a time. */
export interface AlertTest {
  readonly evalTimeMs: number
  readonly alertName: string
  readonly expected: readonly ExpectedAlert[]
}

/** A sample that an expression must yield. */
export interface ExpectedSample {
  readonly labels: Labels
  readonly value: ScriptValue
}

/** The samples that an expression must yield at a time. */
export interface ExpressionTest {
  readonly expr: string
  readonly evalTimeMs: number
  readonly expected: readonly ExpectedSample[]
}

/** One group of tests with a storage of its own. */
export interface TestGroup {
  readonly name: string
  readonly startMs: number
  readonly intervalMs: number
  readonly externalLabels: StringMap
  readonly externalUrl: string
  readonly input: readonly InputSeries[]
  readonly alertTests: readonly AlertTest[]
  readonly expressionTests: readonly ExpressionTest[]
}

/** A unit-test file. */
export interface UnitTestFile {
  readonly ruleFiles: readonly string[]
  readonly evaluationIntervalMs: number
  readonly groupOrder: readonly string[]
  /** Values may differ in their last bit. */
  readonly isFuzzy: boolean
  readonly tests: readonly TestGroup[]
}

type Fields = Readonly<Record<string, unknown>>

/** Parses a file. Throws UserError bad_data. */
export function parseUnitTestFile(text: string): UnitTestFile {
  const root = fieldsOf(parse(text) ?? {}, 'the file', [
    'rule_files',
    'evaluation_interval',
    'group_eval_order',
    'fuzzy_compare',
    'tests',
  ])
  const evaluationIntervalMs = durationOf(root.evaluation_interval, 60_000) || 60_000
  return {
    ruleFiles: listOf(root.rule_files).map(String),
    evaluationIntervalMs,
    groupOrder: listOf(root.group_eval_order).map(String),
    isFuzzy: root.fuzzy_compare === true,
    tests: listOf(root.tests).map((one) => testGroup(one, evaluationIntervalMs)),
  }
}

function testGroup(value: unknown, evaluationIntervalMs: number): TestGroup {
  const fields = fieldsOf(value, 'a test', [
    'interval',
    'name',
    'start_timestamp',
    'external_labels',
    'external_url',
    'input_series',
    'alert_rule_test',
    'promql_expr_test',
  ])
  return {
    name: textOf(fields.name),
    startMs: timeOf(fields.start_timestamp),
    intervalMs: durationOf(fields.interval, evaluationIntervalMs) || evaluationIntervalMs,
    externalLabels: mapOf(fields.external_labels),
    externalUrl: textOf(fields.external_url),
    input: listOf(fields.input_series).map(inputSeries),
    alertTests: listOf(fields.alert_rule_test).map(alertTest),
    expressionTests: listOf(fields.promql_expr_test).map(expressionTest),
  }
}

function inputSeries(value: unknown): InputSeries {
  const { series, values } = fieldsOf(value, 'an input series', ['series', 'values'])
  const { labels } = parseSeriesDescription(textOf(series))
  return { labels, values: parseSeriesValues(textOf(values)) }
}

function alertTest(value: unknown): AlertTest {
  const fields = fieldsOf(value, 'an alert test', ['eval_time', 'alertname', 'exp_alerts'])
  const alertName = textOf(fields.alertname)
  const expected = listOf(fields.exp_alerts).map((one) => {
    const alert = fieldsOf(one, 'an expected alert', ['exp_labels', 'exp_annotations'])
    const labels = { ...mapOf(alert.exp_labels), alertname: alertName }
    return { labels, annotations: mapOf(alert.exp_annotations) }
  })
  return { evalTimeMs: durationOf(fields.eval_time, 0), alertName, expected }
}

function expressionTest(value: unknown): ExpressionTest {
  const fields = fieldsOf(value, 'an expression test', ['expr', 'eval_time', 'exp_samples'])
  const expected = listOf(fields.exp_samples).map((one): ExpectedSample => {
    const sample = fieldsOf(one, 'an expected sample', ['labels', 'value', 'histogram'])
    const labels = sampleLabels(textOf(sample.labels))
    if (sample.histogram === undefined)
      return { labels, value: { kind: 'float', value: Number(sample.value ?? 0) } }
    const parsed = parseSeriesValues(textOf(sample.histogram))
    if (parsed.length !== 1 || parsed[0]?.kind !== 'histogram')
      throw fault('histogram must be one histogram in double braces')
    return { labels, value: parsed[0] }
  })
  return { expr: textOf(fields.expr), evalTimeMs: durationOf(fields.eval_time, 0), expected }
}

function sampleLabels(text: string): Labels {
  return text.trim() === '' ? labelsOf({}) : parseSeriesDescription(text).labels
}

function fieldsOf(value: unknown, what: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fault(`${what} must be a map`)
  for (const name of Object.keys(value))
    if (!known.includes(name)) throw fault(`unknown field ${name} in ${what}`)
  return value as Fields
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw fault('a list is expected')
}

function mapOf(value: unknown): StringMap {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw fault('a map of texts is expected')
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, textOf(text)]))
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}

function durationOf(value: unknown, defaultMs: number): number {
  if (value === undefined || value === null) return defaultMs
  const ms = parseDurationMs(String(value))
  if (ms !== undefined) return ms
  throw fault(`"${String(value)}" is not a duration`)
}

function timeOf(value: unknown): number {
  if (value === undefined || value === null) return 0
  const text = String(value)
  const ms = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text)
  if (Number.isFinite(ms)) return Math.round(ms)
  throw fault(`start_timestamp "${text}" is neither Unix seconds nor RFC 3339`)
}

function fault(what: string): UserError {
  return new UserError('bad_data', { what })
}

// Back-filling recording rules: each rule of the files is asked of a server over the past range, its results become
// OpenMetrics text and that becomes blocks. Alerting rules are passed over, as promtool does.

import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import {
  isLegacyLabelName,
  labelsOf,
  metricNameLabel,
  parseDurationMs,
  UserError,
  windowMs,
} from '../model/index.ts'
import { parseRuleFiles, type RecordingRule } from '../rules/index.ts'
import { createBlocksFromOpenMetrics, createUlidFactory, nodeFiles } from '../tsdb/index.ts'

/** Options as the command line gives them. */
export interface RulesBackfillOptions {
  readonly start: string
  readonly end?: string
  readonly url: string
  readonly outputDir: string
  readonly evalInterval: string
}

interface TimedRule {
  readonly rule: RecordingRule
  readonly intervalMs: number
}

interface MatrixSeries {
  readonly metric: Readonly<Record<string, string>>
  readonly values?: readonly (readonly [seconds: number, value: string])[]
}

/** Newest data is left alone: the head of a running server still holds it. */
const defaultEndAgeMs = 3 * 3_600_000

/** Evaluates and writes; returns a line per block. Throws UserError. */
export async function backfillRules(
  files: readonly string[],
  options: RulesBackfillOptions,
): Promise<string[]> {
  const intervalMs = parseDurationMs(options.evalInterval)
  if (intervalMs === undefined || intervalMs <= 0) {
    throw new UserError('bad_data', { what: `"${options.evalInterval}" is not a duration` })
  }
  const rules = recordingRulesIn(files, intervalMs)
  const startMs = timeOf(options.start)
  const endMs = options.end === undefined ? Date.now() - defaultEndAgeMs : timeOf(options.end)
  if (endMs <= startMs) throw new UserError('bad_data', { what: 'the end is not after the start' })
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  try {
    const path = join(folder, 'results.om')
    const out = createWriteStream(path)
    for (const rule of rules)
      await evaluate(rule, startMs, endMs, options.url, (text) => out.write(text))
    out.end('# EOF\n')
    await finished(out)
    const directory = options.outputDir
    nodeFiles.makeDirectory(directory)
    const metas = await createBlocksFromOpenMetrics({
      path,
      directory,
      nextUlid: createUlidFactory(Date.now),
    })
    return metas.map(({ ulid, minTimeMs, maxTimeMs, stats }) => {
      return `${ulid} ${minTimeMs} ${maxTimeMs} ${stats.sampleCount} samples`
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function recordingRulesIn(files: readonly string[], defaultIntervalMs: number): TimedRule[] {
  const texts = files.map((file) => ({ file, text: readFileSync(file, 'utf8') }))
  return parseRuleFiles(texts).flatMap(({ rules, intervalMs = defaultIntervalMs }) =>
    rules.flatMap((rule) => (rule.kind === 'record' ? [{ rule, intervalMs }] : [])),
  )
}

// Two hours at a time, as blocks are long; steps are multiples of the interval since the epoch.
async function evaluate(
  { rule, intervalMs }: TimedRule,
  startMs: number,
  endMs: number,
  url: string,
  write: (text: string) => void,
): Promise<void> {
  for (let fromMs = startMs; fromMs <= endMs; ) {
    const toMs = Math.min(endMs, (Math.floor(fromMs / windowMs) + 1) * windowMs - 1)
    const firstMs = Math.ceil(fromMs / intervalMs) * intervalMs
    if (firstMs <= toMs) {
      for (const series of await range(url, rule.query, firstMs, toMs, intervalMs))
        write(linesOf(rule, series))
    }
    fromMs = toMs + 1
  }
}

async function range(url: string, query: string, startMs: number, endMs: number, stepMs: number) {
  const form = { query, start: startMs / 1000, end: endMs / 1000, step: stepMs / 1000 }
  const body = new URLSearchParams(
    Object.entries(form).map(([name, value]) => [name, String(value)]),
  )
  const response = await fetch(`${url}/api/v1/query_range`, { method: 'POST', body })
  const answer = (await response.json()) as { error?: string; data?: { result: MatrixSeries[] } }
  if (answer.data !== undefined) return answer.data.result
  throw new UserError('execution', { what: `${query}: ${answer.error}`, where: url })
}

function linesOf(rule: RecordingRule, series: MatrixSeries): string {
  const all = labelsOf({ ...series.metric, ...rule.labels, __name__: rule.name })
  const pairs = all
    .filter(({ name }) => name !== metricNameLabel)
    .map(({ name, value }) => `${isLegacyLabelName(name) ? name : quoted(name)}=${quoted(value)}`)
  const labels = `{${[quoted(rule.name), ...pairs].join(',')}}`
  const lines = (series.values ?? []).map(([seconds, value]) => `${labels} ${value} ${seconds}\n`)
  return lines.join('')
}

// As OpenMetrics escapes: backslash, quote and newline only.
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `"${escaped}"`
}

function timeOf(text: string): number {
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text)
  if (!Number.isNaN(ms)) return ms
  throw new UserError('bad_data', {
    what: `"${text}" is not a time`,
    fix: 'write RFC 3339 or Unix seconds',
  })
}

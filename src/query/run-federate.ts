// Federation: the newest sample of every matching series within the lookback, in the text exposition format.
// Sorted by metric name; each sample carries its timestamp; series without `instance` get an empty one, so that the
// federating server does not put its own there. Native histograms: those with custom buckets become classic ones,
// exponential ones have no text form and are left out.
// Source: Prometheus web/federate.go.

import { SampleBuffer } from '../chunk/index.ts'
import { formatFloat } from '../kernel/index.ts'
import {
  compareUtf8,
  type FloatHistogram,
  isLegacyLabelName,
  isLegacyMetricName,
  isStaleAt,
  type Labels,
  labelValue,
  type Matcher,
  metricNameLabel,
  usesCustomBuckets,
} from '../model/index.ts'
import { type CancelSignal, decodeRow, mergeCursors, type Queryable } from '../storage/index.ts'
import type { FederateCall } from './call.ts'
import { JsonPieces } from './json-pieces.ts'
import type { AnswerSink } from './query-thread.ts'
import { pairLabelsOf, requestOf, rowLabelsOf } from './series-reading.ts'

interface Newest {
  readonly name: string
  readonly labels: Labels
  readonly timestampMs: number
  readonly value: number
  readonly histogram: FloatHistogram | undefined
}

/** Answers /federate; returns how many samples were sent. */
export async function runFederate(
  call: FederateCall,
  selectors: readonly (readonly Matcher[])[],
  options: { readonly lookbackMs: number; readonly queryable: Queryable },
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<number> {
  const scope = {
    tenants: call.tenants,
    // Left-open: a sample exactly one lookback old is not seen.
    minTimeMs: call.timeMs - options.lookbackMs + 1,
    maxTimeMs: call.timeMs,
    func: '',
    limit: 0,
  }
  const cursors = selectors.map((matchers) =>
    options.queryable.select({ ...requestOf(matchers, scope), sorted: true }, signal),
  )
  const cursor = mergeCursors(cursors, { sorted: true })
  const found: Newest[] = []
  const samples = new SampleBuffer()
  try {
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
      const labelOf = pairLabelsOf(batch)
      for (let row = 0; row < batch.rowCount; row++) {
        decodeRow(batch, row, scope.minTimeMs, scope.maxTimeMs, samples)
        const newest = newestOf(samples, rowLabelsOf(batch, row, labelOf))
        if (newest !== undefined) found.push(newest)
      }
    }
  } finally {
    cursor.close()
  }
  found.sort((a, b) => compareUtf8(a.name, b.name))
  sink.head({ 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
  const pieces = new JsonPieces(sink)
  let lastName: string | undefined
  for (const newest of found) {
    if (newest.name !== lastName)
      pieces.text(`# TYPE ${quotedName(newest.name)} ${typeOf(newest)}\n`)
    lastName = newest.name
    pieces.text(linesOf(newest, call.externalLabels))
    await pieces.flushIfFull()
  }
  await pieces.flush()
  return found.length
}

function newestOf(samples: SampleBuffer, labels: Labels): Newest | undefined {
  const last = samples.count - 1
  if (last < 0) return undefined
  const histogram = samples.histograms?.[last]
  const stale = histogram === undefined ? isStaleAt(samples.words, last) : histogram.stale
  if (stale || (histogram !== undefined && !usesCustomBuckets(histogram))) return undefined
  const value = samples.values[last]!
  return {
    name: labelValue(labels, metricNameLabel),
    labels,
    timestampMs: samples.timestampsMs[last]!,
    value,
    histogram,
  }
}

function typeOf(newest: Newest): string {
  return newest.histogram === undefined ? 'untyped' : 'histogram'
}

function linesOf(newest: Newest, external: Readonly<Record<string, string>>): string {
  const pairs = newest.labels.filter((label) => label.name !== metricNameLabel)
  const has = (name: string): boolean => pairs.some((label) => label.name === name)
  const added = Object.entries(external).filter(([name]) => !has(name))
  if (!has('instance') && external.instance === undefined) added.push(['instance', ''])
  const shown = [...pairs.map((label) => [label.name, label.value] as const), ...added]
  const line = (
    suffix: string,
    extra: readonly (readonly [string, string])[],
    value: number,
  ): string =>
    `${series(newest.name + suffix, [...shown, ...extra])} ${formatFloat(value)} ${newest.timestampMs}\n`
  const { histogram } = newest
  if (histogram === undefined) return line('', [], newest.value)
  let out = ''
  let cumulative = 0
  const counts = absoluteByBucket(histogram)
  for (const [i, bound] of histogram.customValues.entries()) {
    cumulative += counts[i]!
    out += line('_bucket', [['le', formatFloat(bound)]], cumulative)
  }
  out += line('_bucket', [['le', '+Inf']], histogram.count)
  return `${out}${line('_sum', [], histogram.sum)}${line('_count', [], histogram.count)}`
}

function absoluteByBucket(histogram: FloatHistogram): Float64Array {
  const counts = new Float64Array(histogram.customValues.length + 1)
  let index = 0
  let bucket = 0
  for (const span of histogram.positiveSpans) {
    index += span.offset
    for (let i = 0; i < span.length; i++) counts[index++] = histogram.positiveBuckets[bucket++]!
  }
  return counts
}

// Names that are not legacy go inside the braces, quoted, as the UTF-8 exposition format has it.
function series(name: string, labels: readonly (readonly [string, string])[]): string {
  const parts = labels.map(([label, value]) => `${quotedLabel(label)}="${escapeText(value)}"`)
  if (isLegacyMetricName(name)) return parts.length === 0 ? name : `${name}{${parts.join(',')}}`
  return `{${[quotedName(name), ...parts].join(',')}}`
}

function quotedName(name: string): string {
  return isLegacyMetricName(name) ? name : `"${escapeText(name)}"`
}

function quotedLabel(name: string): string {
  return isLegacyLabelName(name) ? name : `"${escapeText(name)}"`
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

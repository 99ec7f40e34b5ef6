// Listings: label sets, label names and label values as JSON.

import { type Labels, type Matcher, sortUtf8 } from '../model/index.ts'
import type { CancelSignal, LabelAnswer, Queryable } from '../storage/index.ts'
import type { LabelNamesCall, LabelValuesCall, SeriesCall } from './call.ts'
import { envelopeTail, JsonPieces, jsonHeaders } from './json-pieces.ts'
import type { AnswerSink } from './query-thread.ts'
import { labelSetsOf } from './series-reading.ts'

// An entry of a list and of a set, and a short string.
const valueSizeBytes = 100

const truncated = 'results truncated due to limit'

/** Answers /series. */
export async function runSeries(
  call: SeriesCall,
  selectors: readonly (readonly Matcher[])[],
  queryable: Queryable,
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<void> {
  const scope = { ...call, func: 'series' }
  const found = await labelSetsOf(queryable, selectors, scope, signal)
  const { sets } = found
  const warnings = [...found.warnings, ...(call.warnings ?? [])]
  const shown = limited(sets, call.limit, warnings)
  sink.head(jsonHeaders)
  const pieces = new JsonPieces(sink)
  pieces.text('{"status":"success","data":[')
  for (let i = 0; i < shown.length; i++) {
    pieces.text(`${i === 0 ? '' : ','}${labelsJson(shown[i]!)}`)
    await pieces.flushIfFull()
  }
  pieces.text(`]${envelopeTail(warnings, [])}`)
  await pieces.flush()
}

/** Answers /labels and /label/NAME/values. No selectors = all series. */
export async function runLabels(
  call: LabelNamesCall | LabelValuesCall,
  selectors: readonly (readonly Matcher[])[],
  queryable: Queryable,
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<void> {
  const values = new Set<string>()
  const warnings: string[] = [...(call.warnings ?? [])]
  for (const matchers of selectors.length === 0 ? [[]] : selectors) {
    const { tenants, minTimeMs, maxTimeMs } = call
    const request = { tenants, minTimeMs, maxTimeMs, matchers }
    const answer: LabelAnswer =
      call.kind === 'labelNames'
        ? await queryable.labelNames(request, signal)
        : await queryable.labelValues(call.name, request, signal)
    for (const value of answer.values) values.add(value)
    signal.memory?.hold(valueSizeBytes * answer.values.length)
    warnings.push(...answer.warnings)
  }
  const shown = limited(sortUtf8([...values]), call.limit, warnings)
  sink.head(jsonHeaders)
  const pieces = new JsonPieces(sink)
  pieces.text('{"status":"success","data":[')
  for (let i = 0; i < shown.length; i++) {
    pieces.text(`${i === 0 ? '' : ','}${JSON.stringify(shown[i])}`)
    await pieces.flushIfFull()
  }
  pieces.text(`]${envelopeTail(warnings, [])}`)
  await pieces.flush()
}

/** A label set as a JSON object, in the order of its labels. */
export function labelsJson(labels: Labels): string {
  const parts = labels.map(
    (label) => `${JSON.stringify(label.name)}:${JSON.stringify(label.value)}`,
  )
  return `{${parts.join(',')}}`
}

function limited<T>(entries: readonly T[], limit: number, warnings: string[]): readonly T[] {
  if (limit === 0 || entries.length <= limit) return entries
  warnings.push(truncated)
  return entries.slice(0, limit)
}

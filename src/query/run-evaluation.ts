// Evaluations: instant and range queries through the engine, the result as JSON in the order Prometheus writes it.
// A scalar's time is printed as the shortest float, times of vectors and matrices with 0 or 3 decimals.
// Source: Prometheus web/api/v1/{api,json_codec}.go, promql/value.go.

import { formatFloat, formatTimestamp, type JsonNumbers } from '../kernel/index.ts'
import type { FloatHistogram } from '../model/index.ts'
import { formatFloatPlain } from '../model/index.ts'
import {
  type Engine,
  type ExplainNode,
  jsonBuckets,
  type PreparedQuery,
  type QueryRange,
  type QueryStats,
} from '../promql/index.ts'
import type { CancelSignal } from '../storage/index.ts'
import type { InstantCall, RangeCall } from './call.ts'
import {
  type EvaluationParts,
  evaluateRange,
  isCacheable,
  type ShownRows,
  shownOf,
} from './evaluate-range.ts'
import { naming } from './expressions.ts'
import { envelopeTail, JsonPieces, jsonHeaders } from './json-pieces.ts'
import type { AnswerSink } from './query-thread.ts'
import { labelsJson } from './run-listing.ts'
import type { CallReport } from './thread-messages.ts'

const truncated = 'results truncated due to limit'
/** Samples of a row that cross into the number kernel at a time. */
const samplesPerSlice = 1 << 18

/** Answers /query and /query_range. Throws UserError. */
export async function runEvaluation(
  call: InstantCall | RangeCall,
  parts: EvaluationParts & { readonly numbers: JsonNumbers },
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<CallReport> {
  const { engine, queryable, membership } = parts
  const prepared = naming('query', () =>
    engine.prepare(call.query, rangeOf(call, parts.engine), membership),
  )
  const { result, tree } = await evaluated(call, prepared, parts, signal)
  sink.head(jsonHeaders)
  const pieces = new JsonPieces(sink)
  const rowCount = call.limit > 0 ? Math.min(call.limit, result.rowCount) : result.rowCount
  pieces.text(`{"status":"success","data":{"resultType":"${result.kind}","result":`)
  await writeResult(pieces, call, result, rowCount, parts.numbers)
  if (call.stats !== 'none') pieces.text(`,"stats":${JSON.stringify(statsOf(call, result.stats))}`)
  if (tree !== undefined) pieces.text(`,"analysis":${JSON.stringify(treeOf(tree))}`)
  if (call.explain === 'plan') {
    pieces.text(`,"explain":${JSON.stringify(treeOf(prepared.explain(queryable, call.tenants)))}`)
  }
  const warnings = rowCount < result.rowCount ? [truncated] : []
  warnings.push(...(call.warnings ?? []), ...result.annotations.warnings)
  pieces.text(`}${envelopeTail(warnings, result.annotations.infos)}`)
  await pieces.flush()
  const { samplesRead, peakSamples, evaluationMs } = result.stats
  const steps =
    call.kind === 'range' ? Math.floor((call.endMs - call.startMs) / call.stepMs) + 1 : 1
  return { samplesRead, peakSamples, evaluationMs, steps, cachedSteps: result.cachedSteps }
}

async function evaluated(
  call: InstantCall | RangeCall,
  prepared: PreparedQuery,
  parts: EvaluationParts,
  signal: CancelSignal,
): Promise<{ result: ShownRows; tree: ExplainNode | undefined }> {
  const { queryable, caching } = parts
  if (caching !== undefined && call.kind === 'range' && isCacheable(call, prepared)) {
    const result = await evaluateRange(call, prepared, { ...parts, caching }, signal)
    return { result, tree: undefined }
  }
  if (call.explain !== 'analyze') {
    const result = await prepared.run(queryable, call.tenants, signal)
    return { result: shownOf(result), tree: undefined }
  }
  const { result, tree } = await prepared.analyze(queryable, call.tenants, signal)
  return { result: shownOf(result), tree }
}

function rangeOf(call: InstantCall | RangeCall, { options }: Engine): QueryRange {
  const perStep = call.stats === 'all' && options.perStepStats
  const lookback = call.lookbackMs === undefined ? {} : { lookbackMs: call.lookbackMs }
  if (call.kind === 'instant') return { kind: 'instant', timeMs: call.timeMs, perStep, ...lookback }
  const { startMs, endMs, stepMs } = call
  return { kind: 'range', startMs, endMs, stepMs, perStep, ...lookback }
}

async function writeResult(
  pieces: JsonPieces,
  call: InstantCall | RangeCall,
  result: ShownRows,
  rowCount: number,
  numbers: JsonNumbers,
): Promise<void> {
  if (result.kind === 'scalar') {
    const time = String(result.timestampsMs[0]! / 1000)
    pieces.text(`[${time},"${formatFloatPlain(result.values[0]!)}"]`)
    return
  }
  if (result.kind === 'string') {
    const timeMs = call.kind === 'instant' ? call.timeMs : call.startMs
    pieces.text(`[${timeMs / 1000},${JSON.stringify(result.text)}]`)
    return
  }
  pieces.text('[')
  for (let row = 0; row < rowCount; row++) {
    pieces.text(`${row === 0 ? '' : ','}{"metric":${labelsJson(result.labelsOfRow(row))},`)
    if (result.kind === 'vector') writePoint(pieces, result, result.starts[row]!)
    else writeRow(pieces, result, row, numbers)
    pieces.text('}')
    await pieces.flushIfFull()
  }
  pieces.text(']')
}

function writePoint(pieces: JsonPieces, result: ShownRows, sample: number): void {
  const time = formatTimestamp(result.timestampsMs[sample]!)
  const histogram = result.histograms?.[sample]
  if (histogram !== undefined) pieces.text(`"histogram":[${time},${histogramJson(histogram)}]`)
  else pieces.text(`"value":[${time},"${formatFloat(result.values[sample]!)}"]`)
}

function writeRow(pieces: JsonPieces, result: ShownRows, row: number, numbers: JsonNumbers): void {
  const from = result.starts[row]!
  const to = result.starts[row + 1]!
  const { histograms } = result
  if (histograms === undefined) {
    writeFloats(pieces, result, from, to, undefined, numbers)
    return
  }
  const present = new Uint8Array(to - from)
  const points: string[] = []
  for (let i = from; i < to; i++) {
    const histogram = histograms[i]
    if (histogram === undefined) present[i - from] = 1
    else points.push(`[${formatTimestamp(result.timestampsMs[i]!)},${histogramJson(histogram)}]`)
  }
  const hasFloats = points.length < to - from
  if (hasFloats) writeFloats(pieces, result, from, to, present, numbers)
  if (points.length > 0) pieces.text(`${hasFloats ? ',' : ''}"histograms":[${points.join(',')}]`)
}

function writeFloats(
  pieces: JsonPieces,
  result: ShownRows,
  from: number,
  to: number,
  present: Uint8Array | undefined,
  numbers: JsonNumbers,
): void {
  pieces.text('"values":[')
  let first = true
  for (let start = from; start < to; start += samplesPerSlice) {
    const end = Math.min(to, start + samplesPerSlice)
    const bytes = numbers.writeRow({
      timestampsMs: result.timestampsMs.subarray(start, end),
      values: result.values.subarray(start, end),
      present: present?.subarray(start - from, end - from),
      count: end - start,
    })
    // Each slice comes with brackets of its own.
    if (bytes.length > 2) {
      if (!first) pieces.text(',')
      pieces.bytes(bytes.subarray(1, bytes.length - 1))
      first = false
    }
  }
  pieces.text(']')
}

function histogramJson(histogram: FloatHistogram): string {
  const buckets = jsonBuckets(histogram).map(
    ({ rule, lower, upper, count }) =>
      `[${rule},"${formatFloat(lower)}","${formatFloat(upper)}","${formatFloat(count)}"]`,
  )
  const shown = buckets.length === 0 ? '' : `,"buckets":[${buckets.join(',')}]`
  return `{"count":"${formatFloat(histogram.count)}","sum":"${formatFloat(histogram.sum)}"${shown}}`
}

function statsOf(call: InstantCall | RangeCall, stats: QueryStats): unknown {
  const seconds = (ms: number): number => ms / 1000
  const inner = seconds(stats.evaluationMs)
  return {
    timings: {
      evalTotalTime: seconds(stats.preparationMs + stats.evaluationMs + stats.sortMs),
      resultSortTime: seconds(stats.sortMs),
      queryPreparationTime: seconds(stats.preparationMs),
      innerEvalTime: inner,
      execQueueTime: 0,
      execTotalTime: seconds(stats.preparationMs + stats.evaluationMs + stats.sortMs),
    },
    samples: {
      totalQueryableSamples: stats.totalQueryableSamples,
      samplesRead: stats.samplesRead,
      peakSamples: stats.peakSamples,
      totalQueryableSamplesPerStep: stepsOf(call, stats.perStep?.queryable),
      samplesReadPerStep: stepsOf(call, stats.perStep?.read),
    },
  }
}

// Pairs of a step's time in seconds and its figure; undefined is left out of the answer.
function stepsOf(
  call: InstantCall | RangeCall,
  figures: Float64Array | undefined,
): (readonly [number, number])[] | undefined {
  if (figures === undefined) return undefined
  const [startMs, stepMs] = call.kind === 'instant' ? [call.timeMs, 0] : [call.startMs, call.stepMs]
  return Array.from(figures, (count, step) => [(startMs + step * stepMs) / 1000, count] as const)
}

interface ShownNode {
  readonly name: string
  readonly executionTime?: string
  readonly series?: number
  readonly totalSamples?: number
  readonly bytes?: number
  readonly children: readonly ShownNode[]
}

function treeOf({ line, measurement, inputs }: ExplainNode): ShownNode {
  const children = inputs.map(treeOf)
  if (measurement === undefined) return { name: line, children }
  const { timeMs, rowCount, sampleCount, sizeBytes } = measurement
  const executionTime = `${timeMs.toFixed(3)}ms`
  return {
    name: line,
    executionTime,
    series: rowCount,
    totalSamples: sampleCount,
    bytes: sizeBytes,
    children,
  }
}

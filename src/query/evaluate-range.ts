// Range queries through the step cache: the steps that still hold are taken, the rest is evaluated, the whole is kept.
// Not cached: what the expression does not allow (promql's step reach), figures, analyses, and calls that say so.
// With replica labels a kept step shows the replica that it showed when it was computed. Asked afresh it may be another
// one, as it is between two ranges that begin at different times; every step is the answer of a whole evaluation.

import { type Labels, type MembershipHistory, scopeKey } from '../model/index.ts'
import type { Engine, PreparedQuery, QueryResult } from '../promql/index.ts'
import type { CancelSignal, Queryable } from '../storage/index.ts'
import type { RangeCall } from './call.ts'
import {
  type AskChanges,
  type CachedSteps,
  type Changes,
  joinSteps,
  lastUsable,
  type StepCache,
  type StepRange,
  type StepRows,
  sliceSteps,
} from './step-cache.ts'

/** A cache and the sources that say what changed. */
export interface StepCaching {
  readonly cache: StepCache
  readonly changes: AskChanges
}

/** What of a result is shown. */
export interface ShownRows extends Pick<QueryResult, 'starts' | 'timestampsMs' | 'values'> {
  readonly kind: QueryResult['kind']
  readonly text: string
  readonly rowCount: number
  readonly histograms: QueryResult['histograms']
  readonly annotations: QueryResult['annotations']
  readonly stats: QueryResult['stats']
  /** Steps that came from the cache. */
  readonly cachedSteps: number
  labelsOfRow(row: number): Labels
}

/** What is needed to evaluate. */
export interface EvaluationParts {
  readonly engine: Engine
  readonly queryable: Queryable
  /** What virtual labels mean, for the whole call. */
  readonly membership: MembershipHistory
  /** Absent where nothing is to be cached. */
  readonly caching?: StepCaching | undefined
}

/** Whether a call's answer may come from the cache. */
export function isCacheable(call: RangeCall, prepared: PreparedQuery): boolean {
  const asksForWork = call.stats !== 'none' || call.explain !== 'none'
  return call.useCache && !asksForWork && prepared.reach !== undefined
}

/** Evaluates the steps that the cache lacks. `prepared` is the query over the whole range. */
export async function evaluateRange(
  call: RangeCall,
  prepared: PreparedQuery,
  parts: EvaluationParts & { readonly caching: StepCaching },
  signal: CancelSignal,
): Promise<ShownRows> {
  const { cache, changes: askChanges } = parts.caching
  const key = keyOf(call, prepared.membershipKey())
  const known = cache.get(key)
  // Asked before anything is read: what is written from here on counts as changed the next time.
  const changes = await askChanges(call.tenants, known?.marks)
  const range = { ...call, endMs: lastStepOf(call) }
  const usableMs =
    known === undefined ? undefined : lastUsable(known, range, prepared.reach!, changes.oldestMs)
  if (known === undefined || usableMs === undefined) {
    const result = await prepared.run(parts.queryable, call.tenants, signal)
    if (isKept(result)) cache.set(key, newEntry(range, stepRowsOf(result), changes, known))
    return shownOf(result)
  }
  signal.memory?.hold(16 * known.rows.values.length)
  const cachedSteps = (usableMs - range.startMs) / call.stepMs + 1
  if (usableMs === range.endMs) {
    return shownRows(sliceSteps(known.rows, range.startMs, range.endMs), undefined, cachedSteps)
  }
  const tail = await tailQuery(call, usableMs, parts).run(parts.queryable, call.tenants, signal)
  if (!isFloats(tail)) return evaluatedWhole(prepared, call, parts, signal)
  const entry = extended(known, range, usableMs, stepRowsOf(tail), changes)
  if (isKept(tail)) cache.set(key, entry)
  const shown = sliceSteps(entry.rows, range.startMs, range.endMs)
  return shownRows(shown, tail, cachedSteps)
}

/** A result as it is shown where nothing came from the cache. */
export function shownOf(result: QueryResult): ShownRows {
  const { kind, text, starts, timestampsMs, values, histograms, annotations, stats } = result
  return {
    kind,
    text,
    rowCount: result.table.rowCount,
    starts,
    timestampsMs,
    values,
    histograms,
    annotations,
    stats,
    cachedSteps: 0,
    labelsOfRow: (row) => result.labelsOfRow(row),
  }
}

async function evaluatedWhole(
  prepared: PreparedQuery,
  call: RangeCall,
  parts: EvaluationParts,
  signal: CancelSignal,
): Promise<ShownRows> {
  return shownOf(await prepared.run(parts.queryable, call.tenants, signal))
}

function keyOf(call: RangeCall, membershipKey: string): string {
  const { tenants, scope, query, startMs, stepMs, lookbackMs } = call
  const phaseMs = ((startMs % stepMs) + stepMs) % stepMs
  const asked = [tenants, scopeKey(scope), membershipKey, query, stepMs, phaseMs, lookbackMs]
  return JSON.stringify(asked)
}

function lastStepOf({ startMs, endMs, stepMs }: StepRange): number {
  return startMs + Math.floor((endMs - startMs) / stepMs) * stepMs
}

function tailQuery(call: RangeCall, usableMs: number, parts: EvaluationParts): PreparedQuery {
  const { engine, membership } = parts
  const { endMs, stepMs, lookbackMs } = call
  const lookback = lookbackMs === undefined ? {} : { lookbackMs }
  const startMs = usableMs + stepMs
  const range = { kind: 'range', startMs, endMs, stepMs, ...lookback } as const
  return engine.prepare(call.query, range, membership)
}

function isFloats(result: QueryResult): boolean {
  return result.kind === 'matrix' && result.histograms === undefined
}

function isKept(result: QueryResult): boolean {
  const { warnings, infos } = result.annotations
  return isFloats(result) && warnings.length === 0 && infos.length === 0
}

function stepRowsOf(result: QueryResult): StepRows {
  const labels = Array.from({ length: result.table.rowCount }, (_, row) => result.labelsOfRow(row))
  // Copies: the result's columns are views of larger ones.
  return {
    labels,
    starts: result.starts,
    timestampsMs: result.timestampsMs.slice(),
    values: result.values.slice(),
  }
}

function newEntry(
  { startMs, endMs }: StepRange,
  rows: StepRows,
  { marks }: Changes,
  known: CachedSteps | undefined,
): CachedSteps {
  const spanMs = Math.max(known?.spanMs ?? 0, endMs - startMs)
  return { fromMs: startMs, toMs: endMs, spanMs, rows, marks }
}

// Keeps as much as the reader with the longest range asks for, so that two ranges of one expression share an entry.
function extended(
  known: CachedSteps,
  { startMs, endMs, stepMs }: StepRange,
  usableMs: number,
  tail: StepRows,
  { marks }: Changes,
): CachedSteps {
  const spanMs = Math.max(known.spanMs, endMs - startMs)
  const droppedSteps = Math.max(0, Math.floor((endMs - spanMs - known.fromMs) / stepMs))
  const fromMs = known.fromMs + droppedSteps * stepMs
  const rows = joinSteps(sliceSteps(known.rows, fromMs, usableMs), tail)
  return { fromMs, toMs: endMs, spanMs, rows, marks }
}

const noStats: QueryResult['stats'] = {
  totalQueryableSamples: 0,
  samplesRead: 0,
  perStep: undefined,
  peakSamples: 0,
  preparationMs: 0,
  evaluationMs: 0,
  sortMs: 0,
}

function shownRows(rows: StepRows, tail: QueryResult | undefined, cachedSteps: number): ShownRows {
  const { labels, starts, timestampsMs, values } = rows
  return {
    kind: 'matrix',
    text: '',
    rowCount: labels.length,
    starts,
    timestampsMs,
    values,
    histograms: undefined,
    annotations: tail?.annotations ?? { warnings: [], infos: [] },
    stats: tail?.stats ?? noStats,
    cachedSteps,
    labelsOfRow: (row) => labels[row]!,
  }
}

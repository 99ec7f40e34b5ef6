// Runs test scripts: loads, evaluates, compares. An evaluation also stands for the queries derived from it: with its
// selectors pinned to the evaluation time and asked at other times, and as the middle step of a range query.
// Each written evaluation counts once. Source: Prometheus promql/promqltest/test.go.

import type { Queryable } from '../../storage/index.ts'
import { allParserFeatures } from '../parse/features.ts'
import { parseExpr } from '../parse/parser.ts'
import type { Answer, AnswerSeries } from './answer.ts'
import { formatResult } from './answer.ts'
import { customHistogramsOf } from './classic-to-custom.ts'
import type { Difference } from './compare.ts'
import {
  compareAnnotations,
  compareResult,
  formatTextExpectation,
  textMatches,
  unsorted,
} from './compare.ts'
import type { InstantQuery } from './derived-queries.ts'
import { pinnedQueries } from './derived-queries.ts'
import { parseScript } from './parse-script.ts'
import type { EvalCommand, EvalTimes, ScriptCommand } from './script.ts'
import type { ScriptStorage } from './script-storage.ts'

/** Evaluates an expression; `stepMs` 0 asks an instant query. Rejects with what the expression's author did wrong. */
export type Evaluate = (expr: string, times: EvalTimes, queryable: Queryable) => Promise<Answer>

/** An evaluation that did not give what the script expects. */
export interface ScriptFailure extends Difference {
  readonly file: string
  readonly line: number
  /** The evaluation as written. */
  readonly text: string
  /** The derived query that failed; undefined where it was the written one. */
  readonly derived: string | undefined
}

/** What became of a script. */
export interface ScriptOutcome {
  readonly passedCount: number
  readonly failures: readonly ScriptFailure[]
}

/** Runs one script from an empty storage. A script that cannot be read or loaded fails all that is left of it. */
export async function runScript(
  file: string,
  text: string,
  storage: ScriptStorage,
  evaluate: Evaluate,
): Promise<ScriptOutcome> {
  await storage.clear()
  let commands: ScriptCommand[]
  try {
    commands = parseScript(text)
  } catch (error) {
    return { passedCount: 0, failures: unreadable(file, text, error) }
  }
  let passedCount = 0
  const failures: ScriptFailure[] = []
  let loadFault: string | undefined
  for (const command of commands) {
    if (command.kind !== 'eval') {
      if (loadFault === undefined) loadFault = await change(command, storage)
      continue
    }
    const failed =
      loadFault === undefined
        ? await runEval(command, storage.queryable, evaluate)
        : { expected: 'storage as loaded', got: loadFault, derived: undefined }
    if (failed === undefined) passedCount++
    else failures.push({ file, line: command.line, text: command.text, ...failed })
  }
  if (loadFault !== undefined && failures.length === 0) {
    failures.push(failureOf(file, 1, 'load', loadFault))
  }
  return { passedCount, failures }
}

function failureOf(file: string, line: number, text: string, got: string): ScriptFailure {
  return { file, line, text, expected: 'a script that can be run', got, derived: undefined }
}

// Every evaluation of a script that cannot be read counts as failed, and the script itself where it has none.
function unreadable(file: string, text: string, error: unknown): ScriptFailure[] {
  const got = (error as Error).message
  const evals = text.split('\n').flatMap((line, i) => {
    const trimmed = line.trim()
    return /^eval(_\w+)?\s/.test(trimmed) ? [failureOf(file, i + 1, trimmed, got)] : []
  })
  return evals.length > 0 ? evals : [failureOf(file, 1, 'script', got)]
}

// Returns why a load failed.
async function change(
  command: Exclude<ScriptCommand, EvalCommand>,
  storage: ScriptStorage,
): Promise<string | undefined> {
  try {
    if (command.kind === 'clear') await storage.clear()
    else {
      await storage.append(command.series)
      if (command.withCustomBuckets) await storage.append(customHistogramsOf(command.series))
    }
    return undefined
  } catch (error) {
    return `line ${command.line}: ${(error as Error).message}`
  }
}

type DerivedDifference = Difference & { readonly derived: string | undefined }

async function runEval(
  command: EvalCommand,
  queryable: Queryable,
  evaluate: Evaluate,
): Promise<DerivedDifference | undefined> {
  if (command.isRange) {
    const { difference } = await ask(command, command.expr, command.times, queryable, evaluate)
    return difference && { ...difference, derived: undefined }
  }
  const timeMs = command.times.startMs
  const written: InstantQuery = { expr: command.expr, timeMs }
  const pinned = pinnedQueries(parseExpr(command.expr, allParserFeatures), timeMs)
  for (const query of [written, ...pinned]) {
    const name = query === written ? undefined : `${query.expr} at ${query.timeMs} ms`
    const times = { startMs: query.timeMs, endMs: query.timeMs, stepMs: 0 }
    const { difference, answer } = await ask(command, query.expr, times, queryable, evaluate)
    if (difference !== undefined) return { ...difference, derived: name }
    if (answer === undefined || !command.alsoAsRange) continue
    const inRange = await askAsRange(command, query, answer, queryable, evaluate)
    if (inRange !== undefined) {
      return { ...inRange, derived: `${name ?? command.expr} (middle step of a range query)` }
    }
  }
  return undefined
}

interface Asked {
  readonly difference: Difference | undefined
  /** Undefined where the evaluation failed as it should. */
  readonly answer: Answer | undefined
}

async function ask(
  command: EvalCommand,
  expr: string,
  times: EvalTimes,
  queryable: Queryable,
  evaluate: Evaluate,
): Promise<Asked> {
  let answer: Answer
  try {
    answer = await evaluate(expr, times, queryable)
  } catch (error) {
    return { difference: failureDifference(command, error as Error), answer: undefined }
  }
  if (command.fail !== undefined) {
    const expected = `failure: ${formatTextExpectation(command.fail)}`
    return { difference: { expected, got: formatResult(answer.result) }, answer }
  }
  const difference =
    compareAnnotations('warn', command.warn, answer.warnings) ??
    compareAnnotations('info', command.info, answer.infos) ??
    compareResult(command, answer.result)
  return { difference, answer }
}

function failureDifference(command: EvalCommand, error: Error): Difference | undefined {
  if (command.fail !== undefined && textMatches(command.fail, error.message)) return undefined
  const expected =
    command.fail === undefined ? 'no failure' : `failure: ${formatTextExpectation(command.fail)}`
  const isBug = error.name !== 'UserError'
  return { expected, got: `failure: ${isBug ? (error.stack ?? error.message) : error.message}` }
}

const minuteMs = 60_000
const rangeDependent = /(?:start|end|range|step)\(\)/

async function askAsRange(
  command: EvalCommand,
  query: InstantQuery,
  instant: Answer,
  queryable: Queryable,
  evaluate: Evaluate,
): Promise<Difference | undefined> {
  if (rangeDependent.test(query.expr)) return undefined
  const { timeMs } = query
  const times = { startMs: timeMs - minuteMs, endMs: timeMs + minuteMs, stepMs: minuteMs }
  let answer: Answer
  try {
    answer = await evaluate(query.expr, times, queryable)
  } catch (error) {
    return { expected: 'no failure', got: `failure: ${(error as Error).message}` }
  }
  // The rows of a range query are sorted by their labels, whatever the expression does.
  if (command.ordered) return undefined
  const { result } = answer
  if (result.kind !== 'matrix') return { expected: 'a matrix', got: formatResult(result) }
  const middle: AnswerSeries[] = []
  for (const { labels, points } of result.series) {
    const point = points.find(({ timestampMs }) => timestampMs === timeMs)
    if (point !== undefined) middle.push({ labels, points: [point] })
  }
  if (instant.result.kind !== 'scalar') {
    return unsorted(result.series) ?? compareResult(command, { kind: 'vector', series: middle })
  }
  const value = middle[0]?.points[0]?.value ?? Number.NaN
  return compareResult(command, { kind: 'scalar', value })
}

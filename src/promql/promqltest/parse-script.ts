// Reads test scripts. Faults name the line.
// Source: Prometheus promql/promqltest/README.md and test.go.

import { RE2JS } from 're2js'
import type { Labels } from '../../model/index.ts'
import { compareLabels, parseDurationMs, UserError } from '../../model/index.ts'
import { allParserFeatures } from '../parse/features.ts'
import { unquote } from '../parse/literals.ts'
import { parseExpr } from '../parse/parser.ts'
import { parseSeriesDescription } from '../parse/series-description.ts'
import type {
  AnnotationExpectation,
  EvalCommand,
  EvalTimes,
  ExpectedResult,
  ExpectedSeries,
  LoadCommand,
  LoadSample,
  LoadSeries,
  ScriptCommand,
  TextExpectation,
} from './script.ts'
import type { ScriptValue } from './series-values.ts'
import { numberOf, parseSeriesValues } from './series-values.ts'
import { parseStartOffsets } from './start-offsets.ts'

interface Line {
  readonly number: number
  readonly text: string
}

/** A command with the lines below it, up to the next blank one. */
interface Block {
  readonly head: Line
  readonly body: readonly Line[]
}

/** All commands of a script; throws UserError bad_data with the line of the first fault. */
export function parseScript(text: string): ScriptCommand[] {
  return blocksOf(text).flatMap((block) => commandsOf(block))
}

// Comments count as blank lines, so they end a block as well.
function blocksOf(text: string): Block[] {
  const blocks: { head: Line; body: Line[] }[] = []
  let open = false
  for (const [i, raw] of text.split('\n').entries()) {
    const line = { number: i + 1, text: raw.trim() }
    if (line.text === '' || line.text.startsWith('#')) open = false
    else if (open) blocks.at(-1)!.body.push(line)
    else {
      blocks.push({ head: line, body: [] })
      // A clear takes no arguments: what follows it is a command of its own.
      open = line.text.toLowerCase() !== 'clear'
    }
  }
  return blocks
}

function commandsOf(block: Block): ScriptCommand[] {
  const { head } = block
  const word = head.text.split(/[\t ]+/, 1)[0]!.toLowerCase()
  if (word === 'clear') return [{ kind: 'clear', line: head.number }]
  if (word.startsWith('load')) return [parseLoad(block)]
  if (word.startsWith('eval')) return parseEvals(block)
  throw fault(head, `invalid command "${head.text}"`)
}

function fault(line: Line, reason: string): UserError {
  return new UserError('bad_data', { what: `line ${line.number}: ${reason}` })
}

// Runs `read` and names the line in whatever it throws.
function at<T>(line: Line, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw fault(line, (error as Error).message)
  }
}

function durationOf(line: Line, text: string): number {
  const durationMs = parseDurationMs(text)
  if (durationMs === undefined) throw fault(line, `"${text}" is not a duration`)
  return durationMs
}

function parseLoad({ head, body }: Block): LoadCommand {
  const match = /^load(_with_nhcb)?\s+(\S+)$/.exec(head.text)
  if (match === null) throw fault(head, 'expected load[_with_nhcb] <step>')
  const stepMs = durationOf(head, match[2]!)
  const byKey = new Map<string, LoadSeries>()
  let starts: { line: Line; labels: Labels; offsetsMs: (number | undefined)[] } | undefined
  for (const line of body) {
    const startMatch = /^(\S+)@st\s+(.*)$/.exec(line.text)
    if (startMatch !== null) {
      if (starts !== undefined) throw fault(starts.line, '@st line has no following sample line')
      const { labels } = at(line, () => parseSeriesDescription(startMatch[1]!))
      starts = { line, labels, offsetsMs: at(line, () => parseStartOffsets(startMatch[2]!)) }
      continue
    }
    const { labels, values } = parseSeries(line)
    if (starts !== undefined && compareLabels(starts.labels, labels) !== 0) {
      throw fault(starts.line, '@st line names another metric than the sample line below it')
    }
    if (starts !== undefined && starts.offsetsMs.length !== values.length) {
      throw fault(starts.line, '@st line and sample line differ in their number of values')
    }
    const samples = samplesOf(values, stepMs, starts?.offsetsMs)
    byKey.set(JSON.stringify(labels), { labels, samples })
    starts = undefined
  }
  if (starts !== undefined) throw fault(starts.line, '@st line has no following sample line')
  const withCustomBuckets = match[1] !== undefined
  return { kind: 'load', line: head.number, withCustomBuckets, series: [...byKey.values()] }
}

function parseSeries(line: Line): ExpectedSeries {
  return at(line, () => {
    const { labels, rest } = parseSeriesDescription(line.text)
    return { labels, values: parseSeriesValues(rest) }
  })
}

function samplesOf(
  values: readonly (ScriptValue | undefined)[],
  stepMs: number,
  offsetsMs: readonly (number | undefined)[] | undefined,
): LoadSample[] {
  const out: LoadSample[] = []
  for (const [i, value] of values.entries()) {
    if (value === undefined) continue
    const timestampMs = i * stepMs
    const offsetMs = offsetsMs?.[i]
    const startTimestampMs = offsetMs === undefined ? 0 : timestampMs + offsetMs
    out.push({ timestampMs, startTimestampMs, value })
  }
  return out
}

interface EvalHead {
  readonly mode: string | undefined
  readonly expr: string
  readonly times: EvalTimes
  readonly isRange: boolean
}

function parseEvalHead(line: Line): EvalHead {
  const instant = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+at\s+(.+?)\s+(.+)$/.exec(
    line.text,
  )
  if (instant !== null) {
    const timeMs = durationOf(line, instant[2]!)
    const times = { startMs: timeMs, endMs: timeMs, stepMs: 0 }
    return { mode: instant[1], expr: instant[3]!, times, isRange: false }
  }
  const range =
    /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$/.exec(
      line.text,
    )
  if (range === null) {
    throw fault(line, 'expected eval instant at <time> or eval range from <t> to <t> step <d>')
  }
  const times = parseTimes(line, range[2]!, range[3]!, range[4]!)
  return { mode: range[1], expr: range[5]!, times, isRange: true }
}

function parseTimes(line: Line, from: string, to: string, step: string): EvalTimes {
  const times = {
    startMs: durationOf(line, from),
    endMs: durationOf(line, to),
    stepMs: durationOf(line, step),
  }
  if (times.endMs < times.startMs) throw fault(line, `the end ${to} is before the start ${from}`)
  return times
}

/** What the lines below an eval say. */
interface Expectations {
  expectedTimes: EvalTimes | undefined
  ordered: boolean
  fail: TextExpectation[]
  warn: { none: boolean; matching: TextExpectation[] }
  info: { none: boolean; matching: TextExpectation[] }
  text: string | undefined
  scalar: number | undefined
  series: Map<string, ExpectedSeries>
}

// A number ends the expectations of an eval: what follows in the block is the next command.
function parseEvals(block: Block): ScriptCommand[] {
  const { head, body } = block
  const parts = parseEvalHead(head)
  at(head, () => parseExpr(parts.expr, allParserFeatures))
  const expected: Expectations = {
    expectedTimes: undefined,
    ordered: parts.mode === 'ordered',
    fail: parts.mode === 'fail' ? [{ kind: 'any' }] : [],
    warn: { none: false, matching: [] },
    info: { none: false, matching: [] },
    text: undefined,
    scalar: undefined,
    series: new Map(),
  }
  let next = 0
  while (next < body.length && !isLastExpectation(body[next++]!, parts, expected)) {}
  const following = body.slice(next)
  const rest =
    following.length === 0 ? [] : commandsOf({ head: following[0]!, body: following.slice(1) })
  return [evalCommand(head, parts, expected), ...rest]
}

function isLastExpectation(line: Line, head: EvalHead, into: Expectations): boolean {
  if (head.mode === 'fail' && line.text.startsWith('expected_fail_')) {
    into.fail = [deprecatedFail(line)]
    return true
  }
  const [first, second] = line.text.split(' ')
  if (first === 'expect') {
    if (second === 'range') into.expectedTimes = parseRangeVector(line)
    else if (second === 'string') into.text = parseString(line)
    else parseExpect(line, into)
    return false
  }
  if (isNumber(line.text)) {
    into.scalar = numberOf(line.text)
    return true
  }
  const series = parseSeries(line)
  if (series.values.length > 1 && !head.isRange && into.expectedTimes === undefined) {
    throw fault(line, 'an instant evaluation has one value a series; see expect range vector')
  }
  into.series.set(JSON.stringify(series.labels), series)
  return false
}

function isNumber(text: string): boolean {
  return /^[+-]?(?:inf|infinity|nan|0x[\da-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.test(text)
}

function deprecatedFail(line: Line): TextExpectation {
  const match = /^expected_fail_(message|regexp)\s*(.*)$/.exec(line.text)
  if (match === null) throw fault(line, 'expected expected_fail_message or expected_fail_regexp')
  return match[1] === 'message' ? { kind: 'message', text: match[2]! } : patternOf(line, match[2]!)
}

function patternOf(line: Line, pattern: string): TextExpectation {
  return at(line, () => ({ kind: 'pattern', pattern, regex: RE2JS.compile(pattern) }))
}

function parseRangeVector(line: Line): EvalTimes {
  const match = /^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$/.exec(line.text)
  if (match === null) throw fault(line, 'expected expect range vector from <t> to <t> step <d>')
  return parseTimes(line, match[1]!, match[2]!, match[3]!)
}

function parseString(line: Line): string {
  const match = /^expect string\s+(.+)$/.exec(line.text)
  if (match === null) throw fault(line, 'expected expect string "<text>"')
  return at(line, () => unquote(match[1]!))
}

function parseExpect(line: Line, into: Expectations): void {
  const match = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/.exec(
    line.text,
  )
  if (match === null) throw fault(line, 'expected expect <type> [msg: <text> | regex: <pattern>]')
  const [, type, form, text] = match
  const expectation = expectationOf(line, form, text)
  if (type === 'ordered') into.ordered = true
  else if (type === 'fail') into.fail.push(expectation)
  else if (type === 'no_warn') into.warn.none = true
  else if (type === 'no_info') into.info.none = true
  else into[type as 'warn' | 'info'].matching.push(expectation)
  if (into.fail.length > 1) throw fault(line, 'only one expect fail is allowed')
  for (const { none, matching } of [into.warn, into.info]) {
    if (none && matching.length > 0) throw fault(line, 'annotations are both expected and excluded')
  }
}

function expectationOf(
  line: Line,
  form: string | undefined,
  text: string | undefined,
): TextExpectation {
  if (form === undefined) return { kind: 'any' }
  const trimmed = text!.trim()
  return form === 'msg' ? { kind: 'message', text: trimmed } : patternOf(line, trimmed)
}

function evalCommand(head: Line, parts: EvalHead, expected: Expectations): EvalCommand {
  const annotations = (
    mode: string,
    { none, matching }: { none: boolean; matching: TextExpectation[] },
  ): AnnotationExpectation => ({ none, matching, some: parts.mode === mode })
  const { expectedTimes } = expected
  const times =
    expectedTimes === undefined
      ? parts.times
      : { startMs: expectedTimes.endMs, endMs: expectedTimes.endMs, stepMs: 0 }
  return {
    kind: 'eval',
    line: head.number,
    text: head.text,
    expr: parts.expr,
    times,
    isRange: parts.isRange,
    expectedTimes: expectedTimes ?? parts.times,
    ordered: expected.ordered,
    fail: expected.fail[0],
    warn: annotations('warn', expected.warn),
    info: annotations('info', expected.info),
    result: resultOf(expected),
    alsoAsRange: expectedTimes === undefined && expected.text === undefined,
  }
}

function resultOf(expected: Expectations): ExpectedResult {
  if (expected.scalar !== undefined) {
    return { kind: 'scalar', value: { kind: 'float', value: expected.scalar } }
  }
  if (expected.text !== undefined) return { kind: 'string', text: expected.text }
  return { kind: 'series', series: [...expected.series.values()] }
}

// Reads a PromQL expression: precedence climbing over the token stream, one method for each construct.
// Here: the grammar. Elsewhere: types and arities (checker.ts), selectors and durations (parse-*.ts).
// Invariants: recursion is bounded by `nestingMax`; every loop consumes a token; the tree is at most `depthMax` deep.
// Source: Prometheus 3.14 promql/parser/generated_parser.y.

import { type Matcher, UserError } from '../../model/index.ts'
import type { MatcherCompiler } from '../../storage/index.ts'
import { createMatcherCompiler } from '../regex/matcher-compiler.ts'
import type {
  AggregationOp,
  Binary,
  BinaryOp,
  Cardinality,
  DurationOperand,
  Expr,
  FunctionSignature,
  MatrixSelector,
  NumberLiteral,
  PosRange,
  StartOrEnd,
  Subquery,
  VectorSelector,
} from './ast.ts'
import { childrenOf } from './ast.ts'
import { checkExpr } from './checker.ts'
import { defaultParserFeatures, type ParserFeatures } from './features.ts'
import { functionSignatures } from './functions.ts'
import { unquote } from './literals.ts'
import {
  atNumber,
  nestingMax,
  parseNumberLiteral,
  parseOffsetDuration,
  parsePositiveDuration,
} from './parse-duration.ts'
import { parseError } from './parse-error.ts'
import { isMetricName, parseLabelNames, parseVectorSelector } from './parse-selector.ts'
import { TokenStream } from './token-stream.ts'
import { aggregators, preprocessors, type Token } from './tokens.ts'

/** Longest query in bytes; far above what people write, low enough that parsing takes milliseconds. */
export const querySizeBytesMax = 1 << 20

/** Deepest tree; a chain of operators is as deep as it has operators. */
export const depthMax = 1000

const precedenceOf: ReadonlyMap<string, number> = new Map([
  ['or', 1],
  ['and', 2],
  ['unless', 2],
  ...['==', '!=', '<', '<=', '>', '>=', '</', '>/'].map((op) => [op, 3] as const),
  ['+', 4],
  ['-', 4],
  ['*', 5],
  ['/', 5],
  ['%', 5],
  ['atan2', 5],
  ['^', 6],
])

const precedenceOfPower = 6
const parameterAggregators = new Set([
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
])
const experimentalAggregators = new Set(['limitk', 'limit_ratio'])

/**
 * Parses and checks an expression. Throws UserError bad_data: `1:14: parse error: …`. Regular expressions are
 * compiled to check them; a caller that uses them afterwards hands its own compiler in.
 */
export function parseExpr(
  text: string,
  features: ParserFeatures = defaultParserFeatures,
  compile: MatcherCompiler = createMatcherCompiler(),
): Expr {
  checkSize(text)
  const parser = new Parser(new TokenStream(text, compile), features)
  const expr = parser.parseQuery()
  checkDepth(text, expr)
  checkExpr(text, expr, compile)
  return expr
}

/** Parses one selector, as match[] parameters have it. An empty or all-accepting one is the caller's to refuse. */
export function parseSelector(text: string): readonly Matcher[] {
  checkSize(text)
  const stream = new TokenStream(text, createMatcherCompiler())
  const token = stream.peek()
  const name = isMetricName(token) ? stream.take() : undefined
  const selector = parseVectorSelector(stream, name)
  if (!stream.at('EOF')) throw stream.unexpected()
  return selector.matchers
}

function checkSize(text: string): void {
  if (Buffer.byteLength(text) <= querySizeBytesMax) return
  throw new UserError('bad_data', {
    what: `the query is longer than ${querySizeBytesMax} bytes`,
    fix: 'split it into several queries or recording rules',
  })
}

function checkDepth(text: string, root: Expr): void {
  let level: Expr[] = [root]
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > depthMax) {
      throw parseError(text, level[0]!.pos.start, `expression is nested more than ${depthMax} deep`)
    }
    level = level.flatMap(childrenOf)
  }
}

class Parser {
  readonly #stream: TokenStream
  readonly #features: ParserFeatures
  #nesting = 0

  constructor(stream: TokenStream, features: ParserFeatures) {
    this.#stream = stream
    this.#features = features
  }

  parseQuery(): Expr {
    if (this.#stream.at('EOF')) throw this.#stream.fault(0, 'no expression found in input')
    const expr = this.#parseBinary(0)
    if (!this.#stream.at('EOF')) throw this.#stream.unexpected()
    return expr
  }

  #parseBinary(precedenceMin: number): Expr {
    if (++this.#nesting > nestingMax) {
      throw this.#stream.fault(
        this.#stream.peek().start,
        `expression is nested more than ${nestingMax} deep`,
      )
    }
    let lhs = this.#parseModified()
    for (;;) {
      const operator = this.#stream.peek()
      const precedence = precedenceOf.get(operator.kind)
      if (precedence === undefined || precedence < precedenceMin) break
      this.#stream.take()
      lhs = this.#parseOperation(lhs, operator.kind as BinaryOp, precedence)
    }
    this.#nesting--
    return lhs
  }

  #parseOperation(lhs: Expr, op: BinaryOp, precedence: number): Binary {
    const returnBool = this.#stream.accept('bool') !== undefined
    const matching = this.#parseMatching()
    const rhs = this.#parseBinary(op === '^' ? precedence : precedence + 1)
    const { fill } = matching
    if (!this.#features.fillModifiers && (fill.lhs !== undefined || fill.rhs !== undefined)) {
      throw this.#stream.fault(
        lhs.pos.start,
        'binop fill modifiers are experimental and not enabled',
      )
    }
    const pos = { start: lhs.pos.start, end: rhs.pos.end }
    return { kind: 'binary', op, lhs, rhs, returnBool, matching, pos }
  }

  #parseMatching() {
    const stream = this.#stream
    let labels: readonly string[] = []
    let include: readonly string[] = []
    let cardinality: Cardinality = 'one-to-one'
    let on = false
    if (stream.at('on') || stream.at('ignoring')) {
      on = stream.take().kind === 'on'
      labels = parseLabelNames(stream)
      if (stream.at('group_left') || stream.at('group_right')) {
        cardinality = stream.take().kind === 'group_left' ? 'many-to-one' : 'one-to-many'
        if (stream.at('(')) include = parseLabelNames(stream)
      }
    }
    return { cardinality, labels, on, include, fill: this.#parseFill() }
  }

  #parseFill(): { lhs: number | undefined; rhs: number | undefined } {
    const stream = this.#stream
    if (stream.accept('fill')) {
      const value = this.#parseFillValue()
      return { lhs: value, rhs: value }
    }
    let lhs: number | undefined
    let rhs: number | undefined
    if (stream.accept('fill_left')) {
      lhs = this.#parseFillValue()
      if (stream.accept('fill_right')) rhs = this.#parseFillValue()
    } else if (stream.accept('fill_right')) {
      rhs = this.#parseFillValue()
      if (stream.accept('fill_left')) lhs = this.#parseFillValue()
    }
    return { lhs, rhs }
  }

  #parseFillValue(): number {
    const stream = this.#stream
    stream.expect('(')
    const sign = stream.accept('-') ?? stream.accept('+')
    if (!atNumber(stream)) throw stream.unexpected()
    const { value } = parseNumberLiteral(stream)
    stream.expect(')')
    return sign?.kind === '-' ? -value : value
  }

  // An operand with whatever follows it: range, subquery, offset, @, anchored, smoothed.
  #parseModified(): Expr {
    let expr = this.#parseOperand()
    for (;;) {
      const token = this.#stream.peek()
      switch (token.kind) {
        case '[':
          expr = this.#parseBrackets(expr)
          break
        case 'offset':
          expr = this.#parseOffset(expr)
          break
        case '@':
          expr = this.#parseAt(expr)
          break
        case 'anchored':
        case 'smoothed':
          this.#stream.take()
          expr = this.#extend(expr, token.kind)
          break
        default:
          return expr
      }
    }
  }

  #parseOperand(): Expr {
    const stream = this.#stream
    const token = stream.peek()
    const pos = { start: token.start, end: token.end }
    switch (token.kind) {
      case 'NUMBER':
      case 'DURATION':
        return parseNumberLiteral(stream)
      case 'STRING':
        stream.take()
        return { kind: 'stringLiteral', value: unquote(token.text), pos }
      case '{':
        return parseVectorSelector(stream, undefined)
      case '(':
        return this.#parseParen()
      case '+':
      case '-':
        return this.#parseSigned(token.kind)
    }
    if (!isMetricName(token)) throw stream.unexpected()
    stream.take()
    const next = stream.peek().kind
    if (aggregators.has(token.kind) && (next === '(' || next === 'by' || next === 'without')) {
      return this.#parseAggregation(token)
    }
    const isCallable = token.kind === 'IDENTIFIER' || preprocessors.has(token.kind)
    if (isCallable && next === '(') return this.#parseCall(token)
    return parseVectorSelector(stream, token)
  }

  #parseParen(): Expr {
    const open = this.#stream.take()
    const expr = this.#parseBinary(0)
    const close = this.#stream.expect(')')
    return { kind: 'paren', expr, pos: { start: open.start, end: close.end } }
  }

  // A sign binds weaker than ^ and stronger than *; numbers take it in.
  #parseSigned(op: '+' | '-'): Expr {
    const sign = this.#stream.take()
    const expr = this.#parseBinary(precedenceOfPower)
    const pos = { start: sign.start, end: expr.pos.end }
    if (expr.kind !== 'numberLiteral') return { kind: 'unary', op, expr, pos }
    return { ...expr, value: op === '-' ? -expr.value : expr.value, pos }
  }

  #parseCall(name: Token): Expr {
    const stream = this.#stream
    const { args, end } = this.#parseArguments()
    const func = this.#signatureOf(name)
    if (func === undefined) {
      throw stream.fault(name.start, `unknown function with name ${JSON.stringify(name.text)}`)
    }
    if (func.experimental && !this.#features.experimentalFunctions) {
      throw stream.fault(name.start, `function ${JSON.stringify(name.text)} is not enabled`)
    }
    return { kind: 'call', func, args, pos: { start: name.start, end } }
  }

  // Names of functions are written in lower case, always.
  #signatureOf(name: Token): FunctionSignature | undefined {
    return functionSignatures.get(name.text)
  }

  #parseArguments(): { args: Expr[]; end: number } {
    const stream = this.#stream
    stream.expect('(')
    const args: Expr[] = []
    if (stream.at(')')) return { args, end: stream.take().end }
    for (;;) {
      args.push(this.#parseBinary(0))
      const comma = stream.accept(',')
      if (comma === undefined) break
      if (!this.#startsOperand(stream.peek())) {
        throw stream.fault(comma.start, 'trailing commas not allowed in function call args')
      }
    }
    return { args, end: stream.expect(')').end }
  }

  #startsOperand(token: Token): boolean {
    return (
      isMetricName(token) ||
      ['NUMBER', 'DURATION', 'STRING', '{', '(', '+', '-'].includes(token.kind)
    )
  }

  #parseAggregation(name: Token): Expr {
    const stream = this.#stream
    stream.enter('aggregation')
    let modifier = this.#parseGrouping()
    const body = this.#parseArguments()
    const closedAt = body.end
    stream.leave()
    let end = closedAt
    if (modifier === undefined) {
      modifier = this.#parseGrouping()
      if (modifier !== undefined) end = modifier.end
    }
    const pos = { start: name.start, end }
    const { expr, param } = this.#pickArguments(name.kind as AggregationOp, body.args, pos)
    const grouping = modifier?.labels ?? []
    const without = modifier?.without ?? false
    return {
      kind: 'aggregation',
      op: name.kind as AggregationOp,
      expr,
      param,
      grouping,
      without,
      pos,
    }
  }

  #parseGrouping(): { labels: string[]; without: boolean; end: number } | undefined {
    const stream = this.#stream
    if (!stream.at('by') && !stream.at('without')) return undefined
    const without = stream.take().kind === 'without'
    const labels = parseLabelNames(stream)
    return { labels, without, end: stream.lastEnd }
  }

  #pickArguments(
    op: AggregationOp,
    args: readonly Expr[],
    pos: PosRange,
  ): { expr: Expr; param: Expr | undefined } {
    const stream = this.#stream
    if (args.length === 0) {
      throw stream.fault(pos.start, 'no arguments for aggregate expression provided')
    }
    if (experimentalAggregators.has(op) && !this.#features.experimentalFunctions) {
      throw stream.fault(
        pos.start,
        `${op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
      )
    }
    const wanted = parameterAggregators.has(op) ? 2 : 1
    if (args.length !== wanted) {
      throw stream.fault(
        pos.start,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      )
    }
    return { expr: args[wanted - 1]!, param: wanted === 2 ? args[0] : undefined }
  }

  #parseBrackets(expr: Expr): MatrixSelector | Subquery {
    const stream = this.#stream
    const open = stream.take()
    const durationWords = 'number, duration, step(), or range()'
    stream.enter('subquery or range selector', durationWords)
    const range = parsePositiveDuration(stream)
    stream.leave()
    if (stream.at(']')) return this.#matrixSelector(expr, range, open, stream.take())
    if (!stream.at(':')) throw stream.unexpected('subquery or range', '":" or "]"')
    stream.take()
    let step: DurationOperand | undefined
    if (!stream.at(']')) {
      stream.enter('subquery selector', 'number, duration, step(), range(), or "]"')
      step = parsePositiveDuration(stream)
      stream.leave()
      if (!stream.at(']')) throw stream.unexpected('subquery selector', '"]"')
    }
    return {
      kind: 'subquery',
      expr,
      rangeMs: millisecondsOf(range),
      rangeExpr: expressionOf(range),
      stepMs: step === undefined ? 0 : millisecondsOf(step),
      stepExpr: step === undefined ? undefined : expressionOf(step),
      offsetMs: 0,
      offsetExpr: undefined,
      timestampMs: undefined,
      startOrEnd: undefined,
      pos: { start: expr.pos.start, end: stream.take().end },
    }
  }

  #matrixSelector(expr: Expr, range: DurationOperand, open: Token, close: Token): MatrixSelector {
    const stream = this.#stream
    if (expr.kind !== 'vectorSelector') {
      throw stream.fault(open.start, 'ranges only allowed for vector selectors')
    }
    if (expr.offsetMs !== 0 || expr.offsetExpr !== undefined) {
      throw stream.fault(open.start, 'no offset modifiers allowed before range')
    }
    if (expr.timestampMs !== undefined || expr.startOrEnd !== undefined) {
      throw stream.fault(open.start, 'no @ modifiers allowed before range')
    }
    return {
      kind: 'matrixSelector',
      selector: expr,
      rangeMs: millisecondsOf(range),
      rangeExpr: expressionOf(range),
      pos: { start: expr.pos.start, end: close.end },
    }
  }

  #parseOffset(expr: Expr): Expr {
    const stream = this.#stream
    stream.take()
    stream.enter('offset', 'number, duration, step(), or range()')
    const offset = parseOffsetDuration(stream)
    stream.leave()
    const target = this.#modifiable(expr, 'offset modifier')
    if (target.offsetMs !== 0 || target.offsetExpr !== undefined) {
      throw stream.fault(expr.pos.start, 'offset may not be set multiple times')
    }
    const offsetMs = millisecondsOf(offset)
    return this.#modify(expr, { offsetMs, offsetExpr: expressionOf(offset) })
  }

  #parseAt(expr: Expr): Expr {
    const stream = this.#stream
    stream.take()
    stream.enter('@', 'timestamp')
    const at = this.#parseTimestamp()
    stream.leave()
    if (typeof at === 'number') this.#checkTimestamp(expr, at)
    const target = this.#modifiable(expr, '@ modifier')
    if (target.timestampMs !== undefined || target.startOrEnd !== undefined) {
      throw stream.fault(expr.pos.start, '@ <timestamp> may not be set multiple times')
    }
    if (typeof at === 'string') return this.#modify(expr, { startOrEnd: at })
    return this.#modify(expr, { timestampMs: roundAwayFromZero(at * 1000) })
  }

  #parseTimestamp(): number | StartOrEnd {
    const stream = this.#stream
    if (stream.at('start') || stream.at('end')) {
      const word = stream.take().kind as StartOrEnd
      stream.expect('(')
      stream.expect(')')
      return word
    }
    const sign = stream.accept('-') ?? stream.accept('+')
    if (!atNumber(stream)) throw stream.unexpected()
    const literal: NumberLiteral = parseNumberLiteral(stream)
    return sign?.kind === '-' ? -literal.value : literal.value
  }

  #checkTimestamp(expr: Expr, seconds: number): void {
    if (Math.abs(seconds) < 2 ** 63) return
    const shown = Number.isFinite(seconds)
      ? `${BigInt(seconds)}.000000`
      : String(seconds)
          .replace(/^(?=I)/, '+')
          .replace('inity', '')
    throw this.#stream.fault(expr.pos.start, `timestamp out of bounds for @ modifier: ${shown}`)
  }

  #modifiable(expr: Expr, what: string): VectorSelector | Subquery {
    if (expr.kind === 'vectorSelector' || expr.kind === 'subquery') return expr
    if (expr.kind === 'matrixSelector') return expr.selector
    throw this.#stream.fault(
      expr.pos.start,
      `${what} must be preceded by an instant vector selector or range vector selector or a subquery`,
    )
  }

  #modify(expr: Expr, change: Partial<VectorSelector>): Expr {
    const pos = { start: expr.pos.start, end: this.#stream.lastEnd }
    if (expr.kind === 'matrixSelector') {
      return { ...expr, selector: { ...expr.selector, ...change }, pos }
    }
    return { ...expr, ...change, pos } as Expr
  }

  #extend(expr: Expr, modifier: 'anchored' | 'smoothed'): Expr {
    const fail = (reason: string) => this.#stream.fault(expr.pos.start, reason)
    if (!this.#features.extendedRangeSelectors) {
      throw fail(`${modifier} modifier is experimental and not enabled`)
    }
    if (expr.kind === 'subquery') {
      throw fail(`${modifier} modifier is not supported for subqueries`)
    }
    if (expr.kind !== 'vectorSelector' && expr.kind !== 'matrixSelector') {
      throw fail(`${modifier} modifier not implemented`)
    }
    const selector = expr.kind === 'matrixSelector' ? expr.selector : expr
    const extended = { ...selector, [modifier]: true }
    if (extended.anchored && extended.smoothed) {
      throw fail('anchored and smoothed modifiers cannot be used together')
    }
    return expr.kind === 'matrixSelector' ? { ...expr, selector: extended } : extended
  }
}

// Whole milliseconds of a literal, through whole nanoseconds as Prometheus keeps them; 0 for an expression.
function millisecondsOf(duration: DurationOperand): number {
  if (duration.kind === 'durationExpr') return 0
  return Math.trunc(roundAwayFromZero(duration.value * 1e9) / 1e6)
}

function expressionOf(duration: DurationOperand) {
  return duration.kind === 'durationExpr' ? duration : undefined
}

function roundAwayFromZero(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value)
}

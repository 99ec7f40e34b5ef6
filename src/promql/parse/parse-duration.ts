// Ranges, steps and offsets: literals, or arithmetic on durations.
// Here: reading them. Elsewhere: evaluating them (duration-eval.ts).
// Source: Prometheus 3.14 promql/parser/generated_parser.y, duration_expr and offset_duration_expr.

import type { DurationExpr, DurationOp, DurationOperand, NumberLiteral } from './ast.ts'
import { readDuration, readNumber } from './literals.ts'
import type { TokenStream } from './token-stream.ts'
import type { Token } from './tokens.ts'

// Seconds that fit 63 bits of nanoseconds.
const secondsMax = 2 ** 63 / 1e9

const precedenceOf: Readonly<Record<string, number>> = {
  '+': 1,
  '-': 1,
  '*': 2,
  '/': 2,
  '%': 2,
  '^': 3,
}

/** Nesting of parentheses, signs and calls that one expression may have. */
export const nestingMax = 500

/** Reads a number or duration literal at the next token, which must be one. */
export function parseNumberLiteral(stream: TokenStream): NumberLiteral {
  const token = stream.take()
  const isDuration = token.kind === 'DURATION'
  const literal = isDuration ? readDuration(token.text) : readNumber(token.text)
  if (literal.fault !== undefined) throw stream.fault(token.start, literal.fault)
  return {
    kind: 'numberLiteral',
    value: literal.value,
    isDuration,
    pos: { start: token.start, end: token.end },
  }
}

/** Whether the next token is a number or a duration literal. */
export function atNumber(stream: TokenStream): boolean {
  const kind = stream.peek().kind
  return kind === 'NUMBER' || kind === 'DURATION'
}

/** Reads a range or a step: any duration expression; a literal must be above zero. */
export function parsePositiveDuration(stream: TokenStream): DurationOperand {
  const duration = parseExpression(stream, 0, 0)
  if (duration.kind === 'numberLiteral' && !(duration.value > 0)) {
    throw stream.fault(duration.pos.start, 'duration must be greater than 0')
  }
  return duration
}

/**
 * Reads what follows `offset`. A signed literal, step(), range(), max_of(), min_of() or a signed parenthesis ends
 * there, so that `foo offset -2 ^ 2` raises foo to the power. After a parenthesis the expression goes on as far as
 * there are durations: Prometheus refuses `foo offset (5m) + bar`, which can only mean a sum of series.
 */
export function parseOffsetDuration(stream: TokenStream): DurationOperand {
  if (isAtom(stream)) return parseAtom(stream, 0)
  const sign = stream.peek()
  if (sign.kind !== '+' && sign.kind !== '-')
    return continueIfPossible(stream, parseParen(stream, 0))
  stream.take()
  if (stream.at('(')) return applySign(stream, sign, parseParen(stream, 0))
  if (isAtom(stream)) return applySign(stream, sign, parseAtom(stream, 0))
  return continueIfPossible(stream, applySign(stream, sign, parseExpression(stream, 3, 0)))
}

function continueIfPossible(stream: TokenStream, first: DurationOperand): DurationOperand {
  const next = stream.peek().kind
  if (precedenceOf[next] === undefined) return first
  const restore = stream.mark()
  try {
    return continueExpression(stream, first, 0, 0)
  } catch {
    restore()
    return first
  }
}

function isAtom(stream: TokenStream): boolean {
  const kind = stream.peek().kind
  return (
    atNumber(stream) ||
    kind === 'step' ||
    kind === 'range' ||
    kind === 'max_of' ||
    kind === 'min_of'
  )
}

function parseExpression(
  stream: TokenStream,
  precedenceMin: number,
  nesting: number,
): DurationOperand {
  if (nesting > nestingMax) {
    throw stream.fault(stream.peek().start, `expression is nested more than ${nestingMax} deep`)
  }
  return continueExpression(stream, parsePrefix(stream, nesting), precedenceMin, nesting)
}

function continueExpression(
  stream: TokenStream,
  first: DurationOperand,
  precedenceMin: number,
  nesting: number,
): DurationOperand {
  let lhs = first
  let length = 0
  for (;;) {
    const token = stream.peek()
    const precedence = precedenceOf[token.kind]
    if (precedence === undefined || precedence < precedenceMin) return lhs
    if (++length > nestingMax) {
      throw stream.fault(token.start, `expression is nested more than ${nestingMax} deep`)
    }
    stream.take()
    const next = token.kind === '^' ? precedence : precedence + 1
    const rhs = parseExpression(stream, next, nesting + 1)
    checkDivisor(stream, token, rhs)
    lhs = {
      kind: 'durationExpr',
      op: token.kind as DurationOp,
      lhs,
      rhs,
      wrapped: false,
      pos: { start: lhs.pos.start, end: rhs.pos.end },
    }
  }
}

function checkDivisor(stream: TokenStream, operator: Token, divisor: DurationOperand): void {
  if (divisor.kind !== 'numberLiteral' || divisor.value !== 0) return
  if (operator.kind === '/') throw stream.fault(operator.start, 'division by zero')
  if (operator.kind === '%') throw stream.fault(operator.start, 'modulo by zero')
}

function parsePrefix(stream: TokenStream, nesting: number): DurationOperand {
  const token = stream.peek()
  if (token.kind === '+' || token.kind === '-') {
    stream.take()
    // A sign binds like a product: stronger than + and *, weaker than ^.
    return applySign(stream, token, parseExpression(stream, 3, nesting + 1))
  }
  if (token.kind === '(') return parseParen(stream, nesting)
  if (isAtom(stream)) return parseAtom(stream, nesting)
  throw stream.unexpected()
}

function parseParen(stream: TokenStream, nesting: number): DurationExpr {
  const open = stream.expect('(')
  const inner = parseExpression(stream, 0, nesting + 1)
  const close = stream.expect(')')
  if (inner.kind === 'durationExpr') return { ...inner, wrapped: true }
  return {
    kind: 'durationExpr',
    op: '+',
    lhs: undefined,
    rhs: inner,
    wrapped: true,
    pos: { start: open.start, end: close.end },
  }
}

function parseAtom(stream: TokenStream, nesting: number): DurationOperand {
  if (atNumber(stream)) {
    const literal = parseNumberLiteral(stream)
    checkRange(stream, literal.value, literal.pos.start)
    return literal
  }
  const word = stream.take()
  stream.expect('(')
  let lhs: DurationOperand | undefined
  let rhs: DurationOperand | undefined
  if (word.kind === 'max_of' || word.kind === 'min_of') {
    lhs = parseExpression(stream, 0, nesting + 1)
    stream.expect(',')
    rhs = parseExpression(stream, 0, nesting + 1)
  }
  const close = stream.expect(')')
  return {
    kind: 'durationExpr',
    op: word.kind as DurationOp,
    lhs,
    rhs,
    wrapped: false,
    pos: { start: word.start, end: close.end },
  }
}

// A plus leaves no trace; a minus goes into a literal, or becomes a node of its own.
function applySign(stream: TokenStream, sign: Token, operand: DurationOperand): DurationOperand {
  if (operand.kind === 'durationExpr') return sign.kind === '-' ? signed(sign, operand) : operand
  const value = sign.kind === '-' ? -operand.value : operand.value
  checkRange(stream, value, sign.start)
  return { ...operand, value, pos: { start: sign.start, end: operand.pos.end } }
}

function signed(sign: Token, operand: DurationExpr): DurationExpr {
  return {
    kind: 'durationExpr',
    op: sign.kind as DurationOp,
    lhs: undefined,
    rhs: operand,
    wrapped: false,
    pos: { start: sign.start, end: operand.pos.end },
  }
}

function checkRange(stream: TokenStream, seconds: number, offset: number): void {
  if (Math.abs(seconds) > secondsMax) throw stream.fault(offset, 'duration out of range')
}

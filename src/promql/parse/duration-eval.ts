// Duration expressions become milliseconds once the query's own step and range are known.
// Units: expressions evaluate in seconds; results are whole milliseconds, truncated toward zero.
// Source: Prometheus 3.14 promql/durations.go.

import { UserError } from '../../model/index.ts'
import type { DurationExpr, DurationOperand, Expr, VectorSelector } from './ast.ts'

/** What step() and range() stand for. */
export interface DurationScope {
  readonly stepMs: number
  /** End minus start of the query; 0 for an instant query. */
  readonly rangeMs: number
}

// Seconds that fit 63 bits of nanoseconds.
const secondsMax = 2 ** 63 / 1e9

/**
 * The expression with every range, step and offset in milliseconds; the expressions stay beside them for
 * printing. Nodes without duration expressions are shared with the input. Throws UserError bad_data.
 */
export function resolveDurations(expr: Expr, scope: DurationScope): Expr {
  switch (expr.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
      return expr
    case 'vectorSelector':
      return resolveSelector(expr, scope)
    case 'matrixSelector': {
      const selector = resolveSelector(expr.selector, scope)
      const rangeMs = positiveMs(expr.rangeExpr, expr.rangeMs, scope)
      if (selector === expr.selector && rangeMs === expr.rangeMs) return expr
      return { ...expr, selector, rangeMs }
    }
    case 'subquery':
      return {
        ...expr,
        offsetMs: anyMs(expr.offsetExpr, expr.offsetMs, scope),
        stepMs: positiveMs(expr.stepExpr, expr.stepMs, scope),
        rangeMs: positiveMs(expr.rangeExpr, expr.rangeMs, scope),
        expr: resolveDurations(expr.expr, scope),
      }
    case 'call':
      return { ...expr, args: expr.args.map((arg) => resolveDurations(arg, scope)) }
    case 'aggregation': {
      const inner = resolveDurations(expr.expr, scope)
      const param = expr.param === undefined ? undefined : resolveDurations(expr.param, scope)
      return { ...expr, expr: inner, param }
    }
    case 'binary': {
      const lhs = resolveDurations(expr.lhs, scope)
      return { ...expr, lhs, rhs: resolveDurations(expr.rhs, scope) }
    }
    case 'unary':
    case 'paren':
      return { ...expr, expr: resolveDurations(expr.expr, scope) }
  }
}

function resolveSelector(node: VectorSelector, scope: DurationScope): VectorSelector {
  if (node.offsetExpr === undefined) return node
  return { ...node, offsetMs: anyMs(node.offsetExpr, node.offsetMs, scope) }
}

function anyMs(expr: DurationExpr | undefined, written: number, scope: DurationScope): number {
  if (expr === undefined) return written
  const seconds = evaluate(expr, scope)
  if (!Number.isFinite(seconds)) throw fault(expr, 'duration is NaN or infinite')
  if (Math.abs(seconds) > secondsMax) throw fault(expr, 'duration is out of range')
  // Adding zero turns -0, which prints and compares oddly, into 0.
  return Math.trunc(seconds * 1000) + 0
}

function positiveMs(expr: DurationExpr | undefined, written: number, scope: DurationScope): number {
  if (expr !== undefined && evaluate(expr, scope) <= 0) {
    throw fault(expr, 'duration must be greater than 0')
  }
  return anyMs(expr, written, scope)
}

function evaluate(node: DurationOperand, scope: DurationScope): number {
  if (node.kind === 'numberLiteral') return node.value
  const lhs = node.lhs === undefined ? 0 : evaluate(node.lhs, scope)
  const rhs = node.rhs === undefined ? 0 : evaluate(node.rhs, scope)
  switch (node.op) {
    case 'step':
      return scope.stepMs / 1000
    case 'range':
      return scope.rangeMs / 1000
    case 'min_of':
      return Math.min(lhs, rhs)
    case 'max_of':
      return Math.max(lhs, rhs)
    case '+':
      return lhs + rhs
    case '-':
      return lhs - rhs
    case '*':
      return lhs * rhs
    case '/':
      if (rhs === 0) throw fault(node, 'division by zero')
      return lhs / rhs
    case '%':
      if (rhs === 0) throw fault(node, 'modulo by zero')
      return lhs % rhs
    case '^':
      return lhs ** rhs
  }
}

// Start and end of the expression, not line and column: Prometheus prints these two so.
function fault(node: DurationExpr, reason: string): UserError {
  return new UserError('bad_data', { what: `${node.pos.start}:${node.pos.end}: ${reason}` })
}

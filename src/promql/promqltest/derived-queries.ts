// Derived queries: the same question asked at other times. An expression whose selectors are all pinned to the
// evaluation time by `@` has the same answer whenever it is asked.
// Source: Prometheus promql/promqltest/test.go (atModifierTestCases).

import type { Expr, TimeModifiers } from '../parse/ast.ts'
import { childrenOf } from '../parse/ast.ts'
import { printExpr } from '../parse/printer.ts'

/** An expression, and when to evaluate it. */
export interface InstantQuery {
  readonly expr: string
  readonly timeMs: number
}

// Functions whose answer depends on the evaluation time, or on the times of samples, even where the input is pinned.
const timeDependent = new Set([
  'days_in_month',
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'end',
  'hour',
  'minute',
  'month',
  'predict_linear',
  'range',
  'start',
  'step',
  'time',
  'timestamp',
  'year',
])

/** Pinned forms of `expr` at times around `timeMs`; none where a function depends on the time. */
export function pinnedQueries(expr: Expr, timeMs: number): InstantQuery[] {
  if (dependsOnTime(expr)) return []
  const pinned = printExpr(pin(expr, timeMs))
  const timesMs =
    timeMs === 0 ? [-1000, 0, 1000] : [-10 * timeMs, 0, Math.trunc(timeMs / 5), timeMs, 10 * timeMs]
  return timesMs.map((at) => ({ expr: pinned, timeMs: at }))
}

// What is inside a subquery is pinned with it.
function dependsOnTime(expr: Expr): boolean {
  if (expr.kind === 'subquery') return false
  if (expr.kind === 'call' && timeDependent.has(expr.func.name)) return true
  return childrenOf(expr).some(dependsOnTime)
}

function pin(expr: Expr, timeMs: number): Expr {
  const inner = (child: Expr): Expr => pin(child, timeMs)
  switch (expr.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
      return expr
    case 'vectorSelector':
    case 'subquery':
      return pinnedAt(expr, timeMs)
    case 'matrixSelector':
      return { ...expr, selector: pinnedAt(expr.selector, timeMs) }
    case 'call':
      return { ...expr, args: expr.args.map(inner) }
    case 'aggregation':
      return { ...expr, expr: inner(expr.expr), param: expr.param && inner(expr.param) }
    case 'binary':
      return { ...expr, lhs: inner(expr.lhs), rhs: inner(expr.rhs) }
    case 'unary':
    case 'paren':
      return { ...expr, expr: inner(expr.expr) }
  }
}

function pinnedAt<T extends TimeModifiers>(node: T, timeMs: number): T {
  return node.timestampMs === undefined
    ? { ...node, timestampMs: timeMs, startOrEnd: undefined }
    : node
}

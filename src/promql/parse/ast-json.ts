// The syntax tree as the parse_query API shows it. Times in milliseconds, numbers as text.
// Source: Prometheus 3.14 web/api/v1/translate_ast.go.

import type { Matcher } from '../../model/index.ts'
import { formatFloatPlain } from '../../model/index.ts'
import type { DurationOperand, Expr, TimeModifiers, VectorSelector } from './ast.ts'

/** A value that JSON can hold. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }

/** One node and all below it, with the keys of Prometheus' API. */
export function exprToJson(expr: Expr): Json {
  switch (expr.kind) {
    case 'numberLiteral':
      return { type: 'numberLiteral', val: formatFloatPlain(expr.value) }
    case 'stringLiteral':
      return { type: 'stringLiteral', val: expr.value }
    case 'paren':
      return { type: 'parenExpr', expr: exprToJson(expr.expr) }
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: exprToJson(expr.expr) }
    case 'aggregation':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: exprToJson(expr.expr),
        param: expr.param === undefined ? null : exprToJson(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      }
    case 'call': {
      const { name, argTypes, variadic, returnType } = expr.func
      const func = { name, argTypes, variadic, returnType }
      return { type: 'call', func, args: expr.args.map(exprToJson) }
    }
    case 'binary':
      return binaryToJson(expr)
    default:
      return selectorToJson(expr)
  }
}

function binaryToJson(expr: Expr & { kind: 'binary' }): Json {
  const { matching } = expr
  return {
    type: 'binaryExpr',
    op: expr.op,
    lhs: exprToJson(expr.lhs),
    rhs: exprToJson(expr.rhs),
    matching:
      matching === undefined
        ? null
        : {
            card: matching.cardinality,
            labels: matching.labels,
            on: matching.on,
            include: matching.include,
            fillValues: { lhs: matching.fill.lhs ?? null, rhs: matching.fill.rhs ?? null },
          },
    bool: expr.returnBool,
  }
}

function selectorToJson(
  expr: Expr & { kind: 'vectorSelector' | 'matrixSelector' | 'subquery' },
): Json {
  if (expr.kind === 'subquery') {
    return {
      type: 'subquery',
      expr: exprToJson(expr.expr),
      range: expr.rangeMs,
      rangeExpr: durationToJson(expr.rangeExpr),
      step: expr.stepMs,
      stepExpr: durationToJson(expr.stepExpr),
      ...timesToJson(expr),
    }
  }
  if (expr.kind === 'vectorSelector') return { type: expr.kind, ...seriesToJson(expr) }
  return {
    type: expr.kind,
    range: expr.rangeMs,
    rangeExpr: durationToJson(expr.rangeExpr),
    ...seriesToJson(expr.selector),
  }
}

function seriesToJson(node: VectorSelector): { readonly [key: string]: Json } {
  return {
    name: node.name,
    matchers: node.matchers.map(matcherToJson),
    ...timesToJson(node),
    anchored: node.anchored,
    smoothed: node.smoothed,
  }
}

function matcherToJson({ name, value, type }: Matcher): Json {
  return { name, value, type }
}

function timesToJson(node: TimeModifiers): { readonly [key: string]: Json } {
  return {
    offset: node.offsetMs,
    offsetExpr: durationToJson(node.offsetExpr),
    timestamp: node.timestampMs ?? null,
    startOrEnd: node.startOrEnd ?? null,
  }
}

function durationToJson(node: DurationOperand | undefined): Json {
  if (node === undefined) return null
  if (node.kind === 'numberLiteral') {
    return {
      type: 'numberLiteral',
      val: formatFloatPlain(node.value),
      duration: node.isDuration,
    }
  }
  return {
    type: 'durationExpr',
    op: node.op,
    lhs: durationToJson(node.lhs),
    rhs: durationToJson(node.rhs),
    wrapped: node.wrapped,
  }
}

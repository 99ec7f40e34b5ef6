// Syntax tree to logical plan, for one query with its own start, end and step.

import { isMembershipMatcher } from '../../model/index.ts'
import type { Call, Expr, TimeModifiers, VectorSelector } from '../parse/ast.ts'
import { resolveDurations } from '../parse/duration-eval.ts'
import { printExpr } from '../parse/printer.ts'
import type { PlanNode, PlanTimes, SelectPlan } from './node.ts'

/** The query's own times; an instant query has start = end and step 0. */
export interface QueryTimes {
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
}

const noHints = { func: '', grouping: [], by: false } as const

/** Builds the plan. Throws UserError bad_data for duration expressions that come to nothing usable. */
export function buildPlan(expr: Expr, times: QueryTimes): PlanNode {
  const scope = { stepMs: times.stepMs, rangeMs: times.endMs - times.startMs }
  return nodeOf(resolveDurations(expr, scope), times)
}

function nodeOf(expr: Expr, query: QueryTimes): PlanNode {
  const position = expr.pos.start
  switch (expr.kind) {
    case 'numberLiteral':
      return { kind: 'number', value: expr.value, position }
    case 'stringLiteral':
      return { kind: 'string', value: expr.value, position }
    case 'vectorSelector':
      return selectOf(expr, query)
    case 'matrixSelector':
      return {
        kind: 'matrix',
        selector: selectOf(expr.selector, query),
        rangeMs: expr.rangeMs,
        position,
      }
    case 'subquery':
      return {
        kind: 'subquery',
        inner: nodeOf(expr.expr, query),
        times: timesOf(expr, query),
        rangeMs: expr.rangeMs,
        stepMs: expr.stepMs,
        position,
      }
    case 'call':
      return callOf(expr, query)
    case 'aggregation':
      return {
        kind: 'aggregate',
        op: expr.op,
        inner: nodeOf(expr.expr, query),
        param: expr.param === undefined ? undefined : nodeOf(expr.param, query),
        grouping: { labels: expr.grouping, without: expr.without },
        position,
      }
    case 'binary': {
      const { op, returnBool, matching } = expr
      const lhs = nodeOf(expr.lhs, query)
      return {
        kind: 'binary',
        op,
        lhs,
        rhs: nodeOf(expr.rhs, query),
        returnBool,
        matching,
        position,
      }
    }
    case 'unary': {
      const inner = nodeOf(expr.expr, query)
      return expr.op === '-' ? { kind: 'negate', inner, position } : inner
    }
    case 'paren':
      return nodeOf(expr.expr, query)
  }
}

function selectOf(selector: VectorSelector, query: QueryTimes): SelectPlan {
  return {
    kind: 'select',
    matchers: selector.matchers.filter((matcher) => !isMembershipMatcher(matcher)),
    membership: selector.matchers.filter(isMembershipMatcher),
    times: timesOf(selector, query),
    selection: selector.anchored ? 'anchored' : selector.smoothed ? 'smoothed' : 'plain',
    hints: noHints,
    statsOnly: false,
    text: printExpr(selector),
    position: selector.pos.start,
  }
}

function timesOf(node: TimeModifiers, query: QueryTimes): PlanTimes {
  const { offsetMs, startOrEnd } = node
  if (startOrEnd === 'start') return { offsetMs, timestampMs: query.startMs }
  if (startOrEnd === 'end') return { offsetMs, timestampMs: query.endMs }
  return { offsetMs, timestampMs: node.timestampMs }
}

function callOf(call: Call, query: QueryTimes): PlanNode {
  const position = call.pos.start
  const { name, returnType } = call.func
  switch (name) {
    case 'start':
      return { kind: 'number', value: query.startMs / 1000, position }
    case 'end':
      return { kind: 'number', value: query.endMs / 1000, position }
    case 'range':
      return { kind: 'number', value: (query.endMs - query.startMs) / 1000, position }
    case 'step':
      return {
        kind: 'number',
        value: query.startMs === query.endMs ? 0 : query.stepMs / 1000,
        position,
      }
    default: {
      const args = call.args.map((arg) => nodeOf(arg, query))
      return { kind: 'call', name, args, returnType, position }
    }
  }
}

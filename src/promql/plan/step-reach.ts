// Step reach: how new the samples are that one step of a range query looks at, where a step depends on nothing else of
// the range. Whoever keeps steps of an answer learns here which ones a new sample may change.
// Not so, and therefore undefined: what names the range itself (start(), end(), range(), @ start(); step() is 0 where there
// is one step), duration expressions, sorting, which is nothing for ranges but is remarked upon, and what chooses by the order of series, which is the source's (limitk, limit_ratio). Ties of topk and bottomk are
// broken by that order too; Prometheus promises nothing there either.
// Units: milliseconds.

import { childrenOf, type Expr, type TimeModifiers } from '../parse/ast.ts'

/** The newest samples that a step at time t looks at. */
export interface StepReach {
  /** Up to t + aheadMs; −Infinity where no sample is looked at relative to the step. */
  readonly aheadMs: number
  /** And up to this time, whatever t is; −Infinity where no selector is fixed by @. */
  readonly fixedMs: number
}

const none: StepReach = { aheadMs: Number.NEGATIVE_INFINITY, fixedMs: Number.NEGATIVE_INFINITY }
// info() looks at series of its own, over times that follow from the whole range.
const rangeFunctions = new Set(
  'start end range step info sort sort_desc sort_by_label sort_by_label_desc'.split(' '),
)
const orderedAggregations = new Set(['limitk', 'limit_ratio'])

/** The reach of each step of a range query over `expr`; undefined where a step alone does not decide its answer. */
export function stepReach(expr: Expr): StepReach | undefined {
  switch (expr.kind) {
    case 'vectorSelector':
      if (expr.anchored || expr.smoothed) return undefined
      return shifted({ aheadMs: 0, fixedMs: none.fixedMs }, expr)
    case 'matrixSelector':
      return expr.rangeExpr === undefined ? stepReach(expr.selector) : undefined
    case 'subquery': {
      if (expr.rangeExpr !== undefined || expr.stepExpr !== undefined) return undefined
      const inner = stepReach(expr.expr)
      return inner === undefined ? undefined : shifted(inner, expr)
    }
    case 'call':
      return rangeFunctions.has(expr.func.name) ? undefined : reachOfAll(childrenOf(expr))
    case 'aggregation':
      return orderedAggregations.has(expr.op) ? undefined : reachOfAll(childrenOf(expr))
    default:
      return reachOfAll(childrenOf(expr))
  }
}

function reachOfAll(children: readonly Expr[]): StepReach | undefined {
  let all = none
  for (const child of children) {
    const reach = stepReach(child)
    if (reach === undefined) return undefined
    all = {
      aheadMs: Math.max(all.aheadMs, reach.aheadMs),
      fixedMs: Math.max(all.fixedMs, reach.fixedMs),
    }
  }
  return all
}

function shifted(inner: StepReach, times: TimeModifiers): StepReach | undefined {
  const { offsetMs, offsetExpr, startOrEnd, timestampMs } = times
  if (offsetExpr !== undefined || startOrEnd !== undefined) return undefined
  if (timestampMs === undefined) return { ...inner, aheadMs: inner.aheadMs - offsetMs }
  const fixedMs = Math.max(inner.fixedMs, timestampMs - offsetMs + inner.aheadMs)
  return { aheadMs: none.aheadMs, fixedMs }
}

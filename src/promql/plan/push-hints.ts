// Rule: selectors learn the function or aggregation around them and its grouping, so that sources may send less.

import type { PlanNode, SelectorHints } from './node.ts'
import { mapChildren } from './node.ts'

const none: SelectorHints = { func: '', grouping: [], by: false }

/** Gives every selector its hints. */
export function pushHints(plan: PlanNode, hints: SelectorHints = none): PlanNode {
  switch (plan.kind) {
    case 'select':
      return { ...plan, hints }
    case 'matrix':
      return { ...plan, selector: { ...plan.selector, hints } }
    case 'call':
      return mapChildren(plan, (child) => pushHints(child, { ...none, func: plan.name }))
    case 'aggregate': {
      const { labels, without } = plan.grouping
      const inner = pushHints(plan.inner, { func: plan.op, grouping: labels, by: !without })
      const param = plan.param === undefined ? undefined : pushHints(plan.param)
      return { ...plan, inner, param }
    }
    case 'binary':
      return mapChildren(plan, (child) => pushHints(child))
    default:
      return mapChildren(plan, (child) => pushHints(child, hints))
  }
}

// When info() looks at info series: as the first selector of its first argument does, subqueries around it included,
// outwards until an @ fixes the time.

import type { SelectionTimes } from '../operators/vector-selector.ts'
import type { PlanNode, PlanTimes } from './node.ts'

/** The times of the first selector in a plan; those of the query where there is none. */
export function infoTimes(node: PlanNode): SelectionTimes {
  return timesIn(node) ?? { offsetMs: 0, timestampMs: undefined }
}

function timesIn(node: PlanNode): PlanTimes | undefined {
  switch (node.kind) {
    case 'number':
    case 'string':
      return undefined
    case 'select':
      return node.times
    case 'matrix':
      return node.selector.times
    case 'subquery': {
      const inner = timesIn(node.inner)
      if (inner === undefined || inner.timestampMs !== undefined) return inner
      return {
        offsetMs: inner.offsetMs + node.times.offsetMs,
        timestampMs: node.times.timestampMs,
      }
    }
    case 'negate':
    case 'stepInvariant':
      return timesIn(node.inner)
    case 'aggregate':
      return timesIn(node.inner) ?? (node.param && timesIn(node.param))
    case 'binary':
      return timesIn(node.lhs) ?? timesIn(node.rhs)
    case 'call':
      return firstOf(node.args)
  }
}

function firstOf(nodes: readonly PlanNode[]): PlanTimes | undefined {
  for (const node of nodes) {
    const times = timesIn(node)
    if (times !== undefined) return times
  }
  return undefined
}

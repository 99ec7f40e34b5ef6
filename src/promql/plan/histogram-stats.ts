// Rule: selectors inside histogram_count, histogram_sum and histogram_avg need no buckets, unless something on the way
// to the top needs them: a subquery, a quantile, a trim.

import type { PlanNode } from './node.ts'
import { mapChildren } from './node.ts'

const statsFunctions = new Set(['histogram_count', 'histogram_sum', 'histogram_avg'])
const bucketFunctions = new Set(['histogram_quantile', 'histogram_quantiles', 'histogram_fraction'])

type Need = 'undecided' | 'stats' | 'buckets'

/** Marks selectors that need no buckets. */
export function dropUnusedBuckets(plan: PlanNode): PlanNode {
  return marked(plan, 'undecided')
}

function marked(node: PlanNode, above: Need): PlanNode {
  if (node.kind === 'select') return { ...node, statsOnly: above === 'stats' }
  if (node.kind === 'matrix') {
    return { ...node, selector: { ...node.selector, statsOnly: above === 'stats' } }
  }
  const need = needOf(node, above)
  return mapChildren(node, (child) => marked(child, need))
}

function needOf(node: PlanNode, above: Need): Need {
  if (above === 'buckets' || node.kind === 'subquery') return 'buckets'
  if (node.kind === 'binary' && (node.op === '</' || node.op === '>/')) return 'buckets'
  if (node.kind !== 'call') return above
  if (bucketFunctions.has(node.name)) return 'buckets'
  return statsFunctions.has(node.name) ? 'stats' : above
}

// The labels that absent() can know: those of equality matchers of a bare selector, each given once.

import { metricNameLabel, sortLabels } from '../../model/index.ts'
import type { AbsentLabels } from '../operators/absent.ts'
import type { PlanNode } from './node.ts'

/** Labels of an absent series, sorted by name. */
export function absentLabels(node: PlanNode): AbsentLabels {
  const selector = node.kind === 'matrix' ? node.selector : node
  if (selector.kind !== 'select') return []
  const values = new Map<string, string>()
  const seen = new Set<string>()
  for (const { name, type, value } of selector.matchers) {
    if (name === metricNameLabel) continue
    if (type === '=' && !seen.has(name)) {
      values.set(name, value)
      seen.add(name)
    } else values.delete(name)
  }
  return sortLabels([...values].map(([name, value]) => ({ name, value })))
}

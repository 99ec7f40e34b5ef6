// Rule: arithmetic and comparisons between numbers are computed once, while planning.

import {
  floatArithmetic,
  floatComparison,
  isArithmetic,
  isComparison,
} from '../operators/arithmetic.ts'
import type { PlanNode } from './node.ts'
import { mapChildren } from './node.ts'

/** Folds numbers. */
export function foldConstants(plan: PlanNode): PlanNode {
  const node = mapChildren(plan, foldConstants)
  const { position } = node
  if (node.kind === 'negate' && node.inner.kind === 'number') {
    return { kind: 'number', value: -node.inner.value, position }
  }
  if (node.kind !== 'binary' || node.lhs.kind !== 'number' || node.rhs.kind !== 'number') {
    return node
  }
  const { op, lhs, rhs } = node
  if (isArithmetic(op)) {
    return { kind: 'number', value: floatArithmetic[op](lhs.value, rhs.value), position }
  }
  if (isComparison(op)) {
    return { kind: 'number', value: floatComparison[op](lhs.value, rhs.value) ? 1 : 0, position }
  }
  return node
}

// Rule: the largest sub-expressions whose selectors are all fixed by @ are evaluated once.
// Source: Prometheus 3.14, PreprocessExpr: an aggregation's parameter is not looked at, a range is never wrapped
// itself, and the inside of a subquery is wrapped on its own.

import type { PlanNode } from './node.ts'

// Their results depend on the step even where their arguments do not.
const timeDependent = new Set(
  'days_in_month day_of_month day_of_week day_of_year hour minute month predict_linear time timestamp year'.split(
    ' ',
  ),
)

interface Examined {
  readonly node: PlanNode
  readonly invariant: boolean
  /** Whether wrapping gains anything: not for literals and ranges. */
  readonly wraps: boolean
}

/** Wraps what does not depend on the step. */
export function wrapStepInvariant(plan: PlanNode): PlanNode {
  return wrapped(examine(plan))
}

function wrapped({ node, wraps }: Examined): PlanNode {
  return wraps ? { kind: 'stepInvariant', inner: node, position: node.position } : node
}

function examine(node: PlanNode): Examined {
  switch (node.kind) {
    case 'number':
    case 'string':
      return { node, invariant: true, wraps: false }
    case 'select': {
      const fixed = node.times.timestampMs !== undefined
      return { node, invariant: fixed, wraps: fixed }
    }
    case 'matrix':
      return { node, invariant: node.selector.times.timestampMs !== undefined, wraps: false }
    case 'subquery': {
      const inner = examine(node.inner)
      const once = inner.invariant ? { ...inner, wraps: true } : inner
      const fixed = node.times.timestampMs !== undefined
      // Inside, what does not move is evaluated once, whatever fixes the subquery itself.
      const isNumber = node.inner.kind === 'number'
      const rewritten = isNumber ? inner.node : wrapped(once)
      return { node: { ...node, inner: rewritten }, invariant: fixed, wraps: false }
    }
    case 'aggregate': {
      const inner = examine(node.inner)
      return { ...inner, node: { ...node, inner: inner.node } }
    }
    case 'negate': {
      const inner = examine(node.inner)
      return { ...inner, node: { ...node, inner: inner.node } }
    }
    case 'binary': {
      const lhs = examine(node.lhs)
      const rhs = examine(node.rhs)
      if (lhs.invariant && rhs.invariant) {
        return { node: { ...node, lhs: lhs.node, rhs: rhs.node }, invariant: true, wraps: true }
      }
      const rewritten = { ...node, lhs: wrapped(lhs), rhs: wrapped(rhs) }
      return { node: rewritten, invariant: false, wraps: false }
    }
    case 'call':
      return examineCall(node)
    case 'stepInvariant':
      return { node, invariant: true, wraps: false }
  }
}

function examineCall(node: Extract<PlanNode, { kind: 'call' }>): Examined {
  const args = node.args.map(examine)
  const allInvariant = args.every((arg) => arg.invariant)
  // timestamp() of a selector answers the sample's own time, which @ fixes too.
  const ofFixedSelector = node.name === 'timestamp' && node.args[0]!.kind === 'select'
  const invariant = allInvariant && (ofFixedSelector || !timeDependent.has(node.name))
  if (invariant) {
    return { node: { ...node, args: args.map((arg) => arg.node) }, invariant, wraps: true }
  }
  return { node: { ...node, args: args.map(wrapped) }, invariant: false, wraps: false }
}

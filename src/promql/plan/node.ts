// The logical plan: the syntax tree with everything resolved that does not depend on data: durations, start() and
// end(), parentheses. Rules rewrite it; compiling turns it into operators. Nodes never change.
// Units: milliseconds; `position` is the byte offset of the node in the query text.

import type { Matcher, MembershipMatcher } from '../../model/index.ts'
import type { AggregationOp, BinaryOp, ValueType, VectorMatching } from '../parse/ast.ts'

/** When a selector or subquery looks, relative to the steps it is evaluated at. */
export interface PlanTimes {
  readonly offsetMs: number
  /** `@`, with start() and end() resolved. */
  readonly timestampMs: number | undefined
}

/** A number; also start(), end(), range(), step() and arithmetic between numbers. */
export interface NumberPlan {
  readonly kind: 'number'
  readonly value: number
  readonly position: number
}

/** A string. */
export interface StringPlan {
  readonly kind: 'string'
  readonly value: string
  readonly position: number
}

/** Hints for the source of a selector. */
export interface SelectorHints {
  readonly func: string
  readonly grouping: readonly string[]
  readonly by: boolean
}

/** An instant selector, or inside `MatrixPlan` the selector of a range. */
export interface SelectPlan {
  readonly kind: 'select'
  /** On labels that series have. */
  readonly matchers: readonly Matcher[]
  /** On virtual labels. */
  readonly membership: readonly MembershipMatcher[]
  readonly times: PlanTimes
  readonly selection: 'plain' | 'anchored' | 'smoothed'
  readonly hints: SelectorHints
  /** Of histograms only count, sum and hint are looked at. */
  readonly statsOnly: boolean
  /** As written, canonically. */
  readonly text: string
  readonly position: number
}

/** `selector[range]`. */
export interface MatrixPlan {
  readonly kind: 'matrix'
  readonly selector: SelectPlan
  readonly rangeMs: number
  readonly position: number
}

/** `inner[range:step]`. */
export interface SubqueryPlan {
  readonly kind: 'subquery'
  readonly inner: PlanNode
  readonly times: PlanTimes
  readonly rangeMs: number
  /** 0 = the engine's default. */
  readonly stepMs: number
  readonly position: number
}

/** A function call. */
export interface CallPlan {
  readonly kind: 'call'
  readonly name: string
  readonly args: readonly PlanNode[]
  readonly returnType: ValueType
  readonly position: number
}

/** An aggregation. */
export interface AggregatePlan {
  readonly kind: 'aggregate'
  readonly op: AggregationOp
  readonly inner: PlanNode
  readonly param: PlanNode | undefined
  readonly grouping: { readonly labels: readonly string[]; readonly without: boolean }
  readonly position: number
}

/** A binary operation; `matching` is set between two vectors. */
export interface BinaryPlan {
  readonly kind: 'binary'
  readonly op: BinaryOp
  readonly lhs: PlanNode
  readonly rhs: PlanNode
  readonly returnBool: boolean
  readonly matching: VectorMatching | undefined
  readonly position: number
}

/** Unary minus. */
export interface NegatePlan {
  readonly kind: 'negate'
  readonly inner: PlanNode
  readonly position: number
}

/** An expression that is evaluated once and repeated over the steps. */
export interface StepInvariantPlan {
  readonly kind: 'stepInvariant'
  readonly inner: PlanNode
  readonly position: number
}

/** Any node. */
export type PlanNode =
  | NumberPlan
  | StringPlan
  | SelectPlan
  | MatrixPlan
  | SubqueryPlan
  | CallPlan
  | AggregatePlan
  | BinaryPlan
  | NegatePlan
  | StepInvariantPlan

/** A rewriting of the plan that keeps its meaning. */
export type PlanRule = (plan: PlanNode) => PlanNode

/** The type a node evaluates to. */
export function planType(node: PlanNode): ValueType {
  switch (node.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'select':
    case 'aggregate':
      return 'vector'
    case 'matrix':
    case 'subquery':
      return 'matrix'
    case 'call':
      return node.returnType
    case 'negate':
    case 'stepInvariant':
      return planType(node.inner)
    case 'binary':
      return planType(node.lhs) === 'scalar' && planType(node.rhs) === 'scalar'
        ? 'scalar'
        : 'vector'
  }
}

/** The node with every child replaced. The selector of a matrix is part of it, not a child. */
export function mapChildren(node: PlanNode, change: (child: PlanNode) => PlanNode): PlanNode {
  switch (node.kind) {
    case 'number':
    case 'string':
    case 'select':
    case 'matrix':
      return node
    case 'subquery':
    case 'negate':
    case 'stepInvariant':
      return { ...node, inner: change(node.inner) }
    case 'call':
      return { ...node, args: node.args.map(change) }
    case 'aggregate': {
      const inner = change(node.inner)
      return { ...node, inner, param: node.param === undefined ? undefined : change(node.param) }
    }
    case 'binary': {
      const lhs = change(node.lhs)
      return { ...node, lhs, rhs: change(node.rhs) }
    }
  }
}

// What compiling a plan needs everywhere: the context, the selections, and a way to compile children.

import type { CallPositions } from '../operators/call-notes.ts'
import { DistinctOperator } from '../operators/distinct.ts'
import type { Operator, StepGrid } from '../operators/operator.ts'
import type { QueryContext } from '../operators/query-context.ts'
import type { CallPlan, PlanNode } from './node.ts'
import type { Selections } from './selections.ts'

/** Shared by all parts of compiling. */
export interface Compiler {
  readonly context: QueryContext
  readonly selections: Selections
  /** Compiles a node for a step grid. */
  compile(node: PlanNode, grid: StepGrid): Operator
}

/** Where a call and its arguments stand. */
export function positionsOf(call: CallPlan): CallPositions {
  return { call: call.position, arguments: call.args.map((arg) => arg.position) }
}

/** When names go at once, rows may come out equal: they are merged, or refused. */
export function distinctUnlessDelayed(
  operator: Operator,
  compiler: Compiler,
  rule: 'merge' | 'refuse',
): Operator {
  const { context } = compiler
  if (context.options.delayedNameRemoval) return operator
  return new DistinctOperator(operator, context, rule)
}

/** The string that an argument is; the checker has seen to its type. */
export function stringArgument(call: CallPlan, index: number): string {
  const node = call.args[index]!
  return node.kind === 'string' ? node.value : ''
}

// Selectors, ranges and subqueries of a plan to operators and sample rows.

import { formatDurationMs } from '../../model/index.ts'
import { Members, masked } from '../operators/members.ts'
import type { Operator, StepGrid } from '../operators/operator.ts'
import type { SampleRows } from '../operators/sample-rows.ts'
import { SelectedRows, SubqueryRows } from '../operators/sample-rows.ts'
import { SmoothedSelectorOperator } from '../operators/smoothed-selector.ts'
import type { SelectedPart } from '../operators/vector-selector.ts'
import { referenceMs, stepTimeMs, VectorSelectorOperator } from '../operators/vector-selector.ts'
import type { WindowBounds } from '../operators/window.ts'
import type { Compiler } from './compiler.ts'
import type { MatrixPlan, PlanTimes, SelectPlan, SubqueryPlan } from './node.ts'

/** The times a node looks at over a grid: at the first and at the last step. */
function referenceRange(times: PlanTimes, grid: StepGrid): { first: number; last: number } {
  return {
    first: referenceMs(times, grid.startMs),
    last: referenceMs(times, stepTimeMs(grid, grid.count - 1)),
  }
}

/** An instant selector. */
export function compileSelect(
  node: SelectPlan,
  grid: StepGrid,
  compiler: Compiler,
  part: SelectedPart = 'sample',
): Operator {
  const { context, selections } = compiler
  const { lookbackMs } = context.options
  const { first, last } = referenceRange(node.times, grid)
  const smoothed = node.selection === 'smoothed'
  const minTimeMs = first - lookbackMs + 1
  const maxTimeMs = smoothed ? last + lookbackMs : last
  const { matchers, times, text: line, statsOnly, position } = node
  const members = Members.of(node, grid, context)
  const hints = { ...node.hints, stepMs: grid.stepMs }
  const selection = selections.register({ matchers, minTimeMs, maxTimeMs, hints }, members)
  if (!smoothed) {
    const parts = { selection, times, part, line, statsOnly }
    return masked(new VectorSelectorOperator(grid, context, parts), members)
  }
  const rows = new SelectedRows(context, { selection, minTimeMs, maxTimeMs, line, statsOnly })
  return masked(new SmoothedSelectorOperator(grid, context, { rows, times, position }), members)
}

/** Rows of a range, and the windows that a function sees of them. */
export interface CompiledRange {
  readonly rows: SampleRows
  readonly bounds: WindowBounds
  /** Where the selector has conditions on virtual labels: what a function makes of the rows is to be masked by it. */
  readonly members: Members | undefined
}

/** A matrix selector or subquery. */
export function compileRange(
  node: MatrixPlan | SubqueryPlan,
  grid: StepGrid,
  compiler: Compiler,
): CompiledRange {
  return node.kind === 'matrix'
    ? compileMatrix(node, grid, compiler)
    : compileSubquery(node, grid, compiler)
}

function compileMatrix(node: MatrixPlan, grid: StepGrid, compiler: Compiler): CompiledRange {
  const { context, selections } = compiler
  const { times, selection, matchers, hints, text, statsOnly } = node.selector
  const { lookbackMs } = context.options
  const { first, last } = referenceRange(times, grid)
  const minTimeMs = first - node.rangeMs - (selection === 'plain' ? 0 : lookbackMs) + 1
  const maxTimeMs = last + (selection === 'smoothed' ? lookbackMs : 0)
  const members = Members.of(node.selector, grid, context)
  const asked = { ...hints, stepMs: grid.stepMs, rangeMs: node.rangeMs }
  const opened = selections.register({ matchers, minTimeMs, maxTimeMs, hints: asked }, members)
  const line = `${text}[${formatDurationMs(node.rangeMs)}]`
  return {
    rows: new SelectedRows(context, { selection: opened, minTimeMs, maxTimeMs, line, statsOnly }),
    bounds: { times, rangeMs: node.rangeMs, selection },
    members,
  }
}

function compileSubquery(node: SubqueryPlan, grid: StepGrid, compiler: Compiler): CompiledRange {
  const { times, rangeMs } = node
  const stepMs = node.stepMs === 0 ? compiler.context.options.subqueryStepMs : node.stepMs
  const { first, last } = referenceRange(times, grid)
  const startMs = (Math.floor((first - rangeMs) / stepMs) + 1) * stepMs
  const count = last < startMs ? 0 : Math.floor((last - startMs) / stepMs) + 1
  const steps = { startMs, stepMs, count }
  compiler.context.samples.nestSubquery(steps, grid, (step) => {
    if (times.timestampMs !== undefined || grid.stepMs === 0) return 0
    const behindMs = startMs + step * stepMs + times.offsetMs - grid.startMs
    return Math.min(grid.count - 1, Math.max(0, Math.ceil(behindMs / grid.stepMs)))
  })
  const inner = compiler.compile(node.inner, steps)
  const line = `[${formatDurationMs(rangeMs)}:${formatDurationMs(stepMs)}]`
  return {
    rows: new SubqueryRows(compiler.context, inner, line),
    bounds: { times, rangeMs, selection: 'plain' },
    members: undefined,
  }
}

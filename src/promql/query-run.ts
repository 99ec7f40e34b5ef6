// One evaluation of a prepared query: compiled when it is created, pulled by `finish`.

import { SampleBuffer } from '../chunk/index.ts'
import { extendedPoints } from './functions/extended-rate.ts'
import { sampleCountOf } from './histogram/arithmetic.ts'
import { collect } from './operators/block.ts'
import type { Operator, SampleWindow, StepGrid } from './operators/operator.ts'
import type { QueryContext } from './operators/query-context.ts'
import { failQuery } from './operators/query-context.ts'
import type { SampleRows } from './operators/sample-rows.ts'
import { compareRows, SeriesTableBuilder } from './operators/series-table.ts'
import { referenceMs } from './operators/vector-selector.ts'
import type { WindowBounds } from './operators/window.ts'
import { formatPosition } from './parse/parse-error.ts'
import { createCompiler } from './plan/compile.ts'
import { compileRange } from './plan/compile-selector.ts'
import type { MatrixPlan, PlanNode, SubqueryPlan } from './plan/node.ts'
import { planType } from './plan/node.ts'
import { Selections } from './plan/selections.ts'
import type { QueryResult, ResultRows } from './query-result.ts'
import { finishLabels, queryResult, RowWriter, rowsOfBlock } from './query-result.ts'

/** When to evaluate: at one time, or at startMs, startMs + stepMs, … up to endMs. */
export type QueryRange =
  | {
      readonly kind: 'instant'
      readonly timeMs: number
      readonly lookbackMs?: number
      /** Keeps figures of each step. */
      readonly perStep?: boolean
    }
  | {
      readonly kind: 'range'
      readonly startMs: number
      readonly endMs: number
      readonly stepMs: number
      readonly lookbackMs?: number
      /** Keeps figures of each step. */
      readonly perStep?: boolean
    }

/** What is evaluated, and for EXPLAIN what pulls from what. */
export interface RunParts {
  readonly plan: PlanNode
  /** The query text that positions refer to. */
  readonly text: string
  readonly range: QueryRange
  readonly measured: boolean
  readonly preparationMs: number
}

/** The top of the operator tree; ranges and strings stand there without an operator of their own. */
export type RunRoot = Operator | { readonly line: string; readonly inputs: readonly Operator[] }

/** One evaluation. */
export class QueryRun {
  readonly root: RunRoot
  readonly #context: QueryContext
  readonly #parts: RunParts
  readonly #grid: StepGrid
  readonly #selections: Selections
  readonly #evaluate: () => Promise<ResultRows>
  #sortMs = 0

  constructor(context: QueryContext, parts: RunParts) {
    const { plan } = parts
    this.#context = context
    this.#parts = parts
    this.#grid = gridOf(parts.range)
    this.#selections = new Selections(context)
    const compiler = createCompiler(context, this.#selections, parts.measured)
    if (plan.kind === 'string') {
      this.root = { line: 'string', inputs: [] }
      this.#evaluate = async () => this.#noRows()
    } else if (plan.kind === 'matrix' || plan.kind === 'subquery') {
      const { rows, bounds } = compileRange(plan, this.#grid, compiler)
      this.root = rows
      this.#evaluate = () => this.#rangeRows(plan, rows, bounds)
    } else {
      const operator = compiler.compile(plan, this.#grid)
      this.root = operator
      this.#evaluate = () => this.#operatorRows(operator)
    }
  }

  /** Reads, computes and orders the answer. */
  async finish(): Promise<QueryResult> {
    const startMs = performance.now()
    this.#selections.start()
    const rows = await this.#evaluate()
    const { plan, text, preparationMs, range } = this.#parts
    const { samples, annotations } = this.#context
    return queryResult(rows, {
      kind: range.kind === 'range' ? 'matrix' : planType(plan),
      text: plan.kind === 'string' ? plan.value : '',
      annotations: annotations.render((position) => formatPosition(text, position)),
      stats: {
        totalQueryableSamples: samples.queryable,
        samplesRead: samples.read,
        perStep: samples.perStep,
        peakSamples: samples.peak,
        preparationMs,
        evaluationMs: performance.now() - startMs - this.#sortMs,
        sortMs: this.#sortMs,
      },
    })
  }

  async #operatorRows(operator: Operator): Promise<ResultRows> {
    const block = await collect(operator, this.#context)
    const { memory } = this.#context
    const isRange = this.#parts.range.kind === 'range'
    return this.#ordered(() =>
      rowsOfBlock(
        finishLabels(block, isRange ? 'matrix' : 'vector', memory),
        this.#grid,
        isRange,
        memory,
      ),
    )
  }

  async #rangeRows(
    plan: MatrixPlan | SubqueryPlan,
    rows: SampleRows,
    bounds: WindowBounds,
  ): Promise<ResultRows> {
    if (plan.kind === 'matrix') return this.#matrixRows(rows, bounds)
    const inner = rows.inputs[0]!
    const block = await collect(inner, this.#context)
    const { memory } = this.#context
    return this.#ordered(() =>
      rowsOfBlock(finishLabels(block, 'matrix', memory), inner.grid, true, memory),
    )
  }

  async #matrixRows(rows: SampleRows, bounds: WindowBounds): Promise<ResultRows> {
    const table = await rows.series()
    const order = Array.from({ length: table.rowCount }, (_, row) => row)
    order.sort((a, b) => compareRows(table, a, b))
    const writer = new RowWriter(table, this.#context.memory)
    const samples = new SampleBuffer()
    for (const row of order) {
      rows.load(row, samples)
      if (samples.count === 0) continue
      this.#context.samples.hold(samples.count)
      this.#holdHistograms(samples)
      this.#context.samples.at(this.#grid, 0, samples.count, samples.count)
      if (bounds.selection === 'plain') writer.addRow(row, samples)
      else this.#addExtended(writer, row, samples, bounds)
      await this.#context.pause()
    }
    return writer.finish()
  }

  #holdHistograms({ count, histograms }: SampleBuffer): void {
    if (histograms === undefined) return
    let size = 0
    for (let i = 0; i < count; i++) {
      const histogram = histograms[i]
      if (histogram !== undefined) size += 16 * sampleCountOf(histogram)
    }
    this.#context.memory.hold(size)
  }

  #addExtended(writer: RowWriter, row: number, samples: SampleBuffer, bounds: WindowBounds): void {
    if (samples.histograms?.some((histogram) => histogram !== undefined)) {
      failQuery(`${bounds.selection} modifier is not supported with histograms`)
    }
    const endMs = referenceMs(bounds.times, this.#grid.startMs)
    const window: SampleWindow = {
      timestampsMs: samples.timestampsMs,
      values: samples.values,
      startTimestampsMs: undefined,
      histograms: undefined,
      dropCounts: undefined,
      from: 0,
      to: samples.count,
      startMs: endMs - bounds.rangeMs,
      endMs,
      stepMs: this.#grid.startMs,
      selection: bounds.selection,
    }
    const points = extendedPoints(window)
    if (points === undefined) return
    writer.begin(row)
    for (let i = 0; i < points.values.length; i++) {
      writer.add(points.timestampsMs[i]!, points.values[i]!, undefined)
    }
  }

  #ordered(order: () => ResultRows): ResultRows {
    const startMs = performance.now()
    const rows = order()
    this.#sortMs = performance.now() - startMs
    return rows
  }

  #noRows(): ResultRows {
    const table = new SeriesTableBuilder(this.#context.dictionary).finish()
    return new RowWriter(table, this.#context.memory).finish()
  }
}

/** The steps of a query. */
export function gridOf(range: QueryRange): StepGrid {
  if (range.kind === 'instant') return { startMs: range.timeMs, stepMs: 0, count: 1 }
  const { startMs, endMs, stepMs } = range
  return { startMs, stepMs, count: Math.max(0, Math.floor((endMs - startMs) / stepMs) + 1) }
}

// histogram_quantile, histogram_quantiles, histogram_fraction: over native histograms, and over classic ones, whose
// buckets are rows that differ in `le` only.

import { formatShortest } from '../../model/index.ts'
import { HashIndex } from '../../storage/index.ts'
import {
  badBucketLabel,
  forcedMonotonicity,
  invalidQuantile,
  mixedClassicNative,
} from '../functions/annotation-texts.ts'
import type { ClassicBucket } from '../functions/classic-histogram.ts'
import { classicFraction, classicQuantile, parseBound } from '../functions/classic-histogram.ts'
import { nativeFraction, nativeQuantile } from '../functions/histogram-elements.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, release } from './block.ts'
import type { CallPositions } from './call-notes.ts'
import { CallNotes } from './call-notes.ts'
import { LabelSubset, nameLabels } from './label-subset.ts'
import type { Operator } from './operator.ts'
import { cellFloat, cellHistogram } from './operator.ts'
import { pairsWithLabel } from './pair-edit.ts'
import type { QueryContext } from './query-context.ts'
import { ResultBlock } from './result-block.ts'
import { scalarColumns } from './scalar.ts'
import type { SeriesTable } from './series-table.ts'
import { rowLabel } from './series-table.ts'
import { rowPairs } from './set-operator.ts'
import { stepTimeMs } from './vector-selector.ts'

/** What is asked of each histogram. */
export interface HistogramQuestion {
  readonly kind: 'quantile' | 'quantiles' | 'fraction'
  /** φ; φ₁ …; lower and upper bound. */
  readonly scalars: readonly Operator[]
  /** 'quantiles': the label that tells the results apart. */
  readonly label: string
  /** Which argument of the call the vector is, and the first scalar. */
  readonly vectorArgument: number
  readonly scalarArgument: number
  readonly positions: CallPositions
}

/** Rows of a classic histogram: the same labels but for `le`. */
interface ClassicGroup {
  /** A row of the group, for its labels. */
  readonly row: number
  readonly rows: number[]
  readonly bounds: number[]
}

/** One answer per histogram (and quantile). */
export class HistogramQuantileOperator extends BlockOperator {
  readonly #input: Operator
  readonly #question: HistogramQuestion

  constructor(input: Operator, context: QueryContext, question: HistogramQuestion) {
    super(input.grid, context)
    this.#input = input
    this.#question = question
  }

  protected async compute(): Promise<Block> {
    const columns = await scalarColumns(this.#question.scalars)
    const block = await collect(this.#input, this.context)
    const answers = new Answers(block, columns, this.#question, this.context)
    for (let step = 0; step < this.grid.count; step++) {
      this.context.signal.check()
      answers.runStep(step, stepTimeMs(this.grid, step))
    }
    release(block, this.context)
    return answers.result.finish()
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    const inputs = [this.#input, ...this.#question.scalars]
    return { line: `histogram_${this.#question.kind}`, inputs }
  }
}

class Answers {
  readonly result: ResultBlock
  readonly #block: Block
  readonly #columns: readonly Float64Array[]
  readonly #question: HistogramQuestion
  readonly #context: QueryContext
  readonly #notes: CallNotes
  readonly #groups: ClassicGroup[] = []
  /** By row: the classic group it is a bucket of, −1 where `le` is no number. */
  readonly #groupOf: Int32Array
  /** By row: the classic group with exactly its labels, −1 = none. */
  readonly #rivalOf: Int32Array
  readonly #kept: LabelSubset
  readonly #targets = new Map<string, number>()

  constructor(
    block: Block,
    columns: readonly Float64Array[],
    question: HistogramQuestion,
    context: QueryContext,
  ) {
    this.#block = block
    this.#columns = columns
    this.#question = question
    this.#context = context
    const { delayedNameRemoval } = context.options
    this.#notes = new CallNotes(context, block.table, question.positions, delayedNameRemoval)
    this.#kept = new LabelSubset(context.dictionary, delayedNameRemoval ? [] : nameLabels, 'others')
    this.result = new ResultBlock(context, block.cells.stepCount)
    this.#groupOf = new Int32Array(block.table.rowCount).fill(-1)
    this.#rivalOf = new Int32Array(block.table.rowCount).fill(-1)
    this.#findGroups(block.table)
  }

  runStep(step: number, timeMs: number): void {
    const { present, histograms, stepCount } = this.#block.cells
    const { rowCount } = this.#block.table
    if (this.#question.kind !== 'fraction') this.#checkQuantiles(step)
    const live = new Set<number>()
    for (let row = 0; row < rowCount; row++) {
      if (present[row * stepCount + step] !== cellFloat) continue
      if (this.#groupOf[row]! >= 0) live.add(this.#groupOf[row]!)
      else this.#noteBadBound(row)
    }
    for (let row = 0; row < rowCount; row++) {
      const cell = row * stepCount + step
      if (present[cell] !== cellHistogram) continue
      const rival = this.#rivalOf[row]!
      if (rival >= 0 && live.has(rival)) {
        live.delete(rival)
        this.#notes.row = row
        this.#annotate('warning', mixedClassicNative(this.#notes.metricName()))
        continue
      }
      this.#notes.row = row
      this.#answerNative(row, step, histograms![cell]!)
    }
    for (const group of live) this.#answerClassic(this.#groups[group]!, step, timeMs)
  }

  #answerNative(row: number, step: number, histogram: Parameters<typeof nativeQuantile>[1]): void {
    const [first, second] = this.#columns
    if (this.#question.kind === 'fraction') {
      const value = nativeFraction(first![step]!, second![step]!, histogram, this.#notes)
      this.result.set(this.#target(row, -1, step), step, value, undefined)
      return
    }
    for (let i = 0; i < this.#columns.length; i++) {
      const phi = this.#columns[i]![step]!
      const value = nativeQuantile(phi, histogram, this.#notes, this.#question.vectorArgument)
      this.result.set(this.#target(row, i, step), step, value, undefined)
    }
  }

  #answerClassic(group: ClassicGroup, step: number, timeMs: number): void {
    const buckets = this.#bucketsAt(group, step)
    const [first, second] = this.#columns
    if (this.#question.kind === 'fraction') {
      const value = classicFraction(first![step]!, second![step]!, buckets)
      this.result.set(this.#target(group.row, -1, step), step, value, undefined)
      return
    }
    for (let i = 0; i < this.#columns.length; i++) {
      const { value, forced } = classicQuantile(this.#columns[i]![step]!, buckets)
      if (forced !== undefined) {
        this.#notes.row = group.row
        const text = forcedMonotonicity(this.#notes.metricName())
        this.#context.annotations.addForced(text, this.#position(), forced, timeMs)
      }
      this.result.set(this.#target(group.row, i, step), step, value, undefined)
    }
  }

  #bucketsAt(group: ClassicGroup, step: number): ClassicBucket[] {
    const { present, values, stepCount } = this.#block.cells
    const buckets: ClassicBucket[] = []
    for (let i = 0; i < group.rows.length; i++) {
      const cell = group.rows[i]! * stepCount + step
      if (present[cell] !== cellFloat) continue
      buckets.push({ upperBound: group.bounds[i]!, count: values[cell]! })
    }
    return buckets
  }

  #findGroups(table: SeriesTable): void {
    const withoutBound = new LabelSubset(table.dictionary, ['le'], 'others')
    const index = new HashIndex()
    const hash = new Uint32Array(4)
    for (let row = 0; row < table.rowCount; row++) {
      const bound = parseBound(rowLabel(table, row, 'le'))
      if (bound === undefined) continue
      withoutBound.hashRow(table, row, hash)
      const group = index.add(hash)
      this.#groups[group] ??= { row, rows: [], bounds: [] }
      this.#groups[group].rows.push(row)
      this.#groups[group].bounds.push(bound)
      this.#groupOf[row] = group
    }
    for (let row = 0; row < table.rowCount; row++) {
      this.#rivalOf[row] = index.find(table.hashes, row)
    }
  }

  // The row of the answer: the histogram's labels without `le` of a classic one, and the quantile where asked.
  #target(row: number, quantile: number, step: number): number {
    const { dictionary } = this.#context
    const native = this.#block.cells.present[row * this.#block.cells.stepCount + step]
    const classic = this.#groupOf[row]! >= 0 && native !== cellHistogram
    const named = this.#question.kind === 'quantiles'
    const phi = named ? formatOpenMetrics(this.#columns[quantile]![step]!) : ''
    const key = `${row} ${classic ? 'c' : 'n'} ${phi}`
    const known = this.#targets.get(key)
    if (known !== undefined) return known
    let pairs = rowPairs(this.#block.table, row).filter((pair) => this.#kept.keeps(pair))
    const boundId = dictionary.nameIdOf('le')
    if (classic) pairs = pairs.filter((pair) => dictionary.nameIds[pair] !== boundId)
    if (named) pairs = pairsWithLabel(dictionary, pairs, this.#question.label, phi)
    const target = this.result.rowOf(pairs, 1)
    this.#targets.set(key, target)
    return target
  }

  #checkQuantiles(step: number): void {
    const { scalarArgument, positions } = this.#question
    for (let i = 0; i < this.#columns.length; i++) {
      const phi = this.#columns[i]![step]!
      if (phi >= 0 && phi <= 1) continue
      const position = positions.arguments[scalarArgument + i]!
      this.#context.annotations.add('warning', invalidQuantile(phi), position)
    }
  }

  #noteBadBound(row: number): void {
    this.#notes.row = row
    const bound = rowLabel(this.#block.table, row, 'le')
    this.#annotate('warning', badBucketLabel(this.#notes.metricName(), bound))
  }

  #annotate(level: 'warning' | 'info', text: string): void {
    this.#context.annotations.add(level, text, this.#position())
  }

  #position(): number {
    return this.#question.positions.arguments[this.#question.vectorArgument]!
  }
}

// The OpenMetrics form of a number: always with a point or an exponent.
function formatOpenMetrics(value: number): string {
  const text = formatShortest(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

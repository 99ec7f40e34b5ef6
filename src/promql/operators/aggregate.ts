// Aggregations into one row per group: sum, avg, min, max, count, group, stddev, stdvar.
// Input rows stream through; state is a cell per group and step, in columns owned by the accumulator.

import { HashIndex } from '../../storage/index.ts'
import type { AggregationOp } from '../parse/ast.ts'
import type { Block } from './block.ts'
import { BlockOperator, newCells, rowHasSamples, rowsPerBatch } from './block.ts'
import { groupingSubset } from './label-subset.ts'
import type { AnnotationLevel, Operator } from './operator.ts'
import { StepBatch } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { SeriesTableBuilder } from './series-table.ts'

/** by (labels) or without (labels); neither is by (). */
export interface Grouping {
  readonly labels: readonly string[]
  readonly without: boolean
}

/** Which group each row of a table belongs to, and the groups' labels. */
export interface Groups {
  /** [rowCount] */
  readonly groupOf: Uint32Array
  readonly builder: SeriesTableBuilder
}

/** Assigns rows to groups, which are numbered in the order they are first seen. */
export function groupRows(table: SeriesTable, grouping: Grouping): Groups {
  const subset = groupingSubset(table.dictionary, grouping.labels, grouping.without)
  const index = new HashIndex()
  const builder = new SeriesTableBuilder(table.dictionary)
  const groupOf = new Uint32Array(table.rowCount)
  const hash = new Uint32Array(4)
  for (let row = 0; row < table.rowCount; row++) {
    subset.hashRow(table, row, hash)
    const group = index.add(hash)
    groupOf[row] = group
    if (group < builder.rowCount) continue
    const pairs = subset.pairsOf(table, row)
    builder.addRow(pairs, 0, pairs.length, 0)
  }
  return { groupOf, builder }
}

/** How accumulators tell the user something about the aggregation or one of its rows. */
export interface AggregationNotes {
  annotate(level: AnnotationLevel, text: string): void
  /** The metric name of the row that is being added. */
  metricName(): string
}

/** The state of one aggregation: a cell per group and step. */
export interface Accumulator {
  /** Adds row `row` of `batch` to `group`. */
  addRow(group: number, batch: StepBatch, row: number): void
  /** Writes the results; `cells` is empty and has a row per group. */
  finish(cells: StepBatch): void
}

/** Makes the accumulator of an aggregation for so many groups and steps. */
export type AccumulatorFactory = (
  groupCount: number,
  stepCount: number,
  notes: AggregationNotes,
) => Accumulator

// What the largest accumulator, avg, keeps for a group and step.
const stateCellSizeBytes = 26

/** sum by (…) (v) and its kin. */
export class AggregateOperator extends BlockOperator {
  readonly #input: Operator
  readonly #op: AggregationOp
  readonly #grouping: Grouping
  readonly #create: AccumulatorFactory
  readonly #position: number

  constructor(
    input: Operator,
    context: QueryContext,
    parts: {
      readonly op: AggregationOp
      readonly grouping: Grouping
      readonly create: AccumulatorFactory
      readonly position: number
    },
  ) {
    super(input.grid, context)
    this.#input = input
    this.#op = parts.op
    this.#grouping = parts.grouping
    this.#create = parts.create
    this.#position = parts.position
  }

  protected async compute(): Promise<Block> {
    const { context } = this
    const { count } = this.grid
    const table = await this.#input.series()
    const { groupOf, builder } = groupRows(table, this.#grouping)
    const stateSizeBytes = stateCellSizeBytes * builder.rowCount * count
    context.memory.hold(stateSizeBytes)
    const cells = newCells(builder.rowCount, count, context.memory)
    let row = 0
    const notes: AggregationNotes = {
      annotate: (level, text) => context.annotations.add(level, text, this.#position),
      metricName: () => nameOf(table, row),
    }
    const accumulator = this.#create(builder.rowCount, count, notes)
    const dropName = new Uint8Array(builder.rowCount)
    const batch = new StepBatch(rowsPerBatch(count), count)
    while ((await this.#input.next(batch)) > 0) {
      for (let i = 0; i < batch.rowCount; i++) {
        row = batch.rowFrom + i
        const group = groupOf[row]!
        accumulator.addRow(group, batch, i)
        if (table.dropName[row] === 1 && rowHasSamples(batch, i)) dropName[group] = 1
      }
      await context.pause()
    }
    accumulator.finish(cells)
    cells.rowCount = builder.rowCount
    context.memory.hold(-stateSizeBytes)
    return { table: { ...builder.finish(), dropName }, cells }
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: `${this.#op}${groupingText(this.#grouping)}`, inputs: [this.#input] }
  }
}

function nameOf(table: SeriesTable, row: number): string {
  const { dictionary } = table
  for (let i = table.pairStarts[row]!; i < table.pairStarts[row + 1]!; i++) {
    const pair = table.pairIds[i]!
    if (dictionary.name(pair) === '__name__') return dictionary.value(pair)
  }
  return ''
}

/** ` by (a, b)`, ` without (c)` or nothing. */
export function groupingText(grouping: Grouping): string {
  if (!grouping.without && grouping.labels.length === 0) return ''
  return ` ${grouping.without ? 'without' : 'by'} (${grouping.labels.join(', ')})`
}

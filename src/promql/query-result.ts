// Query result: the answer as columns, row after row; strings are made only where they are asked for.
// Units: Unix milliseconds. Staleness never reaches a result.
// Order: range results by labels; instant vectors as sort(), topk() and their kin left them.

import type { SampleBuffer } from '../chunk/index.ts'
import type { FloatHistogram, Labels } from '../model/index.ts'
import type { MemoryAccount } from '../storage/index.ts'
import { HashIndex, HeldBytes } from '../storage/index.ts'
import type { AnnotationTexts } from './operators/annotations.ts'
import type { Block } from './operators/block.ts'
import { rowHasSamples } from './operators/block.ts'
import { hasEqualRows, mergeEqualRows } from './operators/distinct.ts'
import { LabelSubset, nameLabels } from './operators/label-subset.ts'
import type { StepGrid } from './operators/operator.ts'
import { cellAbsent, cellHistogram } from './operators/operator.ts'
import { failQuery } from './operators/query-context.ts'
import type { StepFigures } from './operators/sample-account.ts'
import type { SeriesTable } from './operators/series-table.ts'
import { compareRows, labelsOfRow, SeriesTableBuilder } from './operators/series-table.ts'
import { stepTimeMs } from './operators/vector-selector.ts'

/** What running a query cost. */
export interface QueryStats {
  /** Samples that selections and windows looked at, each time they did. */
  readonly totalQueryableSamples: number
  /** Samples that came from storage. */
  readonly samplesRead: number
  /** Both by step, where the query was asked to keep them. */
  readonly perStep: StepFigures | undefined
  readonly peakSamples: number
  readonly preparationMs: number
  readonly evaluationMs: number
  readonly sortMs: number
}

/** The rows of a result. */
export interface ResultRows {
  /** Labels by row; a row of `table` is a row of the result. */
  readonly table: SeriesTable
  /** [rowCount + 1] where each row's samples start in the columns. */
  readonly starts: Uint32Array
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  /** By sample, set where it is a histogram (its value is meaningless then); undefined where none is. */
  readonly histograms: readonly (FloatHistogram | undefined)[] | undefined
}

/** The answer to a query. */
export interface QueryResult extends ResultRows {
  /** 'scalar': one row without labels and one sample. 'string': no rows. */
  readonly kind: 'vector' | 'matrix' | 'scalar' | 'string'
  /** The text of a string result, else ''. */
  readonly text: string
  readonly annotations: AnnotationTexts
  readonly stats: QueryStats
  /** The labels of a row as strings. */
  labelsOfRow(row: number): Labels
}

/** Names that were kept until now are dropped; rows that come out equal are merged or refused. */
export function finishLabels(
  block: Block,
  kind: 'vector' | 'matrix',
  memory: MemoryAccount,
): Block {
  const table = withNamesDropped(block.table)
  if (!hasEqualRows(table)) return { table, cells: block.cells }
  if (kind === 'matrix') return mergeEqualRows({ table, cells: block.cells }, 'merge', memory)
  const index = new HashIndex()
  let rows = 0
  for (let row = 0; row < table.rowCount; row++) {
    if (!rowHasSamples(block.cells, row)) continue
    if (index.add(table.hashes, row) < rows++) {
      failQuery('vector cannot contain metrics with the same labelset')
    }
  }
  return { table, cells: block.cells }
}

function withNamesDropped(table: SeriesTable): SeriesTable {
  if (!table.dropName.includes(1)) return table
  const subset = new LabelSubset(table.dictionary, nameLabels, 'others')
  const builder = new SeriesTableBuilder(table.dictionary)
  for (let row = 0; row < table.rowCount; row++) {
    if (table.dropName[row] === 0) builder.copyRow(table, row)
    else {
      const pairs = subset.pairsOf(table, row)
      builder.addRow(pairs, 0, pairs.length, 0)
    }
  }
  return builder.finish()
}

/** Rows that have samples, in their order or sorted by labels. */
export function rowsOfBlock(
  block: Block,
  grid: StepGrid,
  sorted: boolean,
  memory: MemoryAccount,
): ResultRows {
  const { table, cells } = block
  const order: number[] = []
  for (let row = 0; row < table.rowCount; row++) if (rowHasSamples(cells, row)) order.push(row)
  if (sorted) order.sort((a, b) => compareRows(table, a, b))
  const writer = new RowWriter(table, memory)
  for (const row of order) {
    writer.begin(row)
    for (let step = 0; step < cells.stepCount; step++) {
      const cell = row * cells.stepCount + step
      if (cells.present[cell] === cellAbsent) continue
      const histogram = cells.present[cell] === cellHistogram ? cells.histograms![cell] : undefined
      writer.add(stepTimeMs(grid, step), cells.values[cell]!, histogram)
    }
  }
  return writer.finish()
}

// A timestamp and a value.
const sampleSizeBytes = 16

/** Writes result rows sample by sample. */
export class RowWriter {
  readonly #source: SeriesTable
  readonly #builder: SeriesTableBuilder
  readonly #starts: number[] = []
  #timestampsMs = new Float64Array(256)
  #values = new Float64Array(256)
  #histograms: (FloatHistogram | undefined)[] | undefined
  readonly #held: HeldBytes
  #count = 0

  constructor(source: SeriesTable, memory: MemoryAccount) {
    this.#source = source
    this.#held = new HeldBytes(memory)
    this.#builder = new SeriesTableBuilder(source.dictionary)
  }

  /** Starts a row with the labels of row `row` of the source table. */
  begin(row: number): void {
    this.#starts.push(this.#count)
    this.#builder.copyRow(this.#source, row)
  }

  /** Adds a sample to the row. */
  add(timestampMs: number, value: number, histogram: FloatHistogram | undefined): void {
    if (this.#count === this.#values.length) this.#grow()
    this.#timestampsMs[this.#count] = timestampMs
    this.#values[this.#count] = value
    if (histogram !== undefined) {
      this.#histograms ??= []
      this.#histograms[this.#count] = histogram
    }
    this.#count++
  }

  /** Starts row `row` and adds all samples of a buffer. */
  addRow(row: number, samples: SampleBuffer): void {
    this.begin(row)
    for (let i = 0; i < samples.count; i++) {
      this.add(samples.timestampsMs[i]!, samples.values[i]!, samples.histograms?.[i])
    }
  }

  /** The finished rows. */
  finish(): ResultRows {
    return {
      table: this.#builder.finish(),
      starts: Uint32Array.from([...this.#starts, this.#count]),
      timestampsMs: this.#timestampsMs.subarray(0, this.#count),
      values: this.#values.subarray(0, this.#count),
      histograms: this.#histograms,
    }
  }

  #grow(): void {
    // Old and new columns stand side by side while one is copied.
    this.#held.set(3 * sampleSizeBytes * this.#count)
    const timestampsMs = new Float64Array(2 * this.#count)
    const values = new Float64Array(2 * this.#count)
    timestampsMs.set(this.#timestampsMs)
    values.set(this.#values)
    this.#timestampsMs = timestampsMs
    this.#values = values
    this.#held.set(2 * sampleSizeBytes * this.#count)
  }
}

/** Rows with annotations and figures. */
export function queryResult(
  rows: ResultRows,
  parts: Pick<QueryResult, 'kind' | 'text' | 'annotations' | 'stats'>,
): QueryResult {
  return { ...rows, ...parts, labelsOfRow: (row) => labelsOfRow(rows.table, row) }
}

// Block: all rows of an operator at once, for operators that look at whole vectors (joins, ranks, sorting).
// Also the base of operators that compute such a block and then hand it out batch by batch.

import type { MemoryAccount } from '../../storage/index.ts'
import { sampleCountOf } from '../histogram/arithmetic.ts'
import type { Operator, StepGrid } from './operator.ts'
import { cellAbsent, cellFloat, cellHistogram, StepBatch } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { failQuery } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'

/** Labels and cells of all rows. */
export interface Block {
  readonly table: SeriesTable
  readonly cells: StepBatch
}

// Cells per batch: enough to amortise an await, few enough to stay in cache.
const cellsPerBatch = 65_536

// Above this many cells a dense block would not fit beside anything else, whatever the sample limit says.
const cellsMax = 250_000_000

/** How many rows a batch of `stepCount` steps should hold. */
export function rowsPerBatch(stepCount: number): number {
  return Math.max(1, Math.min(1024, Math.floor(cellsPerBatch / Math.max(1, stepCount))))
}

/** Bytes of a cell's value and presence. */
export const cellSizeBytes = 9

/** Cells for all rows of a table; refuses what cannot fit. What is made counts once it stands in a block. */
export function newCells(rowCount: number, stepCount: number, memory: MemoryAccount): StepBatch {
  memory.require(cellSizeBytes * rowCount * stepCount)
  if (rowCount * stepCount > cellsMax) {
    failQuery('query processing would load too many samples into memory in query execution')
  }
  return new StepBatch(rowCount, stepCount)
}

/** Pulls everything from an operator; samples and bytes are held until the caller gives them back (`release`). */
export async function collect(operator: Operator, context: QueryContext): Promise<Block> {
  const table = await operator.series()
  const taken = await operator.takeBlock?.()
  if (taken !== undefined) return taken
  const stepCount = operator.grid.count
  const cells = newCells(table.rowCount, stepCount, context.memory)
  context.memory.hold(blockSizeBytes(cells))
  cells.begin(0)
  const rows = rowsPerBatch(stepCount)
  for (let row = 0; row < table.rowCount; ) {
    const view = cells.view(row, Math.min(rows, table.rowCount - row))
    const count = await operator.next(view)
    if (count === 0) break
    if (view.histograms !== undefined) {
      copyHistograms(view, cells, row * stepCount)
      context.memory.hold(histogramSizeBytes(view, count))
    }
    context.samples.hold(sampleCount(view, count))
    row += count
    await context.pause()
  }
  cells.rowCount = table.rowCount
  return { table, cells }
}

/** Gives back the samples and bytes of a collected block. */
export function release(block: Block, context: QueryContext): void {
  const { cells } = block
  context.samples.hold(-sampleCount(cells, cells.rowCount))
  context.memory.hold(-blockSizeBytes(cells) - histogramSizeBytes(cells, cells.rowCount))
}

function blockSizeBytes(cells: StepBatch): number {
  return cellSizeBytes * cells.rowCapacity * cells.stepCount
}

// A sample of the limit's is sixteen bytes, and a histogram counts as so many of them.
function histogramSizeBytes(cells: StepBatch, rowCount: number): number {
  if (cells.histograms === undefined) return 0
  let count = 0
  for (let cell = 0; cell < rowCount * cells.stepCount; cell++) {
    if (cells.present[cell] === cellHistogram) count += sampleCountOf(cells.histograms[cell]!)
  }
  return 16 * count
}

/** Samples in the first `rowCount` rows; a histogram counts by its size. */
export function sampleCount(cells: StepBatch, rowCount: number): number {
  const end = rowCount * cells.stepCount
  let count = 0
  for (let cell = 0; cell < end; cell++) {
    if (cells.present[cell] === cellFloat) count++
    else if (cells.present[cell] === cellHistogram) count += sampleCountOf(cells.histograms![cell]!)
  }
  return count
}

/** Whether a row has a sample at any step. */
export function rowHasSamples(cells: StepBatch, row: number): boolean {
  const end = (row + 1) * cells.stepCount
  for (let cell = row * cells.stepCount; cell < end; cell++) {
    if (cells.present[cell] !== cellAbsent) return true
  }
  return false
}

/** Copies one cell. */
export function copyCell(source: StepBatch, from: number, target: StepBatch, to: number): void {
  const present = source.present[from]!
  if (present === cellHistogram) target.setHistogram(to, source.histograms![from]!)
  else {
    target.present[to] = present
    target.values[to] = source.values[from]!
  }
}

/** Copies one row of cells between batches of the same steps. */
export function copyRow(source: StepBatch, from: number, target: StepBatch, to: number): void {
  const { stepCount } = source
  const start = from * stepCount
  const end = start + stepCount
  target.values.set(source.values.subarray(start, end), to * stepCount)
  target.present.set(source.present.subarray(start, end), to * stepCount)
  if (source.histograms === undefined) return
  for (let cell = start; cell < end; cell++) {
    if (source.present[cell] !== cellHistogram) continue
    target.setHistogram(to * stepCount + cell - start, source.histograms[cell]!)
  }
}

// Histograms that an operator replaced or filtered are still in the batch; only `present` says what counts.
function copyHistograms(view: StepBatch, cells: StepBatch, offset: number): void {
  view.histograms?.forEach((histogram, cell) => {
    if (histogram === undefined || view.present[cell] !== cellHistogram) return
    cells.setHistogram(offset + cell, histogram)
  })
}

/** Hands a block out batch by batch, and gives its samples back at the end. */
export class BlockReader {
  readonly table: SeriesTable
  readonly #context: QueryContext
  #block: Block | undefined
  #row = 0

  /** Holds the samples and bytes of `block` until it was read. */
  constructor(block: Block, context: QueryContext) {
    this.table = block.table
    this.#block = block
    this.#context = context
    const { cells } = block
    context.samples.hold(sampleCount(cells, cells.rowCount))
    context.memory.hold(blockSizeBytes(cells) + histogramSizeBytes(cells, cells.rowCount))
  }

  /** The whole block, with the samples held for it; nothing is left to read. */
  take(): Block | undefined {
    const block = this.#row === 0 ? this.#block : undefined
    if (block !== undefined) this.#block = undefined
    return block
  }

  /** Fills `batch` with the next rows; returns how many. */
  next(batch: StepBatch): number {
    batch.begin(this.#row)
    if (this.#block === undefined) return 0
    while (batch.rowCount < batch.rowCapacity && this.#row < this.table.rowCount) {
      copyRow(this.#block.cells, this.#row++, batch, batch.rowCount++)
    }
    if (batch.rowCount === 0) {
      release(this.#block, this.#context)
      this.#block = undefined
    }
    return batch.rowCount
  }
}

/** An operator whose rows are computed together, on the first call of `series`. */
export abstract class BlockOperator implements Operator {
  readonly grid: StepGrid
  protected readonly context: QueryContext
  #reader: BlockReader | undefined

  constructor(grid: StepGrid, context: QueryContext) {
    this.grid = grid
    this.context = context
  }

  /** All rows; inputs that were collected on the way are released. */
  protected abstract compute(): Promise<Block>

  abstract explain(): { readonly line: string; readonly inputs: readonly Operator[] }

  async series(): Promise<SeriesTable> {
    this.#reader ??= new BlockReader(await this.compute(), this.context)
    return this.#reader.table
  }

  async next(batch: StepBatch): Promise<number> {
    await this.series()
    return this.#reader!.next(batch)
  }

  async takeBlock(): Promise<Block | undefined> {
    await this.series()
    return this.#reader!.take()
  }
}

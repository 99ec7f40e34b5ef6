// Measured: an operator that keeps how long it worked and what it yielded, for ANALYZE. Times include the inputs;
// the tree tells them apart.

import type { Block } from './block.ts'
import { sampleCount } from './block.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import type { SeriesTable } from './series-table.ts'

/** What an operator did. */
export interface Measurement {
  /** Time inside this operator and its inputs, in milliseconds. */
  readonly timeMs: number
  readonly rowCount: number
  readonly sampleCount: number
  /** Bytes of the cells it handed on. */
  readonly sizeBytes: number
}

/** Wraps an operator. */
export class MeasuredOperator implements Operator {
  readonly grid: StepGrid
  readonly #inner: Operator
  #timeMs = 0
  #rowCount = 0
  #sampleCount = 0
  #sizeBytes = 0

  constructor(inner: Operator) {
    this.grid = inner.grid
    this.#inner = inner
  }

  async series(): Promise<SeriesTable> {
    const startMs = performance.now()
    const table = await this.#inner.series()
    this.#timeMs += performance.now() - startMs
    this.#rowCount = table.rowCount
    return table
  }

  async next(batch: StepBatch): Promise<number> {
    const startMs = performance.now()
    const count = await this.#inner.next(batch)
    this.#timeMs += performance.now() - startMs
    this.#count(batch, count)
    return count
  }

  async takeBlock(): Promise<Block | undefined> {
    const startMs = performance.now()
    const block = await this.#inner.takeBlock?.()
    this.#timeMs += performance.now() - startMs
    if (block !== undefined) this.#count(block.cells, block.cells.rowCount)
    return block
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return this.#inner.explain()
  }

  #count(cells: StepBatch, rowCount: number): void {
    this.#sampleCount += sampleCount(cells, rowCount)
    this.#sizeBytes += 9 * rowCount * cells.stepCount
  }

  /** What was seen so far. */
  measurement(): Measurement {
    return {
      timeMs: this.#timeMs,
      rowCount: this.#rowCount,
      sampleCount: this.#sampleCount,
      sizeBytes: this.#sizeBytes,
    }
  }
}

// Result block: rows that come into being as values are computed (joins, count_values, quantiles of histograms).
// Rows are found by their labels; two samples of one row at one step are the query's fault.

import type { FloatHistogram } from '../../model/index.ts'
import type { MemoryAccount } from '../../storage/index.ts'
import { HashIndex } from '../../storage/index.ts'
import type { Block } from './block.ts'
import { copyRow, newCells } from './block.ts'
import type { StepBatch } from './operator.ts'
import { cellAbsent, cellFloat } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { failQuery } from './query-context.ts'
import { SeriesTableBuilder } from './series-table.ts'

/** Grows rows and cells. */
export class ResultBlock {
  readonly #builder: SeriesTableBuilder
  readonly #index = new HashIndex()
  readonly #hash = new Uint32Array(4)
  readonly #stepCount: number
  readonly #memory: MemoryAccount
  readonly #firstStep: number[] = []
  readonly #dropName: number[] = []
  #cells: StepBatch

  constructor(context: Pick<QueryContext, 'dictionary' | 'memory'>, stepCount: number) {
    this.#builder = new SeriesTableBuilder(context.dictionary)
    this.#memory = context.memory
    this.#stepCount = stepCount
    this.#cells = newCells(16, stepCount, context.memory)
  }

  /** The row with these labels (pairs sorted by name), new or known; the first caller decides `dropName`. */
  rowOf(pairs: readonly number[], dropName: number): number {
    const { hashes } = this.#builder.dictionary
    const hash = this.#hash.fill(0)
    for (const pair of pairs) {
      hash[0]! += hashes[4 * pair]!
      hash[1]! += hashes[4 * pair + 1]!
      hash[2]! += hashes[4 * pair + 2]!
      hash[3]! += hashes[4 * pair + 3]!
    }
    const row = this.#index.add(hash)
    if (row < this.#builder.rowCount) return row
    this.#builder.addRow(pairs, 0, pairs.length, dropName)
    if (row >= this.#cells.rowCapacity) this.#grow()
    return row
  }

  /** Rows with equal labels may disagree on `dropName`: as in Prometheus, the one seen at the earliest step decides. */
  seeAt(row: number, step: number, dropName: number): void {
    if (step >= (this.#firstStep[row] ?? Number.POSITIVE_INFINITY)) return
    this.#firstStep[row] = step
    this.#dropName[row] = dropName
  }

  /** Puts a sample into a row; fails the query where the row has one at this step. */
  set(row: number, step: number, value: number, histogram: FloatHistogram | undefined): void {
    const cell = row * this.#stepCount + step
    if (this.#cells.present[cell] !== cellAbsent) {
      failQuery('vector cannot contain metrics with the same labelset')
    }
    if (histogram !== undefined) this.#cells.setHistogram(cell, histogram)
    else {
      this.#cells.present[cell] = cellFloat
      this.#cells.values[cell] = value
    }
  }

  /** Adds to a float cell, which starts at 0. */
  count(row: number, step: number): void {
    const cell = row * this.#stepCount + step
    this.#cells.present[cell] = cellFloat
    this.#cells.values[cell]! += 1
  }

  /** The finished block. */
  finish(): Block {
    const table = this.#builder.finish()
    this.#dropName.forEach((dropName, row) => {
      table.dropName[row] = dropName
    })
    this.#cells.rowCount = table.rowCount
    return { table, cells: this.#cells }
  }

  #grow(): void {
    const cells = newCells(2 * this.#cells.rowCapacity, this.#stepCount, this.#memory)
    for (let row = 0; row < this.#cells.rowCapacity; row++) copyRow(this.#cells, row, cells, row)
    this.#cells = cells
  }
}

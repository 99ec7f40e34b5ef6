// sort, sort_desc, sort_by_label, sort_by_label_desc: the order of an instant query's rows. Range results are
// always ordered by labels, so there the rows stay as they are.

import { compareNatural } from '../functions/natural-order.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, copyCell, newCells, release } from './block.ts'
import type { Operator } from './operator.ts'
import { cellAbsent, cellFloat } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { compareRows, rowLabel, SeriesTableBuilder } from './series-table.ts'

/** By value or by labels, ascending or descending. */
export interface SortOrder {
  readonly by: 'value' | 'labels'
  readonly labels: readonly string[]
  readonly descending: boolean
}

/** Reorders rows of an instant vector. */
export class SortOperator extends BlockOperator {
  readonly #input: Operator
  readonly #name: string
  readonly #order: SortOrder

  constructor(
    input: Operator,
    context: QueryContext,
    parts: { readonly name: string; readonly order: SortOrder },
  ) {
    super(input.grid, context)
    this.#input = input
    this.#name = parts.name
    this.#order = parts.order
  }

  protected async compute(): Promise<Block> {
    const block = await collect(this.#input, this.context)
    release(block, this.context)
    const { table, cells } = block
    if (cells.stepCount > 1) return this.#unsorted(block)
    const rows: number[] = []
    for (let row = 0; row < table.rowCount; row++) {
      const wanted = this.#order.by === 'value' ? cellFloat : cells.present[row]
      if (cells.present[row] !== cellAbsent && cells.present[row] === wanted) rows.push(row)
    }
    rows.sort(this.#comparator(block))
    const builder = new SeriesTableBuilder(table.dictionary)
    const sorted = newCells(rows.length, 1, this.context.memory)
    for (const row of rows) {
      copyCell(cells, row, sorted, builder.rowCount)
      builder.copyRow(table, row)
    }
    sorted.rowCount = rows.length
    return { table: builder.finish(), cells: sorted }
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#name, inputs: [this.#input] }
  }

  // Over several steps there is no order to give, but histograms have no value to sort by there either.
  #unsorted({ table, cells }: Block): Block {
    if (this.#order.by === 'value') {
      for (let cell = 0; cell < cells.present.length; cell++) {
        if (cells.present[cell] !== cellFloat) cells.present[cell] = cellAbsent
      }
    }
    return { table, cells }
  }

  #comparator({ table, cells }: Block): (a: number, b: number) => number {
    const sign = this.#order.descending ? -1 : 1
    if (this.#order.by === 'labels') {
      return (a, b) => sign * compareByLabels(table, this.#order.labels, a, b)
    }
    return (a, b) => compareValues(cells.values[a]!, cells.values[b]!, sign)
  }
}

function compareByLabels(
  table: SeriesTable,
  labels: readonly string[],
  a: number,
  b: number,
): number {
  for (const label of labels) {
    const byLabel = compareNatural(rowLabel(table, a, label), rowLabel(table, b, label))
    if (byLabel !== 0) return byLabel
  }
  return compareRows(table, a, b)
}

// NaN comes last in either direction.
function compareValues(a: number, b: number, sign: 1 | -1): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  if (Number.isNaN(b)) return -1
  return a === b ? 0 : sign * (a < b ? -1 : 1)
}

// label_replace and label_join: functions of labels only; samples pass through.

import type { LabelDictionary } from './label-dictionary.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { pairsWithLabel } from './pair-edit.ts'
import type { SeriesTable } from './series-table.ts'
import { rowLabel, SeriesTableBuilder } from './series-table.ts'
import { rowPairs } from './set-operator.ts'

/** The new value of the label, given a way to ask for others; undefined leaves the row as it is. */
export type LabelEdit = (label: (name: string) => string) => string | undefined

/** Sets one label of every row. Rows may come out equal; what then happens is decided around this operator. */
export class RelabelOperator implements Operator {
  readonly grid: StepGrid
  readonly #input: Operator
  readonly #line: string
  readonly #target: string
  readonly #edit: LabelEdit
  #table: SeriesTable | undefined

  constructor(
    input: Operator,
    parts: { readonly line: string; readonly target: string; readonly edit: LabelEdit },
  ) {
    this.grid = input.grid
    this.#input = input
    this.#line = parts.line
    this.#target = parts.target
    this.#edit = parts.edit
  }

  async series(): Promise<SeriesTable> {
    this.#table ??= this.#relabelled(await this.#input.series())
    return this.#table
  }

  next(batch: StepBatch): Promise<number> {
    return this.#input.next(batch)
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#line, inputs: [this.#input] }
  }

  #relabelled(table: SeriesTable): SeriesTable {
    const builder = new SeriesTableBuilder(table.dictionary)
    for (let row = 0; row < table.rowCount; row++) {
      const value = this.#edit((name) => rowLabel(table, row, name))
      if (value === undefined) builder.copyRow(table, row)
      else this.#addEdited(builder, table, row, value)
    }
    return builder.finish()
  }

  // A name that was written anew is not dropped in the end.
  #addEdited(builder: SeriesTableBuilder, table: SeriesTable, row: number, value: string): void {
    const dictionary: LabelDictionary = table.dictionary
    const pairs = pairsWithLabel(dictionary, rowPairs(table, row), this.#target, value)
    const dropName = this.#target === '__name__' ? 0 : table.dropName[row]!
    builder.addRow(pairs, 0, pairs.length, dropName)
  }
}

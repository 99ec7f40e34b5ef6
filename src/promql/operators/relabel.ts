// label_replace and label_join: functions of labels only; samples pass through.

import type { LabelDictionary } from './label-dictionary.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { pairsWithLabel } from './pair-edit.ts'
import type { QueryContext } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { rowLabel, SeriesTableBuilder } from './series-table.ts'
import { rowPairs } from './set-operator.ts'

/** The new value of the label, given a way to ask for others; undefined leaves the row as it is. */
export type LabelEdit = (label: (name: string) => string) => string | undefined

/** Sets one label of every row. Rows may come out equal; what then happens is decided around this operator. */
export class RelabelOperator implements Operator {
  readonly grid: StepGrid
  readonly #input: Operator
  readonly #context: QueryContext
  readonly #line: string
  readonly #target: string
  readonly #edit: LabelEdit
  #table: Promise<SeriesTable> | undefined

  constructor(
    input: Operator,
    context: QueryContext,
    parts: { readonly line: string; readonly target: string; readonly edit: LabelEdit },
  ) {
    this.grid = input.grid
    this.#input = input
    this.#context = context
    this.#line = parts.line
    this.#target = parts.target
    this.#edit = parts.edit
  }

  series(): Promise<SeriesTable> {
    this.#table ??= this.#relabelled()
    return this.#table
  }

  next(batch: StepBatch): Promise<number> {
    return this.#input.next(batch)
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#line, inputs: [this.#input] }
  }

  // An edit may walk a long value with an automaton, so the signal is looked at for each row.
  async #relabelled(): Promise<SeriesTable> {
    const table = await this.#input.series()
    const builder = new SeriesTableBuilder(table.dictionary)
    for (let row = 0; row < table.rowCount; row++) {
      await this.#context.pause()
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

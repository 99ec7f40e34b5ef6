// absent() and absent_over_time(): one row of ones at the steps where the input has no sample.

import type { Block } from './block.ts'
import { BlockOperator, newCells, rowsPerBatch } from './block.ts'
import type { Operator } from './operator.ts'
import { cellAbsent, cellFloat, StepBatch } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { SeriesTableBuilder } from './series-table.ts'

/** The labels that the answer can know: those of equality matchers. */
export type AbsentLabels = readonly { readonly name: string; readonly value: string }[]

/** Answers 1 where its input is silent. */
export class AbsentOperator extends BlockOperator {
  readonly #input: Operator
  readonly #labels: AbsentLabels
  readonly #name: string

  constructor(
    input: Operator,
    context: QueryContext,
    parts: { readonly name: string; readonly labels: AbsentLabels },
  ) {
    super(input.grid, context)
    this.#input = input
    this.#labels = parts.labels
    this.#name = parts.name
  }

  protected async compute(): Promise<Block> {
    const { count } = this.grid
    await this.#input.series()
    const cells = newCells(1, count, this.context.memory)
    cells.present.fill(cellFloat)
    cells.values.fill(1)
    const batch = new StepBatch(rowsPerBatch(count), count)
    while ((await this.#input.next(batch)) > 0) {
      for (let cell = 0; cell < batch.rowCount * count; cell++) {
        if (batch.present[cell] !== cellAbsent) cells.present[cell % count] = cellAbsent
      }
      await this.context.pause()
    }
    cells.rowCount = 1
    const builder = new SeriesTableBuilder(this.context.dictionary)
    const pairs = this.#labels.map(({ name, value }) => this.context.dictionary.pairOf(name, value))
    builder.addRow(pairs, 0, pairs.length, 0)
    return { table: builder.finish(), cells }
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#name, inputs: [this.#input] }
  }
}

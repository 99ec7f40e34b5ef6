// Nothing: what a vector is on a grid without steps.

import type { Operator, StepBatch, StepGrid } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { SeriesTableBuilder } from './series-table.ts'

/** Yields no rows. */
export class EmptyOperator implements Operator {
  readonly grid: StepGrid
  readonly #context: QueryContext

  constructor(grid: StepGrid, context: QueryContext) {
    this.grid = grid
    this.#context = context
  }

  async series(): Promise<SeriesTable> {
    return new SeriesTableBuilder(this.#context.dictionary).finish()
  }

  async next(batch: StepBatch): Promise<number> {
    batch.begin(0)
    return 0
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: 'nothing', inputs: [] }
  }
}

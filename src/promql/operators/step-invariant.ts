// Step-invariant: an expression whose selectors are all fixed by @ is evaluated once and repeated over the steps.

import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { StepBatch as Batch, cellAbsent, cellHistogram } from './operator.ts'
import type { SeriesTable } from './series-table.ts'

/** Repeats the only step of its input. */
export class StepInvariantOperator implements Operator {
  readonly grid: StepGrid
  readonly #input: Operator
  #once: StepBatch | undefined

  constructor(grid: StepGrid, input: Operator) {
    this.grid = grid
    this.#input = input
  }

  series(): Promise<SeriesTable> {
    return this.#input.series()
  }

  async next(batch: StepBatch): Promise<number> {
    this.#once ??= new Batch(batch.rowCapacity, 1)
    const once = this.#once
    // A batch may be smaller than the first one, where it is the last of a block.
    const view = once.rowCapacity === batch.rowCapacity ? once : new Batch(batch.rowCapacity, 1)
    const count = await this.#input.next(view)
    batch.begin(view.rowFrom)
    for (let row = 0; row < count; row++) {
      if (view.present[row] === cellAbsent) continue
      const from = row * batch.stepCount
      if (view.present[row] === cellHistogram) {
        for (let step = 0; step < batch.stepCount; step++) {
          batch.setHistogram(from + step, view.histograms![row]!)
        }
        continue
      }
      batch.values.fill(view.values[row]!, from, from + batch.stepCount)
      batch.present.fill(view.present[row]!, from, from + batch.stepCount)
    }
    batch.rowCount = count
    return count
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: 'step invariant', inputs: [this.#input] }
  }
}

// Functions of one sample (abs, clamp, hour, histogram_count, …) and unary minus, cell by cell.

import type { CallPositions } from './call-notes.ts'
import { CallNotes } from './call-notes.ts'
import { droppingNames } from './label-subset.ts'
import type { ElementFunction, Operator, StepBatch, StepGrid } from './operator.ts'
import { cellAbsent, cellFloat, PointOut } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { scalarColumns } from './scalar.ts'
import type { SeriesTable } from './series-table.ts'

/** What an element function call consists of. */
export interface ElementCall {
  readonly name: string
  readonly function: ElementFunction
  readonly scalars: readonly Operator[]
  readonly positions: CallPositions
}

/** Applies an element function to every sample of its input. */
export class ElementOperator implements Operator {
  readonly grid: StepGrid
  readonly #context: QueryContext
  readonly #input: Operator
  readonly #call: ElementCall
  readonly #out = new PointOut()
  #columns: readonly Float64Array[] = []
  #scalars: number[] = []
  #notes: CallNotes | undefined
  #table: SeriesTable | undefined

  constructor(input: Operator, context: QueryContext, call: ElementCall) {
    this.grid = input.grid
    this.#input = input
    this.#context = context
    this.#call = call
  }

  async series(): Promise<SeriesTable> {
    if (this.#table !== undefined) return this.#table
    const { delayedNameRemoval } = this.#context.options
    const table = await this.#input.series()
    this.#columns = await scalarColumns(this.#call.scalars)
    this.#scalars = this.#columns.map(() => 0)
    this.#notes = new CallNotes(this.#context, table, this.#call.positions, delayedNameRemoval)
    this.#table = droppingNames(table, delayedNameRemoval)
    return this.#table
  }

  async next(batch: StepBatch): Promise<number> {
    await this.series()
    const count = await this.#input.next(batch)
    for (let row = 0; row < count; row++) this.#applyRow(batch, row)
    return count
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#call.name, inputs: [this.#input, ...this.#call.scalars] }
  }

  #applyRow(batch: StepBatch, row: number): void {
    const out = this.#out
    const notes = this.#notes!
    const scalars = this.#scalars
    notes.row = batch.rowFrom + row
    for (let step = 0; step < batch.stepCount; step++) {
      const cell = row * batch.stepCount + step
      if (batch.present[cell] === cellAbsent) continue
      const histogram = batch.present[cell] === cellFloat ? undefined : batch.histograms![cell]
      for (let i = 0; i < scalars.length; i++) scalars[i] = this.#columns[i]![step]!
      out.clear()
      this.#call.function(batch.values[cell]!, histogram, scalars, out, notes)
      batch.present[cell] = out.present
      if (out.present === cellFloat) batch.values[cell] = out.value
      else if (out.present !== cellAbsent) batch.setHistogram(cell, out.histogram!)
    }
  }
}

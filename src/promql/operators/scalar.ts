// Scalars: expressions with one float per step. As operators they have one row without labels, always present.

import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { StepBatch as Batch, cellFloat } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { SeriesTableBuilder } from './series-table.ts'

/** All steps of a scalar operator. */
export async function scalarColumn(operator: Operator): Promise<Float64Array> {
  await operator.series()
  const batch = new Batch(1, operator.grid.count)
  await operator.next(batch)
  return batch.values
}

/** All steps of several scalars. */
export async function scalarColumns(operators: readonly Operator[]): Promise<Float64Array[]> {
  const columns: Float64Array[] = []
  for (const operator of operators) columns.push(await scalarColumn(operator))
  return columns
}

/** Fills a column, given the columns of the inputs. */
export type ScalarFill = (inputs: readonly Float64Array[], out: Float64Array) => void

/** A scalar computed from the columns of other scalars (none: literals, time(), pi()); also vector(s). */
export class ScalarOperator implements Operator {
  readonly grid: StepGrid
  readonly #context: QueryContext
  readonly #line: string
  readonly #inputs: readonly Operator[]
  readonly #fill: ScalarFill
  #done = false

  constructor(
    grid: StepGrid,
    context: QueryContext,
    parts: {
      readonly line: string
      readonly inputs: readonly Operator[]
      readonly fill: ScalarFill
    },
  ) {
    this.grid = grid
    this.#context = context
    this.#line = parts.line
    this.#inputs = parts.inputs
    this.#fill = parts.fill
  }

  async series(): Promise<SeriesTable> {
    return oneEmptyRow(this.#context)
  }

  async next(batch: StepBatch): Promise<number> {
    batch.begin(0)
    if (this.#done) return 0
    this.#done = true
    this.#fill(await scalarColumns(this.#inputs), batch.values.subarray(0, this.grid.count))
    batch.present.fill(cellFloat, 0, this.grid.count)
    batch.rowCount = 1
    return 1
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#line, inputs: this.#inputs }
  }
}

/** scalar(v): the only float of the vector, else NaN. */
export class ScalarOfVectorOperator implements Operator {
  readonly grid: StepGrid
  readonly #context: QueryContext
  readonly #input: Operator
  #done = false

  constructor(input: Operator, context: QueryContext) {
    this.grid = input.grid
    this.#context = context
    this.#input = input
  }

  async series(): Promise<SeriesTable> {
    return oneEmptyRow(this.#context)
  }

  async next(batch: StepBatch): Promise<number> {
    batch.begin(0)
    if (this.#done) return 0
    this.#done = true
    const { count } = this.grid
    const found = new Uint32Array(count)
    const values = batch.values.fill(Number.NaN, 0, count)
    await this.#input.series()
    const rows = new Batch(16, count)
    while ((await this.#input.next(rows)) > 0) {
      for (let cell = 0; cell < rows.rowCount * count; cell++) {
        if (rows.present[cell] !== cellFloat) continue
        const step = cell % count
        values[step] = found[step]!++ === 0 ? rows.values[cell]! : Number.NaN
      }
      await this.#context.pause()
    }
    batch.present.fill(cellFloat, 0, count)
    batch.rowCount = 1
    return 1
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: 'scalar', inputs: [this.#input] }
  }
}

function oneEmptyRow(context: QueryContext): SeriesTable {
  const builder = new SeriesTableBuilder(context.dictionary)
  builder.addRow([], 0, 0, 0)
  return builder.finish()
}

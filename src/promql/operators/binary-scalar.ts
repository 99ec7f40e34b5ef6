// Binary operators between a vector and a scalar, row by row in place.

import type { BinaryOp } from '../parse/ast.ts'
import {
  ElementResult,
  floatArithmetic,
  floatComparison,
  isArithmetic,
  isComparison,
} from './arithmetic.ts'
import { droppingNames } from './label-subset.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { cellAbsent, cellFloat } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { scalarColumn } from './scalar.ts'
import type { SeriesTable } from './series-table.ts'

/** `vector op scalar`, or with `swapped` `scalar op vector`. */
export class BinaryScalarOperator implements Operator {
  readonly grid: StepGrid
  readonly #context: QueryContext
  readonly #vector: Operator
  readonly #scalar: Operator
  readonly #op: BinaryOp
  readonly #swapped: boolean
  readonly #returnBool: boolean
  readonly #position: number
  readonly #result = new ElementResult()
  #column = new Float64Array(0)
  #table: SeriesTable | undefined

  constructor(
    context: QueryContext,
    parts: {
      readonly vector: Operator
      readonly scalar: Operator
      readonly op: BinaryOp
      readonly swapped: boolean
      readonly returnBool: boolean
      readonly position: number
    },
  ) {
    this.grid = parts.vector.grid
    this.#context = context
    this.#vector = parts.vector
    this.#scalar = parts.scalar
    this.#op = parts.op
    this.#swapped = parts.swapped
    this.#returnBool = parts.returnBool
    this.#position = parts.position
  }

  async series(): Promise<SeriesTable> {
    if (this.#table !== undefined) return this.#table
    const table = await this.#vector.series()
    this.#column = (await scalarColumn(this.#scalar)) as Float64Array<ArrayBuffer>
    const drops = isArithmetic(this.#op) || this.#returnBool
    this.#table = drops ? droppingNames(table, this.#context.options.delayedNameRemoval) : table
    return this.#table
  }

  async next(batch: StepBatch): Promise<number> {
    await this.series()
    const count = await this.#vector.next(batch)
    for (let row = 0; row < count; row++) {
      if (batch.histograms !== undefined) this.#applyMixed(batch, row)
      else if (isArithmetic(this.#op)) this.#applyArithmetic(batch, row)
      else if (isComparison(this.#op)) this.#applyComparison(batch, row)
      else this.#applyMixed(batch, row)
    }
    return count
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    const inputs = [this.#vector, this.#scalar]
    const bool = this.#returnBool ? ' bool' : ''
    return { line: `${this.#op}${bool}`, inputs: this.#swapped ? inputs.reverse() : inputs }
  }

  #applyArithmetic(batch: StepBatch, row: number): void {
    const { values, stepCount } = batch
    const compute = floatArithmetic[this.#op as keyof typeof floatArithmetic]
    const column = this.#column
    const from = row * stepCount
    if (this.#swapped) {
      for (let step = 0; step < stepCount; step++) {
        values[from + step] = compute(column[step]!, values[from + step]!)
      }
      return
    }
    for (let step = 0; step < stepCount; step++) {
      values[from + step] = compute(values[from + step]!, column[step]!)
    }
  }

  #applyComparison(batch: StepBatch, row: number): void {
    const { values, present, stepCount } = batch
    const compare = floatComparison[this.#op as keyof typeof floatComparison]
    for (let step = 0; step < stepCount; step++) {
      const cell = row * stepCount + step
      if (present[cell] === cellAbsent) continue
      const scalar = this.#column[step]!
      const value = values[cell]!
      const holds = this.#swapped ? compare(scalar, value) : compare(value, scalar)
      if (this.#returnBool) values[cell] = holds ? 1 : 0
      else if (!holds) present[cell] = cellAbsent
    }
  }

  #applyMixed(batch: StepBatch, row: number): void {
    const result = this.#result
    for (let step = 0; step < batch.stepCount; step++) {
      const cell = row * batch.stepCount + step
      if (batch.present[cell] === cellAbsent) continue
      const value = batch.values[cell]!
      const histogram = batch.present[cell] === cellFloat ? undefined : batch.histograms![cell]
      const scalar = this.#column[step]!
      if (this.#swapped) result.apply(this.#op, scalar, undefined, value, histogram)
      else result.apply(this.#op, value, histogram, scalar, undefined)
      if (result.note !== '') {
        this.#context.annotations.add(result.level, result.note, this.#position)
      }
      this.#store(batch, cell, value)
    }
  }

  // A comparison keeps the vector's value, on whichever side it stands.
  #store(batch: StepBatch, cell: number, value: number): void {
    const result = this.#result
    if (result.failed || (!result.keep && !this.#returnBool)) {
      batch.present[cell] = cellAbsent
    } else if (this.#returnBool) {
      batch.present[cell] = cellFloat
      batch.values[cell] = result.keep ? 1 : 0
    } else if (result.histogram !== undefined) batch.setHistogram(cell, result.histogram)
    else batch.values[cell] = isComparison(this.#op) ? value : result.value
  }
}

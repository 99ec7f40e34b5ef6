// quantile(φ, v): the φ-quantile of each group's floats, step by step.

import { invalidQuantile } from '../functions/annotation-texts.ts'
import { quantileOf } from '../functions/quantile.ts'
import type { Grouping } from './aggregate.ts'
import { groupingText, groupRows } from './aggregate.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, newCells, release } from './block.ts'
import type { Operator } from './operator.ts'
import { cellFloat, cellHistogram } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { scalarColumn } from './scalar.ts'

/** quantile by (…) (φ, v). */
export class QuantileOperator extends BlockOperator {
  readonly #input: Operator
  readonly #phi: Operator
  readonly #parts: {
    readonly grouping: Grouping
    readonly position: number
    readonly phiPosition: number
  }

  constructor(
    input: Operator,
    phi: Operator,
    context: QueryContext,
    parts: {
      readonly grouping: Grouping
      readonly position: number
      readonly phiPosition: number
    },
  ) {
    super(input.grid, context)
    this.#input = input
    this.#phi = phi
    this.#parts = parts
  }

  protected async compute(): Promise<Block> {
    const phis = await scalarColumn(this.#phi)
    const { table, cells } = await collect(this.#input, this.context)
    const { groupOf, builder } = groupRows(table, this.#parts.grouping)
    this.#notePhis(phis)
    const out = newCells(builder.rowCount, cells.stepCount, this.context.memory)
    const dropName = new Uint8Array(builder.rowCount)
    const members = membersOf(groupOf, builder.rowCount)
    for (let group = 0; group < builder.rowCount; group++) {
      this.context.signal.check()
      const rows = members[group]!
      const values = new Float64Array(rows.length)
      for (let step = 0; step < cells.stepCount; step++) {
        let count = 0
        for (const row of rows) {
          const cell = row * cells.stepCount + step
          if (cells.present[cell] === cellHistogram) this.#noteHistogram()
          if (cells.present[cell] !== cellFloat) continue
          values[count++] = cells.values[cell]!
          if (table.dropName[row] === 1) dropName[group] = 1
        }
        if (count === 0) continue
        const at = group * cells.stepCount + step
        out.present[at] = cellFloat
        out.values[at] = quantileOf(phis[step]!, values.slice(0, count))
      }
    }
    release({ table, cells }, this.context)
    out.rowCount = builder.rowCount
    return { table: { ...builder.finish(), dropName }, cells: out }
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    const line = `quantile${groupingText(this.#parts.grouping)}`
    return { line, inputs: [this.#phi, this.#input] }
  }

  // The extremes only; a NaN hides them, as it hides them from Prometheus' maximum.
  #notePhis(phis: Float64Array): void {
    const max = phis.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    const min = phis.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
    if (Number.isNaN(max)) this.#notePhi(max)
    if (max > 1) this.#notePhi(max)
    if (min < 0) this.#notePhi(min)
  }

  #notePhi(phi: number): void {
    this.context.annotations.add('warning', invalidQuantile(phi), this.#parts.phiPosition)
  }

  #noteHistogram(): void {
    const text = 'ignored histogram in quantile aggregation'
    this.context.annotations.add('info', text, this.#parts.position)
  }
}

/** The rows of each group. */
export function membersOf(groupOf: Uint32Array, groupCount: number): number[][] {
  const members: number[][] = Array.from({ length: groupCount }, () => [])
  for (let row = 0; row < groupOf.length; row++) members[groupOf[row]!]!.push(row)
  return members
}

// topk, bottomk, limitk, limit_ratio: some of the input's rows, chosen anew at each step.
// topk and bottomk keep a binary heap per group whose root is the worst element kept, so that ties fall as they do
// in Prometheus. An instant query's rows come out best first, group by group.

import { formatShortest } from '../../model/index.ts'
import type { MemoryAccount } from '../../storage/index.ts'
import type { Grouping } from './aggregate.ts'
import { groupingText, groupRows } from './aggregate.ts'
import { membersOf } from './aggregate-quantile.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, copyCell, newCells, release } from './block.ts'
import type { Operator, StepBatch } from './operator.ts'
import { cellAbsent, cellFloat } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { failQuery } from './query-context.ts'
import { scalarColumn } from './scalar.ts'
import type { SeriesTable } from './series-table.ts'
import { SeriesTableBuilder } from './series-table.ts'
import { xxhash64 } from './xxhash64.ts'

/** The aggregations that keep rows. */
export type RankOp = 'topk' | 'bottomk' | 'limitk' | 'limit_ratio'

/** Where in the query the aggregation and its parameter stand. */
export interface RankPositions {
  readonly aggregation: number
  readonly parameter: number
}

/** topk by (…) (k, v) and its kin. */
export class RankOperator extends BlockOperator {
  readonly #input: Operator
  readonly #parameter: Operator
  readonly #op: RankOp
  readonly #grouping: Grouping
  readonly #positions: RankPositions

  constructor(
    input: Operator,
    parameter: Operator,
    context: QueryContext,
    parts: {
      readonly op: RankOp
      readonly grouping: Grouping
      readonly positions: RankPositions
    },
  ) {
    super(input.grid, context)
    this.#input = input
    this.#parameter = parameter
    this.#op = parts.op
    this.#grouping = parts.grouping
    this.#positions = parts.positions
  }

  protected async compute(): Promise<Block> {
    const parameters = await scalarColumn(this.#parameter)
    const block = await collect(this.#input, this.context)
    release(block, this.context)
    const { table, cells } = block
    const kept = newCells(table.rowCount, cells.stepCount, this.context.memory)
    kept.rowCount = table.rowCount
    if (!this.#checkParameters(parameters)) return { table, cells: kept }
    const { groupOf, builder } = groupRows(table, this.#grouping)
    const members = membersOf(groupOf, builder.rowCount)
    const order: number[] = []
    const offsets = this.#op === 'limit_ratio' ? ratioOffsets(table) : new Float64Array(0)
    for (let step = 0; step < cells.stepCount; step++) {
      this.context.signal.check()
      for (const rows of members) {
        const chosen =
          this.#op === 'limit_ratio'
            ? byRatio(cells, rows, step, parameters[step]!, offsets)
            : this.#byCount(cells, rows, step, Math.min(parameters[step]!, table.rowCount))
        for (const row of chosen) {
          const cell = row * cells.stepCount + step
          copyCell(cells, cell, kept, cell)
          if (cells.stepCount === 1) order.push(row)
        }
      }
    }
    const ranked = { table, cells: kept }
    return cells.stepCount === 1 ? reordered(ranked, order, this.context.memory) : ranked
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    const line = `${this.#op}${groupingText(this.#grouping)}`
    return { line, inputs: [this.#parameter, this.#input] }
  }

  /** Whether anything can come out; fails the query for parameters that mean nothing. */
  #checkParameters(parameters: Float64Array): boolean {
    let max = Number.NEGATIVE_INFINITY
    let min = Number.POSITIVE_INFINITY
    let hasNan = false
    for (const parameter of parameters) {
      if (Number.isNaN(parameter)) hasNan = true
      else {
        max = Math.max(max, parameter)
        min = Math.min(min, parameter)
      }
    }
    if (this.#op === 'limit_ratio') {
      if (hasNan) failQuery('Ratio value is NaN')
      if (max === 0 && min === 0) return false
      if (max > 1) this.#noteRatio(max, 1)
      if (min < -1) this.#noteRatio(min, -1)
      return true
    }
    if (hasNan) failQuery('Parameter value is NaN')
    if (max < 1) return false
    if (min <= -(2 ** 63)) failQuery(`Scalar value ${formatShortest(min)} underflows int64`)
    if (max >= 2 ** 63) failQuery(`Scalar value ${formatShortest(max)} overflows int64`)
    return true
  }

  #noteRatio(ratio: number, cap: number): void {
    this.context.annotations.add(
      'warning',
      `ratio value should be between -1 and 1, got ${formatShortest(ratio)}, capping to ${cap}`,
      this.#positions.parameter,
    )
  }

  #byCount(
    cells: StepBatch,
    rows: readonly number[],
    step: number,
    parameter: number,
  ): readonly number[] {
    const k = Math.trunc(parameter)
    if (k < 1) return []
    const { present, stepCount } = cells
    if (this.#op === 'limitk') {
      const chosen: number[] = []
      for (let i = 0; i < rows.length && chosen.length < k; i++) {
        if (present[rows[i]! * stepCount + step] !== cellAbsent) chosen.push(rows[i]!)
      }
      return chosen
    }
    const heap = new RowHeap(cells, step, this.#op === 'topk' ? 1 : -1)
    for (const row of rows) {
      const kind = present[row * stepCount + step]
      if (kind === cellFloat) heap.offer(row, k)
      else if (kind !== cellAbsent) {
        this.context.annotations.add(
          'info',
          `ignored histogram in ${this.#op} aggregation`,
          this.#positions.aggregation,
        )
      }
    }
    return heap.bestFirst()
  }
}

/** The k best rows of one group at one step; the root is the worst of them, and NaN is worse than any number. */
class RowHeap {
  readonly #rows: number[] = []
  readonly #cells: StepBatch
  readonly #step: number
  readonly #sign: 1 | -1

  constructor(cells: StepBatch, step: number, sign: 1 | -1) {
    this.#cells = cells
    this.#step = step
    this.#sign = sign
  }

  offer(row: number, k: number): void {
    if (this.#rows.length < k) {
      this.#rows.push(row)
      this.#up(this.#rows.length - 1)
    } else if (this.#replaces(this.#value(this.#rows[0]!), this.#value(row))) {
      this.#rows[0] = row
      this.#down()
    }
  }

  bestFirst(): number[] {
    return this.#rows.sort((a, b) => {
      if (this.#worse(b, a)) return -1
      return this.#worse(a, b) ? 1 : 0
    })
  }

  #replaces(root: number, value: number): boolean {
    return root * this.#sign < value * this.#sign || (Number.isNaN(root) && !Number.isNaN(value))
  }

  #value(row: number): number {
    return this.#cells.values[row * this.#cells.stepCount + this.#step]!
  }

  #worse(a: number, b: number): boolean {
    const valueA = this.#value(a)
    return Number.isNaN(valueA) || valueA * this.#sign < this.#value(b) * this.#sign
  }

  #up(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#worse(this.#rows[at]!, this.#rows[parent]!)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #down(): void {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#rows.length) return
      const right = child + 1
      if (right < this.#rows.length && this.#worse(this.#rows[right]!, this.#rows[child]!)) {
        child = right
      }
      if (!this.#worse(this.#rows[child]!, this.#rows[at]!)) return
      this.#swap(at, child)
      at = child
    }
  }

  #swap(a: number, b: number): void {
    const row = this.#rows[a]!
    this.#rows[a] = this.#rows[b]!
    this.#rows[b] = row
  }
}

function byRatio(
  cells: StepBatch,
  rows: readonly number[],
  step: number,
  parameter: number,
  offsets: Float64Array,
): readonly number[] {
  const ratio = Math.max(-1, Math.min(1, parameter))
  if (ratio === 0) return []
  return rows.filter((row) => {
    if (cells.present[row * cells.stepCount + step] === cellAbsent) return false
    const offset = offsets[row]!
    return ratio > 0 ? offset < ratio : offset >= 1 + ratio
  })
}

// Where in [0, 1] each series falls, by the hash of its labels.
function ratioOffsets(table: SeriesTable): Float64Array {
  const offsets = new Float64Array(table.rowCount)
  for (let row = 0; row < table.rowCount; row++) {
    offsets[row] = Number(xxhash64(labelBytes(table, row))) / 2 ** 64
  }
  return offsets
}

// Prometheus' label encoding: for name and value of each label a length byte, or 0xff and three bytes, then the text.
function labelBytes(table: SeriesTable, row: number): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = table.pairStarts[row]!; i < table.pairStarts[row + 1]!; i++) {
    const pair = table.pairIds[i]!
    for (const text of [table.dictionary.name(pair), table.dictionary.value(pair)]) {
      const bytes = Buffer.from(text)
      const size = bytes.length
      parts.push(
        size < 255
          ? Uint8Array.of(size)
          : Uint8Array.of(255, size & 0xff, (size >> 8) & 0xff, size >> 16),
        bytes,
      )
    }
  }
  return Buffer.concat(parts)
}

function reordered(block: Block, order: readonly number[], memory: MemoryAccount): Block {
  const builder = new SeriesTableBuilder(block.table.dictionary)
  const cells = newCells(order.length, 1, memory)
  for (const row of order) {
    copyCell(block.cells, row, cells, builder.rowCount)
    builder.copyRow(block.table, row)
  }
  cells.rowCount = order.length
  return { table: builder.finish(), cells }
}

// Set operators: and, unless, or, by presence of the match signature at each step.

import { HashIndex } from '../../storage/index.ts'
import type { SetOp, VectorMatching } from '../parse/ast.ts'
import type { Block } from './block.ts'
import { BlockOperator, collect, copyCell, newCells, release } from './block.ts'
import { groupingSubset } from './label-subset.ts'
import type { Operator } from './operator.ts'
import { cellAbsent } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { ResultBlock } from './result-block.ts'
import type { SeriesTable } from './series-table.ts'

/** By row, the ordinal of its match signature: equal where the labels that are matched on are equal. */
export function signaturesOf(
  table: SeriesTable,
  matching: VectorMatching,
  index: HashIndex,
): Uint32Array {
  const subset = groupingSubset(table.dictionary, matching.labels, !matching.on)
  const hash = new Uint32Array(4)
  const signatures = new Uint32Array(table.rowCount)
  for (let row = 0; row < table.rowCount; row++) {
    subset.hashRow(table, row, hash)
    signatures[row] = index.add(hash)
  }
  return signatures
}

/** `lhs and|unless|or on|ignoring (…) rhs`. */
export class SetOperator extends BlockOperator {
  readonly #lhs: Operator
  readonly #rhs: Operator
  readonly #op: SetOp
  readonly #matching: VectorMatching

  constructor(
    lhs: Operator,
    rhs: Operator,
    context: QueryContext,
    parts: { readonly op: SetOp; readonly matching: VectorMatching },
  ) {
    super(lhs.grid, context)
    this.#lhs = lhs
    this.#rhs = rhs
    this.#op = parts.op
    this.#matching = parts.matching
  }

  protected async compute(): Promise<Block> {
    const lhs = await collect(this.#lhs, this.context)
    const rhs = await collect(this.#rhs, this.context)
    const index = new HashIndex()
    const left = signaturesOf(lhs.table, this.#matching, index)
    const right = signaturesOf(rhs.table, this.#matching, index)
    const result =
      this.#op === 'or'
        ? union(lhs, rhs, presenceOf(lhs, left, index.count), right, this.context)
        : filtered(
            lhs,
            left,
            presenceOf(rhs, right, index.count),
            this.#op === 'and' ? 1 : 0,
            this.context,
          )
    release(lhs, this.context)
    release(rhs, this.context)
    return result
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: `${this.#op}${matchingText(this.#matching)}`, inputs: [this.#lhs, this.#rhs] }
  }
}

/** ` on (a)`, ` ignoring (b)` or nothing. */
export function matchingText(matching: VectorMatching): string {
  if (!matching.on && matching.labels.length === 0) return ''
  return ` ${matching.on ? 'on' : 'ignoring'} (${matching.labels.join(', ')})`
}

// [signature × step] of 0 or 1.
function presenceOf(block: Block, signatures: Uint32Array, signatureCount: number): Uint8Array {
  const { present, stepCount } = block.cells
  const seen = new Uint8Array(signatureCount * stepCount)
  for (let row = 0; row < signatures.length; row++) {
    const to = signatures[row]! * stepCount
    const from = row * stepCount
    for (let step = 0; step < stepCount; step++) {
      if (present[from + step] !== cellAbsent) seen[to + step] = 1
    }
  }
  return seen
}

function filtered(
  lhs: Block,
  left: Uint32Array,
  seen: Uint8Array,
  wanted: number,
  { memory }: QueryContext,
): Block {
  const { cells, table } = lhs
  const { stepCount } = cells
  const kept = newCells(table.rowCount, stepCount, memory)
  for (let row = 0; row < table.rowCount; row++) {
    for (let step = 0; step < stepCount; step++) {
      const cell = row * stepCount + step
      if (cells.present[cell] === cellAbsent) continue
      if (seen[left[row]! * stepCount + step] === wanted) copyCell(cells, cell, kept, cell)
    }
  }
  kept.rowCount = table.rowCount
  return { table, cells: kept }
}

function union(
  lhs: Block,
  rhs: Block,
  seenLeft: Uint8Array,
  right: Uint32Array,
  context: QueryContext,
): Block {
  const { stepCount } = lhs.cells
  const result = new ResultBlock(context, stepCount)
  addRows(result, lhs, () => true)
  addRows(result, rhs, (row, step) => seenLeft[right[row]! * stepCount + step] === 0)
  return result.finish()
}

function addRows(
  result: ResultBlock,
  block: Block,
  take: (row: number, step: number) => boolean,
): void {
  const { table, cells } = block
  for (let row = 0; row < table.rowCount; row++) {
    let target = -1
    for (let step = 0; step < cells.stepCount; step++) {
      const cell = row * cells.stepCount + step
      if (cells.present[cell] === cellAbsent || !take(row, step)) continue
      if (target < 0) {
        target = result.rowOf(rowPairs(table, row), table.dropName[row]!)
        result.seeAt(target, step, table.dropName[row]!)
      }
      const histogram = cells.present[cell] === 2 ? cells.histograms![cell] : undefined
      result.set(target, step, cells.values[cell]!, histogram)
    }
  }
}

/** The pairs of a row. */
export function rowPairs(table: SeriesTable, row: number): number[] {
  return Array.from(table.pairIds.subarray(table.pairStarts[row]!, table.pairStarts[row + 1]!))
}

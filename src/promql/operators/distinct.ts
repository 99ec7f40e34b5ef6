// Distinct: after labels were dropped or rewritten, rows with equal labels become one, if no two of them have a
// sample at the same step. Tables without such rows (nearly all) pass through untouched.

import type { MemoryAccount } from '../../storage/index.ts'
import { HashIndex } from '../../storage/index.ts'
import type { Block } from './block.ts'
import { BlockReader, collect, copyCell, newCells, release, rowHasSamples } from './block.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { cellAbsent } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import { failQuery } from './query-context.ts'
import type { SeriesTable } from './series-table.ts'
import { SeriesTableBuilder } from './series-table.ts'

const sameLabelset = 'vector cannot contain metrics with the same labelset'

/** Whether equal rows may be merged where they do not collide, or must not both have samples at all. */
export type DuplicateRule = 'merge' | 'refuse'

/** Merges rows with equal labels. */
export class DistinctOperator implements Operator {
  readonly grid: StepGrid
  readonly #input: Operator
  readonly #context: QueryContext
  readonly #rule: DuplicateRule
  #reader: BlockReader | undefined

  constructor(input: Operator, context: QueryContext, rule: DuplicateRule) {
    this.grid = input.grid
    this.#input = input
    this.#context = context
    this.#rule = rule
  }

  async series(): Promise<SeriesTable> {
    if (this.#reader !== undefined) return this.#reader.table
    const table = await this.#input.series()
    if (!hasEqualRows(table)) return table
    const block = await collect(this.#input, this.#context)
    release(block, this.#context)
    this.#reader = new BlockReader(
      mergeEqualRows(block, this.#rule, this.#context.memory),
      this.#context,
    )
    return this.#reader.table
  }

  async next(batch: StepBatch): Promise<number> {
    return this.#reader === undefined ? this.#input.next(batch) : this.#reader.next(batch)
  }

  async takeBlock(): Promise<Block | undefined> {
    await this.series()
    return this.#reader === undefined ? this.#input.takeBlock?.() : this.#reader.take()
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return this.#input.explain()
  }
}

/** Whether two rows of a table have the same labels. */
export function hasEqualRows(table: SeriesTable): boolean {
  const index = new HashIndex()
  for (let row = 0; row < table.rowCount; row++) {
    if (index.add(table.hashes, row) < row) return true
  }
  return false
}

/** One row per label set, in the order they are first seen; fails the query where samples collide. */
export function mergeEqualRows(block: Block, rule: DuplicateRule, memory: MemoryAccount): Block {
  const { table, cells } = block
  const index = new HashIndex()
  const builder = new SeriesTableBuilder(table.dictionary)
  const merged = newCells(table.rowCount, cells.stepCount, memory)
  const occupied: boolean[] = []
  for (let row = 0; row < table.rowCount; row++) {
    const target = index.add(table.hashes, row)
    if (target === builder.rowCount) builder.copyRow(table, row)
    if (!rowHasSamples(cells, row)) continue
    if (occupied[target] && rule === 'refuse') failQuery(sameLabelset)
    occupied[target] = true
    mergeRow(cells, row, merged, target)
  }
  merged.rowCount = builder.rowCount
  return { table: builder.finish(), cells: merged }
}

function mergeRow(source: StepBatch, row: number, target: StepBatch, targetRow: number): void {
  const { stepCount } = source
  for (let step = 0; step < stepCount; step++) {
    const from = row * stepCount + step
    if (source.present[from] === cellAbsent) continue
    const to = targetRow * stepCount + step
    if (target.present[to] !== cellAbsent) failQuery(sameLabelset)
    copyCell(source, from, target, to)
  }
}

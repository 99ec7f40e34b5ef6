// Row groups: the rows of many batches by a 128-bit key, rows with equal keys together in the order they were added.

import { HashIndex } from './hash-index.ts'
import type { RowRef } from './row-order.ts'
import type { SeriesBatch } from './series-batch.ts'

/** Rows by key. */
export class RowGroups {
  readonly #index = new HashIndex()
  // A group is a row until it has a second one: most series come from one source only.
  readonly #rows: (RowRef | RowRef[])[] = []

  /** Adds all rows of a batch; `keys` are four words a row. */
  addBatch(batch: SeriesBatch, keys: Uint32Array = batch.hashes): void {
    for (let row = 0; row < batch.rowCount; row++) {
      const group = this.#index.add(keys, row)
      const known = this.#rows[group]
      if (known === undefined) this.#rows.push({ batch, row })
      else if (Array.isArray(known)) known.push({ batch, row })
      else this.#rows[group] = [known, { batch, row }]
    }
  }

  /** How many distinct keys there are. */
  get count(): number {
    return this.#rows.length
  }

  /** Whether a group has one row only. */
  isSingle(group: number): boolean {
    return !Array.isArray(this.#rows[group])
  }

  /** The rows of a group, in the order of their addition. */
  rowsOf(group: number): readonly RowRef[] {
    const rows = this.#rows[group]!
    return Array.isArray(rows) ? rows : [rows]
  }

  /** The key of a group. */
  keyOf(group: number): Uint32Array {
    return this.#index.words.subarray(4 * group, 4 * group + 4)
  }
}

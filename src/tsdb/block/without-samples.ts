// Without samples: the rows of one cursor less the samples that another one has.
// For the cut of a window that a crash interrupted: what is in a block already is not written into a second one.
// Invariants: both cursors are sorted by labels and give each series once; a row that loses all its samples stays,
// without chunks.

import {
  addRowChunks,
  compareRows,
  RowCollector,
  type RowRef,
  type SeriesBatch,
  type SeriesCursor,
} from '../../storage/index.ts'
import { type ChunkSlice, rechunkWithout } from './rechunk.ts'

/** The samples of `cursor` at times at which `known` has none of the same series. Closing it closes both. */
export function withoutSamplesOf(cursor: SeriesCursor, known: SeriesCursor): SeriesCursor {
  return new Difference(cursor, known)
}

class Difference implements SeriesCursor {
  readonly #cursor: SeriesCursor
  readonly #known: SeriesCursor
  /** The first known row that does not come before the rows handed over so far; undefined before the first and at the end. */
  #place: RowRef | undefined
  #started = false

  constructor(cursor: SeriesCursor, known: SeriesCursor) {
    this.#cursor = cursor
    this.#known = known
  }

  get warnings(): readonly string[] {
    return [...this.#cursor.warnings, ...this.#known.warnings]
  }

  async next(): Promise<SeriesBatch | undefined> {
    const batch = await this.#cursor.next()
    if (batch === undefined) return undefined
    const rest = new RowCollector()
    for (let row = 0; row < batch.rowCount; row++) {
      const ref = { batch, row }
      const known = await this.#knownRow(ref)
      rest.startRow(batch.hashes, 4 * row, batch, row)
      if (known === undefined) addRowChunks(rest, ref)
      else for (const chunk of rechunkWithout(slicesOf(ref), slicesOf(known))) rest.addChunk(chunk)
    }
    return rest.build()
  }

  close(): void {
    this.#cursor.close()
    this.#known.close()
  }

  async #knownRow(wanted: RowRef): Promise<RowRef | undefined> {
    if (!this.#started) {
      this.#started = true
      this.#place = await this.#nextBatch()
    }
    while (this.#place !== undefined) {
      const order = compareRows(this.#place, wanted)
      if (order >= 0) return order === 0 ? this.#place : undefined
      const { batch, row } = this.#place
      this.#place = row + 1 < batch.rowCount ? { batch, row: row + 1 } : await this.#nextBatch()
    }
    return undefined
  }

  async #nextBatch(): Promise<RowRef | undefined> {
    let batch = await this.#known.next()
    while (batch?.rowCount === 0) batch = await this.#known.next()
    return batch && { batch, row: 0 }
  }
}

function slicesOf({ batch: { chunks, chunkStarts }, row }: RowRef): ChunkSlice[] {
  const { encodings, bytes, offsets, sizes } = chunks
  const slices: ChunkSlice[] = []
  for (let i = chunkStarts[row]!; i < chunkStarts[row + 1]!; i++)
    slices.push({ encoding: encodings[i]!, bytes, offset: offsets[i]!, sizeBytes: sizes[i]! })
  return slices
}

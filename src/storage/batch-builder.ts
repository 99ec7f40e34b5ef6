// Batch builder: rows of other batches, and chunks encoded here, become one batch with a dictionary of its own.
// Invariants: those of SeriesBatch; the caller adds the chunks of a row in order of minTimeMs.

import { HashIndex } from './hash-index.ts'
import type { PairDictionary, SeriesBatch } from './series-batch.ts'

/** A chunk that does not stand in a batch yet. */
export interface LooseChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Data without the encoding byte. */
  readonly bytes: Uint8Array
}

/** Collects rows, then makes a batch of them. */
export class BatchBuilder {
  /** Rows added so far. */
  rowCount = 0
  /** Bytes of chunks added so far. */
  chunkBytes = 0
  readonly #hashes: number[] = []
  readonly #pairStarts: number[] = [0]
  readonly #pairIds: number[] = []
  readonly #chunkStarts: number[] = [0]
  readonly #chunks: LooseChunk[] = []
  readonly #pairIndex = new HashIndex()
  readonly #pairSources: { readonly pairs: PairDictionary; readonly pairId: number }[] = []
  // Ids of the dictionary that the last row came from, as ids of ours: + 1, 0 = not met yet.
  #knownPairs: PairDictionary | undefined
  #knownIds = new Uint32Array(0)

  /** Starts a row with the pairs of `batch`'s row, without those that `dropped` marks; `hash` is its four words. */
  startRow(hash: ArrayLike<number>, batch: SeriesBatch, row: number, dropped?: Uint8Array): void {
    for (let i = 0; i < 4; i++) this.#hashes.push(hash[i]!)
    const { pairs, pairStarts, pairIds } = batch
    if (pairs !== this.#knownPairs) {
      this.#knownPairs = pairs
      this.#knownIds = new Uint32Array(pairs.pairCount)
    }
    for (let i = pairStarts[row]!; i < pairStarts[row + 1]!; i++) {
      const pairId = pairIds[i]!
      if (dropped === undefined || dropped[pairId] === 0)
        this.#pairIds.push(this.#idOf(pairs, pairId))
    }
    this.rowCount++
    this.#pairStarts.push(this.#pairIds.length)
    this.#chunkStarts.push(this.#chunks.length)
  }

  /** Adds a chunk to the row that was started last. */
  addChunk(chunk: LooseChunk): void {
    this.#chunks.push(chunk)
    this.chunkBytes += chunk.bytes.length
    this.#chunkStarts[this.rowCount] = this.#chunks.length
  }

  /** The batch; the builder must not be used again. */
  build(): SeriesBatch {
    const { rowCount } = this
    return {
      rowCount,
      hashes: Uint32Array.from(this.#hashes),
      pairStarts: Uint32Array.from(this.#pairStarts),
      pairIds: Uint32Array.from(this.#pairIds),
      pairs: this.#buildPairs(),
      chunkStarts: Uint32Array.from(this.#chunkStarts),
      chunks: this.#buildChunks(),
    }
  }

  #idOf(pairs: PairDictionary, pairId: number): number {
    const known = this.#knownIds[pairId]!
    if (known !== 0) return known - 1
    const h = pairs.hashes
    const at = 4 * pairId
    const id = this.#pairIndex.add(h[at]!, h[at + 1]!, h[at + 2]!, h[at + 3]!)
    if (id === this.#pairSources.length) this.#pairSources.push({ pairs, pairId })
    this.#knownIds[pairId] = id + 1
    return id
  }

  #buildPairs(): PairDictionary {
    const pairCount = this.#pairSources.length
    const offsets = new Uint32Array(2 * pairCount + 1)
    let size = 0
    for (let i = 0; i < pairCount; i++) {
      const { pairs, pairId } = this.#pairSources[i]!
      const start = pairs.offsets[2 * pairId]!
      offsets[2 * i + 1] = size + pairs.offsets[2 * pairId + 1]! - start
      size += pairs.offsets[2 * pairId + 2]! - start
      offsets[2 * i + 2] = size
    }
    const bytes = new Uint8Array(size)
    for (let i = 0; i < pairCount; i++) {
      const { pairs, pairId } = this.#pairSources[i]!
      const from = pairs.offsets[2 * pairId]!
      bytes.set(pairs.bytes.subarray(from, pairs.offsets[2 * pairId + 2]!), offsets[2 * i]!)
    }
    return { pairCount, bytes, offsets, hashes: this.#pairIndex.words.slice(0, 4 * pairCount) }
  }

  #buildChunks(): SeriesBatch['chunks'] {
    const chunks = this.#chunks
    const bytes = new Uint8Array(this.chunkBytes)
    const offsets = new Uint32Array(chunks.length)
    let offset = 0
    for (let i = 0; i < chunks.length; i++) {
      offsets[i] = offset
      bytes.set(chunks[i]!.bytes, offset)
      offset += chunks[i]!.bytes.length
    }
    return {
      chunkCount: chunks.length,
      encodings: Uint8Array.from(chunks, (chunk) => chunk.encoding),
      minTimesMs: Float64Array.from(chunks, (chunk) => chunk.minTimeMs),
      maxTimesMs: Float64Array.from(chunks, (chunk) => chunk.maxTimeMs),
      offsets,
      sizes: Uint32Array.from(chunks, (chunk) => chunk.bytes.length),
      bytes,
    }
  }
}

/** The chunks of a row, still in the batch's bytes. */
export function rowChunks(batch: SeriesBatch, row: number): LooseChunk[] {
  const { chunks, chunkStarts } = batch
  const out: LooseChunk[] = []
  for (let i = chunkStarts[row]!; i < chunkStarts[row + 1]!; i++) {
    const offset = chunks.offsets[i]!
    out.push({
      encoding: chunks.encodings[i]!,
      minTimeMs: chunks.minTimesMs[i]!,
      maxTimeMs: chunks.maxTimesMs[i]!,
      bytes: chunks.bytes.subarray(offset, offset + chunks.sizes[i]!),
    })
  }
  return out
}

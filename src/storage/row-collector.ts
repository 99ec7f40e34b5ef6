// Row collector: rows of other batches, and chunks encoded here, become one batch with a dictionary of its own.
// Invariants: those of SeriesBatch; the caller adds the chunks of a row in order of minTimeMs.

import type { EncodedChunk } from '../chunk/index.ts'
import { HashIndex } from './hash-index.ts'
import type { ChunkTable, PairDictionary, SeriesBatch } from './series-batch.ts'

/** Collects rows, then makes a batch of them. */
export class RowCollector {
  /** Rows added so far. */
  rowCount = 0
  /** Bytes of chunks added so far. */
  chunkBytes = 0
  readonly #hashes: number[] = []
  readonly #pairStarts: number[] = [0]
  readonly #pairIds: number[] = []
  readonly #chunkStarts: number[] = [0]
  // Chunk i: entry `#chunkIndexes[i]` of a table, or a chunk encoded by the caller.
  readonly #chunks: (ChunkTable | EncodedChunk)[] = []
  readonly #chunkIndexes: number[] = []
  readonly #pairIndex = new HashIndex()
  readonly #pairSources: { readonly pairs: PairDictionary; readonly pairId: number }[] = []
  // Ids of the dictionary that the last row came from, as ids of ours: + 1, 0 = not met yet.
  #knownPairs: PairDictionary | undefined
  #knownIds = new Uint32Array(0)

  /**
   * Starts a row with the pairs of `batch`'s row, without those that `dropped` marks. Its hash is the four words of
   * `hashes` from `hashIndex` on.
   */
  startRow(
    hashes: Uint32Array,
    hashIndex: number,
    batch: SeriesBatch,
    row: number,
    dropped?: Uint8Array,
  ): void {
    for (let i = hashIndex; i < hashIndex + 4; i++) this.#hashes.push(hashes[i]!)
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
  addChunk(chunk: EncodedChunk): void {
    this.#add(chunk, 0, chunk.bytes.length)
  }

  /** Adds chunk `index` of a table to the row that was started last. */
  addChunkOf(chunks: ChunkTable, index: number): void {
    this.#add(chunks, index, chunks.sizes[index]!)
  }

  #add(source: ChunkTable | EncodedChunk, index: number, sizeBytes: number): void {
    this.#chunks.push(source)
    this.#chunkIndexes.push(index)
    this.chunkBytes += sizeBytes
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
    const id = this.#pairIndex.add(pairs.hashes, pairId)
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

  #buildChunks(): ChunkTable {
    const chunkCount = this.#chunks.length
    const out = {
      chunkCount,
      encodings: new Uint8Array(chunkCount),
      minTimesMs: new Float64Array(chunkCount),
      maxTimesMs: new Float64Array(chunkCount),
      offsets: new Uint32Array(chunkCount),
      sizes: new Uint32Array(chunkCount),
      bytes: new Uint8Array(this.chunkBytes),
    }
    let offset = 0
    for (let i = 0; i < chunkCount; i++) {
      out.offsets[i] = offset
      offset += copyChunk(this.#chunks[i]!, this.#chunkIndexes[i]!, out, i)
    }
    return out
  }
}

// Copies a chunk to entry `to`, whose offset is set; returns its size.
function copyChunk(
  source: ChunkTable | EncodedChunk,
  index: number,
  out: ChunkTable,
  to: number,
): number {
  const offset = out.offsets[to]!
  if ('encoding' in source) {
    out.encodings[to] = source.encoding
    out.minTimesMs[to] = source.minTimeMs
    out.maxTimesMs[to] = source.maxTimeMs
    out.sizes[to] = source.bytes.length
    out.bytes.set(source.bytes, offset)
    return source.bytes.length
  }
  const size = source.sizes[index]!
  const from = source.offsets[index]!
  out.encodings[to] = source.encodings[index]!
  out.minTimesMs[to] = source.minTimesMs[index]!
  out.maxTimesMs[to] = source.maxTimesMs[index]!
  out.sizes[to] = size
  out.bytes.set(source.bytes.subarray(from, from + size), offset)
  return size
}

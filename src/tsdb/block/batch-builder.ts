// Batch builder: collects rows, label pairs and chunks in growing columns and hands them over as one series batch.
// Rows first, each `beginRow` and its pairs; then, row by row, its chunks and `endChunks`; rows without need none.
// Invariant: what `finish` returns owns its buffers; the writer starts over with its capacity kept.

import { type HashSeed, hashPair } from '../../kernel/index.ts'
import type { SeriesBatch } from '../../storage/index.ts'
import { U32List } from './u32-list.ts'

/** Builds series batches. The pairs of a row come sorted by name, its chunks by time. */
export class BatchBuilder {
  readonly #seed: HashSeed
  readonly #rowHashes = new U32List()
  readonly #pairStarts = new U32List()
  readonly #pairIds = new U32List()
  readonly #pairOffsets = new U32List()
  readonly #pairHashes = new U32List()
  readonly #chunkEnds = new U32List()
  readonly #chunkOffsets = new U32List()
  readonly #chunkSizes = new U32List()
  readonly #encodings = new U32List()
  #minTimesMs: Float64Array = new Float64Array(1024)
  #maxTimesMs: Float64Array = new Float64Array(1024)
  #pairBytes: Uint8Array = new Uint8Array(16_384)
  #pairByteCount = 0
  #chunkBytes: Uint8Array = new Uint8Array(65_536)
  #chunkByteCount = 0
  readonly #hash = new Uint32Array(4)

  constructor(seed: HashSeed) {
    this.#seed = seed
  }

  get rowCount(): number {
    return this.#pairStarts.length
  }

  get pairCount(): number {
    return this.#pairHashes.length / 4
  }

  /** Starts the next row. Its hash is the sum of the pairs that `addPair` then names. */
  beginRow(): void {
    this.#pairStarts.push(this.#pairIds.length)
    for (let i = 0; i < 4; i++) this.#rowHashes.push(0)
  }

  /** Adds a pair of this batch to the row. */
  addPair(pairId: number): void {
    this.#pairIds.push(pairId)
    const row = this.#rowHashes.length - 4
    for (let i = 0; i < 4; i++) this.#rowHashes.add(row + i, this.#pairHashes.at(4 * pairId + i))
  }

  /** Adds a pair to the dictionary: `[nameStart, nameEnd)` and `[valueStart, valueEnd)` of `bytes`; returns its id. */
  makePair(
    bytes: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
  ): number {
    const size = nameEnd - nameStart + valueEnd - valueStart
    this.#pairBytes = withRoom(this.#pairBytes, this.#pairByteCount, size)
    const start = this.#pairByteCount
    const middle = start + nameEnd - nameStart
    this.#pairBytes.set(bytes.subarray(nameStart, nameEnd), start)
    this.#pairBytes.set(bytes.subarray(valueStart, valueEnd), middle)
    this.#pairByteCount = start + size
    this.#pairOffsets.push(start)
    this.#pairOffsets.push(middle)
    hashPair(this.#seed, this.#pairBytes, start, middle, this.#pairByteCount, this.#hash, 0)
    for (const word of this.#hash) this.#pairHashes.push(word)
    return this.pairCount - 1
  }

  /** Words of the present row's hash: the sum over the pairs so far. */
  rowHash(): Uint32Array {
    return this.#rowHashes.view().subarray(-4)
  }

  /** Takes back the present row. */
  dropRow(): void {
    this.#pairIds.length = this.#pairStarts.at(this.#pairStarts.length - 1)
    this.#pairStarts.length--
    this.#rowHashes.length -= 4
  }

  /** Adds chunk data `[start, end)` of `bytes` to the row whose chunks come next. */
  addChunk(
    encoding: number,
    minTimeMs: number,
    maxTimeMs: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const count = this.#encodings.length
    if (count === this.#minTimesMs.length) {
      this.#minTimesMs = grownTimes(this.#minTimesMs)
      this.#maxTimesMs = grownTimes(this.#maxTimesMs)
    }
    this.#minTimesMs[count] = minTimeMs
    this.#maxTimesMs[count] = maxTimeMs
    this.#encodings.push(encoding)
    this.#chunkOffsets.push(this.#chunkByteCount)
    this.#chunkSizes.push(end - start)
    this.#chunkBytes = withRoom(this.#chunkBytes, this.#chunkByteCount, end - start)
    this.#chunkBytes.set(bytes.subarray(start, end), this.#chunkByteCount)
    this.#chunkByteCount += end - start
  }

  /** The chunks of a row are complete; the next row's follow. */
  endChunks(): void {
    this.#chunkEnds.push(this.#encodings.length)
  }

  /** Bytes of the columns that grow with the answer. */
  get sizeBytes(): number {
    return this.#chunkBytes.length + this.#pairBytes.length + 16 * this.#minTimesMs.length
  }

  /** The batch; the writer is empty afterwards. All its columns lie in one buffer: one to hand over, one to collect. */
  finish(): SeriesBatch {
    const rowCount = this.rowCount
    const pairCount = this.pairCount
    this.#pairStarts.push(this.#pairIds.length)
    this.#pairOffsets.push(this.#pairByteCount)
    const chunkCount = this.#encodings.length
    const out = new Packer(this.#packedSizeBytes(rowCount, chunkCount))
    const batch: SeriesBatch = {
      rowCount,
      chunks: {
        chunkCount,
        minTimesMs: out.doubles(this.#minTimesMs.subarray(0, chunkCount)),
        maxTimesMs: out.doubles(this.#maxTimesMs.subarray(0, chunkCount)),
        offsets: out.words(this.#chunkOffsets.view()),
        sizes: out.words(this.#chunkSizes.view()),
        encodings: out.bytes(this.#encodings.view()),
        bytes: out.bytes(this.#chunkBytes.subarray(0, this.#chunkByteCount)),
      },
      pairs: {
        pairCount,
        bytes: out.bytes(this.#pairBytes.subarray(0, this.#pairByteCount)),
        offsets: out.words(this.#pairOffsets.view()),
        hashes: out.words(this.#pairHashes.view()),
      },
      hashes: out.words(this.#rowHashes.view()),
      pairStarts: out.words(this.#pairStarts.view()),
      pairIds: out.words(this.#pairIds.view()),
      chunkStarts: out.starts(this.#chunkEnds.view(), rowCount + 1),
    }
    this.#clear()
    return batch
  }

  #packedSizeBytes(rowCount: number, chunkCount: number): number {
    const words = [
      this.#rowHashes,
      this.#pairStarts,
      this.#pairIds,
      this.#pairOffsets,
      this.#pairHashes,
      this.#chunkOffsets,
      this.#chunkSizes,
    ].reduce((sum, list) => sum + list.length, rowCount + 1)
    const alignment = 8 * 16
    return (
      16 * chunkCount +
      4 * words +
      chunkCount +
      this.#pairByteCount +
      this.#chunkByteCount +
      alignment
    )
  }

  #clear(): void {
    const lists = [
      this.#rowHashes,
      this.#pairStarts,
      this.#pairIds,
      this.#pairOffsets,
      this.#pairHashes,
      this.#chunkEnds,
      this.#chunkOffsets,
      this.#chunkSizes,
      this.#encodings,
    ]
    for (const list of lists) list.clear()
    this.#pairByteCount = 0
    this.#chunkByteCount = 0
  }
}

// Copies columns one behind the other, each aligned to eight bytes.
class Packer {
  readonly #buffer: ArrayBuffer
  #at = 0

  constructor(sizeBytesMax: number) {
    this.#buffer = new ArrayBuffer(sizeBytesMax)
  }

  doubles(column: Float64Array): Float64Array {
    const out = new Float64Array(this.#buffer, this.#take(8 * column.length), column.length)
    out.set(column)
    return out
  }

  words(column: Uint32Array): Uint32Array {
    const out = new Uint32Array(this.#buffer, this.#take(4 * column.length), column.length)
    out.set(column)
    return out
  }

  /** Zero, then the column, then zeros up to `count` of all. */
  starts(column: Uint32Array, count: number): Uint32Array {
    const out = new Uint32Array(this.#buffer, this.#take(4 * count), count)
    out.set(column, 1)
    return out
  }

  bytes(column: ArrayLike<number>): Uint8Array {
    const out = new Uint8Array(this.#buffer, this.#take(column.length), column.length)
    out.set(column)
    return out
  }

  #take(sizeBytes: number): number {
    const at = this.#at
    this.#at = (at + sizeBytes + 7) & ~7
    return at
  }
}

function withRoom(bytes: Uint8Array, used: number, extra: number): Uint8Array {
  if (used + extra <= bytes.length) return bytes
  const grown = new Uint8Array(Math.max(2 * bytes.length, used + extra))
  grown.set(bytes.subarray(0, used))
  return grown
}

function grownTimes(column: Float64Array): Float64Array {
  const grown = new Float64Array(2 * column.length)
  grown.set(column)
  return grown
}

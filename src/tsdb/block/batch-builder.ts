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
  #chunkCount = 0
  #encodings: Uint8Array = new Uint8Array(1024)
  #minTimesMs: Float64Array = new Float64Array(1024)
  #maxTimesMs: Float64Array = new Float64Array(1024)
  #pairBytes: Uint8Array = new Uint8Array(16_384)
  #pairByteCount = 0
  #chunkBytes: Uint8Array = new Uint8Array(65_536)
  #chunkWords = new Uint32Array(this.#chunkBytes.buffer)
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

  get chunkCount(): number {
    return this.#chunkCount
  }

  /** Bytes of the chunks so far. */
  get chunkByteCount(): number {
    return this.#chunkByteCount
  }

  /** Starts the next row, whose hash is known: four words from `words[at]` on. Its pairs follow with `addPairId`. */
  beginHashedRow(words: Uint32Array, at: number): void {
    this.#pairStarts.push(this.#pairIds.length)
    for (let i = at; i < at + 4; i++) this.#rowHashes.push(words[i]!)
  }

  /** Adds a pair of this batch to a row whose hash is known. */
  addPairId(pairId: number): void {
    this.#pairIds.push(pairId)
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
    const name = bytes.subarray(nameStart, nameEnd)
    const start = this.#pairByteCount
    const middle = start + name.length
    this.#pushPair(name, bytes.subarray(valueStart, valueEnd))
    hashPair(this.#seed, this.#pairBytes, start, middle, this.#pairByteCount, this.#hash, 0)
    for (const word of this.#hash) this.#pairHashes.push(word)
    return this.pairCount - 1
  }

  /** Adds a pair whose hash is known: four words from `words[at]` on; returns its id. */
  makeHashedPair(name: Uint8Array, value: Uint8Array, words: Uint32Array, at: number): number {
    this.#pushPair(name, value)
    for (let i = at; i < at + 4; i++) this.#pairHashes.push(words[i]!)
    return this.pairCount - 1
  }

  #pushPair(name: Uint8Array, value: Uint8Array): void {
    const size = name.length + value.length
    this.#pairBytes = withRoom(this.#pairBytes, this.#pairByteCount, size)
    const start = this.#pairByteCount
    const middle = start + name.length
    this.#pairBytes.set(name, start)
    this.#pairBytes.set(value, middle)
    this.#pairByteCount = start + size
    this.#pairOffsets.push(start)
    this.#pairOffsets.push(middle)
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
    const size = end - start
    this.#reserveChunkBytes(size)
    this.#chunkBytes.set(bytes.subarray(start, end), this.#chunkByteCount)
    this.endChunk(encoding, minTimeMs, maxTimeMs, size)
  }

  /**
   * Makes room for chunk data of up to `sizeMax` bytes that the caller writes to `chunkWords` or `chunkBytes` from the
   * returned offset on, a multiple of four, before it calls `endChunk`.
   */
  chunkRoom(sizeMax: number): number {
    this.#chunkByteCount = (this.#chunkByteCount + 3) & ~3
    this.#reserveChunkBytes((sizeMax + 3) & ~3)
    return this.#chunkByteCount
  }

  /** Chunk data as words and as bytes; valid until the next room is made. */
  get chunkWords(): Uint32Array {
    return this.#chunkWords
  }

  get chunkBytes(): Uint8Array {
    return this.#chunkBytes
  }

  /** Sorts the chunks from `from` on, those of one row, by their first times; equal ones keep their order. */
  sortChunks(from: number): void {
    const count = this.#chunkCount - from
    if (this.#isSorted(from)) return
    const [minTimesMs, maxTimesMs] = [this.#minTimesMs, this.#maxTimesMs]
    const [encodings, offsets, sizes] = [this.#encodings, this.#chunkOffsets, this.#chunkSizes]
    const order = Array.from({ length: count }, (_, i) => from + i)
    order.sort((a, b) => minTimesMs[a]! - minTimesMs[b]!)
    const sorted = order.map((i) => ({
      minTimeMs: minTimesMs[i]!,
      maxTimeMs: maxTimesMs[i]!,
      encoding: encodings[i]!,
      offset: offsets.at(i),
      size: sizes.at(i),
    }))
    sorted.forEach((chunk, i) => {
      minTimesMs[from + i] = chunk.minTimeMs
      maxTimesMs[from + i] = chunk.maxTimeMs
      encodings[from + i] = chunk.encoding
      offsets.set(from + i, chunk.offset)
      sizes.set(from + i, chunk.size)
    })
  }

  #isSorted(from: number): boolean {
    const minTimesMs = this.#minTimesMs
    for (let i = from + 1; i < this.#chunkCount; i++)
      if (minTimesMs[i]! < minTimesMs[i - 1]!) return false
    return true
  }

  #reserveChunkBytes(size: number): void {
    if (this.#chunkByteCount + size <= this.#chunkBytes.length) return
    this.#chunkBytes = withRoom(this.#chunkBytes, this.#chunkByteCount, size)
    this.#chunkWords = new Uint32Array(this.#chunkBytes.buffer)
  }

  /** Adds the chunk that was written to the room: `size` bytes. */
  endChunk(encoding: number, minTimeMs: number, maxTimeMs: number, size: number): void {
    const count = this.#chunkCount
    if (count === this.#encodings.length) {
      this.#minTimesMs = grownTimes(this.#minTimesMs)
      this.#maxTimesMs = grownTimes(this.#maxTimesMs)
      this.#encodings = withRoom(this.#encodings, count, count)
    }
    this.#minTimesMs[count] = minTimeMs
    this.#maxTimesMs[count] = maxTimeMs
    this.#encodings[count] = encoding
    this.#chunkOffsets.push(this.#chunkByteCount)
    this.#chunkSizes.push(size)
    this.#chunkByteCount += size
    this.#chunkCount = count + 1
  }

  /** The chunks of a row are complete; the next row's follow. */
  endChunks(): void {
    this.#chunkEnds.push(this.#chunkCount)
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
    const chunkCount = this.#chunkCount
    const out = new Packer(this.#packedSizeBytes(rowCount, chunkCount))
    const batch: SeriesBatch = {
      rowCount,
      chunks: {
        chunkCount,
        minTimesMs: out.doubles(this.#minTimesMs.subarray(0, chunkCount)),
        maxTimesMs: out.doubles(this.#maxTimesMs.subarray(0, chunkCount)),
        offsets: out.words(this.#chunkOffsets.view()),
        sizes: out.words(this.#chunkSizes.view()),
        encodings: out.bytes(this.#encodings.subarray(0, chunkCount)),
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
    ]
    for (const list of lists) list.clear()
    this.#chunkCount = 0
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

  bytes(column: Uint8Array): Uint8Array {
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
  const grown = new Uint8Array((Math.max(2 * bytes.length, used + extra) + 3) & ~3)
  grown.set(bytes.subarray(0, used))
  return grown
}

function grownTimes(column: Float64Array): Float64Array {
  const grown = new Float64Array(2 * column.length)
  grown.set(column)
  return grown
}

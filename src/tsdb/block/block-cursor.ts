// Block cursor: walks over selected series of one block and hands them over batch by batch.
// Units: Unix milliseconds, bounds inclusive. Invariants: batches stay near 1024 rows and 1 MiB of chunks; rows come in
// the order of the index, which is the order of labels; deleted samples are left out.

import type { TimeRange } from '../../model/index.ts'
import type { CancelSignal, SelectRequest, SeriesBatch, SeriesCursor } from '../../storage/index.ts'
import type { BatchBuilder } from './batch-builder.ts'
import type { ChunkSource } from './chunk-record.ts'
import { SeriesEntry, type SeriesIndex } from './index-reader.ts'
import { rechunk } from './rechunk.ts'
import type { Tombstones } from './tombstones.ts'

const rowsPerBatch = 1024
const chunkBytesPerBatch = 1024 * 1024
/** A guess at the size of a chunk that no other of its series follows. */
const chunkSizeBytesGuess = 512
const allTime: TimeRange = { minTimeMs: -Infinity, maxTimeMs: Infinity }

/** What the cursor reads from; `release` is called once, when the cursor is closed. */
export interface CursorSource {
  readonly index: SeriesIndex
  readonly segments: ChunkSource
  readonly tombstones: Tombstones
  /** Brings the entries of some series near, before `index` is asked for them one by one. */
  prepare?(ids: Uint32Array): Promise<void>
  release(): void
}

/** The chunks that the rows of the batch being built still wait for, as columns. */
interface PendingChunks {
  readonly refs: number[]
  readonly minTimesMs: number[]
  readonly maxTimesMs: number[]
  /** Deleted intervals of the series where they cut the chunk. */
  readonly deleted: (readonly TimeRange[] | undefined)[]
  /** By row: how many chunks there are up to and with that row. */
  readonly rowEnds: number[]
}

/** Chunk data by pending chunk: encodings, and ranges of `bytes`. */
interface LoadedChunks {
  readonly encodings: Uint8Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  bytes: Uint8Array
}

/** Rows of the series `ids` within the request's range. */
export class BlockCursor implements SeriesCursor {
  readonly warnings: readonly string[] = []
  readonly #source: CursorSource
  readonly #ids: Uint32Array
  readonly #request: SelectRequest
  readonly #signal: CancelSignal
  readonly #builder: BatchBuilder
  readonly #entry = new SeriesEntry()
  /** Name ref × 2^32 + value ref → pair id, for the batch being built. */
  readonly #pairs = new Map<number, number>()
  #pending = noChunks()
  #pendingBytes = 0
  #at = 0
  #preparedTo = 0
  #rowsLeft: number
  #closed = false

  constructor(
    source: CursorSource,
    ids: Uint32Array,
    request: SelectRequest,
    builder: BatchBuilder,
    signal: CancelSignal,
  ) {
    this.#source = source
    this.#ids = ids
    this.#request = request
    this.#builder = builder
    this.#signal = signal
    this.#rowsLeft = request.hints.limit || Infinity
  }

  /** The next batch; undefined at the end. Rejects with CorruptionError, or when the caller must stop. */
  async next(): Promise<SeriesBatch | undefined> {
    if (this.#closed) return undefined
    this.#signal.check()
    this.#pending = noChunks()
    this.#pendingBytes = 0
    this.#pairs.clear()
    const builder = this.#builder
    while (
      this.#at < this.#ids.length &&
      builder.rowCount < Math.min(rowsPerBatch, this.#rowsLeft) &&
      this.#pendingBytes < chunkBytesPerBatch
    ) {
      if ((this.#at & 255) === 0) this.#signal.check()
      if (this.#at >= this.#preparedTo && this.#source.prepare !== undefined) {
        this.#preparedTo = this.#at + rowsPerBatch
        await this.#source.prepare(this.#ids.subarray(this.#at, this.#preparedTo))
        if (this.#closed) return undefined
      }
      this.#addRow(this.#ids[this.#at++]!)
    }
    if (builder.rowCount === 0) {
      this.close()
      return undefined
    }
    this.#rowsLeft -= builder.rowCount
    if (this.#request.hints.func !== 'series') await this.#addChunks()
    return builder.finish()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#source.release()
  }

  #addRow(id: number): void {
    const entry = this.#entry
    this.#source.index.readSeries(id, entry)
    const pending = this.#pending
    const chunkCount = pending.refs.length
    this.#collectChunks(this.#source.tombstones.get(id) ?? [])
    if (pending.refs.length === chunkCount) return
    const builder = this.#builder
    builder.beginRow()
    for (let i = 0; i < entry.labelCount; i++)
      builder.addPair(this.#pairId(entry.nameRefs[i]!, entry.valueRefs[i]!))
    const { shard } = this.#request.hints
    if (shard !== undefined && builder.rowHash()[0]! % shard.count !== shard.index) {
      builder.dropRow()
      truncate(pending, chunkCount)
      return
    }
    pending.rowEnds.push(pending.refs.length)
    for (let i = chunkCount; i < pending.refs.length; i++) {
      const size = pending.refs[i + 1]! - pending.refs[i]!
      this.#pendingBytes += size > 0 && size < chunkBytesPerBatch ? size : chunkSizeBytesGuess
    }
  }

  #collectChunks(intervals: readonly TimeRange[]): void {
    const { minTimeMs, maxTimeMs } = this.#request
    const { chunkCount, minTimesMs, maxTimesMs, chunkRefs } = this.#entry
    const pending = this.#pending
    for (let i = 0; i < chunkCount; i++) {
      const from = minTimesMs[i]!
      const to = maxTimesMs[i]!
      if (to < minTimeMs || from > maxTimeMs) continue
      if (intervals.some((gap) => gap.minTimeMs <= from && to <= gap.maxTimeMs)) continue
      const cut = intervals.some((gap) => gap.minTimeMs <= to && from <= gap.maxTimeMs)
      pending.refs.push(chunkRefs[i]!)
      pending.minTimesMs.push(from)
      pending.maxTimesMs.push(to)
      pending.deleted.push(cut ? intervals : undefined)
    }
  }

  #pairId(nameRef: number, valueRef: number): number {
    const key = nameRef * 0x1_0000_0000 + valueRef
    const known = this.#pairs.get(key)
    if (known !== undefined) return known
    const pair = this.#source.index.symbols.pair(nameRef, valueRef)
    const { bytes, nameStart, nameEnd, valueStart, valueEnd } = pair
    const made = this.#builder.makePair(bytes, nameStart, nameEnd, valueStart, valueEnd)
    this.#pairs.set(key, made)
    return made
  }

  async #addChunks(): Promise<void> {
    const { minTimesMs, maxTimesMs, deleted, rowEnds } = this.#pending
    const { encodings, starts, ends, bytes } = await this.#load()
    const builder = this.#builder
    let at = 0
    for (const rowEnd of rowEnds) {
      for (; at < rowEnd; at++) {
        const encoding = encodings[at]!
        const start = starts[at]!
        const gaps = deleted[at]
        if (gaps === undefined) {
          builder.addChunk(encoding, minTimesMs[at]!, maxTimesMs[at]!, bytes, start, ends[at]!)
          continue
        }
        const slice = { encoding, bytes, offset: start, sizeBytes: ends[at]! - start }
        for (const left of rechunk([slice], allTime, gaps)) {
          const { length } = left.bytes
          builder.addChunk(left.encoding, left.minTimeMs, left.maxTimeMs, left.bytes, 0, length)
        }
      }
      builder.endChunks()
    }
  }

  async #load(): Promise<LoadedChunks> {
    const refs = Float64Array.from(this.#pending.refs)
    const loaded: LoadedChunks = {
      encodings: new Uint8Array(refs.length),
      starts: new Uint32Array(refs.length),
      ends: new Uint32Array(refs.length),
      bytes: new Uint8Array(2 * this.#pendingBytes + 4096),
    }
    let used = 0
    await this.#source.segments.read(refs, (index, encoding, bytes, start, end) => {
      const size = end - start
      if (used + size > loaded.bytes.length) {
        const grown = new Uint8Array(2 * (used + size))
        grown.set(loaded.bytes.subarray(0, used))
        loaded.bytes = grown
      }
      loaded.bytes.set(bytes.subarray(start, end), used)
      loaded.encodings[index] = encoding
      loaded.starts[index] = used
      used += size
      loaded.ends[index] = used
    })
    return loaded
  }
}

function noChunks(): PendingChunks {
  return { refs: [], minTimesMs: [], maxTimesMs: [], deleted: [], rowEnds: [] }
}

function truncate(pending: PendingChunks, chunkCount: number): void {
  const { refs, minTimesMs, maxTimesMs, deleted } = pending
  for (const column of [refs, minTimesMs, maxTimesMs, deleted]) column.length = chunkCount
}

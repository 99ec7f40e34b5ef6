// Merging cursors: the same series from several sources becomes one row with the chunks of all.
// Invariants: rows with equal hashes are one series; the chunks of a row are sorted by minTimeMs, among equals those of
// the earlier cursor come first; batches are bounded in rows and bytes.

import type { MemoryAccount } from './memory-account.ts'
import type { SeriesCursor } from './queryable.ts'
import { RowCollector } from './row-collector.ts'
import { RowGroups } from './row-groups.ts'
import type { RowRef } from './row-order.ts'
import { compareRows } from './row-order.ts'
import type { SeriesBatch } from './series-batch.ts'
import { batchSizeBytes } from './series-batch.ts'

/** How to merge. */
export interface MergeOptions {
  /** The cursors are sorted by labels, and so is the merged one. Otherwise all rows are read before the first is given. */
  readonly sorted: boolean
  /** A batch is full with this many rows. */
  readonly rowCountMax?: number
  /** A batch is full with this many bytes of chunks; one row may exceed it. */
  readonly chunkBytesMax?: number
  /** Where batches are counted that an unsorted merge holds until it has read them all. */
  readonly memory?: MemoryAccount | undefined
}

const rowCountMaxDefault = 2048
const chunkBytesMaxDefault = 4 * 2 ** 20

/** One cursor over the series of all. A source's error fails it; closing it closes all. */
export function mergeCursors(
  cursors: readonly SeriesCursor[],
  options: MergeOptions,
): SeriesCursor {
  return options.sorted
    ? new SortedMerge(cursors, boundsOf(options))
    : new HashMerge(cursors, boundsOf(options), options.memory)
}

interface Bounds {
  readonly rowCountMax: number
  readonly chunkBytesMax: number
}

function boundsOf(options: MergeOptions): Bounds {
  const { rowCountMax = rowCountMaxDefault, chunkBytesMax = chunkBytesMaxDefault } = options
  return { rowCountMax, chunkBytesMax }
}

function isFull(builder: RowCollector, bounds: Bounds): boolean {
  return builder.rowCount >= bounds.rowCountMax || builder.chunkBytes >= bounds.chunkBytesMax
}

/** Adds one series, given by all its rows. */
function addSeries(builder: RowCollector, rows: readonly RowRef[]): void {
  const { batch, row } = rows[0]!
  builder.startRow(batch.hashes, 4 * row, batch, row)
  if (rows.length === 1) addRowChunks(builder, rows[0]!)
  else if (followEachOther(rows)) for (const ref of rows) addRowChunks(builder, ref)
  else addInterleaved(builder, rows)
}

/** Adds all chunks of a row to the one that was started last. */
export function addRowChunks(builder: RowCollector, { batch, row }: RowRef): void {
  const end = batch.chunkStarts[row + 1]!
  for (let i = batch.chunkStarts[row]!; i < end; i++) builder.addChunkOf(batch.chunks, i)
}

// Whether the chunks of each row start after the last chunk of the row before has started.
function followEachOther(rows: readonly RowRef[]): boolean {
  let lastMinMs = -Infinity
  for (const { batch, row } of rows) {
    const from = batch.chunkStarts[row]!
    const end = batch.chunkStarts[row + 1]!
    if (from === end) continue
    if (batch.chunks.minTimesMs[from]! < lastMinMs) return false
    lastMinMs = batch.chunks.minTimesMs[end - 1]!
  }
  return true
}

function addInterleaved(builder: RowCollector, rows: readonly RowRef[]): void {
  const order = rows.flatMap(({ batch: { chunks, chunkStarts }, row }) => {
    const from = chunkStarts[row]!
    return Array.from({ length: chunkStarts[row + 1]! - from }, (_, i) => ({
      chunks,
      index: from + i,
      minTimeMs: chunks.minTimesMs[from + i]!,
    }))
  })
  // The sort is stable, so equal times stay in the order of the cursors.
  order.sort((a, b) => a.minTimeMs - b.minTimeMs)
  for (const { chunks, index } of order) builder.addChunkOf(chunks, index)
}

// A batch, and the groups that its rows were the first of: [from, to).
interface BatchGroups {
  readonly batch: SeriesBatch
  readonly from: number
  readonly to: number
}

// A smaller batch is copied into a larger one rather than handed on.
const handedOnRowsMin = 64

function isHandedOn({ rowCount, chunks }: SeriesBatch, bounds: Bounds): boolean {
  if (rowCount < handedOnRowsMin || rowCount > bounds.rowCountMax) return false
  return chunks.bytes.length <= bounds.chunkBytesMax
}

class HashMerge implements SeriesCursor {
  readonly #cursors: readonly SeriesCursor[]
  readonly #bounds: Bounds
  readonly #memory: MemoryAccount | undefined
  #groups = new RowGroups()
  #parts: BatchGroups[] | undefined
  #heldBytes = 0
  #nextPart = 0
  #nextGroup = 0

  constructor(cursors: readonly SeriesCursor[], bounds: Bounds, memory: MemoryAccount | undefined) {
    this.#cursors = cursors
    this.#bounds = bounds
    this.#memory = memory
  }

  get warnings(): readonly string[] {
    return warningsOf(this.#cursors)
  }

  async next(): Promise<SeriesBatch | undefined> {
    this.#parts ??= await this.#collect()
    const builder = new RowCollector()
    while (this.#nextPart < this.#parts.length && !isFull(builder, this.#bounds)) {
      const part = this.#parts[this.#nextPart]!
      if (this.#nextGroup === part.from && this.#isHandedOn(part)) {
        if (builder.rowCount > 0) break
        this.#nextPart++
        this.#nextGroup = part.to
        // From here on the one who asked holds it.
        this.#hold(-heldSizeBytes(part.batch))
        return part.batch
      }
      while (this.#nextGroup < part.to && !isFull(builder, this.#bounds))
        addSeries(builder, this.#groups.rowsOf(this.#nextGroup++))
      if (this.#nextGroup === part.to) this.#nextPart++
    }
    return builder.rowCount > 0 ? builder.build() : undefined
  }

  close(): void {
    this.#groups = new RowGroups()
    this.#parts = []
    this.#hold(-this.#heldBytes)
    for (const cursor of this.#cursors) cursor.close()
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#memory?.hold(bytes)
  }

  // Whether no other source has any series of this batch, so that nothing of it has to be copied.
  #isHandedOn({ batch, from, to }: BatchGroups): boolean {
    if (!isHandedOn(batch, this.#bounds)) return false
    if (to - from < batch.rowCount) return false
    for (let group = from; group < to; group++) if (!this.#groups.isSingle(group)) return false
    return true
  }

  // Cursors are read side by side, but rows are added in the order of the cursors, so that answers repeat.
  async #collect(): Promise<BatchGroups[]> {
    const parts: BatchGroups[] = []
    const noted = (batch: SeriesBatch): void => this.#hold(heldSizeBytes(batch))
    const read = this.#cursors.map((cursor) => readAll(cursor, noted))
    for (const batches of await Promise.all(read))
      for (const batch of batches) {
        const from = this.#groups.count
        this.#groups.addBatch(batch)
        parts.push({ batch, from, to: this.#groups.count })
      }
    return parts
  }
}

/** All batches of a cursor; `noted` is told of each as it comes and may throw to stop. */
export async function readAll(
  cursor: SeriesCursor,
  noted: (batch: SeriesBatch) => void,
): Promise<SeriesBatch[]> {
  const batches: SeriesBatch[] = []
  for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
    noted(batch)
    batches.push(batch)
  }
  return batches
}

// A row's place among the groups: an object, an entry and its share of the index.
const groupedRowSizeBytes = 100

/** What a batch takes whose rows are grouped. */
export function heldSizeBytes(batch: SeriesBatch): number {
  return batchSizeBytes(batch) + groupedRowSizeBytes * batch.rowCount
}

/** What is missing from any of the cursors, each warning once. */
export function warningsOf(sources: readonly { readonly warnings: readonly string[] }[]): string[] {
  return [...new Set(sources.flatMap((source) => source.warnings))]
}

/** The place of a sorted cursor: its current row, undefined at its end. */
class SortedSource {
  current: RowRef | undefined
  readonly #cursor: SeriesCursor
  #ahead: { readonly batch: SeriesBatch | undefined } | undefined

  constructor(cursor: SeriesCursor) {
    this.#cursor = cursor
  }

  /** Steps within the batch; returns false where the next batch must be awaited. */
  step(): boolean {
    const { current } = this
    if (current === undefined || current.row + 1 >= current.batch.rowCount) return false
    this.current = { batch: current.batch, row: current.row + 1 }
    return true
  }

  async pull(): Promise<void> {
    const batch = await this.peek()
    this.#ahead = undefined
    this.current = batch === undefined ? undefined : { batch, row: 0 }
  }

  /** The batch after the present one, read but not stepped to. */
  async peek(): Promise<SeriesBatch | undefined> {
    if (this.#ahead !== undefined) return this.#ahead.batch
    let batch = await this.#cursor.next()
    while (batch !== undefined && batch.rowCount === 0) batch = await this.#cursor.next()
    this.#ahead = { batch }
    return batch
  }
}

class SortedMerge implements SeriesCursor {
  readonly #cursors: readonly SeriesCursor[]
  readonly #sources: readonly SortedSource[]
  readonly #bounds: Bounds
  #started = false
  #closed = false

  constructor(cursors: readonly SeriesCursor[], bounds: Bounds) {
    this.#cursors = cursors
    this.#sources = cursors.map((cursor) => new SortedSource(cursor))
    this.#bounds = bounds
  }

  get warnings(): readonly string[] {
    return warningsOf(this.#cursors)
  }

  async next(): Promise<SeriesBatch | undefined> {
    if (!this.#started) {
      this.#started = true
      await Promise.all(this.#sources.map((source) => source.pull()))
    }
    const last = this.#lastSource()
    const whole = last === undefined ? undefined : await this.#takeWhole(last)
    if (whole !== undefined) return whole
    const builder = new RowCollector()
    while (!this.#closed && !isFull(builder, this.#bounds)) {
      const rows = await this.#takeLeast()
      if (rows.length === 0) break
      addSeries(builder, rows)
      const { batch, row } = rows.at(-1)!
      if (row === batch.rowCount - 1 && this.#isWholeNext()) break
    }
    return builder.rowCount > 0 ? builder.build() : undefined
  }

  close(): void {
    this.#closed = true
    for (const cursor of this.#cursors) cursor.close()
  }

  // The one source that has rows left, where there is one only.
  #lastSource(): SortedSource | undefined {
    const left = this.#sources.filter(({ current }) => current !== undefined)
    return left.length === 1 && !this.#closed ? left[0] : undefined
  }

  // Whether the next batch could be handed on, so that this one should end here.
  #isWholeNext(): boolean {
    const next = this.#lastSource()?.current
    return next?.row === 0 && isHandedOn(next.batch, this.#bounds)
  }

  // A batch of the last source is handed on as it is, unless a series of it comes again and has to be joined.
  async #takeWhole(source: SortedSource): Promise<SeriesBatch | undefined> {
    const { batch, row } = source.current!
    if (row !== 0 || !isHandedOn(batch, this.#bounds) || hasRepeats(batch)) return undefined
    const next = await source.peek()
    const lastRow = { batch, row: batch.rowCount - 1 }
    if (next !== undefined && sameHash(lastRow, { batch: next, row: 0 })) return undefined
    await source.pull()
    return batch
  }

  // Takes all rows of the series that comes first; a source may bring it more than once.
  async #takeLeast(): Promise<RowRef[]> {
    let least: RowRef | undefined
    for (const { current } of this.#sources)
      if (current !== undefined && (least === undefined || comesBefore(current, least)))
        least = current
    const rows: RowRef[] = []
    if (least === undefined) return rows
    for (const source of this.#sources)
      while (source.current !== undefined && sameHash(source.current, least)) {
        rows.push(source.current)
        if (!source.step()) await source.pull()
      }
    return rows
  }
}

// Equal rows, the usual case where sources overlap, are told by their hashes rather than by all their bytes.
function comesBefore(a: RowRef, b: RowRef): boolean {
  return !sameHash(a, b) && compareRows(a, b) < 0
}

function hasRepeats(batch: SeriesBatch): boolean {
  for (let row = 1; row < batch.rowCount; row++)
    if (sameHash({ batch, row: row - 1 }, { batch, row })) return true
  return false
}

function sameHash(a: RowRef, b: RowRef): boolean {
  for (let i = 0; i < 4; i++)
    if (a.batch.hashes[4 * a.row + i] !== b.batch.hashes[4 * b.row + i]) return false
  return true
}

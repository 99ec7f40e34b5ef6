// Block: one immutable block of local disk as a source of series.
// Units: Unix milliseconds; the block's own bounds are half-open, a request's are inclusive.
// Invariants: the index is opened at first use and may be closed while idle; files are closed when nobody reads any more; `retire` removes the
// directory only after the last cursor was closed.

import { dirname, join } from 'node:path'
import type { HashSeed } from '../../kernel/index.ts'
import { assert, compareUtf8, type Matcher, type TimeRange } from '../../model/index.ts'
import type {
  CancelSignal,
  LabelAnswer,
  LabelRequest,
  MatcherCompiler,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from '../../storage/index.ts'
import { type Files, nodeFiles } from '../files.ts'
import { BatchBuilder } from './batch-builder.ts'
import { BlockCursor } from './block-cursor.ts'
import { type BlockMeta, readBlockMeta, writeBlockMeta } from './block-meta.ts'
import type { IndexBudget, IndexHolder } from './index-budget.ts'
import { IndexReader, SeriesEntry } from './index-reader.ts'
import { matchPostings } from './match-postings.ts'
import { intersect } from './postings.ts'
import { SegmentReader } from './segment-reader.ts'
import { addInterval, readTombstones, type Tombstones, writeTombstones } from './tombstones.ts'

/** What a block needs of its surroundings. */
export interface BlockOptions {
  /** The process' seed of pair hashes. */
  readonly seed: HashSeed
  readonly compileMatcher: MatcherCompiler
  /** The disk; this machine's where absent. */
  readonly files?: Files
  /** An index up to this size is held in memory while the block is open; 8 MiB where absent. */
  readonly wholeIndexSizeBytesMax?: number
  /** Bounds the memory of all indexes that share it; no bound where absent. */
  readonly indexBudget?: IndexBudget
}

/** What a directory that is being removed ends in. */
const deletionSuffix = '.tmp-for-deletion'
const defaultWholeIndexSizeBytesMax = 8 * 1024 * 1024

/** Opens the block in `directory`. Rejects with CorruptionError, or the disk's error when it is incomplete. */
export async function openBlock(directory: string, options: BlockOptions): Promise<Block> {
  const files = options.files ?? nodeFiles
  const meta = readBlockMeta(directory, files)
  const tombstones = readTombstones(files, directory)
  // Counted anew: a crash may have left the count of before.
  return new Block(directory, withTombstoneCount(meta, tombstones), tombstones, options)
}

/** A source of series over one block. Build with `openBlock`. */
export class Block implements Queryable, IndexHolder {
  readonly directory: string
  readonly #options: BlockOptions
  readonly #files: Files
  readonly #segments: SegmentReader
  #meta: BlockMeta
  #tombstones: Tombstones
  #index: IndexReader | undefined
  #readerCount = 0
  #closing = false
  #retiring = false

  constructor(directory: string, meta: BlockMeta, tombstones: Tombstones, options: BlockOptions) {
    this.directory = directory
    this.#meta = meta
    this.#tombstones = tombstones
    this.#options = options
    this.#files = options.files ?? nodeFiles
    this.#segments = new SegmentReader(this.#files, join(directory, 'chunks'))
  }

  get meta(): BlockMeta {
    return this.#meta
  }

  /** Whether the block has samples in the inclusive range. */
  overlaps(minTimeMs: number, maxTimeMs: number): boolean {
    return this.#meta.minTimeMs <= maxTimeMs && minTimeMs < this.#meta.maxTimeMs
  }

  /** Rows in the order of their labels, always. Tenants are the caller's matter: the block belongs to one. */
  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    this.#retain()
    try {
      const index = this.#openIndex()
      const ids = this.overlaps(request.minTimeMs, request.maxTimeMs)
        ? this.#match(index, request.matchers, signal)
        : new Uint32Array(0)
      const source = {
        index,
        segments: this.#segments,
        tombstones: this.#tombstones,
        release: () => this.#release(),
      }
      return new BlockCursor(source, ids, request, new BatchBuilder(this.#options.seed), signal)
    } catch (error) {
      this.#release()
      throw error
    }
  }

  async labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, (index) => {
      if (request.matchers.length === 0) return index.labelNames()
      const ids = this.#match(index, request.matchers, signal)
      const entry = new SeriesEntry()
      const refs = new Set<number>()
      for (let i = 0; i < ids.length; i++) {
        if ((i & 255) === 0) signal.check()
        index.readSeries(ids[i]!, entry)
        for (let label = 0; label < entry.labelCount; label++) refs.add(entry.nameRefs[label]!)
      }
      return [...refs].map((ref) => index.symbols.text(ref)).sort(compareUtf8)
    })
  }

  async labelValues(
    name: string,
    request: LabelRequest,
    signal: CancelSignal,
  ): Promise<LabelAnswer> {
    return this.#list(request, (index) => {
      const ids =
        request.matchers.length === 0 ? undefined : this.#match(index, request.matchers, signal)
      const values: string[] = []
      let visited = 0
      index.forEachValue(name, '', (value, list) => {
        if ((++visited & 255) === 0) signal.check()
        if (ids === undefined || intersect(ids, list()).length > 0) values.push(value)
      })
      return values
    })
  }

  /**
   * Marks samples of the matching series within the inclusive range as deleted, durably. Returns how many series had
   * chunks there.
   */
  deleteSeries(matchers: readonly Matcher[], range: TimeRange, signal: CancelSignal): number {
    if (!this.overlaps(range.minTimeMs, range.maxTimeMs)) return 0
    this.#retain()
    try {
      const index = this.#openIndex()
      const tombstones = new Map(this.#tombstones)
      const entry = new SeriesEntry()
      let count = 0
      for (const id of this.#match(index, matchers, signal)) {
        index.readSeries(id, entry)
        const interval = clamp(range, entry)
        if (interval === undefined) continue
        tombstones.set(id, addInterval(tombstones.get(id) ?? [], interval))
        count++
      }
      if (count > 0) this.#replaceTombstones(tombstones)
      return count
    } finally {
      this.#release()
    }
  }

  /** Notes in the meta, durably, that merging the block has failed, so that no plan names it again. */
  markMergeFailed(): void {
    const meta = { ...this.#meta, compaction: { ...this.#meta.compaction, failed: true } }
    writeBlockMeta(this.directory, meta, this.#files)
    this.#meta = meta
  }

  /** Closes the index unless it is being read; the next select opens it again. */
  closeIdleIndex(): boolean {
    if (this.#readerCount > 0) return false
    this.#index?.close()
    this.#index = undefined
    return true
  }

  /** Closes the block once nobody reads it. No select may follow. */
  close(): void {
    this.#closing = true
    this.#closeIdle()
  }

  /** Closes the block and removes its directory once nobody reads it. No select may follow. */
  retire(): void {
    this.#retiring = true
    this.close()
  }

  #list(request: LabelRequest, read: (index: IndexReader) => readonly string[]): LabelAnswer {
    if (!this.overlaps(request.minTimeMs, request.maxTimeMs)) return { values: [], warnings: [] }
    this.#retain()
    try {
      const values = read(this.#openIndex())
      const { limit } = request
      return { values: limit ? values.slice(0, limit) : values, warnings: [] }
    } finally {
      this.#release()
    }
  }

  #match(index: IndexReader, matchers: readonly Matcher[], signal: CancelSignal): Uint32Array {
    return matchPostings(index, matchers.map(this.#options.compileMatcher), signal)
  }

  #replaceTombstones(tombstones: Tombstones): void {
    writeTombstones(this.#files, this.directory, tombstones)
    this.#tombstones = tombstones
    const meta = withTombstoneCount(this.#meta, tombstones)
    writeBlockMeta(this.directory, meta, this.#files)
    this.#meta = meta
  }

  #openIndex(): IndexReader {
    this.#index ??= new IndexReader(
      this.#files,
      join(this.directory, 'index'),
      this.#options.wholeIndexSizeBytesMax ?? defaultWholeIndexSizeBytesMax,
    )
    this.#options.indexBudget?.use(this, this.#index.memoryBytes)
    return this.#index
  }

  #retain(): void {
    assert(!this.#closing, `block ${this.#meta.ulid} is closed`)
    this.#readerCount++
  }

  #release(): void {
    this.#readerCount--
    this.#closeIdle()
  }

  // Segments are closed whenever nobody reads: open files cost more than opening them again.
  #closeIdle(): void {
    if (this.#readerCount > 0) return
    this.#segments.close()
    if (!this.#closing) return
    this.closeIdleIndex()
    this.#options.indexBudget?.forget(this)
    if (this.#retiring) this.#remove()
    this.#retiring = false
  }

  // By a name that no loader takes for a block: a crash in between leaves nothing half alive.
  #remove(): void {
    const doomed = this.directory + deletionSuffix
    this.#files.rename(this.directory, doomed)
    this.#files.syncDirectory(dirname(this.directory))
    this.#files.remove(doomed)
  }
}

function withTombstoneCount(meta: BlockMeta, tombstones: Tombstones): BlockMeta {
  let tombstoneCount = 0
  for (const intervals of tombstones.values()) tombstoneCount += intervals.length
  return { ...meta, stats: { ...meta.stats, tombstoneCount } }
}

function clamp(range: TimeRange, entry: SeriesEntry): TimeRange | undefined {
  if (entry.chunkCount === 0) return undefined
  const minTimeMs = Math.max(range.minTimeMs, entry.minTimesMs[0]!)
  const maxTimeMs = Math.min(range.maxTimeMs, entry.maxTimesMs[entry.chunkCount - 1]!)
  return minTimeMs <= maxTimeMs ? { minTimeMs, maxTimeMs } : undefined
}

// Bucket block reader: one block in a bucket as a source of series, by ranged reads that are planned first.
// Units: Unix milliseconds; the block's own bounds are half-open, a request's are inclusive.
// Here: what the blocks of one bucket share, and the reading of one. Rows are the block's own series, without its
// external labels, as a local block gives them.

import { LRUCache } from 'lru-cache'
import type { HashSeed } from '../kernel/index.ts'
import { compareUtf8, type TimeRange } from '../model/index.ts'
import type {
  CancelSignal,
  LabelAnswer,
  LabelRequest,
  MatcherCompiler,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from '../storage/index.ts'
import {
  addInterval,
  ascendingOrder,
  BatchBuilder,
  BlockCursor,
  type BlockMeta,
  ByteReader,
  type ByteWindow,
  type ChunkSource,
  type ChunkVisitor,
  intersect,
  readSeriesAt,
  recordEnd,
  SeriesEntry,
  type SeriesIndex,
  segmentOf,
  seriesOffset,
  type Tombstones,
  visitRecord,
} from '../tsdb/index.ts'
import { DeferredCursor } from './deferred-cursor.ts'
import type { Deletion } from './deletions.ts'
import { fetchRecords } from './fetched-records.ts'
import { type BucketIndex, openBucketIndex } from './index-header.ts'
import { Turns } from './limiter.ts'
import { matchSeries } from './match-lists.ts'
import type { PageReader, ReadBudget } from './page-reader.ts'

/** What the readers of one bucket share. */
export interface BucketReadOptions {
  readonly pages: PageReader
  /** Holds `<ULID>/index-header`. */
  readonly cacheDirectory: string
  /** Room for index headers in memory. */
  readonly headerCacheSizeBytes: number
  /** The process' seed of pair hashes. */
  readonly seed: HashSeed
  readonly compileMatcher: MatcherCompiler
}

/** Series read at a time for label listings. */
const seriesPerStep = 1024
/** What a series is taken to need where the block does not say, and the most that is guessed. */
const seriesSizeBytesGuess = 512
const seriesSizeBytesGuessMax = 4096
/** The same for a chunk. */
const chunkSizeBytesGuess = 1024
const chunkSizeBytesGuessMax = 16_000

/** The indexes of a bucket's blocks, opened when they are needed. */
export class BucketIndexes {
  readonly options: BucketReadOptions
  readonly #open: LRUCache<string, BucketIndex>
  readonly #opening = new Map<string, Promise<BucketIndex>>()

  constructor(options: BucketReadOptions) {
    this.options = options
    this.#open = new LRUCache<string, BucketIndex>({
      maxSize: options.headerCacheSizeBytes,
      sizeCalculation: (index) => index.sizeBytes,
    })
  }

  /** The index of a block. Rejects with CorruptionError, or as the bucket does. */
  async of(ulid: string): Promise<BucketIndex> {
    const known = this.#open.get(ulid) ?? this.#opening.get(ulid)
    if (known !== undefined) return known
    const { pages, cacheDirectory } = this.options
    const opening = openBucketIndex({ pages, ulid, cacheDirectory })
    this.#opening.set(ulid, opening)
    try {
      const index = await opening
      this.#open.set(ulid, index)
      return index
    } finally {
      this.#opening.delete(ulid)
    }
  }
}

/** One block. */
export class BucketBlockReader implements Queryable {
  readonly meta: BlockMeta
  readonly #indexes: BucketIndexes
  readonly #budget: (signal: CancelSignal) => ReadBudget
  readonly #deletions: readonly Deletion[]

  /** `budget` gives what one request may read; samples that `deletions` name are left out. */
  constructor(
    meta: BlockMeta,
    indexes: BucketIndexes,
    budget: (signal: CancelSignal) => ReadBudget,
    deletions: readonly Deletion[] = [],
  ) {
    this.meta = meta
    this.#indexes = indexes
    this.#budget = budget
    this.#deletions = deletions
  }

  /** Whether the block has samples in the inclusive range. */
  overlaps(minTimeMs: number, maxTimeMs: number): boolean {
    return this.meta.minTimeMs <= maxTimeMs && minTimeMs < this.meta.maxTimeMs
  }

  /** Rows in the order of their labels, always. Tenants are the caller's matter: the block belongs to one. */
  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    const budget = this.#budget(signal)
    return new DeferredCursor(async () => {
      const { seed, pages } = this.#indexes.options
      const [series, ids] = await this.#match(request, budget)
      const source = {
        index: series,
        segments: new BucketChunks(pages, this.meta, budget),
        tombstones: await this.#tombstones(ids, budget),
        prepare: (some: Uint32Array) => series.prepare(some),
        release: () => series.release(),
      }
      return new BlockCursor(source, ids, request, new BatchBuilder(seed), signal)
    })
  }

  /** Whether the block may hold samples that the deletions name: a chunk of such a series reaches into their time. */
  async hidesAny(signal: CancelSignal): Promise<boolean> {
    let found = false
    for (const { matchers, minTimeMs, maxTimeMs } of this.#deletions) {
      const request = { tenants: [], matchers, minTimeMs, maxTimeMs }
      await this.#forEachSeries(request, signal, (entry) => {
        for (let i = 0; i < entry.chunkCount; i++)
          found ||= entry.minTimesMs[i]! <= maxTimeMs && minTimeMs <= entry.maxTimesMs[i]!
      })
    }
    return found
  }

  async labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    if (request.matchers.length === 0)
      return limited((await this.#indexes.of(this.meta.ulid)).postings.names(), request)
    const names = new Set<number>()
    const series = await this.#forEachSeries(request, signal, (entry) => {
      for (let i = 0; i < entry.labelCount; i++) names.add(entry.nameRefs[i]!)
    })
    return limited(textsOf(series, names), request)
  }

  async labelValues(
    name: string,
    request: LabelRequest,
    signal: CancelSignal,
  ): Promise<LabelAnswer> {
    if (request.matchers.length === 0) {
      const values: string[] = []
      const { postings } = await this.#indexes.of(this.meta.ulid)
      const turns = new Turns()
      let from: number | undefined
      do {
        signal.check()
        const part = { from, countMax: seriesPerStep }
        from = postings.forEachValue(name, '', (value) => void values.push(value), part)
        await turns.give()
      } while (from !== undefined)
      return limited(values, request)
    }
    const values = new Set<number>()
    const nameRefs = new Map<number, boolean>()
    const series = await this.#forEachSeries(request, signal, (entry, index) => {
      for (let i = 0; i < entry.labelCount; i++) {
        const ref = entry.nameRefs[i]!
        let isName = nameRefs.get(ref)
        if (isName === undefined) {
          isName = index.symbols.text(ref) === name
          nameRefs.set(ref, isName)
        }
        if (isName) values.add(entry.valueRefs[i]!)
      }
    })
    return limited(textsOf(series, values), request)
  }

  async #forEachSeries(
    request: LabelRequest,
    signal: CancelSignal,
    visit: (entry: SeriesEntry, index: SeriesIndex) => void,
  ): Promise<BucketSeries> {
    const [series, ids] = await this.#match(request, this.#budget(signal))
    const entry = new SeriesEntry()
    const turns = new Turns()
    for (let from = 0; from < ids.length; from += seriesPerStep) {
      const some = ids.subarray(from, from + seriesPerStep)
      await series.prepare(some)
      for (const id of some) {
        series.readSeries(id, entry)
        visit(entry, series)
      }
      await turns.give()
    }
    return series
  }

  // Of the series `ids` only.
  async #tombstones(ids: Uint32Array, budget: ReadBudget): Promise<Tombstones> {
    const tombstones = new Map<number, readonly TimeRange[]>()
    for (const { matchers, minTimeMs, maxTimeMs } of this.#deletions) {
      const [, deleted] = await this.#match({ matchers }, budget)
      for (const id of intersect(ids, deleted))
        tombstones.set(id, addInterval(tombstones.get(id) ?? [], { minTimeMs, maxTimeMs }))
    }
    return tombstones
  }

  async #match(
    request: Pick<SelectRequest, 'matchers'>,
    budget: ReadBudget,
  ): Promise<[BucketSeries, Uint32Array]> {
    const { pages, compileMatcher } = this.#indexes.options
    const { ulid } = this.meta
    const index = await this.#indexes.of(ulid)
    const matchers = request.matchers.map(compileMatcher)
    const ids = await matchSeries(pages, `${ulid}/index`, index, matchers, budget)
    return [new BucketSeries(pages, this.meta, index, budget), ids]
  }
}

/** The series of one block for one request: fetched some at a time, then read one by one. */
class BucketSeries implements SeriesIndex {
  readonly #pages: PageReader
  readonly #meta: BlockMeta
  readonly #index: BucketIndex
  readonly #budget: ReadBudget
  #window: ByteWindow | undefined

  constructor(pages: PageReader, meta: BlockMeta, index: BucketIndex, budget: ReadBudget) {
    this.#pages = pages
    this.#meta = meta
    this.#index = index
    this.#budget = budget
  }

  get symbols(): BucketIndex['symbols'] {
    return this.#index.symbols
  }

  get version(): number {
    return this.#index.version
  }

  /** Fetches the entries of `ids`, which ascend; those of an earlier call are let go. */
  async prepare(ids: Uint32Array): Promise<void> {
    const { version, toc } = this.#index
    const offsets = Float64Array.from(ids, (id) => seriesOffset(version, id))
    const known = this.#meta.thanos?.indexStats.seriesSizeBytesMax || seriesSizeBytesGuess
    const guess = Math.min(Math.max(known, 64) + 16, seriesSizeBytesGuessMax)
    this.#window = await fetchRecords(
      this.#pages,
      {
        object: `${this.#meta.ulid}/index`,
        offsets,
        sizesBytes: new Float64Array(ids.length).fill(guess),
        sizeOf: (reader) => {
          const start = reader.offset
          const size = reader.uvarint()
          return reader.offset - start + size + 4
        },
        fileEnd: toc.postingsTable,
      },
      this.#budget,
    )
  }

  readSeries(id: number, into: SeriesEntry): void {
    readSeriesAt(this.#window!, seriesOffset(this.#index.version, id), into)
  }

  release(): void {
    this.#window = undefined
  }
}

/** The chunks of one block for one request. */
class BucketChunks implements ChunkSource {
  readonly #pages: PageReader
  readonly #meta: BlockMeta
  readonly #budget: ReadBudget

  constructor(pages: PageReader, meta: BlockMeta, budget: ReadBudget) {
    this.#pages = pages
    this.#meta = meta
    this.#budget = budget
  }

  async read(refs: Float64Array, visit: ChunkVisitor): Promise<void> {
    const order = ascendingOrder(refs)
    const reads: Promise<void>[] = []
    for (let from = 0; from < order.length; ) {
      const segment = segmentOf(refs[order[from]!]!)
      let to = from + 1
      while (to < order.length && segmentOf(refs[order[to]!]!) === segment) to++
      reads.push(this.#readSegment(segment, refs, order.subarray(from, to), visit))
      from = to
    }
    await Promise.all(reads)
  }

  async #readSegment(
    segment: number,
    refs: Float64Array,
    order: Uint32Array,
    visit: ChunkVisitor,
  ): Promise<void> {
    const known = this.#meta.thanos?.indexStats.chunkSizeBytesMax || chunkSizeBytesGuess
    const guess = Math.min(Math.max(known, 64) + 16, chunkSizeBytesGuessMax)
    const offsets = Float64Array.from(order, (index) => refs[index]! % 0x1_0000_0000)
    const sizesBytes = new Float64Array(order.length).fill(guess)
    const window = await fetchRecords(
      this.#pages,
      {
        object: `${this.#meta.ulid}/chunks/${String(segment + 1).padStart(6, '0')}`,
        offsets,
        sizesBytes,
        sizeOf: (reader) => {
          const start = reader.offset
          return recordEnd(reader) - start
        },
        fileEnd: Infinity,
      },
      this.#budget,
    )
    for (let i = 0; i < order.length; i++) {
      const at = window.cover(offsets[i]!, sizesBytes[i]!)
      const reader = new ByteReader(window.bytes, window.file, window.base)
      reader.offset = at
      visitRecord(reader, at + sizesBytes[i]!, order[i]!, visit)
    }
  }
}

// Refs ascend with the strings they stand for, but for version 1, where the order costs a sort.
function textsOf({ symbols, version }: BucketSeries, refs: ReadonlySet<number>): string[] {
  const texts = Array.from(Float64Array.from(refs).sort(), (ref) => symbols.text(ref))
  return version === 1 ? texts.sort(compareUtf8) : texts
}

function limited(values: readonly string[], { limit = 0 }: LabelRequest): LabelAnswer {
  return { values: limit > 0 ? values.slice(0, limit) : values, warnings: [] }
}

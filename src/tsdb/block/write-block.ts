// Writing a block: a sorted stream of series becomes a directory in Prometheus' format, whole or not at all.
// Chunks that lie inside the bounds and overlap no other are copied as they are; the rest is decoded, merged and
// encoded again. The stream is read twice, first for the symbols, so that memory holds strings and postings only.
// Units: Unix milliseconds; the bounds of a block are half-open.
// Invariant: `<ULID>` appears by a rename after all files and directories below it were synced.

import { join } from 'node:path'
import { isHistogramEncoding } from '../../chunk/index.ts'
import { assert } from '../../model/index.ts'
import type { ChunkTable, SeriesBatch, SeriesCursor } from '../../storage/index.ts'
import { type Files, nodeFiles } from '../files.ts'
import {
  type BlockMeta,
  type BlockParent,
  type BlockStats,
  type ThanosMeta,
  writeBlockMeta,
} from './block-meta.ts'
import { chunkSampleCountOf } from './chunk-record.ts'
import { type ChunkRefs, IndexWriter } from './index-writer.ts'
import { PairInterner } from './pair-interner.ts'
import { type ChunkSlice, rechunk } from './rechunk.ts'
import { SegmentWriter, type WrittenSegment } from './segment-writer.ts'
import { writeTombstones } from './tombstones.ts'

/** What a new block is made of. */
export interface WriteBlockRequest {
  /** The directory that will hold `<ULID>`; created where absent. */
  readonly directory: string
  readonly ulid: string
  /** Half-open: samples at or after minTimeMs and before maxTimeMs are written, others are left out. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** 1 for a fresh block. */
  readonly level: number
  /** The level-1 blocks behind it; absent = the block itself. */
  readonly sources?: readonly string[]
  readonly parents?: readonly BlockParent[]
  readonly hints?: readonly string[]
  /** Labels and source of Thanos' section; absent = no section. */
  readonly thanos?: Pick<ThanosMeta, 'labels' | 'source'> &
    Partial<Pick<ThanosMeta, 'downsampleResolutionMs' | 'extensions'>>
  /**
   * Opens the series, sorted by labels, each label set once; called twice, for their labels and for their samples. Rows
   * of the first pass need no chunks (hint func 'series').
   */
  readonly series: (pass: 'labels' | 'samples') => SeriesCursor
  /** A chunk segment is closed before it would exceed this; 512 MiB where absent. */
  readonly segmentSizeBytesMax?: number
  /** The disk; this machine's where absent. */
  readonly files?: Files
}

/** What a directory that is still being written ends in. */
export const creationSuffix = '.tmp-for-creation'

/**
 * Writes a block durably and returns its meta, or undefined (and leaves nothing behind) when no sample lies within
 * the bounds. Rejects with what the cursor throws, CorruptionError for undecodable chunks, or the disk's error.
 */
export async function writeBlock(request: WriteBlockRequest): Promise<BlockMeta | undefined> {
  const files = request.files ?? nodeFiles
  const temporary = join(request.directory, request.ulid + creationSuffix)
  const final = join(request.directory, request.ulid)
  assert(!files.exists(final), `${final} exists already`)
  files.remove(temporary)
  files.makeDirectory(temporary)
  try {
    const meta = await fill(files, temporary, request)
    if (meta === undefined) {
      files.remove(temporary)
      return undefined
    }
    files.rename(temporary, final)
    files.syncDirectory(request.directory)
    return meta
  } catch (error) {
    files.remove(temporary)
    throw error
  }
}

async function fill(
  files: Files,
  directory: string,
  request: WriteBlockRequest,
): Promise<BlockMeta | undefined> {
  const pairs = await collectPairs(request)
  const index = new IndexWriter(files, join(directory, 'index'), pairs.finish())
  const segments = new SegmentWriter(files, join(directory, 'chunks'), request.segmentSizeBytesMax)
  const rows = new RowWriter(request, pairs, index, segments)
  let written: readonly WrittenSegment[]
  let indexSizeBytes: number
  try {
    await forEachBatch(request.series('samples'), (batch) => rows.writeBatch(batch))
    written = segments.finish()
    indexSizeBytes = index.finish()
  } catch (error) {
    index.abandon()
    segments.abandon()
    throw error
  }
  const stats = rows.stats()
  if (stats.sampleCount === 0) return undefined
  writeTombstones(files, directory, new Map())
  const meta = metaOf(request, stats, thanosOf(request, index, segments, written, indexSizeBytes))
  writeBlockMeta(directory, meta, files)
  files.syncDirectory(directory)
  return meta
}

function metaOf(
  request: WriteBlockRequest,
  stats: BlockStats,
  thanos: ThanosMeta | undefined,
): BlockMeta {
  return {
    ulid: request.ulid,
    minTimeMs: request.minTimeMs,
    maxTimeMs: request.maxTimeMs,
    stats,
    compaction: {
      level: request.level,
      sources: [...(request.sources ?? [request.ulid])].sort(),
      parents: request.parents ?? [],
      deletable: false,
      failed: false,
      hints: request.hints ?? [],
    },
    ...(thanos === undefined ? {} : { thanos }),
  }
}

function thanosOf(
  request: WriteBlockRequest,
  index: IndexWriter,
  segments: SegmentWriter,
  written: readonly WrittenSegment[],
  indexSizeBytes: number,
): ThanosMeta | undefined {
  if (request.thanos === undefined) return undefined
  const { labels, source, downsampleResolutionMs = 0, extensions } = request.thanos
  return {
    labels,
    source,
    downsampleResolutionMs,
    segmentFiles: written.map((segment) => segment.name),
    files: [
      ...written.map(({ name, sizeBytes }) => ({ relPath: `chunks/${name}`, sizeBytes })),
      { relPath: 'index', sizeBytes: indexSizeBytes },
      { relPath: 'meta.json' },
    ],
    indexStats: {
      seriesSizeBytesMax: index.seriesSizeBytesMax,
      chunkSizeBytesMax: segments.chunkSizeBytesMax,
    },
    ...(extensions === undefined ? {} : { extensions }),
  }
}

/** Longest slice of writing between two looks at what else waits on the thread: selects of other blocks. */
const sliceMsMax = 8

async function forEachBatch(
  cursor: SeriesCursor,
  visit: (batch: SeriesBatch) => void,
): Promise<void> {
  let sliceStartMs = performance.now()
  try {
    for (;;) {
      const batch = await cursor.next()
      if (batch === undefined) return
      visit(batch)
      if (performance.now() - sliceStartMs < sliceMsMax) continue
      await new Promise((resolve) => setImmediate(resolve))
      sliceStartMs = performance.now()
    }
  } finally {
    cursor.close()
  }
}

async function collectPairs(request: WriteBlockRequest): Promise<PairInterner> {
  const pairs = new PairInterner()
  await forEachBatch(request.series('labels'), (batch) => {
    const seen = new Uint8Array(batch.pairs.pairCount)
    for (let row = 0; row < batch.rowCount; row++) {
      // Pairs of series that turn out to have no samples do no harm.
      const listed = batch.chunks.chunkCount === 0
      if (!listed && !overlaps(batch, row, request.minTimeMs, request.maxTimeMs)) continue
      for (let i = batch.pairStarts[row]!; i < batch.pairStarts[row + 1]!; i++) {
        const pair = batch.pairIds[i]!
        if (seen[pair] === 1) continue
        seen[pair] = 1
        pairs.add(batch.pairs, pair)
      }
    }
  })
  return pairs
}

function overlaps(batch: SeriesBatch, row: number, minTimeMs: number, maxTimeMs: number): boolean {
  const { minTimesMs, maxTimesMs } = batch.chunks
  for (let chunk = batch.chunkStarts[row]!; chunk < batch.chunkStarts[row + 1]!; chunk++) {
    if (maxTimesMs[chunk]! >= minTimeMs && minTimesMs[chunk]! < maxTimeMs) return true
  }
  return false
}

/** Writes the rows of batches to index and segments, and counts. */
class RowWriter {
  readonly #minTimeMs: number
  /** Half-open. */
  readonly #maxTimeMs: number
  readonly #pairs: PairInterner
  readonly #index: IndexWriter
  readonly #segments: SegmentWriter
  #refs: ChunkRefs = emptyRefs(64)
  #seriesCount = 0
  #floatSampleCount = 0
  #histogramSampleCount = 0

  constructor(
    request: WriteBlockRequest,
    pairs: PairInterner,
    index: IndexWriter,
    segments: SegmentWriter,
  ) {
    this.#pairs = pairs
    this.#minTimeMs = request.minTimeMs
    this.#maxTimeMs = request.maxTimeMs
    this.#index = index
    this.#segments = segments
  }

  stats(): BlockStats {
    return {
      sampleCount: this.#floatSampleCount + this.#histogramSampleCount,
      floatSampleCount: this.#floatSampleCount,
      histogramSampleCount: this.#histogramSampleCount,
      seriesCount: this.#seriesCount,
      chunkCount: this.#segments.chunkCount,
      tombstoneCount: 0,
    }
  }

  writeBatch(batch: SeriesBatch): void {
    // Batch pair id → the writer's pair id + 1; 0 = not asked yet.
    const pairIds = new Uint32Array(batch.pairs.pairCount)
    for (let row = 0; row < batch.rowCount; row++) {
      this.#refs.count = 0
      this.#writeChunks(batch.chunks, batch.chunkStarts[row]!, batch.chunkStarts[row + 1]!)
      if (this.#refs.count === 0) continue
      const pairs = batch.pairIds.slice(batch.pairStarts[row], batch.pairStarts[row + 1])
      for (let i = 0; i < pairs.length; i++) {
        const pair = pairs[i]!
        if (pairIds[pair] === 0) pairIds[pair] = this.#pairs.idOf(batch.pairs, pair) + 1
        pairs[i] = pairIds[pair]! - 1
      }
      this.#index.addSeries(pairs, this.#refs)
      this.#seriesCount++
    }
  }

  #writeChunks(chunks: ChunkTable, start: number, end: number): void {
    for (let from = start; from < end; ) {
      let maxTimeMs = chunks.maxTimesMs[from]!
      let to = from + 1
      for (; to < end && chunks.minTimesMs[to]! <= maxTimeMs; to++)
        maxTimeMs = Math.max(maxTimeMs, chunks.maxTimesMs[to]!)
      const minTimeMs = chunks.minTimesMs[from]!
      const wanted = maxTimeMs >= this.#minTimeMs && minTimeMs < this.#maxTimeMs
      const inside = minTimeMs >= this.#minTimeMs && maxTimeMs < this.#maxTimeMs
      if (wanted && inside && to === from + 1) this.#copy(chunks, from)
      else if (wanted) this.#rewrite(chunks, from, to)
      from = to
    }
  }

  #copy(chunks: ChunkTable, chunk: number): void {
    const offset = chunks.offsets[chunk]!
    this.#write(
      chunks.encodings[chunk]!,
      chunks.minTimesMs[chunk]!,
      chunks.maxTimesMs[chunk]!,
      chunks.bytes,
      offset,
      offset + chunks.sizes[chunk]!,
    )
  }

  #rewrite(chunks: ChunkTable, from: number, to: number): void {
    const slices: ChunkSlice[] = []
    for (let chunk = from; chunk < to; chunk++) {
      slices.push({
        encoding: chunks.encodings[chunk]!,
        bytes: chunks.bytes,
        offset: chunks.offsets[chunk]!,
        sizeBytes: chunks.sizes[chunk]!,
      })
    }
    const range = { minTimeMs: this.#minTimeMs, maxTimeMs: this.#maxTimeMs - 1 }
    for (const { encoding, minTimeMs, maxTimeMs, bytes } of rechunk(slices, range))
      this.#write(encoding, minTimeMs, maxTimeMs, bytes, 0, bytes.length)
  }

  #write(
    encoding: number,
    minTimeMs: number,
    maxTimeMs: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const refs = this.#roomForRef()
    refs.minTimesMs[refs.count] = minTimeMs
    refs.maxTimesMs[refs.count] = maxTimeMs
    refs.refs[refs.count] = this.#segments.write(encoding, bytes, start, end)
    refs.count++
    const sampleCount = chunkSampleCountOf(encoding, bytes, start)
    if (isHistogramEncoding(encoding)) this.#histogramSampleCount += sampleCount
    else this.#floatSampleCount += sampleCount
  }

  #roomForRef(): ChunkRefs {
    const refs = this.#refs
    if (refs.count < refs.refs.length) return refs
    const grown = emptyRefs(2 * refs.count)
    grown.count = refs.count
    grown.minTimesMs.set(refs.minTimesMs)
    grown.maxTimesMs.set(refs.maxTimesMs)
    grown.refs.set(refs.refs)
    this.#refs = grown
    return grown
  }
}

function emptyRefs(capacity: number): ChunkRefs {
  return {
    count: 0,
    minTimesMs: new Float64Array(capacity),
    maxTimesMs: new Float64Array(capacity),
    refs: new Float64Array(capacity),
  }
}

// Index reader: the `index` file of a block, versions 1 and 2, as Prometheus and Thanos write it.
// A small index is held in memory; a large one keeps its symbols, or a sample of them where they are many, and a sample
// of the postings table, and reads the rest.
// Units: offsets in bytes; a series id times 16 (version 2) or times 1 (version 1) is its offset.
// Every section, list and series entry is checked against its checksum when it is read.
// Source: Prometheus tsdb/docs/format/index.md.

import { crc32c } from '../../kernel/index.ts'
import { CorruptionError } from '../../model/index.ts'
import type { Files } from '../files.ts'
import { ByteReader, readU32 } from './byte-reader.ts'
import { type ByteWindow, FileWindow } from './file-window.ts'
import { indexHeaderSizeBytes, indexMagic, seriesAlignment, tocSizeBytes } from './index-writer.ts'
import { PostingsTable } from './postings-table.ts'
import { atOnce } from './slices.ts'
import { readSymbolTable, type SymbolTable } from './symbol-table.ts'

/** Where the sections of an index start that readers look for. */
export interface IndexToc {
  readonly symbols: number
  readonly series: number
  readonly postingsTable: number
}

/** What walks over series need of an index. */
export interface SeriesIndex {
  readonly symbols: SymbolTable
  /** Reads one series into `into`. Throws CorruptionError. */
  readSeries(id: number, into: SeriesEntry): void
}

/** One series, reused from read to read; entries beyond the counts are garbage. */
export class SeriesEntry {
  labelCount = 0
  nameRefs = new Uint32Array(32)
  valueRefs = new Uint32Array(32)
  chunkCount = 0
  /** Inclusive times of each chunk. */
  minTimesMs = new Float64Array(64)
  maxTimesMs = new Float64Array(64)
  chunkRefs = new Float64Array(64)

  /** Makes room for counts that were just read. */
  reserve(labelCount: number, chunkCount: number): void {
    if (labelCount > this.nameRefs.length) {
      this.nameRefs = new Uint32Array(2 * labelCount)
      this.valueRefs = new Uint32Array(2 * labelCount)
    }
    if (chunkCount > this.chunkRefs.length) {
      this.minTimesMs = new Float64Array(2 * chunkCount)
      this.maxTimesMs = new Float64Array(2 * chunkCount)
      this.chunkRefs = new Float64Array(2 * chunkCount)
    }
  }
}

/** Answers from one index file. All methods throw CorruptionError. */
export class IndexReader implements SeriesIndex {
  readonly version: number
  readonly symbols: SymbolTable
  /** Series, lists and table are walked in turns, so each has a window of its own. */
  readonly #window: FileWindow
  readonly #lists: FileWindow
  readonly #postings: PostingsTable

  /** Opens `path`; an index of at most `wholeSizeBytesMax` bytes is held in memory, and so are as many of symbols. */
  constructor(files: Files, path: string, wholeSizeBytesMax: number) {
    this.#window = new FileWindow(files.open(path, 'read'), path, wholeSizeBytesMax)
    try {
      this.version = readIndexVersion(this.#window)
      const toc = readIndexToc(this.#window)
      this.symbols = atOnce(
        readSymbolTable(this.#window.sibling(), this.version, toc.symbols, wholeSizeBytesMax),
      )
      this.#lists = this.#window.sibling()
      this.#postings = atOnce(
        PostingsTable.read(this.#window.sibling(), this.version, toc.postingsTable),
      )
    } catch (error) {
      this.#window.close()
      throw error
    }
  }

  /** About the memory that the index holds. */
  get memoryBytes(): number {
    return this.#window.bytes.length + this.symbols.memoryBytes + this.#postings.memoryBytes
  }

  /** All label names, ascending. */
  labelNames(): string[] {
    return this.#postings.names()
  }

  /** Visits the values of a label that start with `prefix`, ascending; `list` reads the series that have it. */
  forEachValue(
    name: string,
    prefix: string,
    visit: (value: string, list: () => Uint32Array) => void,
  ): void {
    this.#postings.forEachValue(name, prefix, (value, offset) =>
      visit(value, () => this.#readList(offset)),
    )
  }

  /** Ids of the series with `name`=`value`, ascending. */
  postings(name: string, value: string): Uint32Array {
    const offset = this.#postings.offsetOf(name, value)
    return offset === undefined ? new Uint32Array(0) : this.#readList(offset)
  }

  /** Ids of all series, ascending. */
  allPostings(): Uint32Array {
    return this.postings('', '')
  }

  /** Reads one series into `into`. */
  readSeries(id: number, into: SeriesEntry): void {
    readSeriesAt(this.#window, seriesOffset(this.version, id), into)
  }

  /** Closes the file. */
  close(): void {
    this.#window.close()
  }

  #readList(offset: number): Uint32Array {
    return readListAt(this.#lists, offset)
  }
}

/** Where the entry of a series starts in an index of the version. */
export function seriesOffset(version: number, id: number): number {
  return version === 1 ? id : id * seriesAlignment
}

/** Reads the series entry at `start` into `into`. Throws CorruptionError. */
export function readSeriesAt(window: ByteWindow, start: number, into: SeriesEntry): void {
  // Ten bytes hold any length.
  const at = window.cover(start, Math.min(10, Math.max(1, window.sizeBytes - start)))
  const head = new ByteReader(window.bytes, window.file, window.base)
  head.offset = at
  const size = head.uvarint()
  const body = window.cover(start + head.offset - at, size + 4)
  checkSeriesCrc(window, body, size)
  const entry = new ByteReader(window.bytes, window.file, window.base)
  entry.offset = body
  entry.end = body + size
  readEntry(entry, into)
}

/** The list of series ids at `offset`. Throws CorruptionError. */
export function readListAt(window: ByteWindow, offset: number): Uint32Array {
  const head = window.cover(offset, 4)
  const size = readU32(window.bytes, head)
  const at = window.cover(offset + 4, size + 4)
  const reader = new ByteReader(window.bytes, window.file, window.base)
  reader.offset = at
  reader.checkCrc(at, at + size)
  const count = reader.u32()
  if (4 + 4 * count !== size) throw reader.corrupt(`${(size - 4) / 4} ids`, String(count))
  const ids = new Uint32Array(count)
  for (let i = 0; i < count; i++) ids[i] = readU32(window.bytes, at + 4 + 4 * i)
  return ids
}

/** The version of an index, 1 or 2, from its header. Throws CorruptionError. */
export function readIndexVersion(window: ByteWindow): number {
  const reader = new ByteReader(
    window.section(0, Math.min(indexHeaderSizeBytes, window.sizeBytes)),
    window.file,
  )
  reader.expectU32(indexMagic, 'the magic of an index file')
  const version = reader.u8()
  if (version === 1 || version === 2) return version
  throw new CorruptionError({
    file: window.file,
    offset: 4,
    expected: 'index version 1 or 2',
    found: String(version),
  })
}

/** The table of contents at the end of an index. Throws CorruptionError. */
export function readIndexToc(window: ByteWindow): IndexToc {
  const offset = window.sizeBytes - tocSizeBytes
  const reader = new ByteReader(window.section(offset, tocSizeBytes), window.file, offset)
  reader.checkCrc(0, tocSizeBytes - 4)
  const offsets = Array.from({ length: 6 }, () => reader.u64())
  return { symbols: offsets[0]!, series: offsets[1]!, postingsTable: offsets[5]! }
}

function checkSeriesCrc(window: ByteWindow, body: number, size: number): void {
  const expected = readU32(window.bytes, body + size)
  const found = crc32c(window.bytes, body, body + size)
  if (expected === found) return
  throw new CorruptionError({
    file: window.file,
    offset: window.base + body,
    expected: `a series with checksum 0x${expected.toString(16)}`,
    found: `checksum 0x${found.toString(16)}`,
  })
}

function readEntry(reader: ByteReader, into: SeriesEntry): void {
  const labelCount = reader.uvarint()
  // Two bytes are the least that a label takes: a wild count must not become an allocation.
  reader.need(2 * labelCount)
  into.reserve(labelCount, 0)
  into.labelCount = labelCount
  for (let i = 0; i < labelCount; i++) {
    into.nameRefs[i] = reader.uvarint()
    into.valueRefs[i] = reader.uvarint()
  }
  const chunkCount = reader.uvarint()
  reader.need(3 * chunkCount)
  into.reserve(labelCount, chunkCount)
  into.chunkCount = chunkCount
  let maxTimeMs = 0
  let ref = 0
  for (let i = 0; i < chunkCount; i++) {
    const minTimeMs = i === 0 ? reader.varint() : maxTimeMs + reader.uvarint()
    maxTimeMs = minTimeMs + reader.uvarint()
    ref = i === 0 ? reader.uvarint() : ref + reader.varint()
    into.minTimesMs[i] = minTimeMs
    into.maxTimesMs[i] = maxTimeMs
    into.chunkRefs[i] = ref
  }
}

// Index writer: the `index` file of a block, version 2: symbols, series, postings, postings offsets, table of contents.
// The label index sections that old readers knew are not written. Layout: docs/formats/blocks.md.
// Units: offsets in bytes; a series id is its offset divided by 16.
// Memory: four bytes for each label of each series and once more while the postings are laid out.
// Source: Prometheus tsdb/docs/format/index.md.

import { crc32c } from '../../kernel/index.ts'
import { assert } from '../../model/index.ts'
import type { Files } from '../files.ts'
import { FileWriter, putUvarint, putVarint, uvarintSizeBytes } from './file-writer.ts'
import type { InternedPairs } from './pair-interner.ts'
import type { SortedSymbols } from './symbol-bytes.ts'
import { U32List } from './u32-list.ts'

/** First word of an index file. */
export const indexMagic = 0xbaaad700
/** Bytes of magic and version. */
export const indexHeaderSizeBytes = 5
/** Bytes of the table of contents with its checksum. */
export const tocSizeBytes = 52
/** Series entries start at multiples of this. */
export const seriesAlignment = 16

/** The chunks of one series, as columns with `count` entries used. */
export interface ChunkRefs {
  count: number
  minTimesMs: Float64Array
  maxTimesMs: Float64Array
  /** segment × 2^32 + offset. */
  refs: Float64Array
}

/** Writes one index file: all symbols first, then series in ascending order of their labels. */
export class IndexWriter {
  readonly #out: FileWriter
  readonly #symbols: SortedSymbols
  /** By pair id: name ref × 2^32 + value ref. */
  readonly #pairKeys: Float64Array
  readonly #seriesIds = new U32List()
  /** The pair ids of all series, one after another, each series' last one marked by its count. */
  readonly #seriesPairs = new U32List()
  readonly #seriesPairCounts = new U32List()
  readonly #toc = { symbols: 0, series: 0, labelIndices: 0, postings: 0, postingsTable: 0 }
  #entry = new Uint8Array(4096)
  #lastPairs = new Uint32Array(0)
  /** The largest series entry with its length, checksum and padding. */
  seriesSizeBytesMax = 0

  /** `pairs` names all strings and pairs that series may have; those that none has leave no trace but symbols. */
  constructor(files: Files, path: string, pairs: InternedPairs) {
    this.#symbols = pairs.symbols
    this.#pairKeys = pairs.keys
    this.#out = new FileWriter(files, path)
    this.#out.u32(indexMagic)
    this.#out.u8(2)
    this.#writeSymbols()
  }

  /** Appends a series: `pairs` sorted by name, series strictly ascending, chunks ascending without overlap. */
  addSeries(pairs: Uint32Array, chunks: ChunkRefs): void {
    assert(this.#comesAfterLast(pairs), 'series must come in ascending order of their labels, once')
    this.#lastPairs = pairs.slice()
    const out = this.#out
    out.pad(seriesAlignment)
    const start = out.position
    const id = start / seriesAlignment
    assert(id < 0x1_0000_0000, 'the series of one block take more than 64 GiB')
    const size = this.#encodeEntry(pairs, chunks)
    out.uvarint(size)
    out.bytes(this.#entry, 0, size)
    out.u32(crc32c(this.#entry, 0, size))
    const padded = Math.ceil((out.position - start) / seriesAlignment) * seriesAlignment
    this.seriesSizeBytesMax = Math.max(this.seriesSizeBytesMax, padded)
    this.#seriesIds.push(id)
    this.#seriesPairCounts.push(pairs.length)
    for (const pair of pairs) this.#seriesPairs.push(pair)
  }

  /** Writes the rest, syncs and closes; returns the file's size in bytes. */
  finish(): number {
    const out = this.#out
    this.#toc.labelIndices = out.position
    const sorted = this.#usedPairs()
    const offsets = this.#writePostings(sorted)
    this.#writePostingsTable(sorted, offsets)
    const { symbols, series, labelIndices, postings, postingsTable } = this.#toc
    out.beginCrc()
    // The fourth entry is the label offset table that is no longer written: readers expect it where postings end.
    for (const offset of [symbols, series, labelIndices, postingsTable, postings, postingsTable])
      out.u64(offset)
    out.endCrc()
    out.finish()
    return out.position
  }

  /** Closes the file after a failure. */
  abandon(): void {
    this.#out.abandon()
  }

  #writeSymbols(): void {
    const out = this.#out
    this.#toc.symbols = out.position
    const { count } = this.#symbols
    let size = 4
    for (let ref = 0; ref < count; ref++) size += this.#textSizeBytes(ref)
    assert(size < 0x1_0000_0000, 'the symbols of one block take more than 4 GiB')
    out.u32(size)
    out.beginCrc()
    out.u32(count)
    for (let ref = 0; ref < count; ref++) this.#writeText(ref)
    out.endCrc()
    this.#toc.series = out.position
  }

  // With its length before it.
  #textSizeBytes(ref: number): number {
    const size = this.#symbols.ends[ref]! - this.#symbols.starts[ref]!
    return uvarintSizeBytes(size) + size
  }

  #writeText(ref: number): void {
    const { bytes, starts, ends } = this.#symbols
    this.#out.uvarint(ends[ref]! - starts[ref]!)
    this.#out.bytes(bytes, starts[ref]!, ends[ref]!)
  }

  #comesAfterLast(pairs: Uint32Array): boolean {
    const last = this.#lastPairs
    if (this.#seriesIds.length === 0) return true
    for (let i = 0; i < pairs.length && i < last.length; i++) {
      const difference = this.#pairKeys[pairs[i]!]! - this.#pairKeys[last[i]!]!
      if (difference !== 0) return difference > 0
    }
    return pairs.length > last.length
  }

  #encodeEntry(pairs: Uint32Array, chunks: ChunkRefs): number {
    // Ten bytes bound every number: two per label, three per chunk, two counts.
    const sizeMax = 20 + 20 * pairs.length + 30 * chunks.count
    if (this.#entry.length < sizeMax) this.#entry = new Uint8Array(2 * sizeMax)
    const entry = this.#entry
    let at = putUvarint(entry, 0, pairs.length)
    for (const pair of pairs) {
      const key = this.#pairKeys[pair]!
      at = putUvarint(entry, at, Math.floor(key / 0x1_0000_0000))
      at = putUvarint(entry, at, key % 0x1_0000_0000)
    }
    at = putUvarint(entry, at, chunks.count)
    for (let i = 0; i < chunks.count; i++) {
      const minTimeMs = chunks.minTimesMs[i]!
      const ref = chunks.refs[i]!
      if (i === 0) at = putVarint(entry, at, minTimeMs)
      else at = putUvarint(entry, at, minTimeMs - chunks.maxTimesMs[i - 1]!)
      at = putUvarint(entry, at, chunks.maxTimesMs[i]! - minTimeMs)
      if (i === 0) at = putUvarint(entry, at, ref)
      else at = putVarint(entry, at, ref - chunks.refs[i - 1]!)
    }
    return at
  }

  // Lists of all pairs by counting sort: series are in ascending order already, so each list comes out ascending.
  #writePostings(sorted: Uint32Array): Float64Array {
    const pairCount = this.#pairKeys.length
    const seriesPairs = this.#seriesPairs.view()
    const starts = new Uint32Array(pairCount + 1)
    for (const pair of seriesPairs) starts[pair + 1]!++
    for (let pair = 0; pair < pairCount; pair++) starts[pair + 1]! += starts[pair]!
    const lists = new Uint32Array(seriesPairs.length)
    const next = starts.slice()
    const ids = this.#seriesIds.view()
    const counts = this.#seriesPairCounts.view()
    let at = 0
    for (let series = 0; series < ids.length; series++) {
      for (let i = 0; i < counts[series]!; i++) lists[next[seriesPairs[at++]!]!++] = ids[series]!
    }
    this.#out.pad(4)
    this.#toc.postings = this.#out.position
    const offsets = new Float64Array(pairCount + 1)
    offsets[pairCount] = this.#writeList(ids)
    for (const pair of sorted)
      offsets[pair] = this.#writeList(lists.subarray(starts[pair], starts[pair + 1]))
    return offsets
  }

  #writeList(ids: Uint32Array): number {
    const out = this.#out
    const offset = out.position
    out.u32(4 + 4 * ids.length)
    out.beginCrc()
    out.u32(ids.length)
    for (const id of ids) out.u32(id)
    out.endCrc()
    return offset
  }

  // The last entry of `offsets` is the list of all series, which comes first in the table under empty strings.
  #writePostingsTable(sorted: Uint32Array, offsets: Float64Array): void {
    const out = this.#out
    this.#toc.postingsTable = out.position
    const allSeries = offsets[this.#pairKeys.length]!
    out.u32(this.#postingsTableSizeBytes(sorted, offsets))
    out.beginCrc()
    out.u32(sorted.length + 1)
    // The empty string is the first of all.
    this.#writePostingsEntry(0, 0, allSeries)
    for (const pair of sorted) {
      const key = this.#pairKeys[pair]!
      this.#writePostingsEntry(Math.floor(key / 0x1_0000_0000), key % 0x1_0000_0000, offsets[pair]!)
    }
    out.endCrc()
  }

  #writePostingsEntry(name: number, value: number, offset: number): void {
    this.#out.u8(2)
    this.#writeText(name)
    this.#writeText(value)
    this.#out.uvarint(offset)
  }

  #postingsTableSizeBytes(sorted: Uint32Array, offsets: Float64Array): number {
    // The entry of all series: key count, two empty strings, offset.
    let size = 4 + 3 + uvarintSizeBytes(offsets[this.#pairKeys.length]!)
    for (const pair of sorted) {
      const key = this.#pairKeys[pair]!
      size += 1 + this.#textSizeBytes(Math.floor(key / 0x1_0000_0000))
      size += this.#textSizeBytes(key % 0x1_0000_0000)
      size += uvarintSizeBytes(offsets[pair]!)
    }
    assert(size < 0x1_0000_0000, 'the postings table of one block takes more than 4 GiB')
    return size
  }

  // Pairs that some series has, in the order of name and value.
  #usedPairs(): Uint32Array {
    const keys = this.#pairKeys
    const used = new Uint8Array(keys.length)
    for (const pair of this.#seriesPairs.view()) used[pair] = 1
    const pairs = new Uint32Array(used.reduce((count, isUsed) => count + isUsed, 0))
    let count = 0
    for (let pair = 0; pair < used.length; pair++) if (used[pair] === 1) pairs[count++] = pair
    return pairs.sort((a, b) => keys[a]! - keys[b]!)
  }
}

// Index header: symbols and postings table of a block's index, fetched once and kept as a file, so that a query reads
// nothing of the index but the lists and series it needs.
// Units: offsets and sizes in bytes. The file is Thanos' binary index-header, version 1: magic, versions, the place of
// the postings table, a copy of the index from its symbols to its series, and one from its postings table to its end.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32c } from '../kernel/index.ts'
import { CorruptionError } from '../model/index.ts'
import { objectNotFound } from '../objstore/index.ts'
import {
  type ByteWindow,
  type IndexToc,
  nodeFiles,
  PostingsTable,
  readIndexToc,
  readIndexVersion,
  readSymbolTable,
  readU32,
  type SymbolTable,
  writeDurably,
} from '../tsdb/index.ts'
import { Turns } from './limiter.ts'
import type { PageReader } from './page-reader.ts'

const headerFileName = 'index-header'
const magic = 0xbaaad792
const headSizeBytes = 14
const trailerSizeBytes = 20
const tocSizeBytes = 52
const indexHeadSizeBytes = 5
/** What one request fetches of a large section. */
const requestSizeBytes = 4 * 1024 * 1024

/** The index of a block without its series and lists. */
export interface BucketIndex {
  readonly version: number
  readonly toc: IndexToc
  readonly symbols: SymbolTable
  readonly postings: PostingsTable
  /** About what it takes in memory. */
  readonly sizeBytes: number
}

/** Where a block's header comes from and where it is kept. */
export interface HeaderPlace {
  readonly pages: PageReader
  readonly ulid: string
  /** Below it stands `<ULID>/index-header`. */
  readonly cacheDirectory: string
}

/** The index of a block, from the kept file or, where there is no good one, from the bucket. */
export async function openBucketIndex(place: HeaderPlace): Promise<BucketIndex> {
  const directory = join(place.cacheDirectory, place.ulid)
  const name = `${place.ulid}/index`
  const kept = await readKept(join(directory, headerFileName))
  if (kept !== undefined) {
    try {
      return await parse(kept, name)
    } catch (error) {
      // A damaged copy costs another fetch; what the bucket itself holds is checked below.
      if (!(error instanceof CorruptionError)) throw error
    }
  }
  const header = await build(place.pages, name)
  const index = await parse(header, name)
  nodeFiles.makeDirectory(directory)
  writeDurably(nodeFiles, join(directory, headerFileName), [header])
  return index
}

async function readKept(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch {
    return undefined
  }
}

async function build(pages: PageReader, name: string): Promise<Uint8Array> {
  const attributes = await pages.bucket.attributes(name)
  if (attributes === undefined) throw objectNotFound(pages.bucket.description, name)
  const { sizeBytes } = attributes
  const end = { offset: Math.max(0, sizeBytes - tocSizeBytes), end: sizeBytes }
  const [head, tail] = await Promise.all([
    pages.readOnce(name, { offset: 0, end: indexHeadSizeBytes }),
    pages.readOnce(name, end),
  ])
  const ends = new PartsWindow(name, sizeBytes, [
    { base: 0, bytes: head },
    { base: end.offset, bytes: tail },
  ])
  const version = readIndexVersion(ends)
  const toc = readIndexToc(ends)
  checkOrder(name, toc, sizeBytes)
  const symbolsSizeBytes = toc.series - toc.symbols
  const tableSizeBytes = sizeBytes - toc.postingsTable
  const header = new Uint8Array(
    headSizeBytes + symbolsSizeBytes + tableSizeBytes + trailerSizeBytes,
  )
  const tableStart = headSizeBytes + symbolsSizeBytes
  writeFrame(header, version, toc.postingsTable, tableStart)
  await Promise.all([
    copyRange(pages, name, toc.symbols, header.subarray(headSizeBytes, tableStart)),
    copyRange(
      pages,
      name,
      toc.postingsTable,
      header.subarray(tableStart, header.length - trailerSizeBytes),
    ),
  ])
  return header
}

function checkOrder(file: string, toc: IndexToc, sizeBytes: number): void {
  const { symbols, series, postingsTable } = toc
  if (symbols <= series && series <= postingsTable && postingsTable <= sizeBytes) return
  throw new CorruptionError({
    file,
    offset: sizeBytes - tocSizeBytes,
    expected: 'symbols, series and postings table in this order',
    found: `${symbols}, ${series}, ${postingsTable} of ${sizeBytes}`,
  })
}

function writeFrame(header: Uint8Array, version: number, table: number, tableStart: number): void {
  const view = new DataView(header.buffer)
  view.setUint32(0, magic)
  header[4] = 1
  header[5] = version
  view.setBigUint64(6, BigInt(table))
  const trailer = header.length - trailerSizeBytes
  view.setBigUint64(trailer, BigInt(headSizeBytes))
  view.setBigUint64(trailer + 8, BigInt(tableStart))
  view.setUint32(trailer + 16, crc32c(header, trailer, trailer + 16))
}

async function copyRange(
  pages: PageReader,
  name: string,
  offset: number,
  into: Uint8Array,
): Promise<void> {
  const copies: Promise<void>[] = []
  for (let at = 0; at < into.length; at += requestSizeBytes) {
    const end = Math.min(at + requestSizeBytes, into.length)
    copies.push(
      pages.readOnce(name, { offset: offset + at, end: offset + end }).then((bytes) => {
        if (bytes.length === end - at) return into.set(bytes, at)
        throw new CorruptionError({
          file: name,
          offset: offset + at + bytes.length,
          expected: `${end - at - bytes.length} more bytes`,
          found: 'the end of the object',
        })
      }),
    )
  }
  await Promise.all(copies)
}

async function parse(header: Uint8Array, name: string): Promise<BucketIndex> {
  const frame = readFrame(header, name)
  const { version, tableStart, table } = frame
  const tableEnd = header.length - trailerSizeBytes
  const indexSizeBytes = table + tableEnd - tableStart
  const tail = { base: table, bytes: header.subarray(tableStart, tableEnd) }
  const toc = readIndexToc(new PartsWindow(name, indexSizeBytes, [tail]))
  const symbols = { base: toc.symbols, bytes: header.subarray(headSizeBytes, tableStart) }
  const window = new PartsWindow(name, indexSizeBytes, [symbols, tail])
  const turns = new Turns()
  return {
    version,
    toc,
    symbols: await turns.finish(readSymbolTable(window, version, toc.symbols)),
    postings: await turns.finish(PostingsTable.read(window, version, toc.postingsTable)),
    sizeBytes: 2 * header.length,
  }
}

function readFrame(
  header: Uint8Array,
  name: string,
): { version: number; table: number; tableStart: number } {
  const file = `${headerFileName} of ${name}`
  const bad = (expected: string): CorruptionError =>
    new CorruptionError({ file, offset: 0, expected, found: `${header.length} other bytes` })
  if (header.length < headSizeBytes + trailerSizeBytes + tocSizeBytes) throw bad('a whole header')
  const view = new DataView(header.buffer, header.byteOffset, header.length)
  if (view.getUint32(0) !== magic || header[4] !== 1) throw bad('magic and version 1')
  const trailer = header.length - trailerSizeBytes
  if (crc32c(header, trailer, trailer + 16) !== readU32(header, trailer + 16))
    throw bad('a trailer that matches its checksum')
  const tableStart = Number(view.getBigUint64(trailer + 8))
  if (tableStart < headSizeBytes || tableStart > trailer) throw bad('a place within the file')
  return { version: header[5]!, table: Number(view.getBigUint64(6)), tableStart }
}

interface Part {
  readonly base: number
  readonly bytes: Uint8Array
}

/** A window over those parts of a file that are in memory. */
class PartsWindow implements ByteWindow {
  readonly file: string
  readonly sizeBytes: number
  readonly #parts: readonly Part[]
  #current: Part

  constructor(file: string, sizeBytes: number, parts: readonly Part[]) {
    this.file = file
    this.sizeBytes = sizeBytes
    this.#parts = parts
    this.#current = parts[0]!
  }

  get bytes(): Uint8Array {
    return this.#current.bytes
  }

  get base(): number {
    return this.#current.base
  }

  cover(offset: number, sizeBytes: number): number {
    const part = this.#parts.find(
      ({ base, bytes }) => offset >= base && offset + sizeBytes <= base + bytes.length,
    )
    if (part === undefined) {
      throw new CorruptionError({
        file: this.file,
        offset,
        expected: `${sizeBytes} bytes of symbols or postings table`,
        found: 'another part of the file',
      })
    }
    this.#current = part
    return offset - part.base
  }

  section(offset: number, sizeBytes: number): Uint8Array {
    const at = this.cover(offset, sizeBytes)
    return this.bytes.subarray(at, at + sizeBytes)
  }
}

// Segment reader: chunks by ref out of a block's segment files, read in as few calls as their places allow.
// Units: offsets and sizes in bytes. Every chunk is checked against its checksum.
// Files are opened at first use and closed by `close`; an open file stays readable after the block was deleted.

import { join } from 'node:path'
import { CorruptionError } from '../../model/index.ts'
import type { Files, OpenFile } from '../files.ts'
import { ByteReader } from './byte-reader.ts'
import { type ChunkVisitor, recordEnd, segmentOf, visitRecord } from './chunk-record.ts'
import { segmentHeaderSizeBytes, segmentMagic } from './segment-writer.ts'

/** Chunks nearer than this are read together: a gap costs less than a call. */
const gapSizeBytesMax = 64 * 1024
/** The most that is read in one call, unless one chunk is larger. */
const runSizeBytesMax = 1024 * 1024
/** What the last chunk of a run is taken to need until one proves larger. */
const firstGuessSizeBytes = 4096

interface Segment {
  readonly path: string
  open: OpenFile | undefined
  sizeBytes: number
}

/** Reads chunks of one block. Methods throw CorruptionError. */
export class SegmentReader {
  readonly #files: Files
  readonly #segments: Segment[]
  readonly #directory: string
  #guessSizeBytes = firstGuessSizeBytes
  #buffer = new Uint8Array(0)

  constructor(files: Files, directory: string) {
    this.#files = files
    this.#directory = directory
    // A ref counts segments by their place in order; other files in the directory are nobody's.
    this.#segments = files
      .list(directory)
      .filter((name) => /^\d+$/.test(name))
      .sort((a, b) => Number(a) - Number(b))
      .map((name) => ({ path: join(directory, name), open: undefined, sizeBytes: 0 }))
  }

  /** Visits the chunks of `refs`, in ascending order of their refs; `index` is the position in `refs`. */
  read(refs: Float64Array, visit: ChunkVisitor): void {
    const order = ascendingOrder(refs)
    for (let from = 0; from < order.length; ) {
      const to = this.#runEnd(refs, order, from)
      this.#readRun(refs, order.subarray(from, to), visit)
      from = to
    }
  }

  /** Closes the files; they are opened again when they are needed. */
  close(): void {
    for (const segment of this.#segments) {
      segment.open?.close()
      segment.open = undefined
    }
    this.#buffer = new Uint8Array(0)
  }

  #runEnd(refs: Float64Array, order: Uint32Array, from: number): number {
    const first = refs[order[from]!]!
    let to = from + 1
    for (; to < order.length; to++) {
      const ref = refs[order[to]!]!
      const near = ref - refs[order[to - 1]!]! <= gapSizeBytesMax
      if (!near || ref - first > runSizeBytesMax || segmentOf(ref) !== segmentOf(first)) break
    }
    return to
  }

  #readRun(refs: Float64Array, order: Uint32Array, visit: ChunkVisitor): void {
    const segment = this.#segment(segmentOf(refs[order[0]!]!), refs[order[0]!]!)
    const start = refs[order[0]!]! % 0x1_0000_0000
    const last = refs[order.at(-1)!]! % 0x1_0000_0000
    let loadedEnd = this.#load(segment, start, last + this.#guessSizeBytes)
    for (const index of order) {
      const offset = (refs[index]! % 0x1_0000_0000) - start
      let end = recordEnd(this.#reader(segment, start, loadedEnd, offset))
      if (end > loadedEnd - start) {
        this.#guessSizeBytes = end - offset
        loadedEnd = this.#load(segment, start, start + end)
        end = recordEnd(this.#reader(segment, start, loadedEnd, offset))
      }
      visitRecord(this.#reader(segment, start, loadedEnd, offset), end, index, visit)
    }
  }

  #reader(segment: Segment, start: number, loadedEnd: number, offset: number): ByteReader {
    const reader = new ByteReader(this.#buffer, segment.path, start)
    reader.end = loadedEnd - start
    reader.offset = offset
    return reader
  }

  // Loads `[start, end)` as far as the file goes; returns the end of what is there.
  #load(segment: Segment, start: number, end: number): number {
    const until = Math.min(end, segment.sizeBytes)
    const size = Math.max(0, until - start)
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(Math.max(size, 256 * 1024))
    return start + segment.open!.read(this.#buffer.subarray(0, size), start)
  }

  #segment(index: number, ref: number): Segment {
    const segment = this.#segments[index]
    if (segment === undefined) {
      throw new CorruptionError({
        file: this.#directory,
        offset: ref % 0x1_0000_0000,
        expected: `segment ${index + 1}`,
        found: `${this.#segments.length} segments`,
      })
    }
    if (segment.open === undefined) this.#openSegment(segment)
    return segment
  }

  #openSegment(segment: Segment): void {
    const open = this.#files.open(segment.path, 'read')
    try {
      const header = new Uint8Array(segmentHeaderSizeBytes)
      const reader = new ByteReader(header.subarray(0, open.read(header, 0)), segment.path)
      reader.expectU32(segmentMagic, 'the magic of a chunk segment')
      const version = reader.u8()
      if (version !== 1) throw reader.corrupt('segment version 1', String(version))
    } catch (error) {
      open.close()
      throw error
    }
    segment.open = open
    segment.sizeBytes = open.sizeBytes()
  }
}

/** Positions of `refs` in ascending order of the refs. */
export function ascendingOrder(refs: Float64Array): Uint32Array {
  const order = new Uint32Array(refs.length)
  let sorted = true
  for (let i = 0; i < refs.length; i++) {
    order[i] = i
    if (i > 0 && refs[i]! < refs[i - 1]!) sorted = false
  }
  return sorted ? order : order.sort((a, b) => refs[a]! - refs[b]!)
}

// Segment writer: the `chunks/000001…` files of a block: chunks back to back, each with length, encoding and checksum.
// Units: sizes and offsets in bytes. A ref is segment index × 2^32 + the offset of the chunk's length.
// Source: Prometheus tsdb/docs/format/chunks.md.

import { join } from 'node:path'
import type { Files } from '../files.ts'
import { FileWriter, uvarintSizeBytes } from './file-writer.ts'

/** First word of a segment file. */
export const segmentMagic = 0x85bd40dd
/** Bytes of magic, version and padding. */
export const segmentHeaderSizeBytes = 8
/** The default bound of a segment. */
export const defaultSegmentSizeBytesMax = 512 * 1024 * 1024

/** The name of segment `index`, counted from 0. */
export function segmentName(index: number): string {
  return String(index + 1).padStart(6, '0')
}

/** A segment that was written. */
export interface WrittenSegment {
  readonly name: string
  readonly sizeBytes: number
}

/** Writes chunks to numbered files, a new one before the bound would be passed. */
export class SegmentWriter {
  readonly #files: Files
  readonly #directory: string
  readonly #sizeBytesMax: number
  readonly #written: WrittenSegment[] = []
  #out: FileWriter | undefined
  /** The largest chunk with its length, encoding and checksum. */
  chunkSizeBytesMax = 0
  chunkCount = 0

  constructor(files: Files, directory: string, sizeBytesMax = defaultSegmentSizeBytesMax) {
    this.#files = files
    this.#directory = directory
    this.#sizeBytesMax = sizeBytesMax
    files.makeDirectory(directory)
  }

  /** Appends chunk data `[start, end)` of `bytes`; returns the chunk's ref. */
  write(encoding: number, bytes: Uint8Array, start: number, end: number): number {
    const size = uvarintSizeBytes(end - start) + 1 + (end - start) + 4
    const out = this.#segmentFor(size)
    const ref = this.#written.length * 0x1_0000_0000 + out.position
    out.uvarint(end - start)
    out.beginCrc()
    out.u8(encoding)
    out.bytes(bytes, start, end)
    out.endCrc()
    this.chunkCount++
    this.chunkSizeBytesMax = Math.max(this.chunkSizeBytesMax, size)
    return ref
  }

  /** Syncs and closes the last segment and the directory; returns all segments in order. */
  finish(): readonly WrittenSegment[] {
    this.#finishSegment()
    this.#files.syncDirectory(this.#directory)
    return this.#written
  }

  /** Closes what is open after a failure. */
  abandon(): void {
    this.#out?.abandon()
  }

  #segmentFor(sizeBytes: number): FileWriter {
    if (this.#out !== undefined && this.#out.position + sizeBytes > this.#sizeBytesMax)
      this.#finishSegment()
    if (this.#out !== undefined) return this.#out
    const out = new FileWriter(
      this.#files,
      join(this.#directory, segmentName(this.#written.length)),
    )
    out.u32(segmentMagic)
    out.u32(0x0100_0000)
    this.#out = out
    return out
  }

  #finishSegment(): void {
    if (this.#out === undefined) return
    this.#out.finish()
    const name = segmentName(this.#written.length)
    this.#written.push({ name, sizeBytes: this.#out.position })
    this.#out = undefined
  }
}

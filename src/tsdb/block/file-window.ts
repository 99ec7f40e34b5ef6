// File window: a file seen through one buffer. A small file is read whole, once; of a large one a window follows the
// reads, so that ascending reads cost one system call per window.

import { crc32c } from '../../kernel/index.ts'
import { CorruptionError } from '../../model/index.ts'
import type { OpenFile } from '../files.ts'
import { readU32, requireChecksum } from './byte-reader.ts'
import type { Slices } from './slices.ts'

/** The size of the window over a file that is not read whole. */
const windowSizeBytes = 256 * 1024
const crcSliceSizeBytes = 1024 * 1024

/** Bytes of one file on demand, be it on disk or a part that was fetched before. Methods throw CorruptionError. */
export interface ByteWindow {
  /** For messages. */
  readonly file: string
  readonly sizeBytes: number
  /** The bytes that `cover` last made present. */
  readonly bytes: Uint8Array
  /** Where `bytes` starts in the file. */
  readonly base: number
  /** Makes `[offset, offset + sizeBytes)` of the file present; returns where it starts in `bytes`. */
  cover(offset: number, sizeBytes: number): number
  /** A section that later reads do not disturb. */
  section(offset: number, sizeBytes: number): Uint8Array
}

/** A window over a file of local disk. */
export class FileWindow implements ByteWindow {
  readonly file: string
  readonly sizeBytes: number
  bytes: Uint8Array
  base = 0
  readonly #open: OpenFile | undefined

  /** Reads the file whole and closes it when it has at most `wholeSizeBytesMax` bytes. */
  constructor(open: OpenFile, file: string, wholeSizeBytesMax: number) {
    this.file = file
    this.sizeBytes = open.sizeBytes()
    this.bytes = new Uint8Array(0)
    if (this.sizeBytes > wholeSizeBytesMax) {
      this.#open = open
      return
    }
    try {
      this.bytes = readExactly(open, file, 0, this.sizeBytes)
    } finally {
      open.close()
    }
  }

  cover(offset: number, sizeBytes: number): number {
    const within = offset - this.base
    if (within >= 0 && within + sizeBytes <= this.bytes.length) return within
    this.#check(offset, sizeBytes)
    const wanted = Math.max(sizeBytes, Math.min(windowSizeBytes, this.sizeBytes - offset))
    this.bytes = readExactly(this.#open!, this.file, offset, wanted)
    this.base = offset
    return 0
  }

  section(offset: number, sizeBytes: number): Uint8Array {
    this.#check(offset, sizeBytes)
    if (this.#open === undefined) return this.bytes.subarray(offset, offset + sizeBytes)
    return readExactly(this.#open, this.file, offset, sizeBytes)
  }

  /** Another window over the same file, for reads that go on elsewhere; `close` on this one closes both. */
  sibling(): FileWindow {
    return this.#open === undefined ? this : new FileWindow(this.#open, this.file, 0)
  }

  /** Closes the file; the window must not be used again. */
  close(): void {
    this.#open?.close()
  }

  #check(offset: number, sizeBytes: number): void {
    if (offset >= 0 && offset + sizeBytes <= this.sizeBytes) return
    throw new CorruptionError({
      file: this.file,
      offset,
      expected: `${sizeBytes} bytes`,
      found: `the end of the file at ${this.sizeBytes}`,
    })
  }
}

/**
 * Fails unless the four bytes after `[start, start + sizeBytes)` are their checksum; a megabyte at a time, none of which is
 * kept. Throws CorruptionError.
 */
export function* checkCrcOfSection(
  window: ByteWindow,
  start: number,
  sizeBytes: number,
): Slices<void> {
  const expected = readU32(window.section(start + sizeBytes, 4), 0)
  let found = 0
  for (let at = 0; at < sizeBytes; at += crcSliceSizeBytes) {
    const slice = window.section(start + at, Math.min(crcSliceSizeBytes, sizeBytes - at))
    found = crc32c(slice, 0, slice.length, found)
    yield
  }
  requireChecksum(window.file, start, expected, found)
}

function readExactly(open: OpenFile, file: string, offset: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  const count = open.read(bytes, offset)
  if (count === sizeBytes) return bytes
  throw new CorruptionError({
    file,
    offset: offset + count,
    expected: `${sizeBytes - count} more bytes`,
    found: 'the end of the file',
  })
}

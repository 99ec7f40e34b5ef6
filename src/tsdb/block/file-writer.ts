// File writer: appends bytes to one new file through a buffer, counting the position and summing CRC-32C sections.
// Units: positions and sizes in bytes. Integers as Go writes them: big-endian, uvarint, zigzag varint.
// Invariant: numbers are exact to 2^53.

import { crc32c } from '../../kernel/index.ts'
import { assert } from '../../model/index.ts'
import type { Files, OpenFile } from '../files.ts'

const bufferSizeBytes = 1 << 20
/** The longest number this writes. */
const numberSizeBytesMax = 10

/** Writes one file from its start to its end. */
export class FileWriter {
  readonly path: string
  readonly #file: OpenFile
  readonly #buffer: Uint8Array
  readonly #view: DataView
  #flushedBytes = 0
  #used = 0
  #crc = 0
  /** Where in the buffer the bytes begin that the checksum has not seen; -1 outside a section. */
  #crcFrom = -1
  #closed = false

  constructor(files: Files, path: string) {
    this.path = path
    this.#file = files.open(path, 'write')
    this.#buffer = new Uint8Array(bufferSizeBytes)
    this.#view = new DataView(this.#buffer.buffer)
  }

  /** Bytes written so far. */
  get position(): number {
    return this.#flushedBytes + this.#used
  }

  /** Starts a checksummed section at the present position. */
  beginCrc(): void {
    this.#crc = 0
    this.#crcFrom = this.#used
  }

  /** Ends the section and writes its checksum. */
  endCrc(): void {
    assert(this.#crcFrom >= 0, 'no section was begun')
    const crc = crc32c(this.#buffer, this.#crcFrom, this.#used, this.#crc)
    this.#crcFrom = -1
    this.u32(crc)
  }

  /** One byte. */
  u8(value: number): void {
    this.#room(1)
    this.#buffer[this.#used++] = value
  }

  /** Four bytes, big-endian. */
  u32(value: number): void {
    this.#room(4)
    this.#view.setUint32(this.#used, value)
    this.#used += 4
  }

  /** Eight bytes, big-endian. */
  u64(value: number): void {
    this.u32(Math.floor(value / 0x1_0000_0000))
    this.u32(value % 0x1_0000_0000)
  }

  /** Go's uvarint. */
  uvarint(value: number): void {
    this.#room(numberSizeBytesMax)
    this.#used = putUvarint(this.#buffer, this.#used, value)
  }

  /** Go's zigzag varint. */
  varint(value: number): void {
    this.uvarint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** Bytes `[start, end)` of `source`. */
  bytes(source: Uint8Array, start: number, end: number): void {
    let from = start
    while (from < end) {
      this.#room(1)
      const count = Math.min(end - from, bufferSizeBytes - this.#used)
      this.#buffer.set(source.subarray(from, from + count), this.#used)
      this.#used += count
      from += count
    }
  }

  /** Zeros up to the next multiple of `alignment`. */
  pad(alignment: number): void {
    while (this.position % alignment !== 0) this.u8(0)
  }

  /** Writes what is buffered, syncs and closes. */
  finish(): void {
    this.#flush()
    this.#file.sync()
    this.abandon()
  }

  /** Closes without syncing, after a failure; closed is fine. */
  abandon(): void {
    if (!this.#closed) this.#file.close()
    this.#closed = true
  }

  #room(sizeBytes: number): void {
    if (this.#used + sizeBytes > bufferSizeBytes) this.#flush()
  }

  #flush(): void {
    if (this.#crcFrom >= 0) {
      this.#crc = crc32c(this.#buffer, this.#crcFrom, this.#used, this.#crc)
      this.#crcFrom = 0
    }
    this.#file.write([this.#buffer.subarray(0, this.#used)], this.#flushedBytes)
    this.#flushedBytes += this.#used
    this.#used = 0
  }
}

/** Writes `value` as a uvarint into `into` at `offset`; returns the offset after it. */
export function putUvarint(into: Uint8Array, offset: number, value: number): number {
  let rest = value
  let at = offset
  while (rest >= 0x1000_0000) {
    into[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  while (rest >= 128) {
    into[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  into[at++] = rest
  return at
}

/** Writes `value` as a zigzag varint into `into` at `offset`; returns the offset after it. */
export function putVarint(into: Uint8Array, offset: number, value: number): number {
  return putUvarint(into, offset, value < 0 ? -2 * value - 1 : 2 * value)
}

/** The size of `value` as a uvarint. */
export function uvarintSizeBytes(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

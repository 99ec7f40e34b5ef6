// Byte reader: walks over bytes of a file with every length checked; what does not fit is a CorruptionError.
// Units: offsets in bytes within `bytes`; `baseOffset` is where `bytes` starts in its file, for messages.
// Integers as Go writes them: big-endian, uvarint, zigzag varint; exact to 2^53.

import { crc32c } from '../../kernel/index.ts'
import { CorruptionError } from '../../model/index.ts'

/** Reads numbers and strings one after another. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly file: string
  readonly baseOffset: number
  offset = 0
  /** Reading stops here. */
  end: number

  constructor(bytes: Uint8Array, file: string, baseOffset = 0) {
    this.bytes = bytes
    this.file = file
    this.baseOffset = baseOffset
    this.end = bytes.length
  }

  /** One byte. */
  u8(): number {
    this.need(1)
    return this.bytes[this.offset++]!
  }

  /** Four bytes, big-endian. */
  u32(): number {
    this.need(4)
    const value = readU32(this.bytes, this.offset)
    this.offset += 4
    return value
  }

  /** Eight bytes, big-endian. */
  u64(): number {
    return this.u32() * 0x1_0000_0000 + this.u32()
  }

  /** Go's uvarint. */
  uvarint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      if (this.offset >= this.end) break
      const byte = this.bytes[this.offset++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    throw this.corrupt('a number of at most ten bytes', 'its continuation past the end')
  }

  /** Go's zigzag varint. */
  varint(): number {
    const value = this.uvarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Passes `count` bytes and returns where they start. */
  skip(count: number): number {
    this.need(count)
    const start = this.offset
    this.offset += count
    return start
  }

  /** A string with its length before it. */
  text(): string {
    const size = this.uvarint()
    const start = this.skip(size)
    return decodeText(this.bytes, start, start + size)
  }

  /** Fails unless `count` more bytes are there. */
  need(count: number): void {
    if (this.offset + count <= this.end) return
    throw this.corrupt(`${count} more bytes`, `${this.end - this.offset}`)
  }

  /** Fails unless the next four bytes are `expected`, described as `what`. */
  expectU32(expected: number, what: string): void {
    const found = this.u32()
    if (found === expected) return
    this.offset -= 4
    throw this.corrupt(`${what} 0x${expected.toString(16)}`, `0x${found.toString(16)}`)
  }

  /** Fails unless the four bytes at `end` are the checksum of `[start, end)`; leaves the offset where it is. */
  checkCrc(start: number, end: number): void {
    if (end < start || end + 4 > this.bytes.length) {
      throw this.corrupt(`a checksum at byte ${this.baseOffset + end}`, 'the end of the file')
    }
    const checksum = crc32c(this.bytes, start, end, 0)
    requireChecksum(this.file, this.baseOffset + start, readU32(this.bytes, end), checksum)
  }

  /** An error at the present offset. */
  corrupt(expected: string, found: string): CorruptionError {
    const offset = this.baseOffset + this.offset
    return new CorruptionError({ file: this.file, offset, expected, found })
  }
}

/** Throws CorruptionError unless the bytes from `offset` of the file on have the checksum that stands behind them. */
export function requireChecksum(
  file: string,
  offset: number,
  expected: number,
  found: number,
): void {
  if (found === expected) return
  throw new CorruptionError({
    file,
    offset,
    expected: `bytes with checksum 0x${expected.toString(16)}`,
    found: `checksum 0x${found.toString(16)}`,
  })
}

/** Four bytes at `offset`, big-endian; the caller knows that they are there. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) |
      (bytes[offset + 1]! << 16) |
      (bytes[offset + 2]! << 8) |
      bytes[offset + 3]!) >>>
    0
  )
}

/** UTF-8 bytes `[start, end)` as a string. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
}

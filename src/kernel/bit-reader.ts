// Bit reader: fields of a chunk's bit stream, most significant bit first, every read checked against the end.
// Units: positions in bits from the chunk's start. 64-bit fields come as two 32-bit words in `high` and `low`.
// Source: facts of Prometheus' tsdb/chunkenc bit stream.

import { CorruptionError } from '../model/index.ts'

// Bit positions stay below 2^31, so that shifts can take them apart.
const sizeBytesMax = 0x0fff_ffff

/** Reads bit fields from `bytes[offset, offset + sizeBytes)`; throws CorruptionError past the end. */
export class BitReader {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly endBits: number
  positionBits = 0
  /** High word of the 64-bit field read last. */
  high = 0
  /** Low word of the 64-bit field read last. */
  low = 0

  constructor(bytes: Uint8Array, offset: number, sizeBytes: number) {
    if (!(offset >= 0 && sizeBytes >= 0 && offset + sizeBytes <= bytes.length))
      throw corruptChunk(offset, `${sizeBytes} bytes of chunk`, `${bytes.length - offset}`)
    if (sizeBytes > sizeBytesMax) throw corruptChunk(offset, 'a chunk below 256 MiB', 'a larger')
    this.bytes = bytes
    this.offset = offset
    this.endBits = sizeBytes * 8
  }

  /** The next 1 to 32 bits as an unsigned number. */
  readBits(count: number): number {
    const start = this.positionBits
    const next = start + count
    if (next > this.endBits) throw this.corruption(`${count} more bits`, 'the end of the chunk')
    this.positionBits = next
    return this.#peek(start) >>> (32 - count)
  }

  // The 32 bits from `start` on, left-aligned; bits beyond the bytes are 0.
  #peek(start: number): number {
    const bytes = this.bytes
    const at = this.offset + (start >>> 3)
    const shift = start & 7
    if (at + 4 >= bytes.length) return this.#peekAtEnd(at, shift)
    const word =
      (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
    return shift === 0 ? word : (word << shift) | (bytes[at + 4]! >>> (8 - shift))
  }

  // Apart, so that the usual path never reads outside of the bytes.
  #peekAtEnd(at: number, shift: number): number {
    let word = 0
    for (let i = 0; i < 4; i++) word = (word << 8) | (this.bytes[at + i] ?? 0)
    return word << shift
  }

  /** The next 1 to 64 bits, right-aligned into `high` and `low`. */
  readWords(count: number): void {
    this.high = count > 32 ? this.readBits(count - 32) | 0 : 0
    this.low = this.readBits(Math.min(count, 32)) | 0
  }

  /** How many 1 bits come before the next 0 bit, at most `max`; the 0 bit is consumed when it was met. */
  readOnes(max: number): number {
    const count = Math.min(Math.clz32(~this.#peek(this.positionBits)), max)
    const next = this.positionBits + (count < max ? count + 1 : count)
    if (next > this.endBits) throw this.corruption('a prefix', 'the end of the chunk')
    this.positionBits = next
    return count
  }

  /** An unsigned LEB128 number of up to ten bytes, which need not be byte-aligned; exact below 2^53. */
  readUvarint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.readBits(8)
      value += (byte & 127) * scale
      if (byte < 128) {
        if (i === 9 && byte > 1) break
        return value
      }
      scale *= 128
    }
    throw this.corruption('a varint of 64 bits', 'a longer one')
  }

  /** A zig-zag LEB128 number; exact below 2^52. */
  readVarint(): number {
    const value = this.readUvarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** `high` and `low` as a signed number; exact within ±2^53. */
  signed(): number {
    return this.high * 4_294_967_296 + (this.low >>> 0)
  }

  /** The error for what stands at this position. */
  corruption(expected: string, found: string): CorruptionError {
    return corruptChunk(this.offset + (this.positionBits >>> 3), expected, found)
  }
}

function corruptChunk(offset: number, expected: string, found: string): CorruptionError {
  return new CorruptionError({ file: 'chunk', offset, expected, found })
}

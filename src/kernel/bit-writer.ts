// Bit writer: fields of a chunk's bit stream, most significant bit first; unused bits of the last byte are 0.

/** Appends bit fields to a buffer that grows. */
export class BitWriter {
  #bytes: Uint8Array
  #positionBits = 0

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes)
  }

  /** Bytes begun so far. */
  get sizeBytes(): number {
    return (this.#positionBits + 7) >>> 3
  }

  /** The lowest 1 to 32 bits of `value`. */
  writeBits(value: number, count: number): void {
    let at = this.#positionBits >>> 3
    if (at + 5 > this.#bytes.length) this.#grow()
    const bytes = this.#bytes
    const shift = this.#positionBits & 7
    const word = value << (32 - count)
    bytes[at]! |= word >>> (24 + shift)
    // A field of 32 bits that starts inside a byte ends in the fifth one.
    const rest = word << (8 - shift)
    const last = (this.#positionBits + count - 1) >>> 3
    for (let down = 24; at < last && down >= 0; down -= 8) bytes[++at] = rest >>> down
    this.#positionBits += count
  }

  /** The lowest 1 to 64 bits of the number whose words are `high` and `low`. */
  writeWords(high: number, low: number, count: number): void {
    if (count > 32) this.writeBits(high, count - 32)
    this.writeBits(low, Math.min(count, 32))
  }

  /** Unsigned LEB128 of an integer in 0 … 2^53, not byte-aligned. */
  writeUvarint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.writeBits((rest % 128) | 128, 8)
      rest = Math.floor(rest / 128)
    }
    this.writeBits(rest, 8)
  }

  /** Zig-zag LEB128 of an integer within ±2^52. */
  writeVarint(value: number): void {
    this.writeUvarint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** Overwrites one byte that is already there. */
  setByte(index: number, value: number): void {
    this.#bytes[index] = value
  }

  /** A byte that is already there. */
  byteAt(index: number): number {
    return this.#bytes[index]!
  }

  /** A copy of all bytes. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.sizeBytes)
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2 + 8)
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

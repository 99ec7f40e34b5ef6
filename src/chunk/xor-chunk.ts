// XOR chunk: the float samples of one series over about two hours, 1 to 2 bytes a sample. Here: the encoder.
// Decoding: kernel/xor-columns.ts. When a chunk is cut: the head and the block writer decide.
// Units: timestamps in Unix milliseconds within ±2^51, sizes in bytes.
// Invariants: timestamps strictly increase; at most 65535 samples.
// Source: Prometheus tsdb/docs/format/chunks.md; "Gorilla", VLDB 2015, section 4.1.

import { BitWriter, writeXor, XorState } from '../kernel/index.ts'
import { assert } from '../model/index.ts'

/** The largest sample count that a chunk's header can hold. */
export const chunkSampleCountMax = 65_535

/** Encodes float samples in time order. */
export class XorEncoder {
  readonly #bits = new BitWriter()
  readonly #value = new XorState()
  #count = 0
  #timestampMs = 0
  #deltaMs = 0

  constructor() {
    this.#bits.writeBits(0, 16)
  }

  /** Samples appended so far. */
  get count(): number {
    return this.#count
  }

  /** Size of the chunk so far, header included. */
  get sizeBytes(): number {
    return this.#bits.sizeBytes
  }

  /** Appends a sample given by the words of its value, so that every NaN keeps its bits. */
  append(timestampMs: number, valueLow: number, valueHigh: number): void {
    assert(this.#count < chunkSampleCountMax, 'the chunk is full')
    const bits = this.#bits
    if (this.#count === 0) {
      bits.writeVarint(timestampMs)
      bits.writeWords(valueHigh, valueLow, 64)
      this.#value.high = valueHigh | 0
      this.#value.low = valueLow | 0
    } else {
      const deltaMs = timestampMs - this.#timestampMs
      assert(deltaMs > 0, 'timestamps of a chunk strictly increase')
      if (this.#count === 1) bits.writeUvarint(deltaMs)
      else writeDod(bits, deltaMs - this.#deltaMs)
      this.#deltaMs = deltaMs
      writeXor(bits, this.#value, valueHigh, valueLow)
    }
    this.#timestampMs = timestampMs
    this.#count++
    bits.setByte(0, this.#count >>> 8)
    bits.setByte(1, this.#count)
  }

  /** The chunk's data, without the encoding byte. The encoder may go on appending. */
  finish(): Uint8Array {
    return this.#bits.finish()
  }
}

function writeDod(bits: BitWriter, dodMs: number): void {
  if (dodMs === 0) bits.writeBits(0, 1)
  else if (dodMs >= -8191 && dodMs <= 8192) bits.writeBits((0b10 << 14) | (dodMs & 0x3fff), 16)
  else if (dodMs >= -65_535 && dodMs <= 65_536)
    bits.writeBits((0b110 << 17) | (dodMs & 0x1ffff), 20)
  else if (dodMs >= -524_287 && dodMs <= 524_288)
    bits.writeBits((0b1110 << 20) | (dodMs & 0xfffff), 24)
  else {
    bits.writeBits(0b1111, 4)
    bits.writeWords(Math.floor(dodMs / 4_294_967_296), dodMs, 64)
  }
}

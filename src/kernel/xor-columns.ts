// XOR chunk to columns: the specification of the kernel's batch decoder, sample by sample.
// Units: timestamps in Unix milliseconds, exact within ±2^51 (the second difference then fits a double).
// Source: Prometheus tsdb/docs/format/chunks.md; "Gorilla", VLDB 2015, section 4.1.

import { BitReader } from './bit-reader.ts'
import { readXor, XorState } from './xor-value.ts'

/** How many samples a chunk says it holds: the first two bytes, big endian. Throws CorruptionError when cut short. */
export function chunkSampleCount(bytes: Uint8Array, offset: number, sizeBytes: number): number {
  if (sizeBytes >= 2 && offset + sizeBytes <= bytes.length)
    return (bytes[offset]! << 8) | bytes[offset + 1]!
  return new BitReader(bytes, offset, sizeBytes).readBits(16)
}

/**
 * Decodes an XOR chunk into `timestampsMs[at…]` and `words[2 × at…]` (low word first), which have room for all its
 * samples. Returns the sample count. Throws CorruptionError; what was written by then is garbage.
 */
export function decodeXorColumns(
  bytes: Uint8Array,
  offset: number,
  sizeBytes: number,
  timestampsMs: Float64Array,
  words: Uint32Array,
  at: number,
): number {
  const bits = new BitReader(bytes, offset, sizeBytes)
  const count = bits.readBits(16)
  if (count === 0) return 0
  const value = new XorState()
  let timestampMs = bits.readVarint()
  bits.readWords(64)
  value.high = bits.high
  value.low = bits.low
  let deltaMs = 0
  for (let i = at; ; ) {
    timestampsMs[i] = timestampMs
    words[2 * i] = value.low
    words[2 * i + 1] = value.high
    i++
    if (i === at + count) return count
    deltaMs = i === at + 1 ? bits.readUvarint() : deltaMs + readDod(bits)
    timestampMs += deltaMs
    readXor(bits, value)
  }
}

/** Some chunks of one buffer: chunk i is `bytes[offsets[i], offsets[i] + sizes[i])`, for i in [from, to). */
export interface ChunkRange {
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
  readonly sizes: Uint32Array
  readonly from: number
  readonly to: number
}

/** Columns to decode into from entry `at` on. */
export interface DecodeTarget {
  readonly timestampsMs: Float64Array
  /** Values as words, low word first. */
  readonly words: Uint32Array
  readonly at: number
}

/** Decodes XOR chunks one after the other: the kernel's `CodecKernel`, or its twin. */
export interface XorDecoder {
  /** The target has room for all samples. Returns the sample count; throws CorruptionError. */
  decodeXor(chunks: ChunkRange, target: DecodeTarget): number
}

/** The twin as a decoder, where no kernel is at hand. */
export const xorDecoderTwin: XorDecoder = { decodeXor: decodeXorChunks }

/** Decodes XOR chunks one after the other; the target has room for all. Returns the sample count. */
export function decodeXorChunks(chunks: ChunkRange, target: DecodeTarget): number {
  const { timestampsMs, words } = target
  let at = target.at
  for (let i = chunks.from; i < chunks.to; i++) {
    const { bytes, offsets, sizes } = chunks
    at += decodeXorColumns(bytes, offsets[i]!, sizes[i]!, timestampsMs, words, at)
  }
  return at - target.at
}

/** Reads a second difference of timestamps as XOR chunks store it. */
export function readDod(bits: BitReader): number {
  if (bits.readBits(1) === 0) return 0
  if (bits.readBits(1) === 0) return signedOf(bits.readBits(14), 0x2000)
  if (bits.readBits(1) === 0) return signedOf(bits.readBits(17), 0x10000)
  if (bits.readBits(1) === 0) return signedOf(bits.readBits(20), 0x80000)
  bits.readWords(64)
  return bits.signed()
}

// The pattern with only the top bit set stands for +half, not for -half.
function signedOf(value: number, half: number): number {
  return value > half ? value - 2 * half : value
}

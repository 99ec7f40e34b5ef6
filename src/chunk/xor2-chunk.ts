// XOR2 chunk (encoding 4): float samples with start timestamps; one prefix covers timestamp and value together, and a
// stale marker takes five bits.
// Units: timestamps in Unix milliseconds within ±2^51.
// Invariants: timestamps strictly increase; stale markers leave the value that later ones are compared with alone.
// Source: Prometheus tsdb/chunkenc/xor2.go.

import type { BitReader } from '../kernel/index.ts'
import {
  BitReader as Bits,
  BitWriter,
  fitsXorWindow,
  readInWindow,
  readNewWindow,
  readXorWindow,
  writeInWindow,
  writeNewWindow,
  writeXorWindow,
  XorState,
} from '../kernel/index.ts'
import { assert, staleHigh, staleLow } from '../model/index.ts'
import type { SampleBuffer } from './sample-buffer.ts'
import { StartTimestampReader, StartTimestampWriter } from './start-timestamps.ts'
import { chunkSampleCountMax } from './xor-chunk.ts'

const headerBits = 24

/** Encodes float samples with their start timestamps, in time order. */
export class Xor2Encoder {
  readonly #bits = new BitWriter()
  readonly #value = new XorState()
  readonly #starts = new StartTimestampWriter()
  #count = 0
  #timestampMs = 0
  #deltaMs = 0

  constructor() {
    this.#bits.writeBits(0, headerBits)
  }

  /** Samples appended so far. */
  get count(): number {
    return this.#count
  }

  /** Size of the chunk so far, header included. */
  get sizeBytes(): number {
    return this.#bits.sizeBytes
  }

  /** Appends a sample given by the words of its value; a start timestamp of 0 is unknown. */
  append(timestampMs: number, valueLow: number, valueHigh: number, startTimestampMs: number): void {
    assert(this.#count < chunkSampleCountMax, 'the chunk is full')
    const bits = this.#bits
    const index = this.#count++
    if (index === 0) this.#writeFirst(timestampMs, valueLow, valueHigh)
    else this.#writeNext(index, timestampMs - this.#timestampMs, valueLow, valueHigh)
    const previousMs = index === 0 ? timestampMs : this.#timestampMs
    this.#starts.write(bits, index, previousMs, startTimestampMs)
    this.#timestampMs = timestampMs
    bits.setByte(0, this.#count >>> 8)
    bits.setByte(1, this.#count)
    bits.setByte(2, this.#starts.headerByte)
  }

  /** The chunk's data, without the encoding byte. The encoder may go on appending. */
  finish(): Uint8Array {
    return this.#bits.finish()
  }

  #writeFirst(timestampMs: number, low: number, high: number): void {
    this.#bits.writeVarint(timestampMs)
    this.#bits.writeWords(high, low, 64)
    if (isStale(low, high)) return
    this.#value.high = high | 0
    this.#value.low = low | 0
  }

  #writeNext(index: number, deltaMs: number, low: number, high: number): void {
    assert(deltaMs > 0, 'timestamps of a chunk strictly increase')
    const bits = this.#bits
    const dodMs = deltaMs - this.#deltaMs
    this.#deltaMs = deltaMs
    if (index === 1) {
      bits.writeUvarint(deltaMs)
      this.#writeValue(low, high)
      return
    }
    if (dodMs === 0) {
      this.#writeSteady(low, high)
      return
    }
    if (dodMs >= -4096 && dodMs <= 4095) bits.writeBits((0b110 << 13) | (dodMs & 0x1fff), 16)
    else if (dodMs >= -524_288 && dodMs <= 524_287)
      bits.writeBits((0b1110 << 20) | (dodMs & 0xfffff), 24)
    else {
      bits.writeBits(0b11110, 5)
      bits.writeWords(Math.floor(dodMs / 4_294_967_296), dodMs, 64)
    }
    this.#writeValue(low, high)
  }

  // The timestamp comes as expected: the prefix tells about the value only.
  #writeSteady(low: number, high: number): void {
    if (isStale(low, high)) {
      this.#bits.writeBits(0b11111, 5)
      return
    }
    const diffHigh = high ^ this.#value.high
    const diffLow = low ^ this.#value.low
    this.#value.high = high | 0
    this.#value.low = low | 0
    if ((diffHigh | diffLow) === 0) this.#bits.writeBits(0, 1)
    else {
      this.#bits.writeBits(0b10, 2)
      writeXorWindow(this.#bits, this.#value, diffHigh, diffLow)
    }
  }

  #writeValue(low: number, high: number): void {
    const bits = this.#bits
    const value = this.#value
    if (isStale(low, high)) {
      bits.writeBits(0b111, 3)
      return
    }
    const diffHigh = high ^ value.high
    const diffLow = low ^ value.low
    value.high = high | 0
    value.low = low | 0
    if ((diffHigh | diffLow) === 0) {
      bits.writeBits(0, 1)
      return
    }
    if (fitsXorWindow(value, diffHigh, diffLow)) bits.writeBits(0b10, 2)
    else {
      bits.writeBits(0b110, 3)
      writeNewWindow(bits, value, diffHigh, diffLow)
    }
    writeInWindow(bits, value, diffHigh, diffLow)
  }
}

/** Appends all samples of an XOR2 chunk to `into`; throws CorruptionError. */
export function decodeXor2(
  bytes: Uint8Array,
  offset: number,
  sizeBytes: number,
  into: SampleBuffer,
): void {
  const bits = new Bits(bytes, offset, sizeBytes)
  const count = bits.readBits(16)
  const starts = new StartTimestampReader(bits.readBits(8))
  if (count === 0) return
  if (starts.present) into.beginStartTimestamps()
  into.reserve(count)
  const value = new XorState()
  let timestampMs = 0
  let deltaMs = 0
  for (let i = 0; i < count; i++) {
    const previousMs = timestampMs
    let stale: boolean
    if (i === 0) {
      timestampMs = bits.readVarint()
      stale = readFirst(bits, value)
    } else if (i === 1) {
      deltaMs = bits.readUvarint()
      stale = readValue(bits, value)
    } else {
      const ones = bits.readOnes(5)
      deltaMs += ones >= 2 && ones <= 4 ? readDod(bits, ones) : 0
      if (ones === 1) readXorWindow(bits, value)
      stale = ones === 5 || (ones >= 2 && readValue(bits, value))
    }
    if (i > 0) timestampMs += deltaMs
    const at = into.count++
    into.timestampsMs[at] = timestampMs
    into.words[2 * at] = stale ? staleLow : value.low
    into.words[2 * at + 1] = stale ? staleHigh : value.high
    const startMs = starts.read(bits, i, i === 0 ? timestampMs : previousMs)
    if (into.hasStartTimestamps) into.startTimestampsMs[at] = startMs
  }
}

function readFirst(bits: BitReader, value: XorState): boolean {
  bits.readWords(64)
  if (isStale(bits.low, bits.high)) return true
  value.high = bits.high
  value.low = bits.low
  return false
}

// Returns whether the sample is a stale marker.
function readValue(bits: BitReader, value: XorState): boolean {
  const ones = bits.readOnes(3)
  if (ones === 2) readNewWindow(bits, value)
  if (ones === 1 || ones === 2) readInWindow(bits, value)
  return ones === 3
}

function readDod(bits: BitReader, ones: number): number {
  if (ones === 2) return (bits.readBits(13) << 19) >> 19
  if (ones === 3) return (bits.readBits(20) << 12) >> 12
  bits.readWords(64)
  return bits.signed()
}

function isStale(low: number, high: number): boolean {
  return low >>> 0 === staleLow && high >>> 0 === staleHigh
}

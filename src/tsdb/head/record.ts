// Records of the head in the log: what they hold, byte by byte. Files, frames and checksums are the log's.
// Drawn in docs/formats/wal-records.md. Numbers are unsigned varints unless said otherwise.
// Invariant: replaying the records of a generation in order rebuilds it with the same tenant ids, pair ids and refs.

import { CorruptionError } from '../../model/index.ts'

/** The first byte of a record. */
export const recordType = {
  series: 1,
  samples: 2,
  outOfOrder: 3,
  tenant: 4,
  histogram: 5,
  exemplar: 6,
  metadata: 7,
  body: 8,
  bodiesApplied: 9,
  generationStart: 10,
  numberingMerged: 11,
  startedSamples: 12,
} as const

/** Where records go: the log of the lane. `windowKey` is that of the generation, or `laneRecordKey`. */
export interface RecordSink {
  push(record: Uint8Array, windowKey: number): void
}

/** The generation of a record: its window and whether it holds what came after the window was cut. */
export interface GenerationKey {
  readonly windowStartMs: number
  readonly isOutOfOrder: boolean
}

const windowSizeMs = 7_200_000

/** The log's key of a generation. */
export function windowKeyOf(key: GenerationKey): number {
  return (key.windowStartMs / windowSizeMs) * 2 + (key.isOutOfOrder ? 1 : 0)
}

/** The generation of a log's key. */
export function generationOfKey(windowKey: number): GenerationKey {
  return {
    windowStartMs: Math.floor(windowKey / 2) * windowSizeMs,
    isOutOfOrder: (windowKey & 1) === 1,
  }
}

/** Builds one record in a buffer that is used again. */
export class RecordWriter {
  #bytes = Buffer.alloc(4096)
  #size = 0

  /** Starts a record. */
  begin(type: number): void {
    this.#size = 0
    this.byte(type)
  }

  /** Bytes written so far. */
  get sizeBytes(): number {
    return this.#size
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#size++] = value
  }

  /** An unsigned integer below 2^53. */
  uvarint(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest >= 128) {
      this.#bytes[this.#size++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#size++] = rest
  }

  /** A signed integer within ±2^52, in zig-zag form. */
  varint(value: number): void {
    this.uvarint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#size)
    this.#size += bytes.length
  }

  /** Length and UTF-8 bytes. */
  string(text: string): void {
    this.block(Buffer.from(text, 'utf8'))
  }

  /** Length and bytes. */
  block(bytes: Uint8Array): void {
    this.uvarint(bytes.length)
    this.raw(bytes)
  }

  word(value: number): void {
    this.#reserve(4)
    this.#size = this.#bytes.writeUInt32LE(value >>> 0, this.#size)
  }

  /** The record; a view that the next `begin` overwrites. */
  finish(): Uint8Array {
    // No Buffer leaves this file: its `slice` is a view.
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#size)
  }

  #reserve(extra: number): void {
    if (this.#size + extra <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(2 * this.#bytes.length, this.#size + extra))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }
}

/** Reads one record; throws CorruptionError where it ends too early. */
export class RecordReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(record: Uint8Array) {
    this.#bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) throw this.fault('another byte')
    return this.#bytes[this.#at++]!
  }

  uvarint(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw this.fault('a varint of at most eight bytes')
  }

  /** A signed integer in zig-zag form. */
  varint(): number {
    const value = this.uvarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  word(): number {
    if (this.#at + 4 > this.#bytes.length) throw this.fault('four bytes')
    this.#at += 4
    return this.#bytes.readUInt32LE(this.#at - 4)
  }

  /** Length and bytes; a view of the record. */
  block(): Uint8Array {
    const size = this.uvarint()
    if (this.#at + size > this.#bytes.length) throw this.fault(`${size} bytes`)
    this.#at += size
    const start = this.#bytes.byteOffset + this.#at - size
    return new Uint8Array(this.#bytes.buffer, start, size)
  }

  string(): string {
    const bytes = this.block()
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  }

  /** What to throw when the record does not make sense. */
  fault(expected: string): CorruptionError {
    return new CorruptionError({
      file: 'log record',
      offset: this.#at,
      expected,
      found: `the end of a record of ${this.#bytes.length} bytes`,
    })
  }
}

// Frames: the bytes of log files. A file is a 16-byte header and frames; a frame is u32 payload length, u32 crc32c,
// i32 window key, payload; little-endian. The checksum covers key and payload.
// Invariant: a frame of zeros is never valid, so a hole that a power cut left reads as the end.
// Drawn in docs/formats/wal.md.

import { crc32c } from '../../kernel/index.ts'

/** Bytes of a file header: magic, u32 version, u32 number, u32 crc32c of the twelve bytes before. */
export const headerSizeBytes = 16
/** Bytes before a payload. */
export const frameHeadSizeBytes = 12

/** What kind of log file it is. */
export type LogMagic = 'CNWL' | 'CNCP' | 'CNRT'

/** The only version so far. */
export const logVersion = 1

/** The header of a file; `number` is what the kind makes of it. */
export function encodeHeader(magic: LogMagic, number: number): Uint8Array {
  const bytes = new Uint8Array(headerSizeBytes)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 4; i++) bytes[i] = magic.charCodeAt(i)
  view.setUint32(4, logVersion, true)
  view.setUint32(8, number, true)
  view.setUint32(12, crc32c(bytes, 0, 12), true)
  return bytes
}

/** The number of a header, or why it is none. */
export function decodeHeader(bytes: Uint8Array, magic: LogMagic): number | string {
  if (bytes.length < headerSizeBytes)
    return `a header of ${headerSizeBytes} bytes, found ${bytes.length}`
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerSizeBytes)
  const found = String.fromCharCode(...bytes.subarray(0, 4))
  if (found !== magic) return `magic ${magic}, found ${JSON.stringify(found)}`
  if (view.getUint32(12, true) !== crc32c(bytes, 0, 12)) return 'a header with its checksum'
  if (view.getUint32(4, true) !== logVersion)
    return `version ${logVersion}, found ${view.getUint32(4, true)}`
  return view.getUint32(8, true)
}

/** Writes a frame into `bytes` at `offset`, where the caller made room; returns the offset after it. */
export function encodeFrame(
  bytes: Uint8Array,
  offset: number,
  payload: Uint8Array,
  windowKey: number,
): number {
  writeWord(bytes, offset, payload.length)
  writeWord(bytes, offset + 8, windowKey)
  bytes.set(payload, offset + frameHeadSizeBytes)
  const end = offset + frameHeadSizeBytes + payload.length
  writeWord(bytes, offset + 4, crc32c(bytes, offset + 8, end))
  return end
}

/** A frame that cannot be read: what was expected and found, and how many bytes are lost with it. */
export interface FrameFault {
  readonly offset: number
  readonly lostBytes: number
  readonly expected: string
}

/**
 * Walks over the frames of a file: `while (reader.next()) …`. A frame with a wrong checksum between readable ones is
 * skipped alone; anything else that cannot be read ends the walk. `faults` tells of both.
 */
export class FrameReader {
  windowKey = 0
  payload: Uint8Array
  /** Where the current frame begins; after the last one, where the readable part ends. */
  offset: number
  readonly faults: FrameFault[] = []
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #next: number

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#next = offset
    this.offset = offset
    this.payload = bytes.subarray(0, 0)
  }

  /** Steps to the next frame; false at the end of the readable part. */
  next(): boolean {
    this.offset = this.#next
    if (this.offset === this.#bytes.length) return false
    const fault = this.#faultAt(this.offset)
    if (fault === undefined) return this.#take()
    const after = this.#endOf(this.offset)
    const goesOn = after < this.#bytes.length && this.#faultAt(after) === undefined
    const lostBytes = (goesOn ? after : this.#bytes.length) - this.offset
    this.faults.push({ offset: this.offset, lostBytes, expected: fault })
    if (!goesOn) return false
    this.#next = after
    return this.next()
  }

  #take(): boolean {
    this.#next = this.#endOf(this.offset)
    this.windowKey = this.#view.getInt32(this.offset + 8, true)
    this.payload = this.#bytes.subarray(this.offset + frameHeadSizeBytes, this.#next)
    return true
  }

  #faultAt(offset: number): string | undefined {
    const rest = this.#bytes.length - offset
    if (rest < frameHeadSizeBytes) return `a whole frame, found ${rest} bytes`
    const end = this.#endOf(offset)
    if (end > this.#bytes.length) return `a record of ${end - offset} bytes, found ${rest}`
    const expected = this.#view.getUint32(offset + 4, true)
    const found = crc32c(this.#bytes, offset + 8, end)
    return expected === found ? undefined : `checksum ${hex(expected)}, found ${hex(found)}`
  }

  // Beyond the file where its length is not to be had.
  #endOf(offset: number): number {
    if (offset + frameHeadSizeBytes > this.#bytes.length) return Number.POSITIVE_INFINITY
    return offset + frameHeadSizeBytes + this.#view.getUint32(offset, true)
  }
}

function writeWord(bytes: Uint8Array, offset: number, word: number): void {
  bytes[offset] = word
  bytes[offset + 1] = word >>> 8
  bytes[offset + 2] = word >>> 16
  bytes[offset + 3] = word >>> 24
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}

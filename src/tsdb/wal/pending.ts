// Pending bytes of a log: records pushed but not yet committed, laid out as they will stand in their files, so that
// a commit hands over one buffer and a list of places.
// Invariant: the writes of a buffer are in the order of the log and cover it without gaps.

import { encodeFrame, frameHeadSizeBytes } from './frame.ts'

/** Where a stretch of pending bytes goes. */
export interface PendingWrite {
  readonly segment: number
  readonly path: string
  readonly position: number
  readonly start: number
  end: number
}

const capacityBytesFirst = 1 << 20
// A buffer that a burst made larger than this is given back to the collector.
const capacityBytesKept = 8 << 20

/** One of the two buffers that alternate between the lane and the log thread. */
export class PendingBuffer {
  writes: PendingWrite[] = []
  sizeBytes = 0
  #bytes = new Uint8Array(capacityBytesFirst)

  /** Begins a stretch for `path` at `position`. */
  open(segment: number, path: string, position: number): void {
    this.writes.push({ segment, path, position, start: this.sizeBytes, end: this.sizeBytes })
  }

  /** Adds bytes to the open stretch. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.sizeBytes)
    this.#grow(this.sizeBytes + bytes.length)
  }

  /** Adds one record to the open stretch. */
  appendFrame(payload: Uint8Array, windowKey: number): void {
    this.#reserve(frameHeadSizeBytes + payload.length)
    this.#grow(encodeFrame(this.#bytes, this.sizeBytes, payload, windowKey))
  }

  /** The bytes, for a transfer: the buffer is unusable until `restore`. */
  take(): ArrayBuffer {
    return this.#bytes.buffer
  }

  /** Takes the buffer back after a transfer, content unchanged. */
  restore(buffer: ArrayBuffer): void {
    this.#bytes = new Uint8Array(buffer)
  }

  /** Empties the buffer. */
  clear(): void {
    if (this.#bytes.length > capacityBytesKept || this.#bytes.length === 0)
      this.#bytes = new Uint8Array(capacityBytesFirst)
    this.sizeBytes = 0
    this.writes = []
  }

  #grow(sizeBytes: number): void {
    this.sizeBytes = sizeBytes
    this.writes.at(-1)!.end = sizeBytes
  }

  #reserve(extra: number): void {
    const needed = this.sizeBytes + extra
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    grown.set(this.#bytes.subarray(0, this.sizeBytes))
    this.#bytes = grown
  }
}

// A segment of a journal: consecutive events in one file, named for the id of the first.
// Here: names, framing, and how far a file can be trusted. Drawn in docs/formats/journal.md.
// Invariants: an event is whole or not there: its checksum covers its bytes; what follows a record that is not whole
// was never acknowledged, or is lost.
// Units: sizes and offsets in bytes.

import { crc32 } from 'node:zlib'

/** First bytes of a segment: "CNJ1". */
export const segmentMagic = new Uint8Array([0x43, 0x4e, 0x4a, 0x31])

/** Length and checksum before each record. */
const frameSizeBytes = 8

/** Digits of an id in a file name, so that names sort as ids do. */
const idDigits = 16

/** The name of the segment that begins with an id. */
export function segmentName(firstId: number): string {
  return `events-${String(firstId).padStart(idDigits, '0')}`
}

/** The id in a segment's name; undefined for other names. */
export function firstIdOf(name: string): number | undefined {
  const found = /^events-(\d{16})$/.exec(name)
  return found === null ? undefined : Number(found[1])
}

/** A record with its frame, as parts to be written one after another. */
export function frame(payload: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const head = new Uint8Array(frameSizeBytes)
  const view = new DataView(head.buffer)
  view.setUint32(0, payload.length, true)
  view.setUint32(4, crc32(payload), true)
  return [head, payload]
}

/** The records of a segment's bytes, and where the last whole one ends. Bytes without a good head hold none. */
export function readRecords(bytes: Uint8Array): {
  readonly payloads: readonly Uint8Array[]
  readonly endOffset: number
} {
  const payloads: Uint8Array[] = []
  if (!hasMagic(bytes)) return { payloads, endOffset: 0 }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = segmentMagic.length
  while (offset + frameSizeBytes <= bytes.length) {
    const from = offset + frameSizeBytes
    const to = from + view.getUint32(offset, true)
    if (to > bytes.length || to === from) break
    const payload = bytes.subarray(from, to)
    if (crc32(payload) !== view.getUint32(offset + 4, true)) break
    payloads.push(payload)
    offset = to
  }
  return { payloads, endOffset: offset }
}

function hasMagic(bytes: Uint8Array): boolean {
  return segmentMagic.every((byte, i) => bytes[i] === byte)
}

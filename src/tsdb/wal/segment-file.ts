// Segment file: reading one segment back, and cutting what a crash left half-written at the end of the last one.
// A segment is a header and frames (frame.ts). Damage is reported and costs no more than what cannot be read.

import { basename, dirname, join } from 'node:path'
import { type Files, readWhole } from '../files.ts'
import { decodeHeader, type FrameFault, FrameReader, headerSizeBytes } from './frame.ts'

/** Something that could not be read back. `lostBytes` from `offset` on are gone. */
export interface WalDamage {
  readonly file: string
  readonly offset: number
  readonly lostBytes: number
  readonly message: string
}

/** A record as it stands in a segment; `payload` is a view into the segment's bytes. */
export interface SegmentRecord {
  readonly windowKey: number
  readonly payload: Uint8Array
  readonly offset: number
}

/** Words for a fault. */
export function damageOf(file: string, fault: FrameFault, consequence: string): WalDamage {
  const { offset, lostBytes, expected } = fault
  const message = `${file} is damaged at byte ${offset}: expected ${expected}; ${lostBytes} bytes are lost; ${consequence}`
  return { file, offset, lostBytes, message }
}

/** The records of a segment, in order. */
export function* readSegment(
  files: Files,
  path: string,
  onDamage: (damage: WalDamage) => void,
): Generator<SegmentRecord> {
  const bytes = readWhole(files, path)
  const consequence = 'the records after them are read'
  const header = decodeHeader(bytes, 'CNWL')
  if (typeof header === 'string') {
    const fault = { offset: 0, lostBytes: bytes.length, expected: header }
    return onDamage(damageOf(path, fault, consequence))
  }
  const reader = new FrameReader(bytes, headerSizeBytes)
  while (reader.next())
    yield { windowKey: reader.windowKey, payload: reader.payload, offset: reader.offset }
  for (const fault of reader.faults) onDamage(damageOf(path, fault, consequence))
}

/**
 * Cuts the unreadable end off the last segment and makes the rest durable. False when its header is no header: then the file is set
 * aside under the name `damaged-…`, because a segment that lost its header to the disk may hold more than a crash
 * leaves behind.
 */
export function cutTail(
  files: Files,
  path: string,
  onDamage: (damage: WalDamage) => void,
): boolean {
  const bytes = readWhole(files, path)
  const header = decodeHeader(bytes, 'CNWL')
  if (typeof header === 'string') {
    const fault = { offset: 0, lostBytes: bytes.length, expected: header }
    const aside = `damaged-${basename(path)}`
    onDamage(damageOf(path, fault, `the file is set aside as ${aside}`))
    files.rename(path, join(dirname(path), aside))
    files.syncDirectory(dirname(path))
    return false
  }
  const reader = new FrameReader(bytes, headerSizeBytes)
  while (reader.next());
  const tail = reader.faults.at(-1)
  const isTorn = tail !== undefined && tail.offset + tail.lostBytes === bytes.length
  const file = files.open(path, 'write')
  try {
    if (isTorn) file.truncate(tail.offset)
    // What was read may still be only in memory, when the process died and the machine did not.
    file.sync()
  } finally {
    file.close()
  }
  files.syncDirectory(dirname(path))
  if (isTorn)
    onDamage(
      damageOf(path, tail, 'nothing acknowledged stood there after a crash; the tail is cut'),
    )
  return true
}

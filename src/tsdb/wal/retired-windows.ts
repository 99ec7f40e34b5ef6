// Retired windows: up to which place of the log the records of a window are in blocks, so that a restart does not
// load them again from segments that other windows still keep alive.
// Invariant: a mark only moves forward. The file is replaced atomically.

import { crc32c } from '../../kernel/index.ts'
import { type Files, readWhole, writeDurably } from '../files.ts'
import { decodeHeader, encodeHeader, headerSizeBytes } from './frame.ts'

/** A place between records: everything in earlier segments, and before `offset` in this one, lies before it. */
export interface LogPosition {
  readonly segment: number
  readonly offset: number
}

const entrySizeBytes = 12

/** Whether `a` lies before `b`. */
export function isBefore(a: LogPosition, b: LogPosition): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)
}

/** Marks by window key; a string says why the file cannot be read; empty where there is none. */
export function readRetired(files: Files, path: string): Map<number, LogPosition> | string {
  const marks = new Map<number, LogPosition>()
  if (!files.exists(path)) return marks
  const bytes = readWhole(files, path)
  const count = decodeHeader(bytes, 'CNRT')
  if (typeof count === 'string') return count
  const end = headerSizeBytes + count * entrySizeBytes
  if (bytes.length !== end + 4) return `${end + 4} bytes, found ${bytes.length}`
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(end, true) !== crc32c(bytes, headerSizeBytes, end)) return 'a right checksum'
  for (let at = headerSizeBytes; at < end; at += entrySizeBytes) {
    const segment = view.getUint32(at + 4, true)
    marks.set(view.getInt32(at, true), { segment, offset: view.getUint32(at + 8, true) })
  }
  return marks
}

/** Replaces the file. */
export function writeRetired(
  files: Files,
  path: string,
  marks: ReadonlyMap<number, LogPosition>,
): void {
  const bytes = new Uint8Array(marks.size * entrySizeBytes + 4)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const [windowKey, mark] of marks) {
    view.setInt32(at, windowKey, true)
    view.setUint32(at + 4, mark.segment, true)
    view.setUint32(at + 8, mark.offset, true)
    at += entrySizeBytes
  }
  view.setUint32(at, crc32c(bytes, 0, at), true)
  writeDurably(files, path, [encodeHeader('CNRT', marks.size), bytes])
}

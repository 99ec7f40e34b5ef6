// Checkpoint: a file with the lane's records that outlive segments (metadata, exemplars, …): what the lane's own
// records in all segments before `firstSegment` add up to. Frames, closed by an end frame that counts them.
// Invariant: written under another name, synced, renamed; the newest one counts and the ones before are removed.

import { join } from 'node:path'
import { type Files, readWhole, writeDurably } from '../files.ts'
import {
  decodeHeader,
  encodeFrame,
  encodeHeader,
  type FrameFault,
  FrameReader,
  frameHeadSizeBytes,
  headerSizeBytes,
} from './frame.ts'

/** The key of records that belong to no window but to the lane. */
export const laneKey = -0x80000000
const endKey = laneKey + 1

/** Keys below this are the log's own. */
export const windowKeyMin = laneKey + 16

const namePattern = /^checkpoint-(\d{8})$/

/** The newest checkpoint among the names of a directory, by the first segment it does not cover. */
export function newestCheckpoint(names: readonly string[]): number | undefined {
  const numbers = checkpointsOf(names)
  return numbers.length === 0 ? undefined : Math.max(...numbers)
}

/** Path of a checkpoint. */
export function checkpointPath(directory: string, firstSegment: number): string {
  return join(directory, `checkpoint-${String(firstSegment).padStart(8, '0')}`)
}

/** Writes a checkpoint and, once it is durable, removes those before it. */
export function writeCheckpoint(
  files: Files,
  directory: string,
  firstSegment: number,
  records: Iterable<Uint8Array>,
): void {
  const parts: Uint8Array[] = [encodeHeader('CNCP', firstSegment)]
  let count = 0
  for (const record of records) {
    parts.push(frameOf(record, laneKey))
    count++
  }
  parts.push(frameOf(new Uint8Array(Uint32Array.of(count).buffer), endKey))
  writeDurably(files, checkpointPath(directory, firstSegment), parts)
  removeOlderCheckpoints(files, directory, firstSegment)
}

/** Removes the checkpoints before `firstSegment`. */
export function removeOlderCheckpoints(
  files: Files,
  directory: string,
  firstSegment: number,
): void {
  for (const number of checkpointsOf(files.list(directory)))
    if (number < firstSegment) files.remove(checkpointPath(directory, number))
}

/** The records of a checkpoint; `onFault` hears where reading stopped early. */
export function* readCheckpoint(
  files: Files,
  path: string,
  onFault: (fault: FrameFault) => void,
): Generator<Uint8Array> {
  const bytes = readWhole(files, path)
  const header = decodeHeader(bytes, 'CNCP')
  if (typeof header === 'string')
    return onFault({ offset: 0, lostBytes: bytes.length, expected: header })
  const reader = new FrameReader(bytes, headerSizeBytes)
  let ended = false
  while (!ended && reader.next()) {
    ended = reader.windowKey === endKey
    if (!ended) yield reader.payload
  }
  for (const fault of reader.faults) onFault(fault)
  if (!ended && reader.faults.length === 0)
    onFault({ offset: reader.offset, lostBytes: 0, expected: 'an end frame, found none' })
}

function checkpointsOf(names: readonly string[]): number[] {
  return names.flatMap((name) => {
    const match = namePattern.exec(name)
    return match === null ? [] : [Number(match[1])]
  })
}

function frameOf(payload: Uint8Array, windowKey: number): Uint8Array {
  const frame = new Uint8Array(frameHeadSizeBytes + payload.length)
  encodeFrame(frame, 0, payload, windowKey)
  return frame
}

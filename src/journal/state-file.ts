// State files of a journal: the state after an event, so that older events may go and a start need not read them.
// Invariants: a file is there whole or not at all; its checksum covers its bytes; the newest good one counts.

import { crc32, gunzipSync, gzipSync } from 'node:zlib'
import { type JournalFiles, readWhole, writeWhole } from './journal-files.ts'

/** First bytes of a state file: "CNS1". */
const magic = new Uint8Array([0x43, 0x4e, 0x53, 0x31])
const headSizeBytes = 8

/** A state, and the id of the last event that is in it. */
export interface JournalState {
  readonly id: number
  readonly bytes: Uint8Array
}

/** The id in a state file's name; undefined for other names. */
export function stateIdOf(name: string): number | undefined {
  const found = /^state-(\d{16})$/.exec(name)
  return found === null ? undefined : Number(found[1])
}

/** Writes a state; older ones go once it is there. */
export function writeState(
  files: JournalFiles,
  directory: string,
  { id, bytes }: JournalState,
): void {
  const packed = gzipSync(bytes, { level: 1 })
  const out = new Uint8Array(headSizeBytes + packed.length)
  out.set(magic)
  new DataView(out.buffer).setUint32(4, crc32(packed), true)
  out.set(packed, headSizeBytes)
  const name = `state-${String(id).padStart(16, '0')}`
  writeWhole(files, directory, name, out)
  for (const other of files.list(directory))
    if (other !== name && (stateIdOf(other) ?? Infinity) <= id)
      files.remove(`${directory}/${other}`)
  files.syncDirectory(directory)
}

/** The newest good state, where there is one. Bad ones are left out. */
export function readState(files: JournalFiles, directory: string): JournalState | undefined {
  for (const name of files.list(directory).toReversed()) {
    const id = stateIdOf(name)
    const bytes = id === undefined ? undefined : unpack(readWhole(files, `${directory}/${name}`))
    if (id !== undefined && bytes !== undefined) return { id, bytes }
  }
  return undefined
}

function unpack(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < headSizeBytes || !magic.every((byte, i) => bytes[i] === byte)) return undefined
  const packed = bytes.subarray(headSizeBytes)
  const expected = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true)
  return crc32(packed) === expected ? new Uint8Array(gunzipSync(packed)) : undefined
}

// Tombstones: which samples of a block are deleted until it is rewritten: the `tombstones` file.
// Units: Unix milliseconds, intervals inclusive at both ends; a series is named by its id in the block's index.
// Invariant: the intervals of a series ascend and neither overlap nor touch.
// Source: Prometheus tsdb/docs/format/tombstones.md, without the trailing offset that its code does not write.

import { join } from 'node:path'
import { crc32c } from '../../kernel/index.ts'
import { CorruptionError, type TimeRange } from '../../model/index.ts'
import { type Files, readWhole, writeDurably } from '../files.ts'
import { ByteReader } from './byte-reader.ts'
import { putUvarint, putVarint } from './file-writer.ts'

/** Deleted intervals by series id. */
export type Tombstones = ReadonlyMap<number, readonly TimeRange[]>

/** The name of the file within a block's directory. */
export const tombstonesFileName = 'tombstones'

const magic = 0x0130ba30
const headerSizeBytes = 5

/** Adds an interval to ascending, separate ones, joining what overlaps or touches. */
export function addInterval(intervals: readonly TimeRange[], added: TimeRange): TimeRange[] {
  const out: TimeRange[] = []
  let { minTimeMs, maxTimeMs } = added
  let placed = false
  for (const interval of intervals) {
    if (interval.maxTimeMs + 1 < minTimeMs) out.push(interval)
    else if (interval.minTimeMs > maxTimeMs + 1) {
      if (!placed) out.push({ minTimeMs, maxTimeMs })
      placed = true
      out.push(interval)
    } else {
      minTimeMs = Math.min(minTimeMs, interval.minTimeMs)
      maxTimeMs = Math.max(maxTimeMs, interval.maxTimeMs)
    }
  }
  if (!placed) out.push({ minTimeMs, maxTimeMs })
  return out
}

/** Replaces the tombstones of the block in `directory` durably. */
export function writeTombstones(files: Files, directory: string, tombstones: Tombstones): void {
  let intervalCount = 0
  for (const intervals of tombstones.values()) intervalCount += intervals.length
  const bytes = new Uint8Array(headerSizeBytes + 30 * intervalCount + 4)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic)
  bytes[4] = 1
  let at = headerSizeBytes
  for (const [id, intervals] of tombstones) {
    for (const { minTimeMs, maxTimeMs } of intervals) {
      at = putUvarint(bytes, at, id)
      at = putVarint(bytes, at, minTimeMs)
      at = putVarint(bytes, at, maxTimeMs)
    }
  }
  view.setUint32(at, crc32c(bytes, headerSizeBytes, at))
  writeDurably(files, join(directory, tombstonesFileName), [bytes.subarray(0, at + 4)])
}

/** The tombstones of the block in `directory`; none where the file is absent. Throws CorruptionError. */
export function readTombstones(files: Files, directory: string): Tombstones {
  const file = join(directory, tombstonesFileName)
  if (!files.exists(file)) return new Map()
  const reader = new ByteReader(readWhole(files, file), file)
  reader.expectU32(magic, 'the magic of a tombstones file')
  const version = reader.u8()
  if (version !== 1) {
    throw new CorruptionError({ file, offset: 4, expected: 'version 1', found: String(version) })
  }
  const end = reader.end - 4
  reader.checkCrc(headerSizeBytes, end)
  const tombstones = new Map<number, TimeRange[]>()
  reader.end = end
  while (reader.offset < end) {
    const id = reader.uvarint()
    const interval = { minTimeMs: reader.varint(), maxTimeMs: reader.varint() }
    tombstones.set(id, addInterval(tombstones.get(id) ?? [], interval))
  }
  return tombstones
}

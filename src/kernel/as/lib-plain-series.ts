// Creation of plain series from label bytes: those that the decoder's kernel found to be as senders write them
// (kernel/as/ingest.ts), so that their form is taken for granted here.
// Most labels are those of the series before, at the same place: comparing bytes is cheaper than hashing them.

import {
  allocate,
  header,
  infoOf,
  missing,
  oCreated,
  oNameCount,
  oNameMask,
  oNameTable,
  oSeed,
  oWalEnd,
  recycle,
} from './lib-head-memory'
import { hashPair } from './lib-pair-hash'
import { createSeries, remember } from './lib-head-series'

// By place in a series, for the places below 64: address and size of the label that stood there last, its pair, its
// name's address, size and id.
const places: usize = 2048
const placeSize: usize = 24
const placesMax: u32 = 64
let placeCount: u32 = 0

// Names: hash (16), id + 1, unused.
const nameRowSize: u32 = 24
const nameHash: usize = 944

/** Teaches the kernel the id of a name; there must be 15 readable bytes after it. False when memory is full. */
export function addName(name: usize, size: u32, id: u32): bool {
  if (!growNames()) return false
  hashPair(name, size, size, header + oSeed, nameHash)
  const row = nameSlot(load<u64>(nameHash), load<u64>(nameHash, 8))
  store<u64>(row, load<u64>(nameHash))
  store<u64>(row, load<u64>(nameHash, 8), 8)
  store<u32>(row, id + 1, 16)
  store<u32>(header, load<u32>(header, oNameCount) + 1, oNameCount)
  return true
}

function growNames(): bool {
  const count = load<u32>(header, oNameCount)
  const old = <usize>load<u32>(header, oNameTable)
  const oldSlots: u32 = old == 0 ? 0 : load<u32>(header, oNameMask) + 1
  if (count * 10 < oldSlots * 6) return true
  const slots = max<u32>(64, oldSlots * 2)
  const table = allocate(slots * nameRowSize)
  if (table == 0) return false
  store<u32>(header, <u32>table, oNameTable)
  store<u32>(header, slots - 1, oNameMask)
  for (let i: u32 = 0; i < oldSlots; i++) {
    const from = old + i * nameRowSize
    if (load<u32>(from, 16) == 0) continue
    memory.copy(nameSlot(load<u64>(from), load<u64>(from, 8)), from, nameRowSize)
  }
  if (old != 0) recycle(old, oldSlots * nameRowSize)
  return true
}

// The row with this hash, or the free one where it belongs.
function nameSlot(low: u64, high: u64): usize {
  const table = <usize>load<u32>(header, oNameTable)
  const mask = load<u32>(header, oNameMask)
  let slot = <u32>low & mask
  while (true) {
    const row = table + slot * nameRowSize
    if (load<u32>(row, 16) == 0) return row
    if (load<u64>(row) == low && load<u64>(row, 8) == high) return row
    slot = (slot + 1) & mask
  }
}

/**
 * Finds or creates the series of `count` rows, 32 bytes each: where its TimeSeries message starts and ends after `base`
 * (u32 each), the lookup's hash (16), the ref (written), 4 unused; and remembers the hashes. The ref is `missing` where
 * a name has no id yet. `stage` has room for a description (lib-head-series.ts) with its strings at `strings`. Created
 * series are written one after the other at `wal`. False when memory is full; what was created until then is at `wal`.
 */
export function createPlain(
  count: u32,
  rows: usize,
  base: usize,
  tenant: u32,
  stage: usize,
  strings: usize,
  wal: usize,
): bool {
  let out = wal
  let created: u32 = 0
  let done = true
  placeCount = 0
  store<u32>(stage, tenant)
  for (let i: u32 = 0; i < count && done; i++) {
    const row = rows + (<usize>i << 5)
    let ref = missing
    if (describe(base + load<u32>(row), base + load<u32>(row, 4), stage, strings)) {
      ref = createSeries(stage, out)
      done = ref != missing
      if (done) {
        learn(ref)
        if (load<u32>(header, oCreated) != 0) {
          created += 1
          out = load<u32>(header, oWalEnd)
        }
        done = remember(row + 8, ref)
      }
    }
    store<u32>(row, ref, 24)
  }
  store<u32>(header, created, oCreated)
  store<u32>(header, <u32>out, oWalEnd)
  return done
}

// Describes the labels at the start of a message; false where one has a name without an id.
function describe(start: usize, end: usize, stage: usize, strings: usize): bool {
  let p = start
  let text = strings
  let count: u32 = 0
  while (p < end && load<u8>(p) == 10) {
    const label = stage + 16 + <usize>count * 48
    const place = places + <usize>count * placeSize
    const isKnown = count < placeCount
    let body = p + 2
    let size: u32 = load<u8>(p, 1)
    if (size >= 128) {
      size = (size & 127) | (<u32>load<u8>(p, 2) << 7)
      body += 1
    }
    const stop = body + size
    count += 1
    if (isKnown && load<u32>(place, 8) != missing && load<u32>(place, 4) == <u32>(stop - p)) {
      if (isSame(load<u32>(place), p, <u32>(stop - p))) {
        store<u32>(label, load<u32>(place, 8), 16)
        store<u32>(label, missing, 24)
        p = stop
        continue
      }
    }
    const nameSize: u32 = load<u8>(body, 1)
    const name = body + 2
    const value = name + nameSize + (load<u8>(name + nameSize, 1) < 128 ? 2 : 3)
    const valueSize = <u32>(stop - value)
    memory.copy(text, name, nameSize)
    memory.copy(text + nameSize, value, valueSize)
    let id: u32 = 0
    if (isKnown && load<u32>(place, 16) == nameSize && isSame(load<u32>(place, 12), name, nameSize))
      id = load<u32>(place, 20)
    else id = idOf(text, nameSize)
    if (id == missing) return false
    hashPair(text, nameSize, nameSize + valueSize, header + oSeed, label)
    store<u32>(label, id, 16)
    store<u32>(label, <u32>text, 20)
    store<u32>(label, nameSize, 24)
    store<u32>(label, <u32>text + nameSize, 28)
    store<u32>(label, valueSize, 32)
    if (count <= placesMax) {
      store<u32>(place, <u32>p)
      store<u32>(place, <u32>(stop - p), 4)
      store<u32>(place, missing, 8)
      store<u32>(place, <u32>name, 12)
      store<u32>(place, nameSize, 16)
      store<u32>(place, id, 20)
    }
    text += nameSize + valueSize
    p = stop
  }
  store<u32>(stage, count, 4)
  return true
}

// Keeps the pairs of the series that was just described.
function learn(ref: u32): void {
  const info = infoOf(ref)
  const pairs = <usize>load<u32>(info, 16)
  const count = min(load<u32>(info, 20), placesMax)
  for (let i: u32 = 0; i < count; i++)
    store<u32>(places + <usize>i * placeSize, load<u32>(pairs + (<usize>i << 2)), 8)
  placeCount = max(placeCount, count)
}

// Reads 15 bytes past the name.
function idOf(name: usize, size: u32): u32 {
  if (load<u32>(header, oNameTable) == 0) return missing
  hashPair(name, size, size, header + oSeed, nameHash)
  const id = load<u32>(nameSlot(load<u64>(nameHash), load<u64>(nameHash, 8)), 16)
  return id == 0 ? missing : id - 1
}

// From the end: what differs is mostly a number there.
function isSame(a: usize, b: usize, size: u32): bool {
  let left = size
  while (left >= 8) {
    left -= 8
    if (load<u64>(a + left) != load<u64>(b + left)) return false
  }
  while (left > 0) {
    left -= 1
    if (load<u8>(a + left) != load<u8>(b + left)) return false
  }
  return true
}

// Series of one generation of the head: the lookup from a sender's label bytes, creation, label pairs and postings.
// Layout, units and invariants: kernel/head-layout.ts.

import {
  allocate,
  canonSlot,
  ensureRow,
  entryDirectory,
  entrySegment,
  growTable,
  header,
  infoDirectory,
  infoOf,
  infoSize,
  missing,
  oCanonMask,
  oCanonTable,
  oCreated,
  oEntryCount,
  oEntryMask,
  oEntryTable,
  oLastEntry,
  oPairCount,
  oPairMask,
  oPairTable,
  oSeriesCount,
  oWalEnd,
  pairDirectory,
  pairOf,
  pairSize,
  rowsPerSegment,
  slab,
  slotOfRow,
  stateDirectory,
  stateSize,
  tableCanon,
  tableEntries,
  tablePairs,
} from './lib-head-memory'

// @ts-ignore: decorator
@inline
export function writeUvarint(out: usize, value: u32): usize {
  let p = out
  let rest = value
  while (rest >= 128) {
    store<u8>(p++, <u8>(rest | 128))
    rest >>= 7
  }
  store<u8>(p++, <u8>rest)
  return p
}

export function probe(low: u64, high: u64): u32 {
  const table = <usize>load<u32>(header, oEntryTable)
  const mask = load<u32>(header, oEntryMask)
  let slot = <u32>low & mask
  while (true) {
    const found = load<u32>(table + (<usize>slot << 2))
    if (found == 0) return missing
    const entry = found - 1
    const hash = entrySegment(entry) + ((entry & 4095) << 4)
    if (load<u64>(hash) == low && load<u64>(hash, 8) == high) return entry
    slot = (slot + 1) & mask
  }
}

/**
 * Looks up `count` hashes (16 bytes each): series refs to `refs`, `missing` where unknown. A sender repeats its
 * order, so the entry after the last one is tried before the table. Returns how many are missing.
 */
export function lookup(count: u32, hashes: usize, refs: usize): u32 {
  let previous = load<u32>(header, oLastEntry)
  const entryCount = load<u32>(header, oEntryCount)
  let misses: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const at = hashes + (<usize>i << 4)
    const low = load<u64>(at)
    const high = load<u64>(at, 8)
    let nextAt: usize = 0
    let entry = missing
    if (previous != missing) {
      nextAt = entrySegment(previous) + 81920 + ((previous & 4095) << 2)
      const predicted = load<u32>(nextAt)
      if (predicted < entryCount) {
        const hash = entrySegment(predicted) + ((predicted & 4095) << 4)
        if (load<u64>(hash) == low && load<u64>(hash, 8) == high) entry = predicted
      }
    }
    if (entry == missing) {
      entry = probe(low, high)
      if (entry == missing) {
        misses += 1
        store<u32>(refs + (<usize>i << 2), missing)
        continue
      }
      if (nextAt != 0) store<u32>(nextAt, entry)
    }
    store<u32>(refs + (<usize>i << 2), load<u32>(entrySegment(entry) + 65536 + ((entry & 4095) << 2)))
    previous = entry
  }
  store<u32>(header, previous, oLastEntry)
  return misses
}

/** Remembers that the hash at `hash` names `ref` (or a marker above every ref). False when memory is full. */
export function remember(hash: usize, ref: u32): bool {
  const low = load<u64>(hash)
  const high = load<u64>(hash, 8)
  const known = probe(low, high)
  if (known != missing) {
    store<u32>(entrySegment(known) + 65536 + ((known & 4095) << 2), ref)
    return true
  }
  const entry = load<u32>(header, oEntryCount)
  if (!growTable(tableEntries, oEntryTable, oEntryMask, entry)) return false
  if (!ensureRow(entryDirectory, entry, rowsPerSegment * 24)) return false
  const segment = entrySegment(entry)
  const at = segment + ((entry & 4095) << 4)
  store<u64>(at, low)
  store<u64>(at, high, 8)
  store<u32>(segment + 65536 + ((entry & 4095) << 2), ref)
  store<u32>(segment + 81920 + ((entry & 4095) << 2), entry + 1)
  store<u32>(header, entry + 1, oEntryCount)
  const table = <usize>load<u32>(header, oEntryTable)
  const mask = load<u32>(header, oEntryMask)
  let slot = <u32>low & mask
  while (load<u32>(table + (<usize>slot << 2)) != 0) slot = (slot + 1) & mask
  store<u32>(table + (<usize>slot << 2), entry + 1)
  return true
}

// ---- series ----

/** The ref of the series with the canonical hash at `hash`, or `missing`. */
export function findSeries(hash: usize, tenant: u32): u32 {
  const table = <usize>load<u32>(header, oCanonTable)
  const mask = load<u32>(header, oCanonMask)
  const low = load<u64>(hash)
  const high = load<u64>(hash, 8)
  let slot = canonSlot(<u32>low, tenant) & mask
  while (true) {
    const found = load<u32>(table + (<usize>slot << 2))
    if (found == 0) return missing
    const info = infoOf(found - 1)
    if (load<u64>(info) == low && load<u64>(info, 8) == high && load<u32>(info, 24) == tenant)
      return found - 1
    slot = (slot + 1) & mask
  }
}

/**
 * Finds or creates the series described at `at`: u32 tenant, u32 label count, 8 unused bytes, then per label 48 bytes:
 * hash (16), name id, name address, name size, value address, value size (u32 each), 12 unused. The labels are sorted.
 * A pair that is known already is given by its id in place of the name id, with `missing` as name size.
 * A created one is written as a record at `wal` (head/record.ts). Returns the ref, or `missing` when memory is full.
 */
export function createSeries(at: usize, wal: usize): u32 {
  const tenant = load<u32>(at)
  const count = load<u32>(at, 4)
  store<u32>(header, <u32>wal, oWalEnd)
  store<u32>(header, 0, oCreated)
  let sum = i32x4.splat(0)
  for (let i: u32 = 0; i < count; i++) {
    const label = at + 16 + <usize>i * 48
    const isKnown = load<u32>(label, 24) == missing
    sum = i32x4.add(sum, v128.load(isKnown ? pairOf(load<u32>(label, 16)) : label))
  }
  const scratch: usize = 960
  v128.store(scratch, sum)
  const known = findSeries(scratch, tenant)
  if (known != missing) return known
  const ref = load<u32>(header, oSeriesCount)
  if (!growTable(tableCanon, oCanonTable, oCanonMask, ref)) return missing
  if (!ensureRow(stateDirectory, ref, rowsPerSegment * stateSize)) return missing
  if (!ensureRow(infoDirectory, ref, rowsPerSegment * infoSize)) return missing
  const labels = slab((count << 2) + 4)
  if (labels == 0) return missing
  let out = writeUvarint(writeUvarint(wal, tenant), count)
  for (let i: u32 = 0; i < count; i++) {
    const label = at + 16 + <usize>i * 48
    const before = load<u32>(header, oPairCount)
    const isKnown = load<u32>(label, 24) == missing
    const pair = isKnown ? load<u32>(label, 16) : internPair(label, tenant)
    if (pair == missing || !addPosting(pair, ref)) return missing
    store<u32>(labels + (<usize>i << 2), pair)
    out = writePair(out, label, pair, pair == before)
  }
  const info = infoOf(ref)
  v128.store(info, sum)
  store<u32>(info, <u32>labels, 16)
  store<u32>(info, count, 20)
  store<u32>(info, tenant, 24)
  store<u32>(header, ref + 1, oSeriesCount)
  const table = <usize>load<u32>(header, oCanonTable)
  const mask = load<u32>(header, oCanonMask)
  let slot = slotOfRow(tableCanon, ref) & mask
  while (load<u32>(table + (<usize>slot << 2)) != 0) slot = (slot + 1) & mask
  store<u32>(table + (<usize>slot << 2), ref + 1)
  store<u32>(header, <u32>out, oWalEnd)
  store<u32>(header, 1, oCreated)
  return ref
}

// A known pair is its id + 1; a new one, whose id is the next, is 0 and its strings.
export function writePair(out: usize, label: usize, pair: u32, isNew: bool): usize {
  if (!isNew) return writeUvarint(out, pair + 1)
  let p = writeUvarint(out, 0)
  const nameSize = load<u32>(label, 24)
  const valueSize = load<u32>(label, 32)
  p = writeUvarint(p, nameSize)
  memory.copy(p, load<u32>(label, 20), nameSize)
  p = writeUvarint(p + nameSize, valueSize)
  memory.copy(p, load<u32>(label, 28), valueSize)
  return p + valueSize
}

// A pair: hash (16), tenant, name id, value address, value size, posting count, first ref, head block, tail block.
export function internPair(label: usize, tenant: u32): u32 {
  const low = load<u64>(label)
  const high = load<u64>(label, 8)
  const count = load<u32>(header, oPairCount)
  if (!growTable(tablePairs, oPairTable, oPairMask, count)) return missing
  const table = <usize>load<u32>(header, oPairTable)
  const mask = load<u32>(header, oPairMask)
  let slot = canonSlot(<u32>low, tenant) & mask
  while (true) {
    const found = load<u32>(table + (<usize>slot << 2))
    if (found == 0) break
    const pair = pairOf(found - 1)
    if (load<u64>(pair) == low && load<u64>(pair, 8) == high && load<u32>(pair, 16) == tenant)
      return found - 1
    slot = (slot + 1) & mask
  }
  if (!ensureRow(pairDirectory, count, rowsPerSegment * pairSize)) return missing
  const size = load<u32>(label, 32)
  const bytes = symbolBytes(size)
  if (bytes == 0) return missing
  memory.copy(bytes, load<u32>(label, 28), size)
  const pair = pairOf(count)
  store<u64>(pair, low)
  store<u64>(pair, high, 8)
  store<u32>(pair, tenant, 16)
  store<u32>(pair, load<u32>(label, 16), 20)
  store<u32>(pair, <u32>bytes, 24)
  store<u32>(pair, size, 28)
  store<u32>(table + (<usize>slot << 2), count + 1)
  store<u32>(header, count + 1, oPairCount)
  return count
}

export let symbolNext: usize = 0
export let symbolEnd: usize = 0

export function symbolBytes(size: u32): usize {
  if (symbolNext + size > symbolEnd || symbolNext == 0) {
    const block = max<u32>(65536, size)
    symbolNext = allocate(block)
    if (symbolNext == 0) return 0
    symbolEnd = symbolNext + block
  }
  const at = symbolNext
  symbolNext += size
  return at
}

// Refs after the first lie in linked blocks: next, capacity, used, unused, refs.
export function addPosting(pair: u32, ref: u32): bool {
  const at = pairOf(pair)
  const count = load<u32>(at, 32)
  store<u32>(at, count + 1, 32)
  if (count == 0) {
    store<u32>(at, ref, 36)
    return true
  }
  let tail = <usize>load<u32>(at, 44)
  if (tail == 0 || load<u32>(tail, 8) == load<u32>(tail, 4)) {
    const capacity: u32 = tail == 0 ? 4 : min<u32>(508, (load<u32>(tail, 4) + 4) * 2 - 4)
    const block = slab(16 + (capacity << 2))
    if (block == 0) return false
    store<u32>(block, 0)
    store<u32>(block, capacity, 4)
    store<u32>(block, 0, 8)
    if (tail == 0) store<u32>(at, <u32>block, 40)
    else store<u32>(tail, <u32>block)
    store<u32>(at, <u32>block, 44)
    tail = block
  }
  const used = load<u32>(tail, 8)
  store<u32>(tail + 16 + (<usize>used << 2), ref)
  store<u32>(tail, used + 1, 8)
  return true
}

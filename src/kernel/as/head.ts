// One generation of the head in linear memory: series, their open chunks, label pairs, postings and the lookup from a
// sender's label bytes to a series. Struct of arrays in segments of 4096 rows, so that nothing moves when it grows.
// Layout, units and invariants: kernel/head-layout.ts, which reads these bytes from TypeScript.
// Chunk rules: Prometheus tsdb/head_append.go as facts describe: 120 samples, predicted from the first 30.

const header: usize = 1024
const oBump: usize = 0
const oSeriesCount: usize = 4
const oEntryCount: usize = 8
const oEntryTable: usize = 12
const oEntryMask: usize = 16
const oCanonTable: usize = 20
const oCanonMask: usize = 24
const oPairCount: usize = 28
const oPairTable: usize = 32
const oPairMask: usize = 36
const oChunkCount: usize = 40
const oLastEntry: usize = 44
const oSlabNext: usize = 48
const oSlabEnd: usize = 52
const oMinTime: usize = 56
const oMaxTime: usize = 60
const oRecycled: usize = 64
const oWalEnd: usize = 68
const oAppended: usize = 72
const oUnchanged: usize = 76
const oCreated: usize = 80
const oSampleCount: usize = 88
const oWindowStart: usize = 96
const oFreeLists: usize = 128

const stateDirectory: usize = 4096
const infoDirectory: usize = 20480
const entryDirectory: usize = 36864
const pairDirectory: usize = 53248
const dataStart: usize = 131072

const rowsPerSegment: u32 = 4096
const stateSize: u32 = 64
const infoSize: u32 = 32
const pairSize: u32 = 48

const missing: u32 = 0xffffffff
const refLimit: u32 = 0xfffffff0

const windowSizeMs: f64 = 7200000
const chunkHeadSize: u32 = 16
const chunkSizeMax: u32 = 1005
const growBytes: usize = 1 << 22

// Kinds of float are odd.
const kindNone: u32 = 0
const kindFloat: u32 = 1

const exceptionOrder: u32 = 1
const exceptionDuplicate: u32 = 2
const exceptionTooOld: u32 = 3
const exceptionFuture: u32 = 4

// ---- memory ----

// Zeroed when fresh. 0 = the declared maximum is reached.
function allocate(size: usize): usize {
  const start = (<usize>load<u32>(header, oBump) + 15) & ~15
  const end = start + size
  const have = <usize>memory.size() << 16
  if (end > have || end < start) {
    if (end < start || end > 0xffff0000) return 0
    const wanted = (max(end - have, growBytes) + 65535) >> 16
    if (memory.grow(<i32>wanted) < 0) {
      if (memory.grow(<i32>((end - have + 65535) >> 16)) < 0) return 0
    }
  }
  store<u32>(header, <u32>end, oBump)
  return start
}

/** Reserves a region for the caller, 16-byte aligned; 0 when the memory is full. */
export function reserve(size: usize): usize {
  return allocate(size)
}

/** Gives a region back, to be cut into small pieces. Its bytes become garbage. */
export function recycle(address: usize, size: u32): void {
  if (size < 4096) return
  store<u32>(address, load<u32>(header, oRecycled))
  store<u32>(address, size, 4)
  store<u32>(header, <u32>address, oRecycled)
}

// Small pieces, 16-byte aligned, not zeroed when they come from a recycled region.
function slab(size: u32): usize {
  const rounded = (size + 15) & ~15
  let next = load<u32>(header, oSlabNext)
  if (next + rounded > load<u32>(header, oSlabEnd)) {
    const recycled = load<u32>(header, oRecycled)
    let end: u32 = 0
    if (recycled != 0 && load<u32>(recycled, 4) >= rounded) {
      next = recycled
      end = recycled + load<u32>(recycled, 4)
      store<u32>(header, load<u32>(recycled), oRecycled)
    } else {
      const want = max<u32>(262144, rounded)
      next = <u32>allocate(want)
      if (next == 0) return 0
      end = next + want
    }
    store<u32>(header, end, oSlabEnd)
  }
  store<u32>(header, next + rounded, oSlabNext)
  return next
}

// Chunk blocks: classes of total size, each with a free list.
function classFor(total: u32): u32 {
  if (total <= 48) return 0
  if (total <= 80) return 1
  if (total <= 112) return 2
  if (total <= 160) return 3
  if (total <= 224) return 4
  if (total <= 320) return 5
  if (total <= 448) return 6
  if (total <= 640) return 7
  if (total <= 896) return 8
  return 9
}

function classSize(index: u32): u32 {
  if (index == 0) return 48
  if (index == 1) return 80
  if (index == 2) return 112
  if (index == 3) return 160
  if (index == 4) return 224
  if (index == 5) return 320
  if (index == 6) return 448
  if (index == 7) return 640
  if (index == 8) return 896
  return 1152
}

function allocateBlock(index: u32): usize {
  const list = header + oFreeLists + (<usize>index << 2)
  const free = load<u32>(list)
  if (free != 0) {
    store<u32>(list, load<u32>(free))
    return free
  }
  return slab(classSize(index))
}

function freeBlock(address: usize, index: u32): void {
  const list = header + oFreeLists + (<usize>index << 2)
  store<u32>(address, load<u32>(list))
  store<u32>(list, <u32>address)
}

// ---- rows ----

// @ts-ignore: decorator
@inline
function stateOf(ref: u32): usize {
  return <usize>load<u32>(stateDirectory + ((ref >> 12) << 2)) + (ref & 4095) * stateSize
}

// @ts-ignore: decorator
@inline
function infoOf(ref: u32): usize {
  return <usize>load<u32>(infoDirectory + ((ref >> 12) << 2)) + (ref & 4095) * infoSize
}

// @ts-ignore: decorator
@inline
function pairOf(pair: u32): usize {
  return <usize>load<u32>(pairDirectory + ((pair >> 12) << 2)) + (pair & 4095) * pairSize
}

// An entry segment: 4096 hashes of 16 bytes, 4096 refs, 4096 predictions.
// @ts-ignore: decorator
@inline
function entrySegment(entry: u32): usize {
  return load<u32>(entryDirectory + ((entry >> 12) << 2))
}

function ensureRow(directory: usize, row: u32, segmentSize: u32): bool {
  const at = directory + ((row >> 12) << 2)
  if (load<u32>(at) != 0) return true
  if (row >> 12 >= 4096) return false
  const segment = allocate(segmentSize)
  store<u32>(at, <u32>segment)
  return segment != 0
}

/** Prepares an empty memory for the window that starts at `windowStartMs`. */
export function initialize(windowStartMs: f64): bool {
  store<u32>(header, <u32>dataStart, oBump)
  store<u32>(header, 0xffffffff, oMinTime)
  store<u32>(header, missing, oLastEntry)
  store<f64>(header, windowStartMs, oWindowStart)
  const slots: u32 = 4096
  const entries = allocate(slots << 2)
  const canon = allocate(slots << 2)
  const pairs = allocate(slots << 2)
  if (entries == 0 || canon == 0 || pairs == 0) return false
  store<u32>(header, <u32>entries, oEntryTable)
  store<u32>(header, slots - 1, oEntryMask)
  store<u32>(header, <u32>canon, oCanonTable)
  store<u32>(header, slots - 1, oCanonMask)
  store<u32>(header, <u32>pairs, oPairTable)
  store<u32>(header, slots - 1, oPairMask)
  return true
}

// ---- hash tables of row + 1, linear probing ----

const tableEntries: u32 = 0
const tableCanon: u32 = 1
const tablePairs: u32 = 2

// @ts-ignore: decorator
@inline
function slotOfRow(kind: u32, row: u32): u32 {
  if (kind == tableEntries) return load<u32>(entrySegment(row) + ((row & 4095) << 4))
  if (kind == tableCanon) {
    const info = infoOf(row)
    return canonSlot(load<u32>(info), load<u32>(info, 24))
  }
  const pair = pairOf(row)
  return canonSlot(load<u32>(pair), load<u32>(pair, 16))
}

// @ts-ignore: decorator
@inline
function canonSlot(word: u32, tenant: u32): u32 {
  return word ^ (tenant * 0x9e3779b1)
}

function growTable(kind: u32, oTable: usize, oMask: usize, rowCount: u32): bool {
  const oldMask = load<u32>(header + oMask)
  if (rowCount * 10 < (oldMask + 1) * 6) return true
  const slots = (oldMask + 1) * 2
  const table = allocate(<usize>slots << 2)
  if (table == 0) return false
  const mask = slots - 1
  for (let row: u32 = 0; row < rowCount; row++) {
    let slot = slotOfRow(kind, row) & mask
    while (load<u32>(table + (<usize>slot << 2)) != 0) slot = (slot + 1) & mask
    store<u32>(table + (<usize>slot << 2), row + 1)
  }
  const old = load<u32>(header + oTable)
  store<u32>(header + oTable, <u32>table)
  store<u32>(header + oMask, mask)
  recycle(old, (oldMask + 1) << 2)
  return true
}

// ---- lookup ----

function probe(low: u64, high: u64): u32 {
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
function writePair(out: usize, label: usize, pair: u32, isNew: bool): usize {
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
function internPair(label: usize, tenant: u32): u32 {
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

let symbolNext: usize = 0
let symbolEnd: usize = 0

function symbolBytes(size: u32): usize {
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
function addPosting(pair: u32, ref: u32): bool {
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

// ---- samples ----

// @ts-ignore: decorator
@inline
function writeUvarint(out: usize, value: u32): usize {
  let p = out
  let rest = value
  while (rest >= 128) {
    store<u8>(p++, <u8>(rest | 128))
    rest >>= 7
  }
  store<u8>(p++, <u8>rest)
  return p
}

// @ts-ignore: decorator
@inline
function zigzag(value: i32): u32 {
  return <u32>((value << 1) ^ (value >> 31))
}

let walAt: usize = 0
let walRef: u32 = 0
let walTime: u32 = 0

/**
 * Appends samples: series i (ref `refs[i]`, skipped when it is no ref) has samples starts[i] to starts[i + 1] of
 * `times` (f64, Unix ms) and `values` (u64). Samples of other windows are skipped. `floors` (f64 per series, or 0) is
 * the oldest time accepted per series. What is stored is written at `wal`; what needs a decision goes to `exceptions`
 * (sample index, series index, code). Returns how many exceptions, or `missing` when memory is full.
 */
export function append(
  count: u32,
  refs: usize,
  starts: usize,
  times: usize,
  values: usize,
  floors: usize,
  floorMs: f64,
  ceilingMs: f64,
  wal: usize,
  exceptions: usize,
): u32 {
  const windowStart = load<f64>(header, oWindowStart)
  walAt = wal
  walRef = 0
  walTime = 0
  let appended: u32 = 0
  let unchanged: u32 = 0
  let exceptionCount: u32 = 0
  let minTime = load<u32>(header, oMinTime)
  let maxTime = load<u32>(header, oMaxTime)
  let isFull = false
  for (let i: u32 = 0; i < count && !isFull; i++) {
    const ref = load<u32>(refs + (<usize>i << 2))
    if (ref >= refLimit) continue
    const state = stateOf(ref)
    const floor = floors == 0 ? floorMs : max(floorMs, load<f64>(floors + (<usize>i << 3)))
    const end = load<u32>(starts + (<usize>i << 2), 4)
    for (let s = load<u32>(starts + (<usize>i << 2)); s < end; s++) {
      const timeMs = load<f64>(times + (<usize>s << 3))
      const offset = timeMs - windowStart
      if (!(offset >= 0 && offset < windowSizeMs)) continue
      let code: u32 = 0
      const time = <u32>offset
      const value = load<u64>(values + (<usize>s << 3))
      const kind: u32 = load<u8>(state, 35)
      if (timeMs > ceilingMs) code = exceptionFuture
      else if (timeMs < floor) code = exceptionTooOld
      else if (kind != kindNone && time <= load<u32>(state, 16)) {
        if (time < load<u32>(state, 16)) code = exceptionOrder
        else if ((kind & kindFloat) != 0 && load<u64>(state) == value) {
          unchanged += 1
          continue
        } else code = exceptionDuplicate
      }
      if (code != 0) {
        const at = exceptions + <usize>exceptionCount * 12
        store<u32>(at, s)
        store<u32>(at, i, 4)
        store<u32>(at, code, 8)
        exceptionCount += 1
        continue
      }
      if (!appendSample(state, time, value)) {
        isFull = true
        break
      }
      appended += 1
      minTime = min(minTime, time)
      maxTime = max(maxTime, time)
      let out = writeUvarint(walAt, zigzag(<i32>(ref - walRef)))
      out = writeUvarint(out, zigzag(<i32>(time - walTime)))
      store<u64>(out, value)
      walAt = out + 8
      walRef = ref
      walTime = time
    }
  }
  store<u32>(header, minTime, oMinTime)
  store<u32>(header, maxTime, oMaxTime)
  store<u32>(header, <u32>walAt, oWalEnd)
  store<u32>(header, appended, oAppended)
  store<u32>(header, unchanged, oUnchanged)
  store<f64>(header, load<f64>(header, oSampleCount) + <f64>appended, oSampleCount)
  return isFull ? missing : exceptionCount
}

let acc: u64 = 0
let accBits: u32 = 0
let chunk: usize = 0
let used: u32 = 0
let room: u32 = 0
let failed: bool = false

// State of a series: see kernel/head-layout.ts.
function appendSample(state: usize, time: u32, value: u64): bool {
  failed = false
  chunk = load<u32>(state, 24)
  let count: u32 = load<u16>(state, 36)
  if (chunk != 0) {
    used = load<u16>(state, 28)
    accBits = load<u8>(state, 32)
    const size = used + ((accBits + 7) >> 3)
    let end = load<u32>(state, 44)
    if (count == 30) {
      end = predictEnd(load<u32>(state, 40), load<u32>(state, 16), end)
      store<u32>(state, end, 44)
    }
    if (time >= end || count >= 240 || size > chunkSizeMax) {
      if (!closeChunk(state)) return false
    }
  }
  if (chunk == 0) return openChunk(state, time, value)
  acc = load<u64>(state, 8)
  room = load<u16>(state, 30)
  const delta = time - load<u32>(state, 16)
  if (count == 1) writeDelta(delta)
  else writeDod(<i32>(delta - load<u32>(state, 20)))
  writeValue(state, load<u64>(state) ^ value)
  if (failed) return false
  store<u64>(state, value)
  store<u64>(state, acc, 8)
  store<u32>(state, time, 16)
  store<u32>(state, delta, 20)
  store<u32>(state, <u32>chunk, 24)
  store<u16>(state, <u16>used, 28)
  store<u16>(state, <u16>room, 30)
  store<u8>(state, <u8>accBits, 32)
  store<u8>(state, <u8>kindFloat, 35)
  store<u16>(state, <u16>(count + 1), 36)
  return true
}

function predictEnd(start: u32, current: u32, end: u32): u32 {
  const n = <f64>(end - start) / (<f64>(current - start + 1) * 4)
  if (n <= 1) return end
  return <u32>(<f64>start + <f64>(end - start) / Math.floor(n))
}

function openChunk(state: usize, time: u32, value: u64): bool {
  const block = allocateBlock(0)
  if (block == 0) return false
  const data = block + chunkHeadSize
  store<u16>(data, 0)
  let p = data + 2
  let t = <u64>(<i64>load<f64>(header, oWindowStart) + <i64>time)
  t = <u64>((<i64>t << 1) ^ (<i64>t >> 63))
  while (t >= 128) {
    store<u8>(p++, <u8>(t | 128))
    t >>= 7
  }
  store<u8>(p++, <u8>t)
  store<u64>(p, bswap<u64>(value))
  p += 8
  store<u64>(state, value)
  store<u64>(state, 0, 8)
  store<u32>(state, time, 16)
  store<u32>(state, 0, 20)
  store<u32>(state, <u32>block, 24)
  store<u16>(state, <u16>(p - data), 28)
  store<u16>(state, <u16>(classSize(0) - chunkHeadSize), 30)
  store<u8>(state, 0, 32)
  store<u8>(state, 0xff, 33)
  store<u8>(state, 0, 34)
  store<u8>(state, <u8>kindFloat, 35)
  store<u16>(state, 1, 36)
  store<u32>(state, time, 40)
  store<u32>(state, <u32>windowSizeMs, 44)
  store<u32>(header, load<u32>(header, oChunkCount) + 1, oChunkCount)
  return true
}

/** Closes the open float chunk of a series, if there is one. False when memory is full. */
export function closeFloatChunk(ref: u32): bool {
  const state = stateOf(ref)
  chunk = load<u32>(state, 24)
  return chunk == 0 || closeChunk(state)
}

// A closed chunk: next older, first time, last time (u32, offsets in the window), size (u16), unused, data.
function closeChunk(state: usize): bool {
  failed = false
  acc = load<u64>(state, 8)
  accBits = load<u8>(state, 32)
  used = load<u16>(state, 28)
  room = load<u16>(state, 30)
  const tail = (accBits + 7) >> 3
  if (used + tail > room) growChunk(used + tail)
  if (failed) return false
  let bits = accBits == 0 ? 0 : acc << (64 - accBits)
  const data = chunk + chunkHeadSize
  for (let i: u32 = 0; i < tail; i++) {
    store<u8>(data + used + i, <u8>(bits >> 56))
    bits <<= 8
  }
  used += tail
  const count: u32 = load<u16>(state, 36)
  store<u16>(data, <u16>((count >> 8) | (count << 8)))
  shrinkChunk()
  store<u32>(chunk, load<u32>(state, 48))
  store<u32>(chunk, load<u32>(state, 40), 4)
  store<u32>(chunk, load<u32>(state, 16), 8)
  store<u16>(chunk, <u16>used, 12)
  store<u32>(state, <u32>chunk, 48)
  store<u32>(state, load<u32>(state, 52) + 1, 52)
  store<u32>(state, 0, 24)
  store<u16>(state, 0, 36)
  chunk = 0
  return true
}

function shrinkChunk(): void {
  const have = classFor(room + chunkHeadSize)
  const want = classFor(used + chunkHeadSize)
  if (want >= have) return
  const block = allocateBlock(want)
  if (block == 0) return
  memory.copy(block + chunkHeadSize, chunk + chunkHeadSize, used)
  freeBlock(chunk, have)
  chunk = block
}

function growChunk(needed: u32): void {
  const have = classFor(room + chunkHeadSize)
  const want = max(have + 1, classFor(needed + chunkHeadSize))
  const block = allocateBlock(want)
  if (block == 0) {
    failed = true
    return
  }
  memory.copy(block + chunkHeadSize, chunk + chunkHeadSize, used)
  freeBlock(chunk, have)
  chunk = block
  room = classSize(want) - chunkHeadSize
}

// @ts-ignore: decorator
@inline
function flush(word: u64): void {
  if (used + 8 > room) growChunk(used + 8)
  if (failed) return
  store<u64>(chunk + chunkHeadSize + used, bswap<u64>(word))
  used += 8
}

// Appends the low `bits` (1 to 64) of `value`, most significant first; higher bits of `value` are zero.
function writeBits(value: u64, bits: u32): void {
  const free: u32 = 64 - accBits
  if (bits < free) {
    acc = (acc << bits) | value
    accBits += bits
    return
  }
  const rest = bits - free
  flush(free == 64 ? value >> rest : (acc << free) | (value >> rest))
  acc = rest == 0 ? 0 : value & ((<u64>1 << rest) - 1)
  accBits = rest
}

function writeDelta(delta: u32): void {
  let rest = delta
  while (rest >= 128) {
    writeBits((rest & 127) | 128, 8)
    rest >>= 7
  }
  writeBits(rest, 8)
}

function writeDod(dod: i32): void {
  if (dod == 0) writeBits(0, 1)
  else if (dod >= -8191 && dod <= 8192) writeBits(<u64>((0b10 << 14) | (dod & 0x3fff)), 16)
  else if (dod >= -65535 && dod <= 65536) writeBits(<u64>((0b110 << 17) | (dod & 0x1ffff)), 20)
  else if (dod >= -524287 && dod <= 524288) writeBits(<u64>((0b1110 << 20) | (dod & 0xfffff)), 24)
  else {
    writeBits(0b1111, 4)
    writeBits(<u64>(<i64>dod), 64)
  }
}

function writeValue(state: usize, difference: u64): void {
  if (difference == 0) return writeBits(0, 1)
  const leading = min<u32>(<u32>clz(difference), 31)
  const trailing = <u32>ctz(difference)
  const stateLeading: u32 = load<u8>(state, 33)
  const stateTrailing: u32 = load<u8>(state, 34)
  if (stateLeading != 0xff && leading >= stateLeading && trailing >= stateTrailing) {
    writeBits(0b10, 2)
    writeBits(difference >> stateTrailing, 64 - stateLeading - stateTrailing)
    return
  }
  const significant = 64 - leading - trailing
  writeBits(<u64>((0b11 << 11) | (leading << 6) | (significant & 63)), 13)
  writeBits(difference >> trailing, significant)
  store<u8>(state, <u8>leading, 33)
  store<u8>(state, <u8>trailing, 34)
}

// Memory of one generation of the head: allocation, rows and hash tables. Struct of arrays in segments of 4096 rows, so
// that nothing moves when it grows. Layout, units and invariants: kernel/head-layout.ts.

export const header: usize = 1024
export const oBump: usize = 0
export const oSeriesCount: usize = 4
export const oEntryCount: usize = 8
export const oEntryTable: usize = 12
export const oEntryMask: usize = 16
export const oCanonTable: usize = 20
export const oCanonMask: usize = 24
export const oPairCount: usize = 28
export const oPairTable: usize = 32
export const oPairMask: usize = 36
export const oChunkCount: usize = 40
export const oLastEntry: usize = 44
export const oSlabNext: usize = 48
export const oSlabEnd: usize = 52
export const oMinTime: usize = 56
export const oMaxTime: usize = 60
export const oRecycled: usize = 64
export const oWalEnd: usize = 68
export const oAppended: usize = 72
export const oUnchanged: usize = 76
export const oCreated: usize = 80
export const oSampleCount: usize = 88
export const oWindowStart: usize = 96
export const oFreeLists: usize = 128
export const oSeed: usize = 192
export const oNameTable: usize = 208
export const oNameMask: usize = 212
export const oNameCount: usize = 216

export const stateDirectory: usize = 4096
export const infoDirectory: usize = 20480
export const entryDirectory: usize = 36864
export const pairDirectory: usize = 53248
export const dataStart: usize = 131072

export const rowsPerSegment: u32 = 4096
export const stateSize: u32 = 64
export const infoSize: u32 = 32
export const pairSize: u32 = 48

export const missing: u32 = 0xffffffff
export const refLimit: u32 = 0xfffffff0
export const chunkHeadSize: u32 = 16
const growBytes: usize = 1 << 22

// Zeroed when fresh. 0 = the declared maximum is reached.
export function allocate(size: usize): usize {
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
export function slab(size: u32): usize {
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
export function classFor(total: u32): u32 {
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

export function classSize(index: u32): u32 {
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

export function allocateBlock(index: u32): usize {
  const list = header + oFreeLists + (<usize>index << 2)
  const free = load<u32>(list)
  if (free != 0) {
    store<u32>(list, load<u32>(free))
    return free
  }
  return slab(classSize(index))
}

export function freeBlock(address: usize, index: u32): void {
  const list = header + oFreeLists + (<usize>index << 2)
  store<u32>(address, load<u32>(list))
  store<u32>(list, <u32>address)
}

// ---- rows ----

// @ts-ignore: decorator
@inline
export function stateOf(ref: u32): usize {
  return <usize>load<u32>(stateDirectory + ((ref >> 12) << 2)) + (ref & 4095) * stateSize
}

// @ts-ignore: decorator
@inline
export function infoOf(ref: u32): usize {
  return <usize>load<u32>(infoDirectory + ((ref >> 12) << 2)) + (ref & 4095) * infoSize
}

// @ts-ignore: decorator
@inline
export function pairOf(pair: u32): usize {
  return <usize>load<u32>(pairDirectory + ((pair >> 12) << 2)) + (pair & 4095) * pairSize
}

// An entry segment: 4096 hashes of 16 bytes, 4096 refs, 4096 predictions.
// @ts-ignore: decorator
@inline
export function entrySegment(entry: u32): usize {
  return load<u32>(entryDirectory + ((entry >> 12) << 2))
}

export function ensureRow(directory: usize, row: u32, segmentSize: u32): bool {
  const at = directory + ((row >> 12) << 2)
  if (load<u32>(at) != 0) return true
  if (row >> 12 >= 4096) return false
  const segment = allocate(segmentSize)
  store<u32>(at, <u32>segment)
  return segment != 0
}

/** Prepares an empty memory for the window that starts at `windowStartMs`; the words seed the hashes of label pairs. */
export function initialize(windowStartMs: f64, seed0: u32, seed1: u32, seed2: u32, seed3: u32): bool {
  store<u32>(header, seed0, oSeed)
  store<u32>(header, seed1, oSeed + 4)
  store<u32>(header, seed2, oSeed + 8)
  store<u32>(header, seed3, oSeed + 12)
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

export const tableEntries: u32 = 0
export const tableCanon: u32 = 1
export const tablePairs: u32 = 2

// @ts-ignore: decorator
@inline
export function slotOfRow(kind: u32, row: u32): u32 {
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
export function canonSlot(word: u32, tenant: u32): u32 {
  return word ^ (tenant * 0x9e3779b1)
}

export function growTable(kind: u32, oTable: usize, oMask: usize, rowCount: u32): bool {
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

// One generation of the head in linear memory: series, their open chunks, label pairs, postings and the lookup from a
// sender's label bytes to a series. Here: samples; memory, series and the creation of plain ones are in lib-*.ts.
// Layout, units and invariants: kernel/head-layout.ts, which reads these bytes from TypeScript.
// Chunk rules: Prometheus tsdb/head_append.go as facts describe: 120 samples, predicted from the first 30.

import {
  allocateBlock,
  chunkHeadSize,
  classFor,
  classSize,
  freeBlock,
  header,
  missing,
  oAppended,
  oChunkCount,
  oMaxTime,
  oMinTime,
  oSampleCount,
  oUnchanged,
  oWalEnd,
  oWindowStart,
  refLimit,
  stateOf,
} from './lib-head-memory'
import { writeUvarint } from './lib-head-series'

export { initialize, recycle, reserve } from './lib-head-memory'
export { createSeries, lookup, remember } from './lib-head-series'
export { addName, createPlain } from './lib-plain-series'

const windowSizeMs: f64 = 7200000
const chunkSizeMax: u32 = 1005

// Kinds of float are odd.
const kindNone: u32 = 0
const kindFloat: u32 = 1

const exceptionOrder: u32 = 1
const exceptionDuplicate: u32 = 2
const exceptionTooOld: u32 = 3
const exceptionFuture: u32 = 4

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

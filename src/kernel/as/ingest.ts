// Remote-write bodies to columns in one pass: inflate, protobuf with every length checked, a keyed 128-bit hash of
// each series' labels, samples as columns. What is rare (exemplars, histograms, metadata) is listed by byte range.
// Accepts what the protobufjs reader accepts: varints of at most ten bytes, tags of at most five, unknown fields and
// known ones of another wire type skipped, groups balanced, the last of a singular field wins.
// TypeScript twin: kernel/write-decoder-twin.ts. The caller lays out the regions: kernel/write-decoder.ts.
// Memory: header at 1024 (see the constants), mask and keys as lib-hash.ts says, the rest by the caller; input
// regions end with 32 readable bytes of slack.

import { hashBytes, hashHigh, hashLow } from './lib-hash'
import { inflateElements } from './lib-snappy'

const header: usize = 1024
const oSeries: usize = 4
const oSamples: usize = 8
const oSlow: usize = 12
const oSymbols: usize = 16
const oMinTime: usize = 24
const oMaxTime: usize = 32
const oFlags: usize = 40

const faultInvalid: u32 = 1
const faultFull: u32 = 2

const seriesBadRefs: u32 = 1
const seriesOneRun: u32 = 2
const seriesAsked: u32 = 4
const seriesPlain: u32 = 8
const bodyHasStartTimes: u32 = 1

const slowMetadata: u32 = 1
const slowExemplar: u32 = 2
const slowHistogram: u32 = 3
const slowSeriesMetadata: u32 = 4

const recursionLimit: u32 = 100

let pos: usize = 0
let fault: u32 = 0

let seriesCap: u32 = 0
let sampleCap: u32 = 0
let slowCap: u32 = 0
let symbolCap: u32 = 0
let refCap: u32 = 0
let hashPtr: usize = 0
let rangePtr: usize = 0
let startPtr: usize = 0
let flagsPtr: usize = 0
let timePtr: usize = 0
let valuePtr: usize = 0
let startTimePtr: usize = 0
let slowPtr: usize = 0
let symbolPtr: usize = 0
let refsPtr: usize = 0
let seedLow: u64 = 0
let seedHigh: u64 = 0
let base: usize = 0

let seriesCount: u32 = 0
let sampleCount: u32 = 0
let slowCount: u32 = 0
let symbolCount: u32 = 0
let minTime: f64 = 0
let maxTime: f64 = 0
let bodyFlags: u32 = 0

/** Inflates a snappy block that declares exactly `declared` bytes; whether it was well-formed. */
export function inflate(src: usize, size: u32, dst: usize, declared: u32): bool {
  let p = src
  const end = src + size
  while (p < end && load<u8>(p) >= 128) p += 1
  return p < end && inflateElements(p + 1, end, dst, dst + declared)
}

/** Decodes a body of version 1 or 2. 0 = done, 1 = invalid at the header's position, 2 = the columns are full. */
export function decode(version: u32, body: usize, size: u32): u32 {
  readSetup()
  base = body
  const end = body + size
  fault = 0
  seriesCount = 0
  sampleCount = 0
  slowCount = 0
  symbolCount = 0
  bodyFlags = 0
  minTime = Infinity
  maxTime = -Infinity
  pos = body
  if (version == 1) decodeRequest1(end)
  else {
    readSymbols(end)
    if (fault == 0) {
      pos = body
      decodeRequest2(end)
    }
  }
  if (fault == 0) store<u32>(startPtr + (<usize>seriesCount << 2), sampleCount)
  store<u32>(header, <u32>(pos - body))
  store<u32>(header, seriesCount, oSeries)
  store<u32>(header, sampleCount, oSamples)
  store<u32>(header, slowCount, oSlow)
  store<u32>(header, symbolCount, oSymbols)
  store<f64>(header, minTime, oMinTime)
  store<f64>(header, maxTime, oMaxTime)
  store<u32>(header, bodyFlags, oFlags)
  return fault
}

function readSetup(): void {
  seriesCap = load<u32>(header, 64)
  sampleCap = load<u32>(header, 68)
  slowCap = load<u32>(header, 72)
  symbolCap = load<u32>(header, 76)
  refCap = load<u32>(header, 80)
  hashPtr = load<u32>(header, 84)
  rangePtr = load<u32>(header, 88)
  startPtr = load<u32>(header, 92)
  flagsPtr = load<u32>(header, 96)
  timePtr = load<u32>(header, 100)
  valuePtr = load<u32>(header, 104)
  startTimePtr = load<u32>(header, 108)
  slowPtr = load<u32>(header, 112)
  symbolPtr = load<u32>(header, 116)
  refsPtr = load<u32>(header, 120)
  seedLow = load<u64>(header, 128)
  seedHigh = load<u64>(header, 136)
}

// ---- the wire ----

function fail(): void {
  if (fault == 0) fault = faultInvalid
}

function full(): void {
  if (fault == 0) fault = faultFull
}

// @ts-ignore: decorator
@inline
function readTag(end: usize): u32 {
  if (pos < end) {
    const byte: u32 = load<u8>(pos)
    if (byte < 128) {
      pos += 1
      return byte
    }
  }
  return readShort(end, 15)
}

// @ts-ignore: decorator
@inline
function readSize(end: usize): u32 {
  if (pos < end) {
    const byte: u32 = load<u8>(pos)
    if (byte < 128) {
      pos += 1
      return byte
    }
  }
  return readShort(end, 7)
}

// A varint of at most five bytes whose fifth is at most `lastMax`.
function readShort(end: usize, lastMax: u32): u32 {
  let value: u32 = 0
  for (let i: u32 = 0; i < 5; i++) {
    if (pos >= end) break
    const byte: u32 = load<u8>(pos++)
    if (i == 4 && byte > lastMax) break
    value |= (byte & 127) << (7 * i)
    if (byte < 128) return value
  }
  fail()
  return 0
}

function readVarint(end: usize): u64 {
  let value: u64 = 0
  for (let i: u64 = 0; i < 10; i++) {
    if (pos >= end) break
    const byte: u64 = load<u8>(pos++)
    value |= (byte & 127) << (7 * i)
    if (byte < 128) return value
  }
  fail()
  return 0
}

// The size of a length-delimited field, its end checked; leaves the position at its first byte.
// @ts-ignore: decorator
@inline
function readLength(end: usize): u32 {
  const size = readSize(end)
  if (fault == 0 && size > <u32>(end - pos)) fail()
  return size
}

function skip(wire: u32, field: u32, depth: u32, end: usize): void {
  if (depth > recursionLimit || field == 0) return fail()
  if (wire == 0) {
    do {
      if (pos >= end) return fail()
    } while (load<u8>(pos++) & 128)
  } else if (wire == 1) {
    if (end - pos < 8) return fail()
    pos += 8
  } else if (wire == 2) {
    const size = readLength(end)
    if (fault != 0) return
    pos += size
  } else if (wire == 3) {
    while (fault == 0) {
      const tag = readTag(end)
      if (fault != 0) return
      const nested = tag >> 3
      if (nested == 0) return fail()
      if ((tag & 7) == 4) {
        if (nested != field) fail()
        return
      }
      skip(tag & 7, nested, depth + 1, end)
    }
  } else if (wire == 5) {
    if (end - pos < 4) return fail()
    pos += 4
  } else {
    fail()
  }
}

// ---- shared by both versions ----

function addSlow(kind: u32, size: u32): void {
  if (slowCount >= slowCap) return full()
  const at = slowPtr + (<usize>slowCount << 4)
  store<u32>(at, kind)
  store<u32>(at, seriesCount, 4)
  store<u32>(at, <u32>(pos - base), 8)
  store<u32>(at, <u32>(pos - base) + size, 12)
  slowCount += 1
  pos += size
}

function decodeSample(end: usize, version: u32): void {
  if (sampleCount >= sampleCap) return full()
  let value: u64 = 0
  let time: i64 = 0
  let startTime: i64 = 0
  while (pos < end) {
    const tag = readTag(end)
    if (fault != 0) return
    if (tag == 9) {
      if (end - pos < 8) return fail()
      value = load<u64>(pos)
      pos += 8
    } else if (tag == 16) {
      time = <i64>readVarint(end)
    } else if (tag == 24 && version == 2) {
      startTime = <i64>readVarint(end)
    } else {
      skip(tag & 7, tag >> 3, 2, end)
    }
    if (fault != 0) return
  }
  const at = <usize>sampleCount << 3
  const timeMs = <f64>time
  store<f64>(timePtr + at, timeMs)
  store<u64>(valuePtr + at, value)
  store<f64>(startTimePtr + at, <f64>startTime)
  if (startTime != 0) bodyFlags |= bodyHasStartTimes
  minTime = min(minTime, timeMs)
  maxTime = max(maxTime, timeMs)
  sampleCount += 1
}

function openSeries(start: usize, end: usize): void {
  if (seriesCount >= seriesCap) return full()
  const range = rangePtr + (<usize>seriesCount << 3)
  store<u32>(range, <u32>(start - base))
  store<u32>(range, <u32>(end - base), 4)
  store<u32>(startPtr + (<usize>seriesCount << 2), sampleCount)
}

function closeSeries(low: u64, high: u64, flags: u32): void {
  const hash = hashPtr + (<usize>seriesCount << 4)
  store<u64>(hash, low)
  store<u64>(hash, high, 8)
  store<u32>(flagsPtr + (<usize>seriesCount << 2), flags)
  seriesCount += 1
}

// ---- version 1 ----

function decodeRequest1(end: usize): void {
  while (pos < end) {
    const tag = readTag(end)
    if (fault != 0) return
    if (tag == 10 || tag == 26) {
      const size = readLength(end)
      if (fault != 0) return
      if (tag == 10) decodeSeries1(pos + size)
      else addSlow(slowMetadata, size)
    } else {
      skip(tag & 7, tag >> 3, 0, end)
    }
    if (fault != 0) return
  }
}

// The labels of a series are hashed as the runs of bytes they stand in, usually one; a further run continues the hash.
function decodeSeries1(end: usize): void {
  openSeries(pos, end)
  const first = pos
  let runStart: usize = 0
  let runEnd: usize = 0
  let runCount: u32 = 0
  let low = seedLow
  let high = seedHigh
  while (pos < end && fault == 0) {
    const start = pos
    const tag = readTag(end)
    if (fault != 0) return
    if (tag == 10 || tag == 18 || tag == 26 || tag == 34) {
      const size = readLength(end)
      if (fault != 0) return
      if (tag == 10) {
        pos += size
        if (runEnd != start) {
          if (runEnd != 0) {
            hashBytes(runStart, <u32>(runEnd - runStart), low, high)
            low = hashLow
            high = hashHigh
          }
          runStart = start
          runCount += 1
        }
        runEnd = pos
      } else if (tag == 18) decodeSample(pos + size, 1)
      else addSlow(tag == 26 ? slowExemplar : slowHistogram, size)
    } else {
      skip(tag & 7, tag >> 3, 1, end)
    }
  }
  if (fault != 0) return
  const isOneRun = runCount == 1 && runStart == first
  hashBytes(runStart, <u32>(runEnd - runStart), low, high)
  closeSeries(hashLow, hashHigh, isOneRun ? seriesOneRun : 0)
}

/**
 * Flags as plain those series of the decoded body of version 1 that are asked for and whose labels are as senders write
 * them: one run at the start, each a name and a value with sizes of as few bytes as they need, at most `labelMax`
 * labels, ASCII, no value empty, names strictly increasing and `__name__` among them, sizes within their bounds.
 */
export function markPlain(labelMax: u32, nameMax: u32, valueMax: u32): void {
  for (let i: u32 = 0; i < seriesCount; i++) {
    const at = flagsPtr + (<usize>i << 2)
    const flags = load<u32>(at)
    if ((flags & (seriesAsked | seriesOneRun)) != (seriesAsked | seriesOneRun)) continue
    const range = rangePtr + (<usize>i << 3)
    if (isPlain(base + load<u32>(range), base + load<u32>(range, 4), labelMax, nameMax, valueMax))
      store<u32>(at, flags | seriesPlain)
  }
}

function isPlain(start: usize, end: usize, labelMax: u32, nameMax: u32, valueMax: u32): bool {
  let p = start
  let count: u32 = 0
  let last: usize = 0
  let lastSize: u32 = 0
  let named = false
  while (p < end && load<u8>(p) == 10) {
    let size: u32 = load<u8>(++p)
    if (size >= 128) {
      const high: u32 = load<u8>(++p)
      if (high >= 128 || high == 0) return false
      size = (size & 127) | (high << 7)
    }
    const name = p + 3
    const stop = p + 1 + size
    // Name and value take two bytes each beside their text, which has at least one.
    if (size < 6 || load<u8>(p, 1) != 10) return false
    const nameSize: u32 = load<u8>(p, 2)
    if (nameSize == 0 || nameSize >= 128 || nameSize > nameMax || nameSize > size - 5) return false
    p = name + nameSize
    if (load<u8>(p) != 18) return false
    let valueSize: u32 = load<u8>(++p)
    if (valueSize >= 128) {
      const high: u32 = load<u8>(++p)
      if (high >= 128 || high == 0) return false
      valueSize = (valueSize & 127) | (high << 7)
    }
    p += 1
    if (valueSize == 0 || valueSize > valueMax || p + valueSize != stop) return false
    if (count > 0 && !increases(last, lastSize, name, nameSize)) return false
    if (!isAscii(name, nameSize) || !isAscii(p, valueSize)) return false
    if (nameSize == 8 && load<u64>(name) == 0x5f5f656d616e5f5f) named = true
    last = name
    lastSize = nameSize
    count += 1
    if (count > labelMax) return false
    p = stop
  }
  return named
}

// Whether a name sorts before the next one, bytewise.
function increases(a: usize, aSize: u32, b: usize, bSize: u32): bool {
  const size = min(aSize, bSize)
  for (let i: u32 = 0; i < size; i++) {
    const x = load<u8>(a + i)
    const y = load<u8>(b + i)
    if (x != y) return x < y
  }
  return aSize < bSize
}

function isAscii(p: usize, size: u32): bool {
  let all: u64 = 0
  let i: u32 = 0
  for (; i + 8 <= size; i += 8) all |= load<u64>(p + i)
  for (; i < size; i++) all |= load<u8>(p + i)
  return (all & 0x8080808080808080) == 0
}

// ---- version 2 ----

// Symbols may stand anywhere in the body, so they are gathered first.
function readSymbols(end: usize): void {
  while (pos < end) {
    const tag = readTag(end)
    if (fault != 0) return
    if (tag == 34 || tag == 42) {
      const size = readLength(end)
      if (fault != 0) return
      if (tag == 34) addSymbol(size)
      pos += size
    } else {
      skip(tag & 7, tag >> 3, 0, end)
    }
    if (fault != 0) return
  }
}

function addSymbol(size: u32): void {
  if (symbolCount >= symbolCap) return full()
  if (!validUtf8(pos, pos + size)) return fail()
  const at = symbolPtr + (<usize>symbolCount << 5)
  hashBytes(pos, size, 0, 0)
  store<u64>(at, hashLow)
  store<u64>(at, hashHigh, 8)
  store<u32>(at, <u32>(pos - base), 16)
  store<u32>(at, size, 20)
  store<u64>(at, 0, 24)
  symbolCount += 1
}

function decodeRequest2(end: usize): void {
  while (pos < end) {
    const tag = readTag(end)
    if (tag == 42) {
      const size = readLength(end)
      if (fault != 0) return
      decodeSeries2(pos + size)
    } else {
      skip(tag & 7, tag >> 3, 0, end)
    }
    if (fault != 0) return
  }
}

function decodeSeries2(end: usize): void {
  openSeries(pos, end)
  let refCount: u32 = 0
  helpRef = 0
  unitRef = 0
  while (pos < end && fault == 0) {
    const tag = readTag(end)
    if (fault != 0) return
    if (tag == 10) {
      const size = readLength(end)
      if (fault != 0) return
      const packedEnd = pos + size
      while (pos < packedEnd && fault == 0) refCount = addRef(refCount, packedEnd)
    } else if (tag == 8) {
      refCount = addRef(refCount, end)
    } else if (tag == 18 || tag == 26 || tag == 34 || tag == 42) {
      const size = readLength(end)
      if (fault != 0) return
      if (tag == 18) decodeSample(pos + size, 2)
      else if (tag == 42) decodeMetadata(size)
      else addSlow(tag == 26 ? slowHistogram : slowExemplar, size)
    } else {
      skip(tag & 7, tag >> 3, 1, end)
    }
  }
  if (fault != 0) return
  const good = hashRefs(refCount) && helpRef < max<u32>(symbolCount, 1) && unitRef < max<u32>(symbolCount, 1)
  // A broken series has a hash that nothing else has, so that it never finds a series.
  if (!good) hashBytes(refsPtr, 0, ~seedLow, seedHigh)
  closeSeries(hashLow, hashHigh, good ? 0 : seriesBadRefs)
}

let helpRef: u32 = 0
let unitRef: u32 = 0

// Metadata comes with every series of every body, so it is checked here; a repeated message is merged.
function decodeMetadata(size: u32): void {
  const start = pos
  const end = pos + size
  addSlow(slowSeriesMetadata, size)
  if (fault != 0) return
  pos = start
  while (pos < end && fault == 0) {
    const tag = readTag(end)
    if (fault != 0) return
    if (tag == 8) readVarint(end)
    else if (tag == 24) helpRef = <u32>readVarint(end)
    else if (tag == 32) unitRef = <u32>readVarint(end)
    else skip(tag & 7, tag >> 3, 2, end)
  }
}

function addRef(count: u32, end: usize): u32 {
  const ref = <u32>readVarint(end)
  if (fault != 0) return count
  if (count >= refCap) {
    full()
    return count
  }
  store<u32>(refsPtr + (<usize>count << 2), ref)
  return count + 1
}

// The symbols' hashes, in order, are the message: equal strings hash alike whatever their refs. They are written
// over the tail of the ref region, which the layout makes large enough (4 + 16 bytes a ref).
function hashRefs(count: u32): bool {
  if (count & 1) return false
  const words = refsPtr + ((<usize>refCap * 4 + 15) & ~15)
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(refsPtr + (<usize>i << 2))
    if (ref >= symbolCount) return false
    const symbol = symbolPtr + (<usize>ref << 5)
    v128.store(words + (<usize>i << 4), v128.load(symbol))
  }
  hashBytes(words, count << 4, seedLow, seedHigh)
  return true
}

// WHATWG rules: no overlong forms, no surrogates, at most U+10FFFF.
function validUtf8(from: usize, end: usize): bool {
  let p = from
  while (p < end) {
    if (end - p >= 8 && (load<u64>(p) & 0x8080808080808080) == 0) {
      p += 8
      continue
    }
    const c: u32 = load<u8>(p++)
    if (c < 0x80) continue
    let more: u32 = 0
    let low: u32 = 0x80
    let high: u32 = 0xbf
    if (c >= 0xc2 && c <= 0xdf) more = 1
    else if (c >= 0xe0 && c <= 0xef) {
      more = 2
      if (c == 0xe0) low = 0xa0
      else if (c == 0xed) high = 0x9f
    } else if (c >= 0xf0 && c <= 0xf4) {
      more = 3
      if (c == 0xf0) low = 0x90
      else if (c == 0xf4) high = 0x8f
    } else return false
    if (<u32>(end - p) < more) return false
    const first: u32 = load<u8>(p++)
    if (first < low || first > high) return false
    for (let i: u32 = 1; i < more; i++) {
      if ((load<u8>(p++) & 0xc0) != 0x80) return false
    }
  }
  return true
}

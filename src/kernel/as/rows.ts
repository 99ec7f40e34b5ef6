// Row kernel: the float samples of one series at a time, decoded to columns that stay here, and rate and its kin over
// them. Addresses are of regions that the caller laid out. Twins: storage/decode-row.ts, promql/functions/rate-row.ts.

import { decodeXorChunk } from './lib-xor'

const staleMarker: u64 = 0x7ff0000000000002

/** Samples that the chunks [from, to) say they hold; -1 where one lies outside of the loaded bytes. */
export function sampleCount(
  src: usize,
  srcSize: u32,
  offsets: usize,
  sizes: usize,
  from: u32,
  to: u32,
): f64 {
  let total: f64 = 0
  for (let chunk = from; chunk < to; chunk++) {
    const offset = load<u32>(offsets + (<usize>chunk << 2))
    const size = load<u32>(sizes + (<usize>chunk << 2))
    if (size < 2 || <u64>offset + size > <u64>srcSize) return -1
    const at = src + offset
    total += <f64>(((<u32>load<u8>(at)) << 8) | <u32>load<u8>(at, 1))
  }
  return total
}

let firstKept: u32 = 0

/** Index of the first sample that the last `decode` kept. */
export function first(): u32 {
  return firstKept
}

/**
 * Decodes chunks that follow each other in time, keeps what lies in [minTime, maxTime], without stale markers where
 * `dropStale` is set. Returns how many samples are kept, from `first` on, or -1 where a chunk is corrupt.
 */
export function decode(
  src: usize,
  offsets: usize,
  sizes: usize,
  from: u32,
  to: u32,
  swapped: usize,
  times: usize,
  values: usize,
  capacity: u32,
  minTime: f64,
  maxTime: f64,
  dropStale: bool,
): i32 {
  let end: u32 = 0
  for (let chunk = from; chunk < to; chunk++) {
    const at = src + load<u32>(offsets + (<usize>chunk << 2))
    const size = <usize>load<u32>(sizes + (<usize>chunk << 2))
    const done = <usize>end << 3
    const count = decodeXorChunk(at, size, swapped, times + done, values + done, capacity - end)
    if (count < 0) return -1
    end += <u32>count
  }
  let start: u32 = 0
  while (start < end && load<f64>(times + (<usize>start << 3)) < minTime) start++
  while (end > start && load<f64>(times + (<usize>(end - 1) << 3)) > maxTime) end--
  firstKept = start
  if (!dropStale) return end - start
  let at = start
  while (at < end && load<u64>(values + (<usize>at << 3)) != staleMarker) at++
  let kept = at
  for (; at < end; at++) {
    const value = load<u64>(values + (<usize>at << 3))
    if (value == staleMarker) continue
    store<u64>(values + (<usize>kept << 3), value)
    store<f64>(times + (<usize>kept << 3), load<f64>(times + (<usize>at << 3)))
    kept++
  }
  return kept - start
}

// Counts, by sample, how many up to it are lower than the one before; whether there is any.
function countDrops(values: usize, count: u32, drops: usize): bool {
  let i: u32 = 1
  let previous = load<f64>(values)
  for (; i < count; i++) {
    const value = load<f64>(values + (<usize>i << 3))
    if (value < previous) break
    previous = value
  }
  if (i >= count) return false
  memory.fill(drops, 0, <usize>i << 2)
  let total: u32 = 0
  for (; i < count; i++) {
    const value = load<f64>(values + (<usize>i << 3))
    if (value < previous) total++
    previous = value
    store<u32>(drops + (<usize>i << 2), total)
  }
  return true
}

// What the counter had reached before each of its resets in [from, to).
function lost(values: usize, from: u32, to: u32): f64 {
  let sum: f64 = 0
  let previous = load<f64>(values + (<usize>from << 3))
  for (let i = from + 1; i < to; i++) {
    const value = load<f64>(values + (<usize>i << 3))
    if (value < previous) sum += previous
    previous = value
  }
  return sum
}

/**
 * rate, increase or delta over `stepCount` windows (end - range, end] of `count` samples, ends `endStep` apart.
 * `out` gets values, `present` bytes of 1 where there is one. Returns how many samples the windows held together, or
 * -1 where windows with resets would take more than `workMax` samples of walking.
 */
export function rate(
  times: usize,
  values: usize,
  count: u32,
  drops: usize,
  firstEnd: f64,
  endStep: f64,
  range: f64,
  stepCount: u32,
  isCounter: bool,
  isRate: bool,
  workMax: f64,
  out: usize,
  present: usize,
): f64 {
  memory.fill(present, 0, stepCount)
  if (count == 0) return 0
  const hasDrops = isCounter && countDrops(values, count, drops)
  const rangeSeconds = range / 1000
  let from: u32 = 0
  let to: u32 = 0
  let looked: f64 = 0
  let work: f64 = 0
  for (let step: u32 = 0; step < stepCount; step++) {
    const end = firstEnd + <f64>step * endStep
    const start = end - range
    while (to < count && load<f64>(times + (<usize>to << 3)) <= end) to++
    while (from < to && load<f64>(times + (<usize>from << 3)) <= start) from++
    looked += <f64>(to - from)
    if (to < from + 2) continue
    const last = to - 1
    const firstValue = load<f64>(values + (<usize>from << 3))
    let growth = load<f64>(values + (<usize>last << 3)) - firstValue
    if (
      hasDrops &&
      load<u32>(drops + (<usize>from << 2)) != load<u32>(drops + (<usize>last << 2))
    ) {
      work += <f64>(to - from)
      if (work > workMax) return -1
      growth += lost(values, from, to)
    }
    const firstTime = load<f64>(times + (<usize>from << 3))
    const lastTime = load<f64>(times + (<usize>last << 3))
    const sampled = (lastTime - firstTime) / 1000
    const average = sampled / <f64>(last - from)
    let toStart = (firstTime - start) / 1000
    if (toStart >= average * 1.1) toStart = average / 2
    if (isCounter && growth > 0 && firstValue >= 0) {
      toStart = min<f64>(toStart, sampled * (firstValue / growth))
    }
    let toEnd = (end - lastTime) / 1000
    if (toEnd >= average * 1.1) toEnd = average / 2
    const extrapolated = (sampled + toStart + toEnd) / sampled
    const factor = isRate ? extrapolated / rangeSeconds : extrapolated
    store<f64>(out + (<usize>step << 3), growth * factor)
    store<u8>(present + step, 1)
  }
  return looked
}

// XOR chunks to columns, a sample in about twenty instructions. Twin: kernel/xor-columns.ts.
// The chunk is first swapped into native 64-bit words, so that any field is two loads and two shifts.

// A sample takes at most 145 bits; a field is read through two words.
const slackSize: usize = 64

/** Bytes that `swapped` needs for a chunk of `size` bytes. */
export function xorScratchSize(size: usize): usize {
  return ((size + 15) & ~15) + slackSize
}

function swapWords(src: usize, size: usize, swapped: usize): void {
  let at: usize = 0
  for (; at + 16 <= size; at += 16) {
    const bytes = v128.load(src + at)
    v128.store(
      swapped + at,
      v128.shuffle<u8>(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8),
    )
  }
  v128.store(swapped + at, i64x2(0, 0))
  for (; at < size; at++) store<u8>(swapped + (at ^ 7), load<u8>(src + at))
  memory.fill(swapped + ((size + 15) & ~15), 0, slackSize)
}

// The 64 bits from bit `position` on.
// @ts-ignore: decorator
@inline
function peek(swapped: usize, position: usize): u64 {
  const word = swapped + ((position >> 6) << 3)
  const shift = <u64>(position & 63)
  return (load<u64>(word) << shift) | ((load<u64>(word, 8) >> 1) >> (63 - shift))
}

// The pattern with only the top bit set stands for +half, not for -half.
// @ts-ignore: decorator
@inline
function signedOf(value: u64, half: u64): i64 {
  return value > half ? <i64>(value - 2 * half) : <i64>value
}

/**
 * Decodes the chunk [src, src + size) to `timestamps` and `values` (f64 each). Returns the sample count, or -1 when
 * the chunk is corrupt or holds more than `capacity` samples.
 */
export function decodeXorChunk(
  src: usize,
  size: usize,
  swapped: usize,
  timestamps: usize,
  values: usize,
  capacity: u32,
): i32 {
  if (size < 2) return -1
  const count: u32 = ((<u32>load<u8>(src)) << 8) | <u32>load<u8>(src, 1)
  if (count > capacity) return -1
  if (count == 0) return 0
  swapWords(src, size, swapped)
  const end = size << 3
  let position: usize = 16
  let timestamp: i64 = 0
  let delta: i64 = 0
  let value: u64 = 0
  let leading: u64 = 0
  let trailing: u64 = 0
  let left = count
  let to = timestamps
  const values0 = values - timestamps
  while (true) {
    if (left + 1 < count) {
      // From the third sample on: a second difference, or a run of samples where neither field changes.
      const bits = peek(swapped, position)
      if (bits >> 62 == 0) {
        let run: u32 = bits == 0 ? 32 : <u32>(clz(bits) >> 1)
        if (run > left) run = left
        position += <usize>run << 1
        if (position > end) return -1
        left -= run
        for (; run > 0; run--) {
          timestamp += delta
          store<f64>(to, <f64>timestamp)
          store<u64>(to + values0, value)
          to += 8
        }
        if (left == 0) return count
        continue
      }
      if (bits >> 63 == 0) position += 1
      else if (bits >> 62 == 0b10) {
        delta += signedOf((bits << 2) >> 50, 0x2000)
        position += 16
      } else if (bits >> 61 == 0b110) {
        delta += signedOf((bits << 3) >> 47, 0x10000)
        position += 20
      } else if (bits >> 60 == 0b1110) {
        delta += signedOf((bits << 4) >> 44, 0x80000)
        position += 24
      } else {
        delta += <i64>peek(swapped, position + 4)
        position += 68
      }
      timestamp += delta
    } else {
      let number: u64 = 0
      let shift: u64 = 0
      while (true) {
        const byte = peek(swapped, position) >> 56
        position += 8
        // The tenth byte holds the last of 64 bits.
        if (shift == 63 && byte > 1) return -1
        number |= (byte & 127) << shift
        if (byte < 128) break
        shift += 7
      }
      if (left == count) {
        timestamp = <i64>(number >> 1) ^ -(<i64>(number & 1))
        value = peek(swapped, position)
        position += 64
        if (position > end) return -1
        store<f64>(to, <f64>timestamp)
        store<u64>(to + values0, value)
        to += 8
        left--
        if (left == 0) return count
        continue
      }
      delta = <i64>number
      timestamp += delta
    }
    const bits = peek(swapped, position)
    if (bits >> 63 == 0) position += 1
    else {
      if (bits >> 62 == 0b11) {
        leading = (bits << 2) >> 59
        let significant = (bits << 7) >> 58
        if (significant == 0) significant = 64
        if (leading + significant > 64) return -1
        trailing = 64 - leading - significant
        position += 13
      } else position += 2
      const width = 64 - leading - trailing
      value ^= (peek(swapped, position) >> (64 - width)) << trailing
      position += <usize>width
    }
    if (position > end) return -1
    store<f64>(to, <f64>timestamp)
    store<u64>(to + values0, value)
    to += 8
    left--
    if (left == 0) return count
  }
}

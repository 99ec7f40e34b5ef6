// Number printing: sample values as Go prints them, times in seconds, and whole rows of a matrix as JSON.
// Twin: kernel/json-numbers.ts. Shortest digits: Schubfach (Raffaello Giulietti, 2020), over a table of powers of ten
// that the caller fills: g(k) = ceil(10^k × 2^(127 − floor(log2 10^k))) for k in −292 … 324, high word first.

const powersMin: i32 = -292

// @ts-ignore: decorator
@inline
function mulHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff
  const a1 = a >> 32
  const b0 = b & 0xffffffff
  const b1 = b >> 32
  const low = a0 * b1
  const cross = a1 * b0
  const middle = ((a0 * b0) >> 32) + (low & 0xffffffff) + (cross & 0xffffffff)
  return a1 * b1 + (low >> 32) + (cross >> 32) + (middle >> 32)
}

// The product's high part, its lowest bit set where anything was cut off.
// @ts-ignore: decorator
@inline
function roundToOdd(high: u64, low: u64, factor: u64): u64 {
  const carryFrom = mulHigh(low, factor)
  const y0 = high * factor + carryFrom
  const y1 = mulHigh(high, factor) + u64(y0 < carryFrom)
  return y1 | u64(y0 > 1)
}

// Writes a number below 10^9 with exactly `count` digits.
// @ts-ignore: decorator
@inline
function writeDigits(at: usize, value: u32, count: usize): void {
  let rest = value
  for (let to = at + count; to > at; ) {
    to--
    const next = rest / 10
    store<u8>(to, <u8>(48 + rest - next * 10))
    rest = next
  }
}

// @ts-ignore: decorator
@inline
function digitCount32(value: u32): usize {
  if (value < 10) return 1
  if (value < 100) return 2
  if (value < 1000) return 3
  if (value < 10000) return 4
  if (value < 100000) return 5
  if (value < 1000000) return 6
  if (value < 10000000) return 7
  if (value < 100000000) return 8
  return 9
}

/** Writes an unsigned number below 10^18; returns the end. */
function writeUnsigned(at: usize, value: u64): usize {
  if (value < 1000000000) {
    const count = digitCount32(<u32>value)
    writeDigits(at, <u32>value, count)
    return at + count
  }
  const high = <u32>(value / 1000000000)
  const count = digitCount32(high)
  writeDigits(at, high, count)
  writeDigits(at + count, <u32>(value - <u64>high * 1000000000), 9)
  return at + count + 9
}

// @ts-ignore: decorator
@inline
function fill(at: usize, count: usize): usize {
  for (let i: usize = 0; i < count; i++) store<u8>(at + i, 48)
  return at + count
}

/** Writes digits × 10^exponent in Go's form: an exponent only below 10^-6 and from 10^21 on. */
function writeDecimal(at: usize, digits: u64, exponent: i32): usize {
  let rest = digits
  let power = exponent
  while (rest % 10 == 0) {
    rest /= 10
    power++
  }
  const end = writeUnsigned(at, rest)
  const count = <i32>(end - at)
  const point = count + power
  if (point > 21 || point <= -6) return writeScientific(at, count, point - 1)
  if (power >= 0) return fill(end, <usize>power)
  if (point > 0) {
    memory.copy(at + <usize>point + 1, at + <usize>point, <usize>(count - point))
    store<u8>(at + <usize>point, 46)
    return end + 1
  }
  const zeros = <usize>-point
  memory.copy(at + 2 + zeros, at, <usize>count)
  store<u16>(at, 0x2e30)
  fill(at + 2, zeros)
  return end + 2 + zeros
}

// The `count` digits at `at` become d.ddde±XX.
function writeScientific(at: usize, count: i32, exponent: i32): usize {
  let end = at + <usize>count
  if (count > 1) {
    memory.copy(at + 2, at + 1, <usize>(count - 1))
    store<u8>(at, 46, 1)
    end++
  }
  store<u8>(end, 101)
  store<u8>(end, exponent < 0 ? 45 : 43, 1)
  const size = <u32>(exponent < 0 ? -exponent : exponent)
  const digits: usize = size < 100 ? 2 : 3
  writeDigits(end + 2, size, digits)
  return end + 2 + digits
}

function writeShortest(powers: usize, at: usize, bits: u64): usize {
  const fraction = bits & 0xfffffffffffff
  const biased = <i32>(bits >> 52)
  const c = biased != 0 ? fraction | 0x10000000000000 : fraction
  const q: i32 = (biased != 0 ? biased : 1) - 1075
  const closer: i32 = i32(fraction == 0 && biased > 1)
  const k: i32 = (q * 1262611 - closer * 524031) >> 22
  const h = <u64>(q + ((-k * 1741647) >> 19) + 1)
  const entry = powers + (<usize>(-k - powersMin) << 4)
  const high = load<u64>(entry)
  const low = load<u64>(entry, 8)
  const odd = c & 1
  const lower = roundToOdd(high, low, (4 * c - 2 + <u64>closer) << h) + odd
  const value = roundToOdd(high, low, (4 * c) << h)
  const upper = roundToOdd(high, low, (4 * c + 2) << h) - odd
  const s = value >> 2
  if (s >= 10) {
    const tenth = s / 10
    const down = lower <= 40 * tenth
    const up = 40 * tenth + 40 <= upper
    if (down != up) return writeDecimal(at, tenth + u64(up), k + 1)
  }
  const down = lower <= 4 * s
  const up = 4 * s + 4 <= upper
  if (down != up) return writeDecimal(at, s + u64(up), k)
  const middle = 4 * s + 2
  const roundUp = value > middle || (value == middle && (s & 1) != 0)
  return writeDecimal(at, s + u64(roundUp), k)
}

/** Writes a sample value of at most 25 bytes; returns the end. */
function writeValue(powers: usize, start: usize, value: f64): usize {
  let at = start
  if (value != value) {
    store<u16>(at, 0x614e)
    store<u8>(at, 78, 2)
    return at + 3
  }
  const bits = reinterpret<u64>(value)
  const size = abs(value)
  const negative = bits >> 63 != 0
  if (size == Infinity) {
    store<u32>(at, negative ? 0x666e492d : 0x666e492b)
    return at + 4
  }
  if (negative) {
    store<u8>(at, 45)
    at++
  }
  if (size < 9007199254740992 && floor(size) == size) return writeUnsigned(at, <u64>size)
  if (size >= 0.001 && size < 1000000000000) {
    // A decimal of at most 15 digits that reads back as the value is the shortest one.
    const thousandths = size * 1000
    if (floor(thousandths) == thousandths && thousandths / 1000 == size) {
      const scaled = <u64>thousandths
      const whole = scaled / 1000
      let rest = <u32>(scaled - whole * 1000)
      at = writeUnsigned(at, whole)
      store<u8>(at, 46)
      writeDigits(at + 1, rest, 3)
      at += 4
      while (rest % 10 == 0) {
        rest /= 10
        at--
      }
      return at
    }
  }
  return writeShortest(powers, at, bits & 0x7fffffffffffffff)
}

/** Writes milliseconds as seconds with no or three decimals; returns the end. */
function writeSeconds(start: usize, timestamp: f64): usize {
  let at = start
  if (timestamp < 0) {
    store<u8>(at, 45)
    at++
  }
  const size = <u64>abs(timestamp)
  const whole = size / 1000
  const rest = <u32>(size - whole * 1000)
  at = writeUnsigned(at, whole)
  if (rest == 0) return at
  store<u8>(at, 46)
  writeDigits(at + 1, rest, 3)
  return at + 4
}

/** Writes one sample value at `at`; returns the end. */
export function formatValue(powers: usize, at: usize, value: f64): usize {
  return writeValue(powers, at, value)
}

/**
 * Writes [[t,"v"],…] of those of `count` samples whose byte at `present` is not 0 (0 = all are there); 56 bytes a
 * sample and 2 more are room enough. Returns the end.
 */
export function writeMatrixRow(
  powers: usize,
  timestamps: usize,
  values: usize,
  present: usize,
  count: u32,
  out: usize,
): usize {
  let at = out
  store<u8>(at, 91)
  at++
  for (let i: usize = 0; i < <usize>count; i++) {
    if (present != 0 && load<u8>(present + i) == 0) continue
    store<u8>(at, 91)
    at = writeSeconds(at + 1, load<f64>(timestamps + (i << 3)))
    store<u16>(at, 0x222c)
    at = writeValue(powers, at + 2, load<f64>(values + (i << 3)))
    store<u32>(at, 0x2c5d22)
    at += 3
  }
  // The last comma gives way to the bracket.
  if (at > out + 1) at--
  store<u8>(at, 93)
  return at + 1
}

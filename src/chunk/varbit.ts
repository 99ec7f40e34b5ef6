// Varbit integers: a prefix of ones chooses one of nine widths; small numbers take few bits.
// Signed numbers of n bits cover −(2^(n−1)−1) … 2^(n−1): the pattern with only the top bit set is positive.
// Units: numbers are exact within ±2^53; words and bigint carry all 64 bits.
// Source: Prometheus tsdb/docs/format/chunks.md, varbit_int and varbit_uint.

import type { BitReader, BitWriter } from '../kernel/index.ts'

const widths = [0, 3, 6, 9, 12, 18, 25, 56, 64] as const
const word = 4_294_967_296

/** Writes a signed integer within ±2^53. */
export function writeVarbitInt(bits: BitWriter, value: number): void {
  writeClass(bits, intClass(value), Math.floor(value / word), value)
}

/** Writes an unsigned integer up to 2^53. */
export function writeVarbitUint(bits: BitWriter, value: number): void {
  writeClass(bits, uintClass(value), Math.floor(value / word), value)
}

/** Writes a signed 64-bit integer given by its words. */
export function writeVarbitWords(bits: BitWriter, high: number, low: number): void {
  if (high === low >> 31) writeClass(bits, intClass(low), high, low)
  else {
    const fits56 =
      (high > -0x800000 || (high === -0x800000 && low !== 0)) &&
      (high < 0x800000 || (high === 0x800000 && low === 0))
    writeClass(bits, fits56 ? 7 : 8, high, low)
  }
}

/** Writes an unsigned 64-bit integer. */
export function writeVarbitBigUint(bits: BitWriter, value: bigint): void {
  const fits56 = value < 1n << 56n
  writeClass(bits, fits56 ? Math.min(uintClass(Number(value)), 7) : 8, highOf(value), lowOf(value))
}

/** Reads a signed integer, exact within ±2^53. */
export function readVarbitInt(bits: BitReader): number {
  readSigned(bits)
  return bits.signed()
}

/** Reads an unsigned integer, exact up to 2^53. */
export function readVarbitUint(bits: BitReader): number {
  readUnsigned(bits)
  return (bits.high >>> 0) * word + (bits.low >>> 0)
}

/** Reads a signed 64-bit integer into `bits.high` and `bits.low`. */
export function readVarbitWords(bits: BitReader): void {
  readSigned(bits)
}

/** Reads an unsigned 64-bit integer. */
export function readVarbitBigUint(bits: BitReader): bigint {
  readUnsigned(bits)
  return BigInt.asUintN(64, joined(bits.high, bits.low))
}

function joined(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0)
}

function highOf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n))
}

function lowOf(value: bigint): number {
  return Number(BigInt.asIntN(32, value))
}

// The largest value of each class but the last; the smallest is its negative plus one.
const intMax = widths.slice(0, 8).map((width) => (width === 0 ? 0 : 2 ** (width - 1)))

function intClass(value: number): number {
  if (value === 0) return 0
  let i = 1
  while (i < 8 && (value > intMax[i]! || value <= -intMax[i]!)) i++
  return i
}

function uintClass(value: number): number {
  let i = 0
  while (i < 8 && value >= 2 ** widths[i]!) i++
  return i
}

// Class i is i ones and a zero, but for the last, which has no class after it: eight ones.
function writeClass(bits: BitWriter, index: number, high: number, low: number): void {
  bits.writeBits(index === 8 ? 0xff : (1 << (index + 1)) - 2, index === 8 ? 8 : index + 1)
  if (index > 0) bits.writeWords(high, low, widths[index]!)
}

function readUnsigned(bits: BitReader): number {
  const width = widths[bits.readOnes(8)]!
  if (width === 0) {
    bits.high = 0
    bits.low = 0
  } else bits.readWords(width)
  return width
}

function readSigned(bits: BitReader): void {
  const width = readUnsigned(bits)
  if (width === 0 || width === 64) return
  if (width <= 25) {
    if (bits.low > 1 << (width - 1)) {
      bits.low -= 1 << width
      bits.high = -1
    }
  } else if (bits.high > 0x800000 || (bits.high === 0x800000 && bits.low !== 0)) {
    bits.high -= 0x1000000
  }
}

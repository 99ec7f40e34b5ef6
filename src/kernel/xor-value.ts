// XOR value rule: a double as the difference of its bits to the double before. Every field that is stored this way
// (a sample's value, a histogram's sum, a float bucket) keeps a state of its own.
// Source: "Gorilla", VLDB 2015, section 4.1.2; leading zeros are clamped to 31, a full window is stored as length 0.

import type { BitReader } from './bit-reader.ts'
import type { BitWriter } from './bit-writer.ts'

const unset = 255

/** The value before, and the window of significant bits that may be used again. */
export class XorState {
  high = 0
  low = 0
  leading = unset
  trailing = 0
}

/** The state after a first value that was written raw. */
export function xorStateOf(high: number, low: number): XorState {
  const state = new XorState()
  state.high = high | 0
  state.low = low | 0
  return state
}

/** Writes the value with words `high` and `low`, and keeps it in `state`. */
export function writeXor(bits: BitWriter, state: XorState, high: number, low: number): void {
  const diffHigh = (high ^ state.high) | 0
  const diffLow = (low ^ state.low) | 0
  state.high = high | 0
  state.low = low | 0
  if ((diffHigh | diffLow) === 0) {
    bits.writeBits(0, 1)
    return
  }
  bits.writeBits(1, 1)
  writeXorWindow(bits, state, diffHigh, diffLow)
}

/** Writes a difference that is not zero: in the window of before, or with a new one. */
export function writeXorWindow(bits: BitWriter, state: XorState, high: number, low: number): void {
  if (fitsXorWindow(state, high, low)) bits.writeBits(0, 1)
  else {
    bits.writeBits(1, 1)
    writeNewWindow(bits, state, high, low)
  }
  writeInWindow(bits, state, high, low)
}

/** Whether the window of before holds every bit of this difference. */
export function fitsXorWindow(state: XorState, high: number, low: number): boolean {
  return (
    state.leading !== unset &&
    leadingOf(high, low) >= state.leading &&
    trailingOf(high, low) >= state.trailing
  )
}

/** Makes the difference's own bits the window, and writes its place: 5 bits of leading zeros, 6 bits of length. */
export function writeNewWindow(bits: BitWriter, state: XorState, high: number, low: number): void {
  state.leading = leadingOf(high, low)
  state.trailing = trailingOf(high, low)
  bits.writeBits(state.leading, 5)
  bits.writeBits((64 - state.leading - state.trailing) & 63, 6)
}

/** Writes the window's bits of a difference. */
export function writeInWindow(bits: BitWriter, state: XorState, high: number, low: number): void {
  const shift = state.trailing
  const count = 64 - state.leading - shift
  if (shift >= 32) bits.writeBits(high >>> (shift - 32), count)
  else if (shift === 0) bits.writeWords(high, low, count)
  else bits.writeWords(high >>> shift, (low >>> shift) | (high << (32 - shift)), count)
}

/** Reads the next value into `state.high` and `state.low`; throws CorruptionError. */
export function readXor(bits: BitReader, state: XorState): void {
  if (bits.readBits(1) === 1) readXorWindow(bits, state)
}

/** Reads a difference that is not zero and applies it to `state`. */
export function readXorWindow(bits: BitReader, state: XorState): void {
  if (bits.readBits(1) === 1) readNewWindow(bits, state)
  readInWindow(bits, state)
}

/** Reads the place of a new window. */
export function readNewWindow(bits: BitReader, state: XorState): void {
  const window = bits.readBits(11)
  const leading = window >>> 6
  const significant = (window & 63) === 0 ? 64 : window & 63
  if (leading + significant > 64)
    throw bits.corruption('a window within 64 bits', `${leading} zeros + ${significant} bits`)
  state.leading = leading
  state.trailing = 64 - leading - significant
}

/** Reads the window's bits of a difference and applies them to `state`. */
export function readInWindow(bits: BitReader, state: XorState): void {
  // Before any window was written, a reader has to assume the whole width.
  const leading = state.leading === unset ? 0 : state.leading
  const shift = state.trailing
  bits.readWords(64 - leading - shift)
  const { high, low } = bits
  if (shift >= 32) state.high ^= low << (shift - 32)
  else if (shift === 0) {
    state.high ^= high
    state.low ^= low
  } else {
    state.high ^= (high << shift) | (low >>> (32 - shift))
    state.low ^= low << shift
  }
}

function leadingOf(high: number, low: number): number {
  return Math.min(high === 0 ? 32 + Math.clz32(low) : Math.clz32(high), 31)
}

function trailingOf(high: number, low: number): number {
  return low === 0 ? 32 + trailingZeros(high) : trailingZeros(low)
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}

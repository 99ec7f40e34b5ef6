// Number printing: sample values as Go prints them, times in seconds, and rows of a matrix as JSON bytes.
// Here: the specification (TypeScript), and the kernel over scratch memory of its own.
// Units: timestamps in Unix milliseconds, printed as seconds with no or exactly three decimals.
// Source: strconv.FormatFloat(v, 'f', -1) within [1e-6, 1e21), 'e' outside; Prometheus' HTTP API.

import { assert } from '../model/index.ts'
import { createMemory, instantiateKernel } from './instance.ts'

/** A sample value as the API prints it: shortest digits, 1e-07, +Inf, -0. */
export function formatFloat(value: number): string {
  if (value === Infinity) return '+Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  // The thresholds of JavaScript are Go's, but Go writes two digits of exponent at least.
  if (text === '-Infinity') return '-Inf'
  return text.at(-2) === '+' || (text.at(-2) === '-' && text.length > 2)
    ? `${text.slice(0, -1)}0${text.at(-1)}`
    : text
}

/** Milliseconds as seconds. */
export function formatTimestamp(timestampMs: number): string {
  const size = Math.abs(timestampMs)
  const rest = size % 1000
  const text = `${timestampMs < 0 ? '-' : ''}${(size - rest) / 1000}`
  return rest === 0 ? text : `${text}.${String(rest).padStart(3, '0')}`
}

/** Columns of one row of a matrix; where `present` is given, entries with 0 are left out. */
export interface MatrixRow {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  readonly present?: Uint8Array | undefined
  readonly count: number
}

/** The row as `[[t,"v"],…]`: what the kernel writes. */
export function formatMatrixRow(row: MatrixRow): string {
  const parts: string[] = []
  for (let i = 0; i < row.count; i++)
    if (row.present === undefined || row.present[i] !== 0)
      parts.push(`[${formatTimestamp(row.timestampsMs[i]!)},"${formatFloat(row.values[i]!)}"]`)
  return `[${parts.join(',')}]`
}

interface Exports {
  formatValue(powers: number, at: number, value: number): number
  writeMatrixRow(
    powers: number,
    timestamps: number,
    values: number,
    present: number,
    count: number,
    out: number,
  ): number
}

const pageSizeBytes = 65_536
const powersAddress = 1024
const powersMin = -292
const powersMax = 324
const rowsAddress = 16_384
const bytesPerSample = 56

/** The kernel with its memory; one per thread. */
export class JsonNumbers {
  readonly #memory: WebAssembly.Memory
  readonly #exports: Exports
  #bytes: Uint8Array

  /** A kernel whose memory never exceeds `memoryBytesMax`: 73 bytes are needed for each sample of a row. */
  static create(memoryBytesMax = 256 * 2 ** 20): JsonNumbers {
    return new JsonNumbers(memoryBytesMax)
  }

  private constructor(memoryBytesMax: number) {
    this.#memory = createMemory(4 * pageSizeBytes, memoryBytesMax)
    this.#exports = instantiateKernel<Exports>('fmt', this.#memory)
    this.#bytes = new Uint8Array(this.#memory.buffer)
    writePowersOfTen(new DataView(this.#memory.buffer, powersAddress))
  }

  /** One value as text, for tests and short answers. */
  format(value: number): string {
    const end = this.#exports.formatValue(powersAddress, rowsAddress, value)
    return Buffer.from(this.#bytes.slice(rowsAddress, end)).toString('latin1')
  }

  /** The row as JSON bytes `[[t,"v"],…]`: a view that is valid until the next call. */
  writeRow(row: MatrixRow): Uint8Array {
    const { count, timestampsMs, values, present } = row
    assert(count <= timestampsMs.length && count <= values.length, 'columns hold the row')
    const timestamps = rowsAddress
    const valuesAt = timestamps + 8 * count
    const presentAt = valuesAt + 8 * count
    const out = presentAt + (present === undefined ? 0 : count)
    this.#reserve(out + bytesPerSample * count + 8)
    const buffer = this.#bytes.buffer
    new Float64Array(buffer, timestamps, count).set(timestampsMs.subarray(0, count))
    new Float64Array(buffer, valuesAt, count).set(values.subarray(0, count))
    if (present !== undefined) this.#bytes.set(present.subarray(0, count), presentAt)
    const presence = present === undefined ? 0 : presentAt
    const end = this.#exports.writeMatrixRow(
      powersAddress,
      timestamps,
      valuesAt,
      presence,
      count,
      out,
    )
    return this.#bytes.subarray(out, end)
  }

  #reserve(endAddress: number): void {
    if (endAddress <= this.#bytes.length) return
    const pages = Math.ceil(endAddress / pageSizeBytes) - this.#bytes.length / pageSizeBytes
    this.#memory.grow(pages)
    this.#bytes = new Uint8Array(this.#memory.buffer)
  }
}

// 128 bits of each power of ten, rounded up, its highest bit set; the high 64 bits first.
function writePowersOfTen(view: DataView): void {
  for (let k = powersMin; k <= powersMax; k++) {
    const power = 10n ** BigInt(Math.abs(k))
    const bitCount = BigInt(power.toString(2).length)
    const scaled =
      k >= 0
        ? ceilDivide(power << 128n, 1n << bitCount)
        : ceilDivide(1n << (127n + bitCount), power)
    const at = 16 * (k - powersMin)
    view.setBigUint64(at, scaled >> 64n, true)
    view.setBigUint64(at + 8, scaled & 0xffff_ffff_ffff_ffffn, true)
  }
}

function ceilDivide(numerator: bigint, denominator: bigint): bigint {
  return (numerator + denominator - 1n) / denominator
}

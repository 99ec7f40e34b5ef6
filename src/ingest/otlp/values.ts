// Values of OTLP messages as we need them: times, integers, attributes as text.
// 64-bit fields arrive as Long from protobuf and as Long or number from JSON.

import type { otlp } from '../../encoding/index.ts'

/** A 64-bit field as protobufjs gives it. */
export type WideInteger = NonNullable<otlp.NumberDataPoint['asInt']>

/** Unix nanoseconds to milliseconds, rounded down; absent = 0. Exact, though nanoseconds do not fit a double. */
export function millisecondsOf(nanoseconds: WideInteger | null | undefined): number {
  if (nanoseconds === null || nanoseconds === undefined) return 0
  if (typeof nanoseconds === 'number') return Math.floor(Math.round(nanoseconds / 1000) / 1000)
  // 2^32 ns = 4294 ms + 967296 ns: both sums stay below 2^53.
  const high = nanoseconds.high >>> 0
  const low = nanoseconds.low >>> 0
  return high * 4294 + Math.floor((high * 967_296 + low) / 1_000_000)
}

/** A 64-bit integer as a double; absent = 0. */
export function numberOf(value: WideInteger | null | undefined): number {
  if (value === null || value === undefined) return 0
  return typeof value === 'number' ? value : value.toNumber()
}

/** An attribute's value as label text: strings as they are, bytes in base64, lists and maps as JSON. */
export function textOf(value: otlp.AnyValue.$Properties | null | undefined): string {
  if (typeof value?.stringValue === 'string') return value.stringValue
  const plain = plainOf(value)
  if (plain === null) return ''
  return typeof plain === 'object' ? JSON.stringify(plain) : String(plain)
}

/** Hexadecimal text of an identifier; '' where it is absent or all zero. */
export function hexOf(id: Uint8Array | null | undefined): string {
  if (id === null || id === undefined || id.every((byte) => byte === 0)) return ''
  return Buffer.from(id).toString('hex')
}

/** A double without exponent, as Go's 'f' format prints it; infinities as +Inf and -Inf. */
export function plainDecimalOf(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  const text = String(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (match === null) return text
  const digits = match[2]! + (match[3] ?? '')
  const point = 1 + Number(match[4])
  if (point <= 0) return `${match[1]}0.${'0'.repeat(-point)}${digits}`
  return match[1] + digits.padEnd(point, '0')
}

function plainOf(value: otlp.AnyValue.$Properties | null | undefined): unknown {
  if (value === null || value === undefined) return null
  if (typeof value.stringValue === 'string') return value.stringValue
  if (typeof value.boolValue === 'boolean') return value.boolValue
  if (typeof value.doubleValue === 'number') return value.doubleValue
  if (value.intValue !== null && value.intValue !== undefined) return integerOf(value.intValue)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plainOf)
  if (value.kvlistValue) {
    const entries = (value.kvlistValue.values ?? []).map(({ key, value }) => [key, plainOf(value)])
    return Object.fromEntries(entries)
  }
  return value.bytesValue ? Buffer.from(value.bytesValue).toString('base64') : null
}

// Beyond 2^53 the digits are kept as text.
function integerOf(value: WideInteger): number | string {
  if (typeof value === 'number') return value
  const number = value.toNumber()
  return Number.isSafeInteger(number) ? number : value.toString()
}

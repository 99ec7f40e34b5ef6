// Values of literals: numbers in Go's forms, durations, quoted strings.
// Units: durations in seconds.
// Source: Go strconv, prometheus/common model.ParseDuration, Prometheus 3.14 util/strutil.

import { quoteGo } from '../../model/index.ts'

/** A value, or why the text has none. */
export type Literal =
  | { readonly value: number; readonly fault?: undefined }
  | { readonly fault: string }

/** Reads a number: decimal, hexadecimal, octal by a leading zero, digits grouped by underscores, Inf, NaN. */
export function readNumber(text: string): Literal {
  const lower = text.toLowerCase()
  if (lower === 'inf') return { value: Infinity }
  if (lower === 'nan') return { value: Number.NaN }
  const bare = text.replaceAll('_', '')
  if (hasLooseUnderscore(text)) return { fault: numberFault(text, 'invalid syntax') }
  if (/^0[xX][0-9a-fA-F]+$/.test(bare)) {
    // Integers end at 2^63; what is larger would be a float, which needs an exponent in hexadecimal.
    if (BigInt(bare) < 1n << 63n) return { value: Number(bare) }
    return { fault: numberFault(text, 'invalid syntax') }
  }
  if (/^0[0-7]+$/.test(bare)) {
    const octal = BigInt(`0o${bare.slice(1)}`)
    if (octal < 1n << 63n) return { value: Number(octal) }
  }
  if (!/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(bare)) {
    return { fault: numberFault(text, 'invalid syntax') }
  }
  const value = Number(bare)
  return Number.isFinite(value) ? { value } : { fault: numberFault(text, 'value out of range') }
}

function hasLooseUnderscore(text: string): boolean {
  const body = text.replace(/^0[xX]_?/, '')
  return /(?<![0-9a-fA-F])_|_(?![0-9a-fA-F])/.test(body)
}

function numberFault(text: string, reason: string): string {
  return `error parsing number: strconv.ParseFloat: parsing ${quoteGo(text)}: ${reason}`
}

const unitsMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 7 * 86_400_000],
  ['y', 365 * 86_400_000],
])

// Durations are nanoseconds in 63 bits.
const durationMsMax = 2 ** 63 / 1e6

/** Reads a duration such as 1h30m, in seconds. */
export function readDuration(text: string): Literal {
  let totalMs = 0
  let lastUnitMs = Infinity
  for (const [, digits, unit] of text.matchAll(/(\d+)(\D+)/g)) {
    const unitMs = unitsMs.get(unit!)
    if (unitMs === undefined) {
      return { fault: `unknown unit ${quoteGo(unit!)} in duration ${quoteGo(text)}` }
    }
    if (unitMs >= lastUnitMs || Number(digits) > 2 ** 64) {
      return { fault: `not a valid duration string: ${quoteGo(text)}` }
    }
    lastUnitMs = unitMs
    totalMs += Number(digits) * unitMs
    if (totalMs >= durationMsMax) return { fault: 'duration out of range' }
  }
  return { value: totalMs / 1000 }
}

const shortEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
}

/**
 * The text between the quotes; the lexer has checked every escape. A byte that is no UTF-8 becomes the lone
 * surrogate U+DC00 plus the byte, so that the string counts as not well-formed, as it would in Go.
 */
export function unquote(text: string): string {
  const body = text.slice(1, -1)
  if (text[0] === '`' || !body.includes('\\')) return body
  const parts: Buffer[] = []
  const pattern =
    /\\([abfnrtv])|\\([0-7]{3})|\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([\s\S])|([^\\]+)/g
  for (const [, short, octal, hex, u4, u8, plain, run] of body.matchAll(pattern)) {
    if (run !== undefined || plain !== undefined) parts.push(Buffer.from(run ?? plain!))
    else if (short !== undefined) parts.push(Buffer.of(shortEscapes[short]!))
    else if (octal !== undefined) parts.push(Buffer.of(Number.parseInt(octal, 8)))
    else if (hex !== undefined) parts.push(Buffer.of(Number.parseInt(hex, 16)))
    else parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(u4 ?? u8!, 16))))
  }
  return decodeBytes(Buffer.concat(parts))
}

function decodeBytes(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!text.includes('\ufffd')) return text
  let out = ''
  for (let at = 0; at < bytes.length; ) {
    const size = charSizeAt(bytes, at)
    if (size === 0) out += String.fromCharCode(0xdc00 + bytes[at]!)
    else out += bytes.toString('utf8', at, at + size)
    at += size || 1
  }
  return out
}

// Size of the UTF-8 character at `at`, or 0 where there is none.
function charSizeAt(bytes: Buffer, at: number): number {
  const lead = bytes[at]!
  const size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  const char = bytes.subarray(at, at + size)
  return Buffer.from(char.toString('utf8')).equals(char) ? size : 0
}

// Parameters of the Prometheus HTTP API: text becomes numbers here, once.
// Errors read as Prometheus writes them: invalid parameter "start": cannot parse "x" to a valid timestamp.
// Source: Prometheus web/api/v1/api.go (parseTime, parseDuration, parseLimitParam).

import { parseDurationMs, UserError } from '../model/index.ts'

/** Query string and form body, merged; a repeated name keeps every value. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>

/** The times that client libraries send for "the beginning" and "the end". */
const minTimeText = '-292273086-05-16T16:47:06Z'
const maxTimeText = '292277025-08-18T07:12:54.999999999Z'

/** The earliest time that a request can mean, in Unix milliseconds. */
export const minTimeMs = -9_223_372_036_854_000
/** The latest time that a request can mean, in Unix milliseconds. */
export const maxTimeMs = 9_223_372_036_854_000

/** The last value of a parameter, '' where absent. */
export function text(parameters: Parameters, name: string): string {
  const value = parameters[name]
  if (value === undefined) return ''
  return typeof value === 'string' ? value : (value.at(-1) ?? '')
}

/** All values of a repeatable parameter. */
export function texts(parameters: Parameters, name: string): readonly string[] {
  const value = parameters[name]
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** A time in Unix milliseconds, or `fallbackMs` where absent. */
export function time(parameters: Parameters, name: string, fallbackMs?: number): number {
  const value = text(parameters, name)
  if (value === '' && fallbackMs !== undefined) return fallbackMs
  const parsed = parseTimeMs(value)
  if (parsed === undefined) {
    throw invalid(name, `cannot parse "${value}" to a valid timestamp`)
  }
  return parsed
}

/** A positive duration in milliseconds; undefined where absent. Zero and negative are refused by the caller. */
export function duration(parameters: Parameters, name: string): number | undefined {
  const value = text(parameters, name)
  if (value === '') return undefined
  const seconds = decimal(value)
  const parsed = seconds === undefined ? parseDurationMs(value) : Math.round(seconds * 1000)
  if (parsed === undefined || !Number.isFinite(parsed)) {
    throw invalid(name, `cannot parse "${value}" to a valid duration`)
  }
  if (Math.abs(parsed) > maxTimeMs) {
    throw invalid(name, `cannot parse "${value}" to a valid duration. It overflows int64`)
  }
  return parsed
}

/** A limit: 0 or absent = unlimited. */
export function limit(parameters: Parameters, name = 'limit'): number {
  const value = text(parameters, name)
  if (value === '') return 0
  if (!/^[+-]?\d+$/.test(value))
    throw invalid(name, `strconv.Atoi: parsing "${value}": invalid syntax`)
  const parsed = Number(value)
  if (parsed < 0) throw invalid(name, 'limit must be non-negative')
  return parsed
}

/** The error of one parameter. */
export function invalid(name: string, cause: string): UserError {
  return new UserError('bad_data', { what: `invalid parameter "${name}": ${cause}` })
}

function parseTimeMs(value: string): number | undefined {
  const seconds = decimal(value)
  if (seconds !== undefined) {
    const ms = Math.round(seconds * 1000)
    return Number.isFinite(ms) ? ms : undefined
  }
  if (value === minTimeText) return minTimeMs
  if (value === maxTimeText) return maxTimeMs
  const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(value)
  const ms = rfc3339 ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

function decimal(value: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value) ? Number(value) : undefined
}

/** Undoes `U__` escaping of label names in paths; text that is not escaped or not decodable stays as it is. */
export function unescapeLabelName(name: string): string {
  if (!name.startsWith('U__')) return name
  let out = ''
  for (let i = 3; i < name.length; i++) {
    if (name[i] !== '_') {
      out += name[i]
      continue
    }
    if (name[i + 1] === '_') {
      out += '_'
      i++
      continue
    }
    const end = name.indexOf('_', i + 1)
    const hex = end === -1 ? '' : name.slice(i + 1, end)
    const code = /^[0-9a-f]{1,6}$/.test(hex) ? Number.parseInt(hex, 16) : Number.NaN
    if (Number.isNaN(code) || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return name
    out += String.fromCodePoint(code)
    i = end
  }
  return out
}

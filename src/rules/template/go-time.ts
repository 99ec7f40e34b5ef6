// Times and durations as Go prints them, and the methods of theirs that templates call.
// Times are UTC with millisecond resolution. Source: Go's time package documentation.

import { type GoDuration, GoTime, type Value } from './values.ts'

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** A time as `String()` prints it: 2015-07-01 06:50:35 +0000 UTC. */
export function printTime({ ms }: GoTime): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return String(ms)
  const iso = date.toISOString()
  const fraction = iso.slice(-5, -1).replace(/\.?0+$/, '')
  return `${iso.slice(0, -14)} ${iso.slice(-13, -5)}${fraction} +0000 UTC`
}

/** A duration as `String()` prints it: 1h2m3.5s, 1.5ms, 0s. */
export function printDuration({ seconds }: GoDuration): string {
  if (seconds === 0) return '0s'
  const sign = seconds < 0 ? '-' : ''
  const size = Math.abs(seconds)
  if (size < 1e-6) return `${sign}${Math.round(size * 1e9)}ns`
  if (size < 1e-3) return `${sign}${trimmed(size * 1e6, 3)}µs`
  if (size < 1) return `${sign}${trimmed(size * 1e3, 6)}ms`
  const hours = Math.floor(size / 3600)
  const minutes = Math.floor(size / 60) % 60
  const rest = `${trimmed(size - 3600 * hours - 60 * minutes, 9)}s`
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${sign}${minutes}m${rest}` : `${sign}${rest}`
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}

/** A method's result, or undefined where the type has no such method. `args` are strings only. */
export function callTimeMethod(
  value: GoTime | GoDuration,
  name: string,
  args: readonly Value[],
): Value | undefined {
  return value instanceof GoTime ? timeMethod(value, name, args) : durationMethod(value, name)
}

function timeMethod(time: GoTime, name: string, args: readonly Value[]): Value | undefined {
  const date = new Date(time.ms)
  if (name === 'Format' && args.length === 1) return formatLayout(date, String(args[0]))
  if (args.length > 0) return undefined
  switch (name) {
    case 'Unix':
      return BigInt(Math.floor(time.ms / 1000))
    case 'UnixMilli':
      return BigInt(Math.floor(time.ms))
    case 'UTC':
      return time
    case 'String':
      return printTime(time)
    case 'Year':
      return BigInt(date.getUTCFullYear())
    case 'Month':
      return months[date.getUTCMonth()]!
    case 'Day':
      return BigInt(date.getUTCDate())
    case 'Hour':
      return BigInt(date.getUTCHours())
    case 'Minute':
      return BigInt(date.getUTCMinutes())
    case 'Second':
      return BigInt(date.getUTCSeconds())
    case 'Weekday':
      return days[date.getUTCDay()]!
    case 'YearDay':
      return BigInt(Math.floor((time.ms - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1)
    default:
      return undefined
  }
}

function durationMethod(duration: GoDuration, name: string): Value | undefined {
  const { seconds } = duration
  switch (name) {
    case 'Seconds':
      return seconds
    case 'Minutes':
      return seconds / 60
    case 'Hours':
      return seconds / 3600
    case 'Milliseconds':
      return BigInt(Math.trunc(seconds * 1000))
    case 'String':
      return printDuration(duration)
    default:
      return undefined
  }
}

const layoutPattern =
  /2006|January|Jan|Monday|Mon|MST|Z07:00|-07:00|-0700|\.0+|\.9+|PM|01|02|03|04|05|06|15|_2|1|2|3|4|5/g

function formatLayout(date: Date, layout: string): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const hour12 = date.getUTCHours() % 12 || 12
  const parts: Readonly<Record<string, string>> = {
    '2006': String(date.getUTCFullYear()).padStart(4, '0'),
    '06': two(date.getUTCFullYear() % 100),
    January: months[date.getUTCMonth()]!,
    Jan: months[date.getUTCMonth()]!.slice(0, 3),
    '01': two(date.getUTCMonth() + 1),
    '1': String(date.getUTCMonth() + 1),
    Monday: days[date.getUTCDay()]!,
    Mon: days[date.getUTCDay()]!.slice(0, 3),
    '02': two(date.getUTCDate()),
    _2: String(date.getUTCDate()).padStart(2, ' '),
    '2': String(date.getUTCDate()),
    '15': two(date.getUTCHours()),
    '03': two(hour12),
    '3': String(hour12),
    '04': two(date.getUTCMinutes()),
    '4': String(date.getUTCMinutes()),
    '05': two(date.getUTCSeconds()),
    '5': String(date.getUTCSeconds()),
    PM: date.getUTCHours() < 12 ? 'AM' : 'PM',
    MST: 'UTC',
    'Z07:00': 'Z',
    '-07:00': '+00:00',
    '-0700': '+0000',
  }
  return layout.replaceAll(layoutPattern, (token) => {
    if (!token.startsWith('.')) return parts[token]!
    const digits = String(date.getUTCMilliseconds())
      .padStart(3, '0')
      .padEnd(token.length - 1, '0')
    const kept = digits.slice(0, token.length - 1)
    if (token.startsWith('.0')) return `.${kept}`
    const short = kept.replace(/0+$/, '')
    return short === '' ? '' : `.${short}`
  })
}

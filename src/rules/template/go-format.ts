// Printing as Go's fmt package does: %v of any value, Sprint, and Sprintf with its verbs, flags and complaints.
// Source: Go's fmt package documentation.

import { quoteGo } from '../../model/index.ts'
import { formatE, formatF, formatG, specialForm } from './go-number.ts'
import { printDuration, printTime } from './go-time.ts'
import { GoDuration, GoMap, GoStruct, GoTime, typeNameOf, type Value } from './values.ts'

/** A value as %v prints it. */
export function formatV(value: Value): string {
  if (value === null) return '<nil>'
  if (typeof value === 'number') return formatG(value)
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof GoTime) return printTime(value)
  if (value instanceof GoDuration) return printDuration(value)
  if (value instanceof GoMap) {
    const pairs = value.sortedKeys().map((key) => `${key}:${formatV(value.get(key))}`)
    return `map[${pairs.join(' ')}]`
  }
  if (value instanceof GoStruct) {
    const fields = [...value.fields.values()].map(formatV).join(' ')
    return value.typeName.startsWith('*') ? `&{${fields}}` : `{${fields}}`
  }
  return `[${value.map(formatV).join(' ')}]`
}

/** Sprint: operands side by side, a space between two of which neither is a string. */
export function sprint(values: readonly Value[]): string {
  let out = ''
  values.forEach((value, index) => {
    const before = values[index - 1]
    const spaced = index > 0 && typeof value !== 'string' && typeof before !== 'string'
    out += `${spaced ? ' ' : ''}${formatV(value)}`
  })
  return out
}

interface Verb {
  readonly flags: string
  readonly width: number | undefined
  readonly precision: number | undefined
  readonly verb: string
}

const verbPattern = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(?:\[(\d+)\])?([\s\S])?/gu

/** Widest field and largest precision that are honoured; Go stops at a million, which is a megabyte per verb. */
const widthMax = 1000

/** Sprintf. */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0
  let reordered = false
  const number = (text: string | undefined): number | undefined => {
    if (text === '*') return Number(args[next++] ?? 0)
    return text === undefined ? undefined : Number(text)
  }
  const out = format.replaceAll(
    verbPattern,
    (_, flags: string, width, precision, index: string | undefined, verb: string | undefined) => {
      if (verb === undefined) return '%!(NOVERB)'
      if (verb === '%') return '%'
      const spec: Verb = {
        flags,
        width: bounded(number(width)),
        precision: bounded(number(precision)),
        verb,
      }
      if (index !== undefined) {
        reordered = true
        next = Number(index) - 1
        if (next < 0 || next >= args.length) return `%!${verb}(BADINDEX)`
      }
      if (next >= args.length) return `%!${verb}(MISSING)`
      return formatVerb(spec, args[next++]!)
    },
  )
  if (reordered || next >= args.length) return out
  const extra = args
    .slice(next)
    .map((arg) => (arg === null ? '<nil>' : `${typeNameOf(arg)}=${formatV(arg)}`))
  return `${out}%!(EXTRA ${extra.join(', ')})`
}

function bounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.min(value, widthMax)
}

function formatVerb(spec: Verb, value: Value): string {
  const { verb, flags } = spec
  if (verb === 'T') return pad(typeNameOf(value), spec)
  if (verb === 'v' && flags.includes('#') && typeof value === 'string')
    return pad(quoteGo(value), spec)
  const body = bodyOf(spec, value)
  if (body === undefined) {
    const shown = value === null ? '<nil>' : `${typeNameOf(value)}=${formatV(value)}`
    return `%!${verb}(${shown})`
  }
  return pad(body, spec, typeof value === 'number' || typeof value === 'bigint')
}

// The text of one operand before it is padded; undefined where the verb does not suit it.
function bodyOf(spec: Verb, value: Value): string | undefined {
  const { verb, precision } = spec
  if (typeof value === 'number') return floatBody(spec, value)
  if (typeof value === 'bigint') return intBody(spec, value)
  if (typeof value === 'boolean') return verb === 'v' || verb === 't' ? String(value) : undefined
  if (typeof value === 'string') return stringBody(verb, cut(value, precision), spec.flags)
  if (value === null) return verb === 'v' ? '<nil>' : undefined
  if (value instanceof GoTime || value instanceof GoDuration) {
    const text = formatV(value)
    if (value instanceof GoDuration && verb === 'd')
      return String(BigInt(Math.round(value.seconds * 1e9)))
    return stringBody(verb, text, spec.flags)
  }
  if (verb === 'v') return formatV(value)
  if (value instanceof GoMap) {
    const inner = { ...spec, width: undefined }
    const pairs = value
      .sortedKeys()
      .map((key) => `${formatVerb(inner, key)}:${formatVerb(inner, value.get(key))}`)
    return `map[${pairs.join(' ')}]`
  }
  return verb === 's' ? formatV(value) : undefined
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : [...text].slice(0, precision).join('')
}

function stringBody(verb: string, text: string, flags: string): string | undefined {
  switch (verb) {
    case 'v':
    case 's':
      return text
    case 'q':
      return flags.includes('#') && !text.includes('`') ? `\`${text}\`` : quoteGo(text)
    case 'x':
      return Buffer.from(text).toString('hex')
    case 'X':
      return Buffer.from(text).toString('hex').toUpperCase()
    default:
      return undefined
  }
}

function floatBody({ verb, precision, flags }: Verb, value: number): string | undefined {
  const signed = (text: string): string => withSign(text, flags)
  switch (verb) {
    case 'v':
    case 'g':
      return signed(formatG(value, precision))
    case 'G':
      return signed(formatG(value, precision, true))
    case 'e':
      return signed(formatE(value, precision ?? 6))
    case 'E':
      return signed(formatE(value, precision ?? 6, true))
    case 'f':
    case 'F':
      return signed(formatF(value, precision ?? 6))
    default:
      return undefined
  }
}

function withSign(text: string, flags: string): string {
  const bare = text === '+Inf' && !flags.includes('+') ? '+Inf' : text
  if (/^[+-]/.test(bare)) return bare
  if (flags.includes('+')) return `+${bare}`
  return flags.includes(' ') ? ` ${bare}` : bare
}

const bases: Readonly<Record<string, readonly [radix: number, prefix: string]>> = {
  d: [10, ''],
  v: [10, ''],
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, '0o'],
  x: [16, '0x'],
  X: [16, '0X'],
}

function intBody({ verb, precision, flags }: Verb, value: bigint): string | undefined {
  if (verb === 'c') return String.fromCodePoint(Number(value))
  if (verb === 'q') return `'${String.fromCodePoint(Number(value))}'`
  if (verb === 'U') return `U+${value.toString(16).toUpperCase().padStart(4, '0')}`
  const base = bases[verb]
  if (base === undefined) return undefined
  const size = (value < 0n ? -value : value).toString(base[0]).padStart(precision ?? 0, '0')
  const digits = verb === 'X' ? size.toUpperCase() : size
  const prefix = flags.includes('#') || verb === 'O' ? base[1] : ''
  return withSign(`${value < 0n ? '-' : ''}${prefix}${digits}`, flags)
}

function pad(text: string, { flags, width, precision, verb }: Verb, isNumber = false): string {
  const missing = (width ?? 0) - [...text].length
  if (missing <= 0) return text
  if (flags.includes('-')) return text + ' '.repeat(missing)
  const isPlain = !isNumber || specialForm(Number(text)) !== undefined
  const zeros = flags.includes('0') && !(isNumber && precision !== undefined && verb === 'd')
  if (!zeros || (isNumber && isPlain && Number.isNaN(Number(text))))
    return ' '.repeat(missing) + text
  const sign = isNumber ? (/^[+-]/.exec(text)?.[0] ?? '') : ''
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}

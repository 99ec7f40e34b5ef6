// The functions that every Go template has: comparison, len, index, slice, printing and escaping.
// `and` and `or` stop early and are the interpreter's own.
// Source: Go's text/template package documentation, Functions.

import { compareUtf8 } from '../../model/index.ts'
import { sprint, sprintf } from './go-format.ts'
import { GoMap, isList, isTrue, typeNameOf, type Value } from './values.ts'

/** What a parameter takes. */
export type ParameterType = 'any' | 'string' | 'int' | 'float' | 'list' | 'sample'

/** A function of templates. Throws Error with the reason where it fails. */
export interface TemplateFunction {
  readonly parameters: readonly ParameterType[]
  /** The type of any further arguments. */
  readonly rest?: ParameterType
  readonly call: (args: readonly Value[]) => Value
}

function fn(
  parameters: readonly ParameterType[],
  call: (...args: never[]) => Value,
  rest?: ParameterType,
): TemplateFunction {
  const spread = call as (...args: readonly Value[]) => Value
  return { parameters, call: (args) => spread(...args), ...(rest === undefined ? {} : { rest }) }
}

/** Builds one function; parameter types tell what `call` gets. */
export const templateFunction = fn

/** The functions by name. */
export const goFunctions: Readonly<Record<string, TemplateFunction>> = {
  not: fn(['any'], (value: Value) => !isTrue(value)),
  len: fn(['any'], lengthOf),
  index: fn(['any'], indexInto, 'any'),
  slice: fn(['any'], sliceOf, 'any'),
  print: fn([], (...values: Value[]) => sprint(values), 'any'),
  println: fn(
    [],
    (...values: Value[]) => `${values.map((one) => sprint([one])).join(' ')}\n`,
    'any',
  ),
  printf: fn(['string'], (format: string, ...values: Value[]) => sprintf(format, values), 'any'),
  html: fn([], (...values: Value[]) => escapeHtml(sprint(values)), 'any'),
  js: fn([], (...values: Value[]) => escapeJs(sprint(values)), 'any'),
  urlquery: fn([], (...values: Value[]) => queryEscape(sprint(values)), 'any'),
  call: fn(
    ['any'],
    (value: Value): Value => {
      throw new Error(value === null ? 'call of nil' : `non-function of type ${typeNameOf(value)}`)
    },
    'any',
  ),
  eq: fn(
    ['any'],
    (first: Value, ...others: Value[]) => {
      if (others.length === 0) throw new Error('missing argument for comparison')
      return others.some((other) => isEqual(first, other))
    },
    'any',
  ),
  ne: fn(['any', 'any'], (a: Value, b: Value) => !isEqual(a, b)),
  lt: fn(['any', 'any'], (a: Value, b: Value) => order(a, b) < 0),
  le: fn(['any', 'any'], (a: Value, b: Value) => order(a, b) <= 0),
  gt: fn(['any', 'any'], (a: Value, b: Value) => order(a, b) > 0),
  ge: fn(['any', 'any'], (a: Value, b: Value) => order(a, b) >= 0),
}

function lengthOf(value: Value): Value {
  if (typeof value === 'string') return BigInt(Buffer.byteLength(value))
  if (isList(value)) return BigInt(value.length)
  if (value instanceof GoMap) return BigInt(value.entries.size)
  throw new Error(value === null ? 'len of nil pointer' : `len of type ${typeNameOf(value)}`)
}

function indexInto(value: Value, ...keys: Value[]): Value {
  let at = value
  for (const key of keys) {
    if (at === null) throw new Error('index of untyped nil')
    if (at instanceof GoMap) {
      if (typeof key !== 'string')
        throw new Error(`value has type ${typeNameOf(key)}; should be string`)
      at = at.get(key)
    } else if (isList(at)) {
      at = at[offsetIn(key, at.length, 'index')]!
    } else if (typeof at === 'string') {
      const bytes = Buffer.from(at)
      at = BigInt(bytes[offsetIn(key, bytes.length, 'index')]!)
    } else {
      throw new Error(`can't index item of type ${typeNameOf(at)}`)
    }
  }
  return at
}

function sliceOf(value: Value, ...bounds: Value[]): Value {
  if (value === null) throw new Error('slice of untyped nil')
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`)
  if (typeof value !== 'string' && !isList(value))
    throw new Error(`can't slice item of type ${typeNameOf(value)}`)
  if (typeof value === 'string' && bounds.length === 3)
    throw new Error('cannot 3-index slice a string')
  const bytes = typeof value === 'string' ? Buffer.from(value) : undefined
  const size = bytes === undefined ? (value as readonly Value[]).length : bytes.length
  const from = bounds[0] === undefined ? 0 : offsetIn(bounds[0], size + 1, 'slice')
  const to = bounds[1] === undefined ? size : offsetIn(bounds[1], size + 1, 'slice')
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`)
  return bytes === undefined
    ? (value as readonly Value[]).slice(from, to)
    : bytes.subarray(from, to).toString()
}

function offsetIn(key: Value, size: number, verb: string): number {
  if (key === null) throw new Error(`cannot index slice/array with nil`)
  if (typeof key !== 'bigint')
    throw new Error(`cannot index slice/array with type ${typeNameOf(key)}`)
  const offset = Number(key)
  if (offset >= 0 && offset < size) return offset
  throw new Error(verb === 'index' ? `index out of range: ${key}` : `index out of range: ${key}`)
}

const incompatible = 'incompatible types for comparison'

function isEqual(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b
  if (typeof a !== typeof b) throw new Error(incompatible)
  if (typeof a === 'object') throw new Error('non-comparable type: '.concat(typeNameOf(a)))
  return a === b
}

function order(a: Value, b: Value): number {
  const basic = ['number', 'bigint', 'string', 'boolean']
  if (!basic.includes(typeof a)) throw new Error('invalid type for comparison')
  if (!basic.includes(typeof b)) throw new Error('invalid type for comparison')
  if (typeof a !== typeof b) throw new Error(incompatible)
  if (typeof a === 'boolean') throw new Error('invalid type for comparison')
  if (typeof a === 'string') return compareUtf8(a, b as string)
  // NaN is neither less nor equal nor greater; any answer other than a number says so.
  const [left, right] = [a as number, b as number]
  if (left < right) return -1
  if (left > right) return 1
  return left === right ? 0 : Number.NaN
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
}

function escapeHtml(text: string): string {
  return text.replaceAll(/["'&<>\0]/g, (char) => htmlEscapes[char]!)
}

const jsEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"' }

function escapeJs(text: string): string {
  return text.replaceAll(/[\\'"<>&=\x00-\x1f]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    return jsEscapes[char] ?? `\\u${code}`
  })
}

/** Text as a URL's query carries it: spaces become plus signs. */
export function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

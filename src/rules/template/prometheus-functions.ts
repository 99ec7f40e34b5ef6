// The functions that Prometheus adds to templates: queries, humanizing, strings, links, times.
// Source: Prometheus docs "template reference"; facts §9.4.

import { RE2JS } from 're2js'
import { compareUtf8, parseDurationMs } from '../../model/index.ts'
import { templateFunction as fn, queryEscape, type TemplateFunction } from './go-functions.ts'
import { formatG } from './go-number.ts'
import { printTime } from './go-time.ts'
import { GoDuration, GoMap, GoStruct, GoTime, typeNameOf, type Value } from './values.ts'

/** One sample of a query's result. A histogram's value is its text. */
export interface TemplateSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number | string
}

/** What the functions know of the moment. */
export interface FunctionContext {
  /** Evaluation time in Unix milliseconds. */
  readonly timeMs: number
  readonly externalUrl: string
  /** The answer to an instant query at `timeMs`. Throws Error where it fails. */
  readonly query: (text: string) => readonly TemplateSample[]
}

/** The functions by name, over `context`. */
export function prometheusFunctions(
  context: FunctionContext,
): Readonly<Record<string, TemplateFunction>> {
  return {
    ...pureFunctions,
    query: fn(['string'], (text: string) => context.query(text).map(sampleStruct)),
    now: fn([], () => context.timeMs / 1000),
    externalURL: fn([], () => context.externalUrl),
    pathPrefix: fn([], () => pathOf(context.externalUrl)),
  }
}

/** Whether a name is a function that alert templates may call. */
export function isTemplateFunction(
  name: string,
  goNames: Readonly<Record<string, unknown>>,
): boolean {
  if (name === 'and' || name === 'or') return true
  return Object.hasOwn(goNames, name) || Object.hasOwn(pureFunctions, name) || contextual.has(name)
}

const contextual: ReadonlySet<string> = new Set(['query', 'now', 'externalURL', 'pathPrefix'])

function sampleStruct({ labels, value }: TemplateSample): GoStruct {
  const fields = { Labels: new GoMap(new Map(Object.entries(labels)), true), Value: value }
  return new GoStruct('*template.sample', fields)
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname.replace(/\/$/, '') : ''
}

const labelsOfSample = (sample: GoStruct): GoMap => sample.fields.get('Labels') as GoMap

const pureFunctions: Readonly<Record<string, TemplateFunction>> = {
  first: fn(['list'], (list: readonly Value[]) => {
    if (list.length > 0) return list[0]!
    throw new Error('first() called on vector with no elements')
  }),
  label: fn(['string', 'sample'], (name: string, sample: GoStruct) =>
    labelsOfSample(sample).get(name),
  ),
  value: fn(['sample'], (sample: GoStruct) => sample.fields.get('Value')!),
  strvalue: fn(['sample'], (sample: GoStruct) => labelsOfSample(sample).get('__value__')),
  sortByLabel: fn(['string', 'list'], (name: string, list: readonly GoStruct[]) =>
    [...list].sort((a, b) =>
      compareUtf8(String(labelsOfSample(a).get(name)), String(labelsOfSample(b).get(name))),
    ),
  ),
  args: fn(
    [],
    (...values: Value[]) =>
      new GoMap(new Map(values.map((value, index) => [`arg${index}`, value])), false),
    'any',
  ),
  humanize: fn(['any'], (value: Value) => humanize(floatOf(value))),
  humanize1024: fn(['any'], (value: Value) => humanize1024(floatOf(value))),
  humanizeDuration: fn(['any'], (value: Value) => humanizeDuration(floatOf(value))),
  humanizePercentage: fn(['any'], (value: Value) => `${formatG(floatOf(value) * 100, 4)}%`),
  humanizeTimestamp: fn(['any'], (value: Value) => humanizeTimestamp(floatOf(value))),
  toTime: fn(['any'], (value: Value) => timeOf(finite(floatOf(value)))),
  toDuration: fn(['any'], (value: Value) => new GoDuration(finite(floatOf(value)))),
  title: fn(['string'], titleOf),
  toUpper: fn(['string'], (text: string) => text.toUpperCase()),
  toLower: fn(['string'], (text: string) => text.toLowerCase()),
  stripPort: fn(['string'], (text: string) => splitHostPort(text)?.host ?? text),
  stripDomain: fn(['string'], stripDomain),
  match: fn(['string', 'string'], (pattern: string, text: string) =>
    RE2JS.compile(pattern).matcher(text).find(),
  ),
  reReplaceAll: fn(['string', 'string', 'string'], reReplaceAll),
  graphLink: fn(['string'], (expr: string) => linkOf(expr, 0)),
  tableLink: fn(['string'], (expr: string) => linkOf(expr, 1)),
  safeHtml: fn(['string'], (text: string) => text),
  urlQueryEscape: fn(['string'], queryEscape),
  parseDuration: fn(['string'], (text: string) => {
    const sign = text.startsWith('-') ? -1 : 1
    const ms = parseDurationMs(sign < 0 ? text.slice(1) : text)
    if (ms !== undefined) return (sign * ms) / 1000
    throw new Error(
      text === '' ? 'empty duration string' : `not a valid duration string: "${text}"`,
    )
  }),
}

/** A link to the expression browser below the external URL's path; `tab` 0 is the graph, 1 the table. */
export function linkOf(expr: string, tab: 0 | 1): string {
  return `/graph?g0.expr=${queryEscape(expr)}&g0.tab=${tab}`
}

function floatOf(value: Value): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof GoDuration) return value.seconds
  if (typeof value !== 'string') throw new Error(`can't convert ${typeNameOf(value)} to float`)
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(value)
  if (special !== null) {
    if (special[2]!.toLowerCase() === 'nan') return Number.NaN
    return special[1] === '-' ? -Infinity : Infinity
  }
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)) return Number(value)
  throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`)
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value
  throw new Error('value is NaN or Inf')
}

const largePrefixes = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']
const smallPrefixes = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']

function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return formatG(value, 4)
  if (Math.abs(value) < 1) return scaledDown(value)
  return scaledUp(value, 1000, largePrefixes)
}

function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return formatG(value, 4)
  return scaledUp(value, 1024, ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'])
}

function scaledUp(value: number, base: number, prefixes: readonly string[]): string {
  let rest = value
  let prefix = ''
  for (const next of prefixes) {
    if (Math.abs(rest) < base) break
    prefix = next
    rest /= base
  }
  return formatG(rest, 4) + prefix
}

function scaledDown(value: number): string {
  let rest = value
  let prefix = ''
  for (const next of smallPrefixes) {
    if (Math.abs(rest) >= 1) break
    prefix = next
    rest *= 1000
  }
  return formatG(rest, 4) + prefix
}

function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return formatG(value, 4)
  if (value === 0) return '0s'
  const size = Math.abs(value)
  if (size < 1) return `${scaledDown(value)}s`
  const sign = value < 0 ? '-' : ''
  const whole = Math.trunc(size)
  const seconds = whole % 60
  const minutes = Math.floor(whole / 60) % 60
  const hours = Math.floor(whole / 3600) % 24
  const days = Math.floor(whole / 86_400)
  if (days !== 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`
  if (hours !== 0) return `${sign}${hours}h ${minutes}m ${seconds}s`
  if (minutes !== 0) return `${sign}${minutes}m ${seconds}s`
  return `${sign}${formatG(size, 4)}s`
}

// By way of nanoseconds in a double, cut to milliseconds, as Prometheus does it: 1.781 s may come out as 1.780.
function timeOf(seconds: number): GoTime {
  return new GoTime(Number(BigInt(Math.trunc(seconds * 1e9)) / 1_000_000n))
}

function humanizeTimestamp(value: number): string {
  if (!Number.isFinite(value)) return formatG(value, 4)
  return printTime(timeOf(value))
}

function titleOf(text: string): string {
  let out = ''
  let before = ' '
  for (const char of text) {
    out += isSeparator(before) ? char.toUpperCase() : char
    before = char
  }
  return out
}

function isSeparator(char: string): boolean {
  if (/^[\p{L}\p{N}_]$/u.test(char)) return false
  return char <= '\x7f' || /^\s$/.test(char)
}

function splitHostPort(text: string): { host: string; port: string } | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text)
  return match === null ? undefined : { host: match[1] ?? match[2]!, port: match[3]! }
}

function stripDomain(text: string): string {
  const split = splitHostPort(text)
  const host = split?.host ?? text
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host) || host.includes(':')) return text
  const short = host.split('.')[0]!
  return split === undefined || split.port === '' ? short : `${short}:${split.port}`
}

function reReplaceAll(pattern: string, replacement: string, text: string): string {
  const matcher = compileForReplace(pattern).matcher(text)
  let out = ''
  let at = 0
  while (matcher.find()) {
    out += text.slice(at, matcher.start()) + expand(replacement, matcher)
    at = matcher.end()
  }
  return out + text.slice(at)
}

function compileForReplace(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    throw new Error(`regexp: Compile(\`${pattern}\`): ${(cause as Error).message}`, { cause })
  }
}

// $1, ${1}, $name, ${name} and $$, as Go's Regexp.Expand reads them; unknown groups are empty.
function expand(template: string, matcher: ReturnType<RE2JS['matcher']>): string {
  return template.replaceAll(
    /\$(?:\$|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g,
    (whole, braced, bare) => {
      if (whole === '$$') return '$'
      const name: string = braced ?? bare
      if (!/^\d+$/.test(name)) {
        try {
          return matcher.group(name) ?? ''
        } catch {
          return ''
        }
      }
      return Number(name) <= matcher.groupCount() ? (matcher.group(Number(name)) ?? '') : ''
    },
  )
}

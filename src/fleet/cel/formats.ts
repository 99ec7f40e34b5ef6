// Named formats of Kubernetes' CEL library: `format.dns1123Label().validate(text)` is none where the text has the format,
// else the list of what is wrong. `format.named("dns1123Label")` is none for a name that is not known.
// Patterns are fixed and linear; texts are those of a cluster's object.
// Source: Kubernetes' documentation of CEL (format library), API conventions of names and labels.

import { type Environment, Optional } from '@marcbachmann/cel-js'

/** A format that texts can be held against. */
class Format {
  readonly name: string
  readonly isValid: (text: string) => boolean

  constructor(name: string, isValid: (text: string) => boolean) {
    this.name = name
    this.isValid = isValid
  }
}

/** Stands for `format` in expressions. */
class Formats {}

const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?'
const matches =
  (pattern: string, lengthMax = Number.POSITIVE_INFINITY) =>
  (text: string): boolean =>
    text.length <= lengthMax && new RegExp(`^(?:${pattern})$`).test(text)

const dns1123Label = matches(label, 63)
const dns1123Subdomain = matches(`${label}(?:\\.${label})*`, 253)
const dns1035Label = matches('[a-z](?:[-a-z0-9]*[a-z0-9])?', 63)
const qualifiedPart = matches('[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?', 63)
const labelValue = matches('(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?', 63)

// A prefix may end in a dash, since something follows it.
const prefixOf =
  (isValid: (text: string) => boolean) =>
  (text: string): boolean =>
    isValid(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text)

function isQualifiedName(text: string): boolean {
  const [first = '', second, ...rest] = text.split('/')
  if (second === undefined) return qualifiedPart(first)
  return rest.length === 0 && dns1123Subdomain(first) && qualifiedPart(second)
}

function isUri(text: string): boolean {
  if (text.startsWith('/')) return !/[\s\x7f]/.test(text)
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) && URL.canParse(text)
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const timeMs = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(text)
}

function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.split(/[Tt]/)
  return (
    isDate(date) && /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(time)
  )
}

const formats: ReadonlyMap<string, Format> = new Map(
  Object.entries({
    dns1123Label,
    dns1123Subdomain,
    dns1035Label,
    qualifiedName: isQualifiedName,
    dns1123LabelPrefix: prefixOf(dns1123Label),
    dns1123SubdomainPrefix: prefixOf(dns1123Subdomain),
    dns1035LabelPrefix: prefixOf(dns1035Label),
    labelValue,
    uri: isUri,
    uuid: matches(
      '[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}',
    ),
    byte: matches('(?=.)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?'),
    date: isDate,
    datetime: isDateTime,
  }).map(([name, isValid]) => [name, new Format(name, isValid)]),
)

/** Adds `format` and what can be asked of it. */
export function registerFormats(env: Environment): void {
  env.registerType('Format', { ctor: Format, fields: {} })
  env.registerType('Formats', { ctor: Formats, fields: {} })
  env.registerConstant('format', 'Formats', new Formats())
  for (const [name, format] of formats)
    env.registerFunction(`Formats.${name}(): Format`, () => format)
  env.registerFunction('Formats.named(string): optional<Format>', (_: Formats, name: string) => {
    const format = formats.get(name)
    return format === undefined ? Optional.none() : Optional.of(format)
  })
  env.registerFunction(
    'Format.validate(string): optional<list<string>>',
    ({ name, isValid }: Format, text: string) =>
      isValid(text) ? Optional.none() : Optional.of([`it does not have the format ${name}`]),
  )
}

// Values of templates, kept apart as Go keeps them apart: a number is a float64, a bigint an int, null is nil,
// an array is the result of `query`.
// Source: Go's fmt and text/template documentation; Prometheus template/template.go for the types' names.

import { compareUtf8 } from '../../model/index.ts'

/** Any value in a template. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | GoMap
  | GoStruct
  | GoTime
  | GoDuration
  | readonly Value[]

/** A map with string keys. A missing key of a map of strings is '', of other maps nil. */
export class GoMap {
  readonly entries: ReadonlyMap<string, Value>
  readonly ofStrings: boolean

  constructor(entries: ReadonlyMap<string, Value>, ofStrings: boolean) {
    this.entries = entries
    this.ofStrings = ofStrings
  }

  /** The value under a key, or the zero value. */
  get(key: string): Value {
    return this.entries.get(key) ?? (this.ofStrings ? '' : null)
  }

  /** Keys in the order in which Go prints and ranges over them. */
  sortedKeys(): string[] {
    return [...this.entries.keys()].sort(compareUtf8)
  }
}

/** A struct, or a pointer to one. */
export class GoStruct {
  readonly typeName: string
  readonly fields: ReadonlyMap<string, Value>

  constructor(typeName: string, fields: Readonly<Record<string, Value>>) {
    this.typeName = typeName
    this.fields = new Map(Object.entries(fields))
  }
}

/** A point in time, in UTC. */
export class GoTime {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }
}

/** A length of time. */
export class GoDuration {
  readonly seconds: number

  constructor(seconds: number) {
    this.seconds = seconds
  }
}

/** Whether a value is a list. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

/** Go's name of a value's type, as error messages show it. */
export function typeNameOf(value: Value): string {
  if (value === null) return '<nil>'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'string') return 'string'
  if (value instanceof GoMap)
    return value.ofStrings ? 'map[string]string' : 'map[string]interface {}'
  if (value instanceof GoStruct) return value.typeName
  if (value instanceof GoTime) return '*time.Time'
  if (value instanceof GoDuration) return '*time.Duration'
  return 'template.queryResult'
}

/** Whether `if` and `with` take a value for true: not zero, not empty, not nil. */
export function isTrue(value: Value): boolean {
  if (value === null) return false
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'bigint') return value !== 0n
  if (typeof value === 'string') return value !== ''
  if (value instanceof GoMap) return value.entries.size > 0
  return isList(value) ? value.length > 0 : true
}

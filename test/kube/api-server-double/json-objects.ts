// JSON objects as the double keeps them, and the failures it answers with (metav1.Status).

/** A JSON object, or any map in one. */
export type Json = Record<string, unknown>

/** metadata of a stored object; the double writes all of these. */
export interface StoredMetadata extends Json {
  name: string
  namespace?: string
  uid: string
  resourceVersion: string
  generation?: number
  labels?: Record<string, string>
  finalizers?: string[]
  deletionTimestamp?: string
}

/** An object in the store. Never changed in place. */
export interface Stored extends Json {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: StoredMetadata
}

/** True for a map. */
export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A map at a key, or an empty one. */
export function mapAt(value: unknown, key: string): Json {
  const found = isMap(value) ? value[key] : undefined
  return isMap(found) ? found : {}
}

/** Deep equality of JSON values, whatever the order of keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => isEqual(item, b[i]))
  if (!isMap(a) || !isMap(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
  )
}

/** A failure to be answered. */
export class Refusal extends Error {
  readonly status: number
  readonly answer: Json | string

  constructor(status: number, answer: Json | string) {
    super(`refused with ${status}`)
    this.status = status
    this.answer = answer
  }
}

/** A Status of failure. */
export function failure(code: number, reason: string, message: string, details?: Json): Refusal {
  return new Refusal(code, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  })
}

/** A wrong field: the message that it gets, and why. */
export interface FieldCause {
  readonly field: string
  readonly reason: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired'
  readonly message: string
}

/** Status 422. `kind` is what the server calls the object in its message. */
export function invalid(
  about: { readonly group: string; readonly kind: string; readonly name: string },
  causes: readonly FieldCause[],
): Refusal {
  const said = causes.map(({ field, message }) => `${field}: ${message}`)
  const all = said.length === 1 ? said[0] : `[${said.join(', ')}]`
  const { group, kind, name } = about
  const details = { ...(name === '' ? {} : { name }), group, kind, causes }
  return failure(422, 'Invalid', `${kind}.${group} "${name}" is invalid: ${all}`, details)
}

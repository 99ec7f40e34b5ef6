// Whether what is wanted differs from what is there: so that nothing is written where nothing would change.
// An object that we applied carries a hash of what we said of it. What is there differs when the hash is another (we want something else, or
// something less) or when a field that we name has another value (somebody changed it).
// Fields that we do not name are the server's defaults, or somebody else's.

import { createHash } from 'node:crypto'
import type { ApiObject } from '../kube/index.ts'

/** Annotation that holds the hash of what was applied last. */
export const appliedAnnotation = 'crowsnest.io/applied'

/** The object with the hash of what it says. */
export function withAppliedHash(object: ApiObject): ApiObject {
  const text = JSON.stringify(sorted(object))
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 32)
  const { metadata } = object
  return {
    ...object,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [appliedAnnotation]: hash } },
  }
}

/** Whether applying `wanted` (with its hash) would change what is there. */
export function isApplied(wanted: ApiObject, current: ApiObject | undefined): boolean {
  if (current === undefined) return false
  const hash = wanted.metadata.annotations?.[appliedAnnotation]
  return current.metadata.annotations?.[appliedAnnotation] === hash && isWithin(wanted, current)
}

/** What a JSON merge patch makes of a value (RFC 7396). */
export function patched(value: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch
  const result: Record<string, unknown> = isMap(value) ? { ...value } : {}
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete result[key]
    else if (change !== undefined) result[key] = patched(result[key], change)
  }
  return result
}

/** Whether two JSON values are equal, whatever the order of keys. */
export function isSameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
}

// Maps are compared by the keys that are wanted, lists item by item.
function isWithin(wanted: unknown, current: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(current) || current.length !== wanted.length) return isEmpty(wanted, current)
    return wanted.every((item, index) => isWithin(item, current[index]))
  }
  if (wanted === null) return current === undefined || current === null
  if (!isMap(wanted)) return wanted === current
  if (!isMap(current)) return isEmpty(wanted, current)
  return Object.entries(wanted).every(
    ([key, value]) => value === undefined || isWithin(value, current[key]),
  )
}

// Servers leave out what is empty.
function isEmpty(wanted: object, current: unknown): boolean {
  return current === undefined && Object.keys(wanted).length === 0
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item))
  if (!isMap(value)) return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]))
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

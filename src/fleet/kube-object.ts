// Reading Kubernetes objects as JSON: nothing is trusted to be there or to be of its type, nothing throws.
// Here: fields, texts, numbers, lists, maps, times and conditions of an object. Times in Unix milliseconds.
// Invariants: only own properties are read, so a key like "__proto__" in a manifest is a key like any other.
// Source: facts/fleet.md §1 (kinds), Kubernetes API conventions (metav1.Condition).

/** A Kubernetes object, or any part of one that is a map. */
export type KubeObject = Readonly<Record<string, unknown>>

/** One entry of status.conditions. `sinceMs` is the last transition, where the object says it. */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly sinceMs?: number
}

/** True for a map (not a list, not null). */
export function isObject(value: unknown): value is KubeObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a path of keys, or undefined where the path ends early. */
export function fieldOf(value: unknown, ...path: readonly string[]): unknown {
  let at = value
  for (const key of path) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return undefined
    at = at[key]
  }
  return at
}

/** The text at a path; numbers and booleans as YAML may have read them are printed; else ''. */
export function textOf(value: unknown, ...path: readonly string[]): string {
  const found = fieldOf(value, ...path)
  if (typeof found === 'string') return found
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : ''
}

/** The finite number at a path, also where it is written as text (summary fields of reports are). */
export function numberOf(value: unknown, ...path: readonly string[]): number | undefined {
  const found = fieldOf(value, ...path)
  const parsed = typeof found === 'string' && found.trim() !== '' ? Number(found) : found
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined
}

/** The list at a path, or an empty one. */
export function listOf(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = fieldOf(value, ...path)
  return Array.isArray(found) ? found : []
}

/** The texts of the list at a path. */
export function textsOf(value: unknown, ...path: readonly string[]): readonly string[] {
  return listOf(value, ...path).map((item) => textOf(item))
}

/** The map of texts at a path, such as labels. */
export function textMapOf(value: unknown, ...path: readonly string[]): ReadonlyMap<string, string> {
  const found = fieldOf(value, ...path)
  return new Map(
    isObject(found) ? Object.keys(found).map((key) => [key, textOf(found, key)] as const) : [],
  )
}

/** The time at a path in Unix milliseconds. YAML may have read an unquoted time as a Date. */
export function timeOf(value: unknown, ...path: readonly string[]): number | undefined {
  const found = fieldOf(value, ...path)
  const timeMs =
    found instanceof Date
      ? found.getTime()
      : typeof found === 'string' && /^\d{4}-\d{2}-\d{2}T/.test(found)
        ? Date.parse(found)
        : Number.NaN
  return Number.isNaN(timeMs) ? undefined : timeMs
}

/** The conditions of a list at a path (default status.conditions); entries without a type are left out. */
export function conditionsOf(
  object: unknown,
  path: readonly string[] = ['status', 'conditions'],
): readonly Condition[] {
  return listOf(object, ...path).flatMap((entry) => {
    const type = textOf(entry, 'type')
    if (type === '') return []
    const status = textOf(entry, 'status').toLowerCase()
    const sinceMs = timeOf(entry, 'lastTransitionTime')
    return [
      {
        type,
        status: status === 'true' ? 'True' : status === 'false' ? 'False' : 'Unknown',
        reason: textOf(entry, 'reason'),
        message: textOf(entry, 'message'),
        ...(sinceMs === undefined ? {} : { sinceMs }),
      } as const,
    ]
  })
}

/** The condition of one type, where there is one. */
export function conditionOf(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type)
}

/** The API group of an object ('' for the core group). */
export function groupOf(object: unknown): string {
  const apiVersion = textOf(object, 'apiVersion')
  const slash = apiVersion.indexOf('/')
  return slash === -1 ? '' : apiVersion.slice(0, slash)
}

/** metadata.name. */
export function nameOf(object: unknown): string {
  return textOf(object, 'metadata', 'name')
}

/** metadata.namespace, '' for cluster-scoped objects. */
export function namespaceOf(object: unknown): string {
  return textOf(object, 'metadata', 'namespace')
}

/** One label of an object, undefined where it is not set. */
export function labelOf(object: unknown, label: string): string | undefined {
  return textMapOf(object, 'metadata', 'labels').get(label)
}

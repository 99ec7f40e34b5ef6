// Sets of field paths, as server-side apply keeps them for every manager, and their FieldsV1 form.
// Here: reading the set of an object, comparing two objects, encoding. Elsewhere: who owns what.
// Invariants: a path is a list of segments `f:NAME`, `k:{"key":…}` (item of a list that is a map) or `v:VALUE`
// (member of a set), joined by a newline; the set of a map that is itself a member holds the map's own path.
// Source: Kubernetes API concepts, "Server-Side Apply"; FieldsV1.

import { isEqual, isMap, type Json } from './json-objects.ts'

/** How a list is merged: whole, by keys of its items, or as a set. */
export type ListType = { readonly keys: readonly string[] } | 'set' | 'atomic'

/** The type of the list at a path of field names (items of lists leave no trace in it). */
export type ListTypes = (fields: readonly string[]) => ListType

/** Paths of an object's fields. */
export type FieldSet = ReadonlySet<string>

/** A path's parent; '' for the root. */
export function parentOf(path: string): string {
  const cut = path.lastIndexOf('\n')
  return cut === -1 ? '' : path.slice(0, cut)
}

/** A path with one more segment. */
export function childOf(path: string, segment: string): string {
  return path === '' ? segment : `${path}\n${segment}`
}

/** Field names on a path. */
export function fieldsOf(path: string): readonly string[] {
  return path.split('\n').flatMap((segment) => (segment.startsWith('f:') ? [segment.slice(2)] : []))
}

/** The segment of a list's item. */
export function segmentOf(item: unknown, type: Exclude<ListType, 'atomic'>): string {
  if (type === 'set') return `v:${JSON.stringify(item)}`
  const keys = [...type.keys].sort().filter((key) => isMap(item) && item[key] !== undefined)
  return `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, (item as Json)[key]])))}`
}

/** Children of a value by segment; undefined for leaves (scalars, atomic lists, empty maps and lists). */
export function childrenOf(
  value: unknown,
  fields: readonly string[],
  types: ListTypes,
): ReadonlyMap<string, unknown> | undefined {
  if (isMap(value)) {
    const keys = Object.keys(value).filter((key) => value[key] !== undefined)
    return new Map(keys.map((key) => [`f:${key}`, value[key]]))
  }
  if (!Array.isArray(value)) return undefined
  const type = types(fields)
  if (type === 'atomic') return undefined
  return new Map((value as readonly unknown[]).map((item) => [segmentOf(item, type), item]))
}

function nextFields(fields: readonly string[], segment: string): readonly string[] {
  return segment.startsWith('f:') ? [...fields, segment.slice(2)] : fields
}

/** The fields that an applied object speaks of: its leaves, and items of lists that are maps. */
export function appliedFields(object: Json, types: ListTypes): FieldSet {
  const set = new Set<string>()
  const walk = (value: unknown, path: string, fields: readonly string[]): void => {
    const children = childrenOf(value, fields, types)
    if (children === undefined || children.size === 0) set.add(path)
    for (const [segment, child] of children ?? []) {
      const below = childOf(path, segment)
      if (segment.startsWith('k:')) set.add(below)
      walk(child, below, nextFields(fields, segment))
    }
  }
  walk(object, '', [])
  return withoutServerFields(set)
}

/** What differs between two objects: paths that are new (parents too), changed leaves, and paths that are gone. */
export function compareFields(
  before: Json,
  after: Json,
  types: ListTypes,
): { readonly added: FieldSet; readonly modified: FieldSet; readonly removed: FieldSet } {
  const sets = { added: new Set<string>(), modified: new Set<string>(), removed: new Set<string>() }
  const all = (
    value: unknown,
    path: string,
    fields: readonly string[],
    into: Set<string>,
  ): void => {
    into.add(path)
    for (const [segment, child] of childrenOf(value, fields, types) ?? [])
      all(child, childOf(path, segment), nextFields(fields, segment), into)
  }
  const walk = (a: unknown, b: unknown, path: string, fields: readonly string[]): void => {
    const [from, to] = [childrenOf(a, fields, types), childrenOf(b, fields, types)]
    if (from === undefined || to === undefined) {
      if (!isEqual(a, b)) sets.modified.add(path)
      return
    }
    for (const [segment, child] of to) {
      const [below, inner] = [childOf(path, segment), nextFields(fields, segment)]
      if (from.has(segment)) walk(from.get(segment), child, below, inner)
      else all(child, below, inner, sets.added)
    }
    for (const [segment, child] of from) {
      if (!to.has(segment))
        all(child, childOf(path, segment), nextFields(fields, segment), sets.removed)
    }
  }
  walk(before, after, '', [])
  return {
    added: withoutServerFields(sets.added),
    modified: withoutServerFields(sets.modified),
    removed: withoutServerFields(sets.removed),
  }
}

const serverMetadata = new Set(
  [
    ...['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'selfLink', 'managedFields'],
    ...['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'],
  ].map((field) => `f:${field}`),
)

// What the server itself writes is nobody's, nor is metadata as a whole.
function withoutServerFields(set: FieldSet): FieldSet {
  return new Set(
    [...set].filter((path) => {
      const [first = '', second] = path.split('\n')
      if (first !== 'f:metadata') return !['', 'f:apiVersion', 'f:kind'].includes(first)
      return second !== undefined && !serverMetadata.has(second)
    }),
  )
}

/** FieldsV1 of a set: nested maps, with "." where a path that has paths below it is a member itself. */
export function toFieldsV1(set: FieldSet): Json {
  const root: Json = {}
  for (const path of [...set].sort()) {
    let at = root
    for (const segment of path.split('\n')) {
      at[segment] ??= {}
      at = at[segment] as Json
    }
    if ([...set].some((other) => other.startsWith(`${path}\n`))) at['.'] = {}
  }
  return root
}

/** The set of a FieldsV1. */
export function fromFieldsV1(fields: unknown): FieldSet {
  const set = new Set<string>()
  const walk = (value: unknown, path: string): void => {
    const entries = isMap(value) ? Object.entries(value) : []
    if (entries.length === 0 || (isMap(value) && value['.'] !== undefined)) set.add(path)
    for (const [segment, child] of entries) {
      if (segment !== '.') walk(child, childOf(path, segment))
    }
  }
  walk(fields, '')
  set.delete('')
  return set
}

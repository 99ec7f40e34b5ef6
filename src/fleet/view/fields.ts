// Fields of answers by dotted path: picking them, and checking that they exist.
// Invariants: only own properties are read; what an item lacks is left out.

import { UserError } from '../../model/index.ts'

/** One entry of an answer, ready for JSON. */
export type Item = Readonly<Record<string, unknown>>

/** The value at a path; keys may hold dots (labels do): the longest key that is there wins. */
export function valueAt(item: unknown, path: string): unknown {
  if (path === '') return item
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return undefined
  if (Object.hasOwn(item, path)) return (item as Item)[path]
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const key = path.slice(0, dot)
    if (Object.hasOwn(item, key)) return valueAt((item as Item)[key], path.slice(dot + 1))
  }
  return undefined
}

/** An item with the fields of some paths only, nested as they were. */
export function pick(item: Item, paths: readonly string[]): Item {
  const out: Record<string, unknown> = {}
  for (const path of paths) copyAt(item, path, out)
  return out
}

function copyAt(from: unknown, path: string, to: Record<string, unknown>): void {
  if (typeof from !== 'object' || from === null || Array.isArray(from)) return
  if (Object.hasOwn(from, path)) {
    setOwn(to, path, (from as Item)[path])
    return
  }
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const key = path.slice(0, dot)
    if (!Object.hasOwn(from, key)) continue
    const inner = Object.hasOwn(to, key) ? (to[key] as Record<string, unknown>) : {}
    copyAt((from as Item)[key], path.slice(dot + 1), inner)
    if (Object.keys(inner).length > 0) setOwn(to, key, inner)
    return
  }
}

/** A map as an object, also for keys that objects treat specially. */
export function objectOf(map: ReadonlyMap<string, unknown>): Item {
  const out: Record<string, unknown> = {}
  for (const [key, value] of map) setOwn(out, key, value)
  return out
}

function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value
  else Object.defineProperty(target, key, { value, enumerable: true, writable: true })
}

/** Throws UserError bad_data for a path whose first name is no field of the list. */
export function checkPaths(
  parameter: string,
  paths: readonly string[],
  known: readonly string[],
): void {
  const bad = paths.find((path) => !known.includes(path.split('.')[0]!))
  if (bad === undefined) return
  throw new UserError('bad_data', {
    what: `invalid parameter "${parameter}": there is no field "${bad}"`,
    fix: `use one of ${known.join(', ')}, or a dotted path below one`,
  })
}

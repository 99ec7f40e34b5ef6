// Sorting and paging by keyset: a page goes on after the key of the last entry, so that entries which come and go
// between two pages neither repeat nor hide others.
// Invariants: the order is total (ties by key); a cursor is of one list, filter and order, and says so.

import { createHash } from 'node:crypto'
import { UserError } from '../../model/index.ts'

/** Something that can be paged: `key` is unique within its list. */
export interface Keyed {
  readonly key: string
}

/** What entries are sorted by; what has no value comes last. */
export type SortValue = string | number | boolean | undefined

/** An order: by value, turned round or not, then by key. */
export interface Order<T> {
  readonly sortValueOf?: (row: T) => SortValue
  readonly isReversed: boolean
}

/** One page and the cursor of the next. */
export interface Page<T> {
  readonly rows: readonly T[]
  readonly next?: string
}

/** Where a page ended. */
export interface Position {
  readonly value: SortValue
  readonly key: string
}

/**
 * One page of some rows. `asked` is what the cursor depends on: a cursor of another question is refused with
 * UserError bad_data.
 */
export function pageOf<T extends Keyed>(
  rows: readonly T[],
  order: Order<T>,
  options: { readonly limit: number; readonly cursor?: string; readonly asked: unknown },
): Page<T> {
  const { sortValueOf, isReversed } = order
  const { limit, cursor, asked } = options
  const placed = rows.map((row) => ({ row, key: row.key, value: sortValueOf?.(row) }))
  const compare = (a: Position, b: Position): number => comparePositions(a, b, isReversed)
  placed.sort(compare)
  const from = cursor === undefined ? 0 : firstAfter(placed, positionOf(cursor, asked), compare)
  const page = placed.slice(from, from + limit)
  const last = page.at(-1)
  const rest = from + page.length < placed.length
  return {
    rows: page.map(({ row }) => row),
    ...(rest && last !== undefined ? { next: cursorOf(last, asked) } : {}),
  }
}

/** A position as text, bound to what was asked. */
export function cursorOf({ value, key }: Position, asked: unknown): string {
  return Buffer.from(JSON.stringify([fingerprint(asked), key, value ?? null])).toString('base64url')
}

const cursorLengthMax = 4096

/** The position of a cursor. Throws UserError bad_data for what is none, or is one of another question. */
export function positionOf(cursor: string, asked: unknown): Position {
  const bad = (why: string): never => {
    throw new UserError('bad_data', {
      what: `invalid parameter "cursor": ${why}`,
      fix: 'use the cursor of the answer before, with the same filters and order, or none',
    })
  }
  if (cursor.length > cursorLengthMax) bad('it is too long')
  const [of, key, value] = parseList(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (typeof of !== 'string' || typeof key !== 'string') return bad('it is none of ours')
  if (of !== fingerprint(asked)) bad('it belongs to another question')
  if (value === null || value === undefined) return { key, value: undefined }
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value)
  return isScalar ? { key, value: value as SortValue } : bad('it is none of ours')
}

function firstAfter(
  placed: readonly Position[],
  after: Position,
  compare: (a: Position, b: Position) => number,
): number {
  let low = 0
  let high = placed.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(placed[middle]!, after) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

function comparePositions(a: Position, b: Position, isReversed: boolean): number {
  if (a.value === undefined || b.value === undefined) {
    if (a.value !== b.value) return a.value === undefined ? 1 : -1
    return compareKeys(a.key, b.key, isReversed && a.value !== undefined)
  }
  const byValue = compareValues(a.value, b.value)
  if (byValue !== 0) return isReversed ? -byValue : byValue
  return compareKeys(a.key, b.key, isReversed)
}

function compareKeys(a: string, b: string, isReversed: boolean): number {
  if (a === b) return 0
  return a < b !== isReversed ? -1 : 1
}

function compareValues(a: string | number | boolean, b: string | number | boolean): number {
  if (typeof a !== typeof b) return typeof a < typeof b ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function fingerprint(asked: unknown): string {
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 16)
}

function parseList(text: string): readonly unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

// Entries as CSV: one column per field, maps and counts flattened to dotted columns, lists joined by semicolons.
// Invariants: cells are quoted where they must be; a text that a spreadsheet would take for a formula gets an apostrophe.
// Source: RFC 4180; OWASP, CSV injection.

import type { Item } from './fields.ts'

/** The text of some entries, header first, lines ended by CR LF. */
export function csvOf(items: readonly Item[], fields: readonly string[]): string {
  const rows = items.map((item) => flatten(item))
  const columns = columnsOf(rows, fields)
  const lines = [
    columns.map(cell),
    ...rows.map((row) => columns.map((name) => cell(row.get(name)))),
  ]
  return lines.map((line) => `${line.join(',')}\r\n`).join('')
}

// In order of the fields, and below one field in order of name, so that equal content gives equal columns.
function columnsOf(
  rows: readonly ReadonlyMap<string, unknown>[],
  fields: readonly string[],
): string[] {
  const found = new Set(rows.flatMap((row) => [...row.keys()]))
  const columns = fields.flatMap((field) => {
    const below = [...found].filter((name) => name.startsWith(`${field}.`)).sort()
    return found.has(field) || below.length === 0 ? [field, ...below] : below
  })
  return [...new Set(columns)]
}

function flatten(item: Item): ReadonlyMap<string, unknown> {
  const row = new Map<string, unknown>()
  const add = (path: string, value: unknown): void => {
    if (Array.isArray(value)) row.set(path, value.map(textOfElement).join(';'))
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) add(`${path}.${key}`, inner)
    else row.set(path, value)
  }
  for (const [key, value] of Object.entries(item)) add(key, value)
  return row
}

function textOfElement(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = String(value)
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

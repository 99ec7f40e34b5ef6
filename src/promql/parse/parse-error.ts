// Errors of the parser: always `line:column: parse error: reason`, with 1-based byte columns.

import { UserError } from '../../model/index.ts'

/** `line:column` of a byte offset in the query, both 1-based, columns in bytes. */
export function formatPosition(query: string, offset: number): string {
  if (query === '') return 'unknown position'
  const bytes = Buffer.from(query)
  if (offset < 0 || offset > bytes.length) return 'invalid position'
  let line = 1
  let lineStart = 0
  for (let i = 0; i < offset; i++) {
    if (bytes[i] !== 0x0a) continue
    line++
    lineStart = i + 1
  }
  return `${line}:${offset - lineStart + 1}`
}

/** The error of a query that cannot be read; `offset` is the byte where the fault starts. */
export function parseError(query: string, offset: number, reason: string): UserError {
  return new UserError('bad_data', {
    what: `${formatPosition(query, offset)}: parse error: ${reason}`,
  })
}

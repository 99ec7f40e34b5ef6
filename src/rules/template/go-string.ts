// Go string literals in double quotes.

import { unquote } from '../../promql/index.ts'

const wellFormed =
  /^"(?:[^"\\\n]|\\[abfnrtv\\"]|\\[0-7]{3}|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8})*"$/

/** The text that a quoted literal stands for. Throws Error `invalid syntax`. */
export function unquoteGo(literal: string): string {
  if (!wellFormed.test(literal)) throw new Error('invalid syntax')
  return unquote(literal)
}

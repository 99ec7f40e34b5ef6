// Matchers: conditions on one label of a series. A missing label counts as the empty string.
// Regular expressions are RE2 syntax, fully anchored, and the dot matches a newline.

import { isLegacyLabelName, quoteGo } from './labels.ts'

/** `=` equal, `!=` not equal, `=~` matches, `!~` does not match. */
export type MatcherType = '=' | '!=' | '=~' | '!~'

/** One condition of a selector. */
export interface Matcher {
  readonly type: MatcherType
  readonly name: string
  readonly value: string
}

/** `name="value"` with Go quoting; names that are not legacy are quoted. */
export function formatMatcher(matcher: Matcher): string {
  const name = isLegacyLabelName(matcher.name) ? matcher.name : quoteGo(matcher.name)
  return `${name}${matcher.type}${quoteGo(matcher.value)}`
}

/** `name=~"a|b|…"` with every value taken literally: the label has one of them. At least one value. */
export function anyOf(name: string, values: readonly string[]): Matcher {
  if (values.length === 1) return { type: '=', name, value: values[0]! }
  return { type: '=~', name, value: values.map(quoteRegex).join('|') }
}

/** An expression that matches exactly a text. */
export function quoteRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')
}

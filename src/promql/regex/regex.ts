// A regular expression ready to be asked. The expression matches whole values, and its dot matches newlines.

import { analyseRegex, matchesGlob, type RegexShape, withoutOuterAnchors } from './analyse.ts'
import { Dfa } from './dfa.ts'
import { compileNfa } from './nfa.ts'
import { parseRegex } from './regex-parser.ts'

/** Answers in time linear in the value, whatever the expression. */
export interface Regex {
  readonly shape: RegexShape
  matches(value: string): boolean
  /** Approximate memory that the expression holds by now. */
  sizeBytes(): number
}

/** Compiles an expression in RE2 syntax. Throws UserError bad_data with RE2's reason. */
export function compileRegex(pattern: string): Regex {
  const root = withoutOuterAnchors(parseRegex(pattern))
  const shape = analyseRegex(root)
  const { set, glob } = shape
  const fixedSizeBytes = 200 + 2 * pattern.length
  if (set !== undefined) {
    const values = new Set(set)
    const sizeBytes = fixedSizeBytes + 64 * values.size + 2 * pattern.length
    return { shape, matches: (value) => values.has(value), sizeBytes: () => sizeBytes }
  }
  if (glob !== undefined) {
    return { shape, matches: (value) => matchesGlob(glob, value), sizeBytes: () => fixedSizeBytes }
  }
  const dfa = new Dfa(compileNfa(pattern, root))
  return {
    shape,
    matches: (value) => dfa.matches(value),
    sizeBytes: () => fixedSizeBytes + dfa.sizeBytes,
  }
}

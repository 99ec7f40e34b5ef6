// The seam between sources of series and the regular-expression engine: sources get compiled matchers handed in.
import type { Matcher } from '../model/index.ts'

/** A matcher ready to be asked, with what an index can use instead of asking. */
export interface CompiledMatcher {
  readonly matcher: Matcher
  /** Whether the condition holds for this value; '' stands for an absent label. */
  matches(value: string): boolean
  /** `matches('')`, asked often. */
  readonly matchesEmpty: boolean
  /** The exact values of an `=` or of a regular expression that is a finite alternation; for `=~` and `=` only. */
  readonly setValues?: readonly string[]
  /** Every matching value starts with this; for `=~` only. */
  readonly prefix?: string
}

/** Compiles one matcher; throws UserError bad_data for a bad regular expression. Linear time in value and pattern. */
export type MatcherCompiler = (matcher: Matcher) => CompiledMatcher

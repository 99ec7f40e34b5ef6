// The syntax tree of a regular expression. Groups and greediness leave no trace: the engine only answers whether
// a whole value matches.

import { UserError } from '../../model/index.ts'
import type { CharClass } from './char-class.ts'

/** A condition on a position; text is the whole value, lines end at \n, words are ASCII. */
export type Assertion =
  | 'beginText'
  | 'endText'
  | 'beginLine'
  | 'endLine'
  | 'wordBoundary'
  | 'noWordBoundary'

/** A node; an empty class matches nothing, an empty concatenation the empty text. */
export type RegexNode =
  | { readonly kind: 'chars'; readonly chars: CharClass }
  /** At least one character, as written. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'concat'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'alternate'; readonly items: readonly RegexNode[] }
  /** `max` is Infinity for no bound. */
  | {
      readonly kind: 'repeat'
      readonly item: RegexNode
      readonly min: number
      readonly max: number
    }
  | { readonly kind: 'assert'; readonly assertion: Assertion }

/** The error of an expression that cannot be read, with the wording of Go's package. */
export function regexFault(reason: string, excerpt: string): UserError {
  return new UserError('bad_data', { what: `error parsing regexp: ${reason}: \`${excerpt}\`` })
}

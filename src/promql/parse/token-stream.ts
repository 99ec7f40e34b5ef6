// One token of lookahead over the lexer, and the wording of "unexpected" errors: the innermost construct that
// is being read says what it expected.

import type { MatcherCompiler } from '../../storage/index.ts'
import { Lexer } from './lexer.ts'
import { parseError } from './parse-error.ts'
import { describeToken, type Token } from './tokens.ts'

interface Construct {
  readonly context: string
  readonly expected: string
}

/** Reads tokens one by one; every method that reads may throw the lexer's errors. */
export class TokenStream {
  readonly text: string
  /** Checks the regular expressions of matchers. */
  readonly compile: MatcherCompiler
  readonly #lexer: Lexer
  readonly #constructs: Construct[] = []
  #lookahead: Token | undefined
  #lastEnd = 0

  constructor(text: string, compile: MatcherCompiler) {
    this.text = text
    this.compile = compile
    this.#lexer = new Lexer(text)
  }

  /** The next token, not consumed. */
  peek(): Token {
    this.#lookahead ??= this.#lexer.next()
    return this.#lookahead
  }

  /** Consumes the next token. */
  take(): Token {
    const token = this.peek()
    this.#lookahead = undefined
    this.#lastEnd = token.end
    return token
  }

  /** Byte offset after the last token taken. */
  get lastEnd(): number {
    return this.#lastEnd
  }

  /** Whether the next token is of this kind. */
  at(kind: string): boolean {
    return this.peek().kind === kind
  }

  /** Consumes the next token when it is of this kind. */
  accept(kind: string): Token | undefined {
    return this.at(kind) ? this.take() : undefined
  }

  /** Consumes a token of this kind, or throws what the innermost construct expected. */
  expect(kind: string): Token {
    if (this.at(kind)) return this.take()
    throw this.unexpected()
  }

  /** Says what is being read from here on, until `leave`. */
  enter(context: string, expected = ''): void {
    this.#constructs.push({ context, expected })
  }

  /** Ends the innermost construct. */
  leave(): void {
    this.#constructs.pop()
  }

  /** The error about the next token, in the given construct or in the innermost one entered. */
  unexpected(context?: string, expected = ''): Error {
    const construct =
      context === undefined ? (this.#constructs.at(-1) ?? { context: '', expected: '' }) : undefined
    const where = construct?.context ?? context!
    const wanted = construct?.expected ?? expected
    const token = this.peek()
    let reason = `unexpected ${describeToken(token)}`
    if (where !== '') reason += ` in ${where}`
    if (wanted !== '') reason += `, expected ${wanted}`
    return this.fault(token.start, reason)
  }

  /** A parse error at a byte offset. */
  fault(offset: number, reason: string): Error {
    return parseError(this.text, offset, reason)
  }

  /** Returns a function that unreads everything read since. */
  mark(): () => void {
    const [lookahead, lastEnd] = [this.#lookahead, this.#lastEnd]
    const restoreLexer = this.#lexer.mark()
    return () => {
      restoreLexer()
      this.#lookahead = lookahead
      this.#lastEnd = lastEnd
    }
  }

  /** The text after the last token taken; only valid while no token is looked at. */
  rest(): string {
    return this.text.slice(this.#lexer.index)
  }
}

// Template lexer: text and actions to tokens. Spaces inside actions are tokens, because they separate arguments.
// Source: the language of Go's text/template package documentation.

/** A template that cannot be read: `message` reads as Go writes it, without the template's name. */
export class TemplateSyntaxError extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

/** What a token is; keywords are their own kind. */
export type TokenKind =
  | 'text'
  | 'left'
  | 'right'
  | 'assign'
  | 'declare'
  | 'bool'
  | 'char'
  | 'number'
  | 'string'
  | 'rawString'
  | 'charConstant'
  | 'identifier'
  | 'field'
  | 'variable'
  | 'dot'
  | 'pipe'
  | 'leftParen'
  | 'rightParen'
  | 'space'
  | 'eof'
  | Keyword

type Keyword =
  | 'block'
  | 'break'
  | 'continue'
  | 'define'
  | 'else'
  | 'end'
  | 'if'
  | 'nil'
  | 'range'
  | 'template'
  | 'with'

/** One token. `at` is an offset into the JavaScript string, `line` is 1-based. */
export interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly at: number
  readonly line: number
}

const keywords: ReadonlySet<string> = new Set<Keyword>([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'nil',
  'range',
  'template',
  'with',
])

/** All tokens, ending with eof. Throws TemplateSyntaxError. */
export function lexTemplate(text: string): Token[] {
  return new Lexer(text).run()
}

const wordChar = /[\p{L}\p{Nd}_]/u
const space = /[ \t\r\n]/

class Lexer {
  readonly #text: string
  readonly #tokens: Token[] = []
  #at = 0
  #line = 1
  #parens = 0

  constructor(text: string) {
    this.#text = text
  }

  run(): Token[] {
    let trimNext = false
    for (;;) {
      const open = this.#text.indexOf('{{', this.#at)
      const end = open === -1 ? this.#text.length : open
      let body = this.#text.slice(this.#at, end)
      const trims = open !== -1 && this.#trimsLeft(open)
      const start = this.#at
      let shown = trims ? body.replace(/[ \t\r\n]+$/, '') : body
      if (trimNext) {
        const before = shown.length
        shown = shown.replace(/^[ \t\r\n]+/, '')
        body = body.slice(before - shown.length)
      }
      if (shown !== '') this.#push('text', shown, start)
      this.#line += count(this.#text.slice(start, end))
      this.#at = end
      if (open === -1) break
      trimNext = this.#lexAction(open, trims)
    }
    this.#push('eof', '', this.#at)
    return this.#tokens
  }

  #trimsLeft(open: number): boolean {
    return this.#text[open + 2] === '-' && space.test(this.#text[open + 3] ?? '')
  }

  // Lexes one action; returns whether the text after it is trimmed.
  #lexAction(open: number, trims: boolean): boolean {
    const inside = open + (trims ? 3 : 2)
    const comment = trims ? inside + 1 : inside
    if (this.#text.startsWith('/*', trims ? this.#skipSpaces(inside) : comment))
      return this.#lexComment(trims ? this.#skipSpaces(inside) : comment)
    this.#push('left', '{{', open)
    this.#at = inside
    this.#parens = 0
    for (;;) {
      const trimmed = this.#closing()
      if (trimmed !== undefined) {
        if (this.#parens > 0) throw this.#fault('unclosed left paren')
        this.#push('right', '}}', this.#at)
        this.#at += trimmed.size
        return trimmed.trims
      }
      if (this.#at >= this.#text.length) throw this.#fault('unclosed action')
      this.#lexInside()
    }
  }

  #skipSpaces(at: number): number {
    let next = at
    while (space.test(this.#text[next] ?? '')) next++
    return next
  }

  #closing(): { readonly size: number; readonly trims: boolean } | undefined {
    const text = this.#text
    if (text.startsWith('}}', this.#at)) return { size: 2, trims: false }
    if (!space.test(text[this.#at] ?? '')) return undefined
    const at = this.#skipSpaces(this.#at)
    if (!text.startsWith('-}}', at)) return undefined
    this.#line += count(text.slice(this.#at, at))
    return { size: at + 3 - this.#at, trims: true }
  }

  #lexComment(at: number): boolean {
    const end = this.#text.indexOf('*/', at + 2)
    if (end === -1) throw this.#fault('unclosed comment')
    this.#line += count(this.#text.slice(this.#at, end))
    this.#at = end + 2
    const closing = this.#closing()
    if (closing === undefined) throw this.#fault('comment ends before closing delimiter')
    this.#at += closing.size
    return closing.trims
  }

  #lexInside(): void {
    const rest = this.#text.slice(this.#at, this.#at + 1)
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at)!)
    if (space.test(rest)) this.#lexSpace()
    else if (this.#text.startsWith(':=', this.#at)) this.#emit('declare', this.#at + 2)
    else if (rest === '=') this.#emit('assign', this.#at + 1)
    else if (rest === '|') this.#emit('pipe', this.#at + 1)
    else if (rest === '"') this.#lexQuoted('"', 'string', 'unterminated quoted string')
    else if (rest === "'") this.#lexQuoted("'", 'charConstant', 'unterminated character constant')
    else if (rest === '`') this.#lexRaw()
    else if (rest === '$') this.#lexWord('variable')
    else if (rest === '.') this.#lexDot()
    else if (rest === '(' || rest === ')') this.#lexParen(rest)
    else if (/[+\-0-9]/.test(rest)) this.#lexNumber()
    else if (wordChar.test(char)) this.#lexIdentifier()
    else if (/^[\x20-\x7e]$/.test(char)) this.#emit('char', this.#at + 1)
    else throw this.#fault(`unrecognized character in action: ${goUnicode(char)}`)
  }

  #lexSpace(): void {
    const end = this.#skipSpaces(this.#at)
    // A trimming close keeps its space: it is looked for again from the last one.
    const isBeforeClose = this.#text.startsWith('-}}', end) && end - this.#at > 1
    this.#emit('space', isBeforeClose ? end - 1 : end)
  }

  #lexParen(paren: string): void {
    this.#parens += paren === '(' ? 1 : -1
    if (this.#parens < 0) throw this.#fault('unexpected right paren')
    this.#emit(paren === '(' ? 'leftParen' : 'rightParen', this.#at + 1)
  }

  #lexQuoted(quote: string, kind: TokenKind, message: string): void {
    let at = this.#at + 1
    for (; this.#text[at] !== quote; at++) {
      if (this.#text[at] === '\\') at++
      const char = this.#text[at]
      if (char === undefined || char === '\n') throw this.#fault(message)
    }
    this.#emit(kind, at + 1)
  }

  #lexRaw(): void {
    const end = this.#text.indexOf('`', this.#at + 1)
    if (end === -1) throw this.#fault('unterminated raw quoted string')
    this.#emit('rawString', end + 1)
  }

  #lexDot(): void {
    const next = this.#text[this.#at + 1] ?? ''
    if (/[0-9]/.test(next)) this.#lexNumber()
    else if (this.#isTerminator(this.#at + 1)) this.#emit('dot', this.#at + 1)
    else this.#lexWord('field')
  }

  #lexWord(kind: 'field' | 'variable'): void {
    const end = this.#wordEnd(this.#at + 1)
    if (!this.#isTerminator(end)) throw this.#badCharacter(end)
    this.#emit(kind, end)
  }

  #lexIdentifier(): void {
    const end = this.#wordEnd(this.#at)
    if (!this.#isTerminator(end)) throw this.#badCharacter(end)
    const word = this.#text.slice(this.#at, end)
    if (keywords.has(word)) this.#emit(word as Keyword, end)
    else this.#emit(word === 'true' || word === 'false' ? 'bool' : 'identifier', end)
  }

  #lexNumber(): void {
    const match =
      /^[+-]?(?:0[xX][0-9a-fA-F_]+(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]+)?|0[bB][01_]+|0[oO][0-7_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][+-]?[0-9_]+)?)/.exec(
        this.#text.slice(this.#at),
      )
    const end = this.#at + (match?.[0].length ?? 1)
    const next = this.#text[end] ?? ''
    if (match === null || wordChar.test(next)) {
      const bad = this.#text.slice(this.#at, match === null ? end + 1 : this.#wordEnd(end))
      throw this.#fault(`bad number syntax: ${JSON.stringify(bad)}`)
    }
    this.#emit('number', end)
  }

  #wordEnd(from: number): number {
    let at = from
    for (;;) {
      const code = this.#text.codePointAt(at)
      if (code === undefined) return at
      const char = String.fromCodePoint(code)
      if (!wordChar.test(char)) return at
      at += char.length
    }
  }

  #isTerminator(at: number): boolean {
    const char = this.#text[at]
    if (char === undefined || space.test(char)) return true
    return '.,|:)('.includes(char) || this.#text.startsWith('}}', at)
  }

  #badCharacter(at: number): TemplateSyntaxError {
    return this.#fault(
      `bad character ${goUnicode(String.fromCodePoint(this.#text.codePointAt(at)!))}`,
    )
  }

  #emit(kind: TokenKind, to: number): void {
    const text = this.#text.slice(this.#at, to)
    this.#push(kind, text, this.#at)
    this.#line += count(text)
    this.#at = to
  }

  #push(kind: TokenKind, text: string, at: number): void {
    this.#tokens.push({ kind, text, at, line: this.#line })
  }

  #fault(message: string): TemplateSyntaxError {
    return new TemplateSyntaxError(this.#line, message)
  }
}

function count(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

function goUnicode(char: string): string {
  const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  return `U+${code} '${char}'`
}

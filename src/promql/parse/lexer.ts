// Splits a query into tokens, lazily: a fault far behind is reported only when the parser gets there.
// The lexer knows braces and brackets, since words and numbers mean other things inside.
// Units: `index` counts UTF-16 units of the text, token positions are bytes of its UTF-8 form.
// Source: Prometheus 3.14 promql/parser/lex.go.

import { quoteGo } from '../../model/index.ts'
import { acceptsDuration, acceptsNumber } from './number-scan.ts'
import { parseError } from './parse-error.ts'
import {
  aggregators,
  keywords,
  numberWords,
  preprocessors,
  quoteChar,
  type Token,
  wordOperators,
} from './tokens.ts'

const durationWords = new Set(['step', 'range', 'max_of', 'min_of'])
const durationSymbols = new Set('+-*/%^,'.split(''))
const plainSymbols = new Set(',*/%+-^@'.split(''))

/** Hands out the tokens of one query. Throws parse errors. */
export class Lexer {
  readonly text: string
  readonly #byteOffsets: Uint32Array | undefined
  #index = 0
  #start = 0
  #parenDepth = 0
  #inBraces = false
  #inBrackets = false
  // Directly inside brackets, before the first number, only duration syntax is read.
  #inDuration = false
  #sawColon = false
  #sawDuration = false

  constructor(text: string) {
    this.text = text
    this.#byteOffsets = byteOffsetsOf(text)
  }

  /** The next token; EOF for ever after the end. */
  next(): Token {
    this.#skipBlanks()
    this.#start = this.#index
    if (this.#inBraces) return this.#insideBraces()
    if (this.#inDuration) return this.#insideDuration()
    return this.#statement()
  }

  /** Returns a function that brings the lexer back to where it is now. */
  mark(): () => void {
    const [index, parenDepth] = [this.#index, this.#parenDepth]
    const [inBraces, inBrackets, inDuration] = [this.#inBraces, this.#inBrackets, this.#inDuration]
    const [sawColon, sawDuration] = [this.#sawColon, this.#sawDuration]
    return () => {
      this.#index = index
      this.#parenDepth = parenDepth
      this.#inBraces = inBraces
      this.#inBrackets = inBrackets
      this.#inDuration = inDuration
      this.#sawColon = sawColon
      this.#sawDuration = sawDuration
    }
  }

  /** Index of the first character not read yet, in UTF-16 units. */
  get index(): number {
    return this.#index
  }

  #skipBlanks(): void {
    for (;;) {
      const char = this.text[this.#index]
      if (char === ' ' || char === '\t' || char === '\n' || char === '\r') this.#index++
      else if (char === '#' && !this.#inDuration) this.#skipComment()
      else return
    }
  }

  #skipComment(): void {
    for (;;) {
      const char = this.text[this.#index]
      if (char === undefined || char === '\n' || char === '\r') return
      this.#index++
    }
  }

  #statement(): Token {
    const char = this.#peek()
    switch (char) {
      case '':
        if (this.#parenDepth !== 0) throw this.#fault('unclosed left parenthesis')
        if (this.#inBrackets) throw this.#fault('unclosed left bracket')
        return this.#emit('EOF')
      case '=':
      case '!':
      case '<':
      case '>':
        return this.#comparison(char)
      case '"':
      case "'":
        return this.#string(char)
      case '`':
        return this.#rawString()
      case '(':
      case ')':
        return this.#paren(char)
      case '{':
        this.#inBraces = true
        return this.#take(1)
      case '[':
        return this.#openBracket()
      case ']':
        if (!this.#inBrackets) throw this.#fault(`unexpected right bracket ${quoteChar(char)}`)
        this.#inBrackets = false
        return this.#take(1)
    }
    if (plainSymbols.has(char)) return this.#take(1)
    if (isDigit(char) || (char === '.' && isDigit(this.#peek(1)))) return this.#number()
    if (isAlpha(char) || char === ':') return this.#inBrackets ? this.#bracketWord() : this.#word()
    throw this.#fault(`unexpected character: ${quoteChar(char)}`)
  }

  #comparison(char: string): Token {
    const next = this.#peek(1)
    if (char === '=') {
      if (next === '~') throw this.#fault("unexpected character after '=': '~'")
      return this.#take(next === '=' ? 2 : 1)
    }
    if (char === '!') {
      if (next === '=') return this.#take(2)
      throw this.#fault(`unexpected character after '!': ${quoteChar(next || '\ufffd')}`)
    }
    return this.#take(next === '=' || next === '/' ? 2 : 1)
  }

  #paren(char: string): Token {
    const token = this.#take(1)
    this.#parenDepth += char === '(' ? 1 : -1
    this.#start = this.#index
    if (this.#parenDepth < 0) throw this.#fault(`unexpected right parenthesis ${quoteChar(char)}`)
    return token
  }

  #openBracket(): Token {
    if (this.#inBrackets) throw this.#fault("unexpected left bracket '['")
    this.#inBrackets = true
    this.#inDuration = true
    this.#sawColon = false
    this.#sawDuration = false
    return this.#take(1)
  }

  #insideDuration(): Token {
    const char = this.#peek()
    if (char === '') throw this.#fault('unexpected end of input in duration expression')
    if (char === ']') {
      this.#inBrackets = false
      this.#inDuration = false
      return this.#take(1)
    }
    if (char === ':') return this.#durationColon()
    if (char === '(' || char === ')') return this.#paren(char)
    if (durationSymbols.has(char)) return this.#take(1)
    if (isDigit(char) || (char === '.' && isDigit(this.#peek(1)))) {
      this.#sawDuration = true
      this.#inDuration = false
      return this.#number()
    }
    if (/[srm]/i.test(char)) {
      const word = this.#durationWord()
      if (word !== undefined) return word
    }
    throw this.#fault(`unexpected character in duration expression: ${quoteChar(char)}`)
  }

  #durationColon(): Token {
    const token = this.#take(1)
    this.#start = this.#index
    if (!this.#sawDuration) {
      throw this.#fault('unexpected colon before duration in duration expression')
    }
    if (this.#sawColon) {
      throw this.#fault('unexpected repeated colon in duration expression')
    }
    this.#sawColon = true
    return token
  }

  // After a number inside brackets: a colon, or step() and its like.
  #bracketWord(): Token {
    const char = this.#peek()
    if (char === ':') {
      if (this.#sawColon) throw this.#fault("unexpected colon ':'")
      this.#sawColon = true
      return this.#take(1)
    }
    const word = /[srm]/i.test(char) ? this.#durationWord() : undefined
    if (word !== undefined) return word
    throw this.#fault(`unexpected character: ${quoteChar(char)}, expected ':'`)
  }

  #durationWord(): Token | undefined {
    let end = this.#index
    while (isAlpha(this.text[end] ?? '')) end++
    const word = this.text.slice(this.#index, end).toLowerCase()
    if (!durationWords.has(word)) return undefined
    this.#index = end
    this.#sawDuration = true
    return this.#emit(word)
  }

  #insideBraces(): Token {
    const char = this.#peek()
    const next = this.#peek(1)
    if (char === '') throw this.#fault('unexpected end of input inside braces')
    if (isAlpha(char)) {
      while (isAlphaNumeric(this.#peek())) this.#index++
      return this.#emit('IDENTIFIER')
    }
    switch (char) {
      case ',':
        return this.#take(1)
      case '"':
      case "'":
        return this.#string(char)
      case '`':
        return this.#rawString()
      case '=':
        return this.#take(next === '~' ? 2 : 1)
      case '!':
        if (next === '~' || next === '=') return this.#take(2)
        throw this.#fault(
          `unexpected character after '!' inside braces: ${quoteChar(next || '\ufffd')}`,
        )
      case '{':
        throw this.#fault("unexpected left brace '{'")
      case '}':
        this.#inBraces = false
        return this.#take(1)
    }
    throw this.#fault(`unexpected character inside braces: ${quoteChar(char)}`)
  }

  #number(): Token {
    const numberEnd = acceptsNumber(this.text, this.#index)
    if (numberEnd.accepted) {
      this.#index = numberEnd.end
      return this.#emit('NUMBER')
    }
    const durationEnd = acceptsDuration(this.text, numberEnd.end)
    if (durationEnd.accepted) {
      this.#index = durationEnd.end
      return this.#emit('DURATION')
    }
    const shown = this.text.slice(this.#start, durationEnd.end)
    throw this.#fault(`bad number or duration syntax: ${quoteGo(shown)}`)
  }

  #word(): Token {
    while (isAlphaNumeric(this.#peek()) || this.#peek() === ':') this.#index++
    const word = this.text.slice(this.#start, this.#index)
    const lower = word.toLowerCase()
    if (numberWords.has(lower)) return this.#emit('NUMBER')
    if (isReserved(lower) && (!lower.startsWith('fill') || this.#parenFollows())) {
      return this.#emit(lower)
    }
    return this.#emit(word.includes(':') ? 'METRIC_IDENTIFIER' : 'IDENTIFIER')
  }

  #parenFollows(): boolean {
    return /^[ \t\n\r]*\(/.test(this.text.slice(this.#index, this.#index + 1024))
  }

  #string(quote: string): Token {
    this.#index++
    for (;;) {
      const char = this.#peek()
      if (char === '\ufffd' || isLoneSurrogate(char)) throw this.#fault('invalid UTF-8 rune')
      if (char === '' || char === '\n') throw this.#fault('unterminated quoted string')
      this.#index += char.length
      if (char === quote) return this.#emit('STRING')
      if (char === '\\') this.#escape(quote)
    }
  }

  #rawString(): Token {
    this.#index++
    for (;;) {
      const char = this.#peek()
      if (char === '\ufffd' || isLoneSurrogate(char)) throw this.#fault('invalid UTF-8 rune')
      if (char === '') throw this.#fault('unterminated raw string')
      this.#index += char.length
      if (char === '`') return this.#emit('STRING')
    }
  }

  #escape(quote: string): void {
    const char = this.#peek()
    if (char === '') throw this.#fault('escape sequence not terminated')
    if ('abfnrtv\\'.includes(char) || char === quote) {
      this.#index++
      return
    }
    if (/[0-7]/.test(char)) {
      this.#digits(3, 8, 255)
      return
    }
    const count = char === 'x' ? 2 : char === 'u' ? 4 : char === 'U' ? 8 : 0
    if (count === 0) throw this.#fault(`unknown escape sequence ${showChar(char)}`)
    this.#index++
    this.#digits(count, 16, char === 'x' ? 255 : 0x10ffff)
  }

  #digits(count: number, base: number, valueMax: number): void {
    let value = 0
    for (let i = 0; i < count; i++) {
      const char = this.#peek()
      if (char === '') throw this.#fault('escape sequence not terminated')
      const digit = /^[0-9a-fA-F]$/.test(char) ? Number.parseInt(char, 16) : 16
      if (digit >= base) throw this.#fault(`illegal character ${showChar(char)} in escape sequence`)
      value = value * base + digit
      this.#index++
    }
    if (value > valueMax || (value >= 0xd800 && value < 0xe000)) {
      throw this.#fault('escape sequence is an invalid Unicode code point')
    }
  }

  #peek(ahead = 0): string {
    const char = this.text[this.#index + ahead]
    if (char === undefined) return ''
    if (char < '\ud800') return char
    return String.fromCodePoint(this.text.codePointAt(this.#index + ahead)!)
  }

  #take(length: number): Token {
    this.#index += length
    return this.#emit(this.text.slice(this.#start, this.#index))
  }

  #emit(kind: string): Token {
    return {
      kind,
      text: this.text.slice(this.#start, this.#index),
      start: this.#byteOffset(this.#start),
      end: this.#byteOffset(this.#index),
    }
  }

  #byteOffset(index: number): number {
    return this.#byteOffsets === undefined ? index : this.#byteOffsets[index]!
  }

  #fault(reason: string): Error {
    return parseError(this.text, this.#byteOffset(this.#start), reason)
  }
}

function isReserved(word: string): boolean {
  return (
    aggregators.has(word) ||
    keywords.has(word) ||
    preprocessors.has(word) ||
    wordOperators.has(word)
  )
}

// Byte offset of every UTF-16 index; undefined for ASCII, where the two are equal.
function byteOffsetsOf(text: string): Uint32Array | undefined {
  if (Buffer.byteLength(text) === text.length) return undefined
  const offsets = new Uint32Array(text.length + 1)
  let offset = 0
  for (let i = 0; i < text.length; i++) {
    offsets[i] = offset
    const unit = text.charCodeAt(i)
    if (unit < 0x80) offset += 1
    else if (unit < 0x800) offset += 2
    else if (unit >= 0xd800 && unit < 0xdc00 && text.codePointAt(i)! > 0xffff) {
      offsets[++i] = offset
      offset += 4
    } else offset += 3
  }
  offsets[text.length] = offset
  return offsets
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9' && char.length === 1
}

function isAlpha(char: string): boolean {
  if (char.length !== 1) return false
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_'
}

function isAlphaNumeric(char: string): boolean {
  return isAlpha(char) || isDigit(char)
}

function isLoneSurrogate(char: string): boolean {
  return char.length === 1 && char >= '\ud800' && char <= '\udfff'
}

// As Go's %#U shows a character.
function showChar(char: string): string {
  const code = char.codePointAt(0)!
  const hex = code.toString(16).toUpperCase().padStart(4, '0')
  return quoteChar(char).startsWith("'\\") ? `U+${hex}` : `U+${hex} '${char}'`
}

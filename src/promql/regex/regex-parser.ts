// Reads regular expressions in RE2 syntax with Perl's extensions, and refuses what RE2 refuses: look-around,
// back-references, counts above 1000.
// Invariants: groups nest at most `nestingMax` deep; the parser keeps its own stack.
// Source: Go regexp/syntax (flags Perl and DotNL), RE2 syntax page.

import {
  anyChar,
  anyCharNotNewline,
  type CharClass,
  classOfRanges,
  foldClass,
} from './char-class.ts'
import { perlClasses, posixClasses, unicodeClass, withSign } from './named-class.ts'
import { type Assertion, type RegexNode, regexFault } from './regex-syntax.ts'

/** Deepest nesting of groups. */
const nestingMax = 500

/** Most bounds of ranges that the bracket classes of an expression have together. */
const boundCountMax = 2_000_000

/** Largest count, and largest product of nested counts. */
const repeatMax = 1000

interface Flags {
  readonly fold: boolean
  readonly multiLine: boolean
  readonly dotAll: boolean
}

// An open group: the alternatives before the last `|`, and the items after it.
interface Level {
  readonly alternatives: RegexNode[]
  items: RegexNode[]
  // Flags to restore where the group ends.
  readonly outerFlags: Flags
}

/** Parses an expression in which the dot matches newlines. Throws UserError bad_data with RE2's reason. */
export function parseRegex(pattern: string): RegexNode {
  return new RegexParser(pattern).parse()
}

class RegexParser {
  readonly #pattern: string
  readonly #names = new Set<string>()
  readonly #levels: Level[] = []
  // Classes by their text and the fold flag, so that equal ones are one object and cost once.
  readonly #classes = new Map<string, CharClass>()
  #boundCount = 0
  #level: Level
  #flags: Flags = { fold: false, multiLine: false, dotAll: true }
  #at = 0
  // Where the repetition just read starts, or -1.
  #repeatStart = -1

  constructor(pattern: string) {
    this.#pattern = pattern
    this.#level = { alternatives: [], items: [], outerFlags: this.#flags }
  }

  parse(): RegexNode {
    if (!this.#pattern.isWellFormed()) throw regexFault('invalid UTF-8', this.#pattern)
    while (this.#at < this.#pattern.length) {
      const lastRepeat = this.#repeatStart
      this.#repeatStart = -1
      this.#readOne(lastRepeat)
    }
    if (this.#levels.length > 0) throw regexFault('missing closing )', this.#pattern)
    return closeLevel(this.#level)
  }

  #readOne(lastRepeat: number): void {
    const char = this.#pattern[this.#at]!
    switch (char) {
      case '(':
        if (this.#pattern[this.#at + 1] === '?') this.#perlGroup()
        else {
          this.#at++
          this.#open(this.#flags)
        }
        return
      case ')':
        this.#close()
        return
      case '|':
        this.#at++
        this.#level.alternatives.push(concatOf(this.#level.items))
        this.#level.items = []
        return
      case '*':
      case '+':
      case '?':
        this.#at++
        this.#repeat(this.#at - 1, lastRepeat, char === '+' ? 1 : 0, char === '?' ? 1 : Infinity)
        return
      case '{':
        if (this.#counts(lastRepeat)) return
        break
      case '\\':
        this.#backslash()
        return
      case '[':
        this.#level.items.push({ kind: 'chars', chars: this.#bracketClass() })
        return
      case '^':
        this.#at++
        this.#assert(this.#flags.multiLine ? 'beginLine' : 'beginText')
        return
      case '$':
        this.#at++
        this.#assert(this.#flags.multiLine ? 'endLine' : 'endText')
        return
      case '.':
        this.#at++
        this.#level.items.push({
          kind: 'chars',
          chars: this.#flags.dotAll ? anyChar : anyCharNotNewline,
        })
        return
    }
    this.#text()
  }

  // A run of ordinary characters is one node.
  #text(): void {
    ordinaryChars.lastIndex = this.#at
    const text = this.#flags.fold ? undefined : ordinaryChars.exec(this.#pattern)?.[0]
    if (text === undefined) {
      this.#literal(this.#takeChar())
      return
    }
    this.#at += text.length
    this.#level.items.push({ kind: 'text', text })
  }

  #literal(code: number): void {
    this.#push([code, code])
  }

  #push(chars: CharClass): void {
    this.#level.items.push({ kind: 'chars', chars: this.#folded(chars) })
  }

  #assert(assertion: Assertion): void {
    this.#level.items.push({ kind: 'assert', assertion })
  }

  #takeChar(): number {
    const code = this.#pattern.codePointAt(this.#at)!
    this.#at += code > 0xffff ? 2 : 1
    return code
  }

  #open(innerFlags: Flags): void {
    if (this.#levels.length >= nestingMax) {
      throw regexFault('expression nests too deeply', this.#pattern)
    }
    this.#levels.push(this.#level)
    this.#level = { alternatives: [], items: [], outerFlags: this.#flags }
    this.#flags = innerFlags
  }

  #close(): void {
    const outer = this.#levels.pop()
    if (outer === undefined) throw regexFault('unexpected )', this.#pattern)
    this.#at++
    this.#flags = this.#level.outerFlags
    const group = closeLevel(this.#level)
    // A repetition takes only the last character of a text, but all of a group.
    outer.items.push(group.kind === 'text' ? { kind: 'concat', items: [group] } : group)
    this.#level = outer
  }

  #repeat(start: number, lastRepeat: number, min: number, max: number): void {
    if (this.#pattern[this.#at] === '?') this.#at++
    if (lastRepeat >= 0) {
      const excerpt = this.#pattern.slice(lastRepeat, this.#at)
      throw regexFault('invalid nested repetition operator', excerpt)
    }
    const excerpt = this.#pattern.slice(start, this.#at)
    const item = this.#takeLast()
    if (item === undefined) throw regexFault('missing argument to repetition operator', excerpt)
    const node: RegexNode = { kind: 'repeat', item, min, max }
    if ((min > 1 || (max > 1 && max < Infinity)) && !repeatFits(node, repeatMax)) {
      throw regexFault('invalid repeat count', excerpt)
    }
    this.#level.items.push(node)
    this.#repeatStart = start
  }

  // What a repetition stands for: of a text, only the last character.
  #takeLast(): RegexNode | undefined {
    const last = this.#level.items.pop()
    if (last?.kind !== 'text') return last
    const lastSize = endsInPair(last.text) ? 2 : 1
    const head = last.text.slice(0, -lastSize)
    if (head !== '') this.#level.items.push({ kind: 'text', text: head })
    return { kind: 'text', text: last.text.slice(-lastSize) }
  }

  // `{n}`, `{n,}` or `{n,m}`; anything else is a literal brace.
  #counts(lastRepeat: number): boolean {
    const match = /^\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}/.exec(
      this.#pattern.slice(this.#at, this.#at + 64),
    )
    if (match === null) return false
    const start = this.#at
    const min = Number(match[1])
    const max = match[3] !== undefined ? Number(match[3]) : match[2] !== undefined ? Infinity : min
    this.#at += match[0].length
    const isTooLarge = min > repeatMax || (max !== Infinity && max > repeatMax)
    if (isTooLarge || max < min) throw regexFault('invalid repeat count', match[0])
    this.#repeat(start, lastRepeat, min, max)
    return true
  }

  #backslash(): void {
    const next = this.#pattern[this.#at + 1]
    const assertion = assertionOf(next)
    if (assertion !== undefined) {
      this.#at += 2
      this.#assert(assertion)
    } else if (next === 'Q') this.#quoted()
    else {
      const named = this.#namedClass()
      if (named !== undefined) this.#level.items.push({ kind: 'chars', chars: named })
      else this.#literal(this.#escape())
    }
  }

  // `\Q…\E`: everything between stands for itself; without \E up to the end.
  #quoted(): void {
    this.#at += 2
    const end = this.#pattern.indexOf('\\E', this.#at)
    const stop = end < 0 ? this.#pattern.length : end
    while (this.#at < stop) this.#literal(this.#takeChar())
    if (end >= 0) this.#at += 2
  }

  // \d \s \w \D \S \W \pL \p{Greek} \PL, already folded and negated; undefined where there is none.
  #namedClass(): CharClass | undefined {
    const letter = this.#pattern[this.#at + 1] ?? ''
    const perl = perlClasses.get(letter.toLowerCase())
    if (perl !== undefined) {
      this.#at += 2
      return this.#once(`\\${letter}`, () => withSign(this.#folded(perl), letter < 'a'))
    }
    if (letter !== 'p' && letter !== 'P') return undefined
    const rest = this.#pattern.slice(this.#at, this.#at + 64)
    const match = /^\\[pP](?:\{(\^?)([^}]*)\}|([^{]))/u.exec(rest)
    if (match === null) {
      const excerpt = this.#pattern.slice(this.#at)
      throw regexFault('invalid character class range', excerpt)
    }
    const chars = unicodeClass(match[3] ?? match[2]!)
    if (chars === undefined) throw regexFault('invalid character class range', match[0])
    this.#at += match[0].length
    const negated = (letter === 'P') !== (match[1] === '^')
    return this.#once(match[0], () => withSign(this.#folded(chars), negated))
  }

  #folded(chars: CharClass): CharClass {
    return this.#flags.fold ? foldClass(chars) : chars
  }

  // One escaped character: \n, \x41, \x{1F600}, \123, \. and so on.
  #escape(): number {
    const rest = this.#pattern.slice(this.#at, this.#at + 16)
    if (rest.length === 1) throw regexFault('trailing backslash at end of expression', '')
    const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest)
    const hex = /^\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/.exec(rest)
    const code =
      octal !== null
        ? Number.parseInt(octal[1]!, 8)
        : hex !== null
          ? Number.parseInt(hex[1] ?? hex[2]!, 16)
          : escapedCodes.get(rest[1]!)
    if (code !== undefined && code <= 0x10ffff) {
      this.#at += (octal ?? hex)?.[0].length ?? 2
      return code
    }
    const char = String.fromCodePoint(this.#pattern.codePointAt(this.#at + 1)!)
    if (!/^[\x21-\x7e ]$/.test(char) || /[0-9A-Za-z]/.test(char)) {
      const shown = char === 'x' ? (/^\\x\{?[0-9a-fA-F]*/.exec(rest)?.[0] ?? '\\x') : `\\${char}`
      throw regexFault('invalid escape sequence', shown)
    }
    this.#at += 2
    return char.charCodeAt(0)
  }

  #bracketClass(): CharClass {
    const start = this.#at
    const parts: number[] = []
    this.#at++
    const negated = this.#pattern[this.#at] === '^'
    if (negated) this.#at++
    for (let first = true; first || this.#pattern[this.#at] !== ']'; first = false) {
      if (this.#at >= this.#pattern.length) {
        throw regexFault('missing closing ]', this.#pattern.slice(start))
      }
      for (const bound of this.#classItem(start)) parts.push(bound)
    }
    this.#at++
    this.#boundCount += parts.length
    if (this.#boundCount > boundCountMax) throw regexFault('expression too large', this.#pattern)
    // Folding comes before negation, so that (?i)[^k] has neither k nor K.
    return this.#once(this.#pattern.slice(start, this.#at), () =>
      withSign(this.#folded(classOfRanges(parts)), negated),
    )
  }

  #once(text: string, make: () => CharClass): CharClass {
    const key = `${this.#flags.fold ? 'i' : ''}${text}`
    const known = this.#classes.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#classes.set(key, made)
    return made
  }

  #classItem(start: number): CharClass {
    const posix = this.#posixClass()
    if (posix !== undefined) return posix
    const named = this.#pattern[this.#at] === '\\' ? this.#namedClass() : undefined
    if (named !== undefined) return named
    const from = this.#at
    const low = this.#classChar(start)
    const next = this.#pattern[this.#at + 1]
    if (this.#pattern[this.#at] !== '-' || next === undefined || next === ']') return [low, low]
    this.#at++
    const high = this.#classChar(start)
    if (high >= low) return [low, high]
    throw regexFault('invalid character class range', this.#pattern.slice(from, this.#at))
  }

  #classChar(start: number): number {
    if (this.#at >= this.#pattern.length) {
      throw regexFault('missing closing ]', this.#pattern.slice(start))
    }
    return this.#pattern[this.#at] === '\\' ? this.#escape() : this.#takeChar()
  }

  #posixClass(): CharClass | undefined {
    if (!this.#pattern.startsWith('[:', this.#at)) return undefined
    const end = this.#pattern.indexOf(':]', this.#at + 2)
    if (end < 0) return undefined
    const excerpt = this.#pattern.slice(this.#at, end + 2)
    const match = /^\[:(\^?)(\w+):\]$/.exec(excerpt)
    const chars = match === null ? undefined : posixClasses.get(match[2]!)
    if (chars === undefined) throw regexFault('invalid character class range', excerpt)
    this.#at = end + 2
    return withSign(this.#folded(chars), match![1] === '^')
  }

  // `(?P<name>`, `(?<name>`, `(?flags)` or `(?flags:`.
  #perlGroup(): void {
    const rest = this.#pattern.slice(this.#at)
    const named = /^\(\?P?</.exec(rest)
    if (named !== null) {
      const match = /^\(\?P?<([^>]*)>/.exec(rest)
      if (match === null) throw regexFault('invalid named capture', rest)
      const name = match[1]!
      if (!/^\w+$/.test(name)) throw regexFault('invalid named capture', match[0])
      if (this.#names.has(name)) throw regexFault('duplicate capture group name', name)
      this.#names.add(name)
      this.#at += match[0].length
      this.#open(this.#flags)
      return
    }
    const match = /^\(\?([imsU]*)(?:(-)([imsU]+))?([:)])/.exec(rest)
    if (match === null) {
      if (/^\(\?[imsU-]*$/.test(rest)) throw regexFault('missing closing )', this.#pattern)
      const excerpt = /^\(\?[imsU-]*[\s\S]/u.exec(rest)?.[0] ?? rest
      throw regexFault('invalid or unsupported Perl syntax', excerpt)
    }
    const flags = changeFlags(this.#flags, match[1]!, match[3] ?? '')
    this.#at += match[0].length
    if (match[4] === ':') this.#open(flags)
    else this.#flags = flags
  }
}

const ordinaryChars = /[^\\.+*?()|[\]{}^$]+/y

function endsInPair(text: string): boolean {
  const unit = text.charCodeAt(text.length - 1)
  return unit >= 0xdc00 && unit < 0xe000
}

const escapedCodes: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
])

function assertionOf(letter: string | undefined): Assertion | undefined {
  if (letter === 'A') return 'beginText'
  if (letter === 'z') return 'endText'
  if (letter === 'b') return 'wordBoundary'
  return letter === 'B' ? 'noWordBoundary' : undefined
}

function changeFlags(flags: Flags, on: string, off: string): Flags {
  const pick = (letter: string, old: boolean) =>
    off.includes(letter) ? false : on.includes(letter) ? true : old
  return {
    fold: pick('i', flags.fold),
    multiLine: pick('m', flags.multiLine),
    dotAll: pick('s', flags.dotAll),
  }
}

function closeLevel(level: Level): RegexNode {
  const last = concatOf(level.items)
  if (level.alternatives.length === 0) return last
  return { kind: 'alternate', items: [...level.alternatives, last] }
}

function concatOf(items: RegexNode[]): RegexNode {
  return items.length === 1 ? items[0]! : { kind: 'concat', items }
}

// Whether the counts of nested repetitions multiply to no more than `budget`.
function repeatFits(node: RegexNode, budget: number): boolean {
  if (node.kind === 'concat' || node.kind === 'alternate') {
    return node.items.every((item) => repeatFits(item, budget))
  }
  if (node.kind !== 'repeat') return true
  const count = node.max === Infinity ? node.min : node.max
  if (count === 0 && node.max !== Infinity) return true
  if (count > budget) return false
  return repeatFits(node.item, count > 0 ? Math.trunc(budget / count) : budget)
}

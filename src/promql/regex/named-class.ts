// Classes with names: \d and its like, [[:alpha:]], \pL, \p{Greek}.
// Unicode classes are read off the runtime's own tables once per name, and kept.
// Source: Go regexp/syntax perl_groups.go; Unicode general categories and scripts.

import { type CharClass, classOfRanges, codePointMax, negateClass } from './char-class.ts'

function ranges(text: string): CharClass {
  const codes = [...text].map((char) => char.codePointAt(0)!)
  return classOfRanges(codes)
}

const digits = ranges('09')
const spaces = ranges('\t\n\f\r  ')
const wordChars = ranges('09AZ__az')

/** Letters, digits and underscore of ASCII, which decide where a word ends. */
export const asciiWord: CharClass = wordChars

/** \d, \s, \w and their negations by letter. */
export const perlClasses: ReadonlyMap<string, CharClass> = new Map([
  ['d', digits],
  ['s', spaces],
  ['w', wordChars],
])

/** [:alpha:] and its like by name. */
export const posixClasses: ReadonlyMap<string, CharClass> = new Map([
  ['alnum', ranges('09AZaz')],
  ['alpha', ranges('AZaz')],
  ['ascii', [0, 0x7f]],
  ['blank', ranges('\t\t  ')],
  ['cntrl', [0, 0x1f, 0x7f, 0x7f]],
  ['digit', digits],
  ['graph', ranges('!~')],
  ['lower', ranges('az')],
  ['print', ranges(' ~')],
  ['punct', ranges('!/:@[`{~')],
  ['space', ranges('\t\r  ')],
  ['upper', ranges('AZ')],
  ['word', wordChars],
  ['xdigit', ranges('09AFaf')],
])

const known = new Map<string, CharClass | undefined>()

/**
 * The class of \p{name}: a general category by short or long name, a script, Any, ASCII, Assigned or LC;
 * undefined for any other name. Case, and whether words are parted by space, underscore or hyphen, do not matter.
 */
export function unicodeClass(name: string): CharClass | undefined {
  if (known.size > 1000) known.clear()
  if (!known.has(name)) known.set(name, readClass(name))
  return known.get(name)
}

function readClass(name: string): CharClass | undefined {
  const words = name.split(/[ _-]/)
  if (words.some((word) => !/^[A-Za-z]+$/.test(word))) return undefined
  const title = words.map((word) => word[0]!.toUpperCase() + word.slice(1).toLowerCase()).join('_')
  switch (title) {
    case 'Any':
      return [0, codePointMax]
    case 'Ascii':
      return [0, 0x7f]
    case 'Assigned':
      return negateClass(readClass('Cn')!)
    case 'Lc':
      return scan(/[\p{Lu}\p{Ll}\p{Lt}]+/gu)
    case 'Cs':
    case 'Surrogate':
      return surrogates
  }
  for (const candidate of [title, name]) {
    const chars = propertyClass('General_Category', candidate) ?? propertyClass('Script', candidate)
    if (chars !== undefined) return chars
  }
  return undefined
}

// Only letters and underscores reach the pattern.
function propertyClass(property: string, name: string): CharClass | undefined {
  let pattern: RegExp
  try {
    pattern = new RegExp(`\\p{${property}=${name}}+`, 'gu')
  } catch {
    return undefined
  }
  const chars = scan(pattern)
  const holdsSurrogates = name === 'C' || name === 'Other'
  return holdsSurrogates ? classOfRanges([...chars, ...surrogates]) : chars
}

const surrogates: CharClass = [0xd800, 0xdfff]

// Stretches of code points that have properties of their own; between them everything is like its last one.
const stretches = [
  [0, 0xd7ff],
  [0xe000, 0x3ffff],
  [0xe0000, 0xe01ff],
] as const

// Code points that stand for all of a block without characters, or with private ones only.
const blocks = [
  [0x40000, 0xdffff],
  [0xe0200, 0xeffff],
  [0xf0000, 0xffffd],
  [0xffffe, 0xfffff],
  [0x100000, 0x10fffd],
  [0x10fffe, 0x10ffff],
] as const

let stretchTexts: readonly string[] | undefined

function textOf(first: number, last: number): string {
  const codes = new Uint32Array(last - first + 1)
  for (let i = 0; i < codes.length; i++) codes[i] = first + i
  const parts: string[] = []
  // Arguments go over the stack, so not all at once.
  for (let at = 0; at < codes.length; at += 4096) {
    parts.push(String.fromCodePoint(...codes.subarray(at, at + 4096)))
  }
  return parts.join('')
}

// Runs the runtime's own tables over all characters; `pattern` must match runs of whole code points.
function scan(pattern: RegExp): CharClass {
  stretchTexts ??= stretches.map(([first, last]) => textOf(first, last))
  const out: number[] = []
  for (const text of stretchTexts) {
    for (const [run] of text.matchAll(pattern)) {
      const lastUnit = run.charCodeAt(run.length - 1)
      const isPair = lastUnit >= 0xdc00 && lastUnit < 0xe000
      out.push(run.codePointAt(0)!, run.codePointAt(run.length - (isPair ? 2 : 1))!)
    }
  }
  for (const [first, last] of blocks) {
    pattern.lastIndex = 0
    if (pattern.test(String.fromCodePoint(first))) out.push(first, last)
  }
  return classOfRanges(out)
}

/** The class, or all that is not in it. */
export function withSign(chars: CharClass, negated: boolean): CharClass {
  return negated ? negateClass(chars) : chars
}

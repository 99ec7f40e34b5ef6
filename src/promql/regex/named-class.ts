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

const categories = new Set(
  'C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs'.split(
    ' ',
  ),
)

const known = new Map<string, CharClass | undefined>()

/** The class of \p{name}: a general category, a script, or Any; undefined for any other name. */
export function unicodeClass(name: string): CharClass | undefined {
  if (name === 'Any') return [0, codePointMax]
  if (known.size > 1000) known.clear()
  if (!known.has(name)) known.set(name, readClass(name))
  return known.get(name)
}

function readClass(name: string): CharClass | undefined {
  const test = testOf(name)
  if (test === undefined) return undefined
  const out: number[] = []
  const scan = (first: number, last: number) => {
    for (let code = first; code <= last; code++) {
      // A lone surrogate is tested as what it is: the pattern has the u flag.
      if (!test.test(String.fromCodePoint(code))) continue
      if (out.at(-1) === code - 1) out[out.length - 1] = code
      else out.push(code, code)
    }
  }
  // Planes 4 to 13 have no characters, and the last two only private ones.
  scan(0, 0x3ffff)
  scan(0xe0000, 0xe01ff)
  if (name === 'C' || name === 'Co') out.push(0xf0000, 0xffffd, 0x100000, 0x10fffd)
  return classOfRanges(out)
}

// Only names from the list or of the shape of a script reach the pattern. Go's C has no unassigned code points.
function testOf(name: string): RegExp | undefined {
  if (name === 'C') return /^[\p{Cc}\p{Cf}\p{Co}\p{Cs}]$/u
  if (categories.has(name)) return new RegExp(`^\\p{General_Category=${name}}$`, 'u')
  if (!/^[A-Z][a-z]+(?:_[A-Z][a-z]+)*$/.test(name)) return undefined
  try {
    return new RegExp(`^\\p{Script=${name}}$`, 'u')
  } catch {
    return undefined
  }
}

/** The class, or all that is not in it. */
export function withSign(chars: CharClass, negated: boolean): CharClass {
  return negated ? negateClass(chars) : chars
}

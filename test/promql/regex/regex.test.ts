// RE2JS, a port of the package that Prometheus uses, is the oracle.

import fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { compileRegex } from '../../../src/promql/regex/regex.ts'

function oracle(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL)
  } catch {
    return undefined
  }
}

function agree(pattern: string, values: readonly string[]): void {
  const expected = oracle(pattern)!
  const regex = compileRegex(pattern)
  for (const value of values) {
    expect(regex.matches(value), `${pattern} on ${JSON.stringify(value)}`).toBe(
      expected.matches(value),
    )
  }
}

const values = [
  '',
  'a',
  'b',
  'ab',
  'abc',
  'foo',
  'foobar',
  'FOO',
  'foo\nbar',
  '\n',
  'x-1z',
  'é',
  'É',
  '\u{1f600}',
  'a\u{1f600}b',
  'k',
  'K',
  '\u212a',
  's',
  '\u017f',
  'ß',
  '\u1e9e',
  'İ',
  'ı',
  'i',
  'I',
  'σ',
  'ς',
  'Σ',
  '5',
  '٣',
  'foo bar',
  'foo_bar',
  '-',
  ']',
  '^',
  '\\',
  '.',
  'aaa',
  'aaaa',
  'Ω',
  '日本',
  '\t',
  '\v',
  '\u0000',
]

describe('an expression matches whole values as RE2 does', () => {
  it.each([
    'foo',
    'foo|bar|',
    'fo+(bar)?',
    'f.*r',
    '.*',
    '.+',
    '(?-s:.*)',
    '(?-s).',
    'a.b',
    '[a-c]+',
    '[^a-c]',
    '[]a]',
    '[a\\-\\]^]',
    '[^\\d]',
    '[[:alpha:]_]+',
    '[[:^alpha:]]',
    '\\d',
    '\\D+',
    '\\s|\\S',
    '\\w+',
    '\\W',
    '\\pL+',
    '\\PL',
    '\\p{Greek}',
    '\\p{^Greek}',
    '\\P{^Greek}',
    '[\\p{Lu}é]',
    '\\pN',
    '\\pC',
    '\\p{Cn}',
    '\\p{Han}+',
    '(?i)foo',
    '(?i)k|s',
    '(?i)[k]',
    '(?i)[^k]',
    '(?i)ß|é|σ|i',
    '(?i:f)oo',
    'f(?i)oO',
    '(?i)\\p{Lu}',
    '(?i)\\w',
    '(?i)Ω',
    '\\x41|\\x{1F600}|\\101|\\a',
    '\\Qa.b\\E|\\Q-',
    'a{2}|a{4,}',
    'a{3,4}?',
    'a{,2}',
    'a{0}b',
    '(a|b){2,3}c?',
    '(?P<name>foo)(?<other>bar)',
    '(?:foo)',
    '^foo$',
    '^(foo|bar)$|^a$',
    'foo$|^b',
    '(?m)foo$.^bar',
    '(?m)^.*$',
    '\\Afoo\\z',
    '.*\\b.*',
    'foo\\b.bar',
    'foo\\B.bar',
    '\\bfoo\\b',
    '(a*)*',
    '(a*)+b?',
    '(|a)+',
    '(.+)+-1z',
    '日.',
    '[日-本]+',
    '[^\\x00-\\x{10FFFF}]',
    '(?i)(?s)(?U)a+',
    '\\-\\.\\^\\]|\\\\',
    '.*a.*|b',
    'f.+r',
    'foo.*bar.*',
    '.+o.+',
    '.*.+',
    '()',
    'x*',
    '(?i)x*',
    '(^|a)b',
    '(foo)+',
    '(foo)?(bar)*',
    'fo(?i)*bar',
    '(?:é){2}|é{1,2}',
    '(?:(?:a+)+)+b?',
    'a(b|$)',
  ])('%s', (pattern) => agree(pattern, values))
})

it('takes names of Unicode classes in any case, and their long forms', () => {
  for (const [name, same] of [
    ['lu', 'Lu'],
    ['GREEK', 'Greek'],
    ['Uppercase_Letter', 'Lu'],
    ['old italic', 'Old_Italic'],
  ]) {
    const [left, right] = [compileRegex(`\\p{${name}}`), compileRegex(`\\p{${same}}`)]
    for (const value of [...values, '\u{10300}']) {
      expect(left.matches(value)).toBe(right.matches(value))
    }
  }
})

describe('what RE2 refuses is refused with its reason', () => {
  it.each([
    ['(', 'missing closing ): `(`'],
    ['a)', 'unexpected ): `a)`'],
    ['[a', 'missing closing ]: `[a`'],
    ['[b-a]', 'invalid character class range: `b-a`'],
    ['[[:foo:]]', 'invalid character class range: `[:foo:]`'],
    ['\\p{Foo}', 'invalid character class range: `\\p{Foo}`'],
    ['*', 'missing argument to repetition operator: `*`'],
    ['a|*', 'missing argument to repetition operator: `*`'],
    ['a**', 'invalid nested repetition operator: `**`'],
    ['a{2}{3}', 'invalid nested repetition operator: `{2}{3}`'],
    ['a{1001}', 'invalid repeat count: `{1001}`'],
    ['a{3,2}', 'invalid repeat count: `{3,2}`'],
    ['((a{100}){100})', 'invalid repeat count: `{100}`'],
    ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['(?!a)', 'invalid or unsupported Perl syntax: `(?!`'],
    ['(?P<n', 'invalid named capture: `(?P<n`'],
    ['(?P<n!>a)', 'invalid named capture: `(?P<n!>`'],
    ['(a)\\1', 'invalid escape sequence: `\\1`'],
    ['\\C', 'invalid escape sequence: `\\C`'],
    ['\\y', 'invalid escape sequence: `\\y`'],
    ['\\', 'trailing backslash at end of expression: ``'],
    [`${'('.repeat(600)}${')'.repeat(600)}`, 'expression nests too deeply'],
    ['(.{1000}a?){900}', 'invalid repeat count'],
    ['\\pL{1000}'.repeat(200), 'expression too large'],
  ])('%s', (pattern, reason) => {
    expect(() => compileRegex(pattern)).toThrow(`error parsing regexp: ${reason}`)
  })
})

const piece = fc.constantFrom(
  ...'a b c foo . .* .+ \\d \\w \\b \\B ^ $ [ab] [^a] [[:alpha:]] (?i) (?m) (?-s) ( (?: ) | * + ? {2} {0,1} *? \\pL \\Q.\\E é \\n - ] }'.split(
    ' ',
  ),
)
const value = fc
  .array(
    fc.constantFrom('a', 'b', 'c', 'foo', '1', '_', ' ', '\n', 'é', 'É', 'A', '-', '.', '😀'),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(''))

it('accepts and matches generated expressions as RE2 does', () => {
  let compiled = 0
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 9 }).map((parts) => parts.join('')),
      fc.array(value, { minLength: 5, maxLength: 8 }),
      (pattern, texts) => {
        const expected = oracle(pattern)
        if (expected === undefined) {
          expect(() => compileRegex(pattern), pattern).toThrow('error parsing regexp: ')
          return
        }
        compiled++
        agree(pattern, ['', ...texts])
      },
    ),
    { numRuns: 4000 },
  )
  expect(compiled).toBeGreaterThan(1000)
})

describe('shape', () => {
  it.each([
    ['a|b|cd', ['a', 'b', 'cd']],
    ['^(?:a|b)$', ['a', 'b']],
    ['pod-(1|2)x?', ['pod-1x', 'pod-1', 'pod-2x', 'pod-2']],
    ['[ab]c', ['ac', 'bc']],
    ['(?i)a1', ['A1', 'a1']],
    ['a{3}', ['aaa']],
    ['', ['']],
    ['a|a', ['a']],
  ])('%s is a set', (pattern, set) => {
    expect(compileRegex(pattern).shape.set).toEqual(set)
  })

  it.each(['a.*', 'a*', '[^a]', '\\bfoo', '\\w{3}'])('%s is no set', (pattern) => {
    expect(compileRegex(pattern).shape.set).toBeUndefined()
  })

  it.each([
    ['foo.*', 'foo'],
    ['foo(bar|baz).*', 'fooba'],
    ['(ab|ac)+x', 'a'],
    ['^foo', 'foo'],
    ['(?i)foo.*', ''],
    ['a?b', ''],
    ['(😀|😁)+', ''],
  ])('%s starts with "%s"', (pattern, prefix) => {
    expect(compileRegex(pattern).shape.prefix).toBe(prefix)
  })
})

function distinct(count: number): string {
  return Array.from({ length: count }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('')
}

describe('hostile expressions', () => {
  const long = 'a'.repeat(2000)

  it.each([
    '(.+)+-x1z!',
    '(a*)*b',
    '(a|aa)+$b',
    '(a?){500}a{500}',
    '(.*a){20}b',
    '(?:.{1,30}a.{30}){3}',
  ])('%s takes time linear in the value', (pattern) => {
    const startedAt = performance.now()
    const regex = compileRegex(pattern)
    for (let i = 0; i < 20; i++) regex.matches(`${long}${i}`)
    expect(performance.now() - startedAt).toBeLessThan(3000)
  })

  it.each([
    ['nested groups', `${'('.repeat(499)}a${')+'.repeat(499)}`],
    ['a long text', 'x'.repeat(900_000)],
    ['many texts', Array.from({ length: 50_000 }, (_, i) => `pod-${i}`).join('|')],
    ['many characters', `${distinct(20_000)}+`],
    ['many classes', '\\pL\\PL\\pN[^\\pL\\pN]'.repeat(500)],
    ['folded text', `(?i)${'abcdefghij'.repeat(5000)}.*`],
  ])('%s compile in no more than moments', (_, pattern) => {
    const startedAt = performance.now()
    compileRegex(pattern)
    expect(performance.now() - startedAt).toBeLessThan(3000)
  })

  it('refuses a value that would cost too much, within tens of milliseconds', () => {
    const regex = compileRegex('(?:.?){1000}'.repeat(40))
    const startedAt = performance.now()
    expect(() => regex.matches(long)).toThrow('takes too long on a label value')
    expect(performance.now() - startedAt).toBeLessThan(1500)
    expect(regex.matches('short')).toBe(true)
  })

  it('stays right when there are more states than are kept', () => {
    // Remembers which of the last 14 letters were an a: 2^14 states.
    const regex = compileRegex('.*a.{14}')
    let bits = 12_345
    let text = ''
    for (let i = 0; i < 20_000; i++) {
      bits = (bits * 1_103_515_245 + 12_345) % 2 ** 31
      text += bits % 3 === 0 ? 'a' : 'b'
    }
    expect(regex.matches(`${text}a${'b'.repeat(14)}`)).toBe(true)
    expect(regex.matches(`${text}b${'b'.repeat(14)}`)).toBe(false)
    expect(regex.sizeBytes()).toBeLessThan(4 << 20)
  })
})

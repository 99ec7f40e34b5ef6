import { describe, expect, it } from 'vitest'
import {
  allParserFeatures,
  defaultParserFeatures,
  type Expr,
  type ParserFeatures,
  parseExpr,
  parseSelector,
} from '../../../src/promql/index.ts'

function parse(text: string): Expr {
  return parseExpr(text, allParserFeatures)
}

function faultOf(text: string, features: ParserFeatures = allParserFeatures): string {
  try {
    parseExpr(text, features)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('numbers', () => {
  it.each([
    ['1', 1],
    ['+5.5e-3', 0.0055],
    ['.5', 0.5],
    ['5.', 5],
    ['0x1_F', 31],
    ['010', 8],
    ['08', 8],
    ['1_000', 1000],
    ['-1', -1],
    ['inf', Infinity],
    ['-Inf', -Infinity],
    ['NaN', Number.NaN],
    ['1h30m', 5400],
    ['5ms', 0.005],
  ])('%s is %d', (text, value) => {
    expect(parse(text)).toMatchObject({ kind: 'numberLiteral', value })
  })

  it('keeps whether a number was written as a duration', () => {
    expect(parse('5m')).toMatchObject({ value: 300, isDuration: true })
    expect(parse('300')).toMatchObject({ value: 300, isDuration: false })
  })
})

describe('strings', () => {
  it('reads Go escapes, and bytes that make up UTF-8', () => {
    expect(parse(String.raw`"\a\n\x41\101\u00e9\U0001F600\xe2\x82\xac"`)).toMatchObject({
      value: '\x07\nAA\u00e9\u{1f600}\u20ac',
    })
    expect(parse(String.raw`'it\'s'`)).toMatchObject({ value: "it's" })
    expect(parse(String.raw`"a\xff"`)).toMatchObject({ value: 'a\udcff' })
    expect(parse('`a\\n\n`')).toMatchObject({ value: 'a\\n\n' })
  })
})

describe('precedence', () => {
  it('binds a sign weaker than a power and stronger than a product', () => {
    expect(parse('-1 ^ 2')).toMatchObject({ kind: 'unary', expr: { op: '^' } })
    expect(parse('-a * b')).toMatchObject({ op: '*', lhs: { kind: 'unary' } })
    expect(parse('2 ^ -a * b')).toMatchObject({ op: '*', lhs: { op: '^' } })
  })

  it('is or, and unless, comparison, sum, product, power from weak to strong', () => {
    expect(parse('a or b and c == d + e * f ^ g')).toMatchObject({
      op: 'or',
      rhs: { op: 'and', rhs: { op: '==', rhs: { op: '+', rhs: { op: '*', rhs: { op: '^' } } } } },
    })
    expect(parse('a - b - c')).toMatchObject({ lhs: { op: '-' }, rhs: { name: 'c' } })
    expect(parse('a ^ b ^ c')).toMatchObject({ lhs: { name: 'a' }, rhs: { op: '^' } })
  })

  it('ends an offset before an operator unless parentheses say otherwise', () => {
    expect(parse('foo offset -2 ^ 2')).toMatchObject({ op: '^', lhs: { offsetMs: -2000 } })
    expect(parse('foo offset (2 ^ 2)')).toMatchObject({ offsetExpr: { op: '^', wrapped: true } })
    expect(parse('foo offset (5m) + 3')).toMatchObject({ offsetExpr: { op: '+' } })
    expect(parse('foo offset (5m) + (bar)')).toMatchObject({ op: '+', rhs: { kind: 'paren' } })
    expect(parse('foo offset (5m) + {a="b"}')).toMatchObject({ op: '+' })
    expect(parse('foo offset -(5m) + bar')).toMatchObject({
      op: '+',
      lhs: { kind: 'vectorSelector' },
    })
  })
})

describe('selectors', () => {
  it('takes quoted names, and puts the name before the braces last', () => {
    expect(parse('{"my.metric", "label.x"="v"}')).toMatchObject({
      name: '',
      matchers: [
        { type: '=', name: '__name__', value: 'my.metric' },
        { type: '=', name: 'label.x', value: 'v' },
      ],
    })
    expect(parse('up{a!~"b"}')).toMatchObject({
      name: 'up',
      matchers: [
        { type: '!~', name: 'a' },
        { name: '__name__', value: 'up' },
      ],
    })
  })

  it('reads offset and @ in any order, once each', () => {
    expect(parse('up[5m] @ 1.5 offset -1m')).toMatchObject({
      kind: 'matrixSelector',
      rangeMs: 300_000,
      selector: { timestampMs: 1500, offsetMs: -60_000 },
    })
    expect(parse('up offset 1m @ end()')).toMatchObject({ offsetMs: 60_000, startOrEnd: 'end' })
  })

  it('takes keywords as metric and label names', () => {
    for (const name of ['sum', 'by', 'offset', 'and', 'without', 'start', 'fill', 'anchored']) {
      expect(parse(`${name} + 1`)).toMatchObject({ lhs: { name } })
    }
    expect(parse('sum by (on, bool, "x.y") (a)')).toMatchObject({ grouping: ['on', 'bool', 'x.y'] })
  })

  it('reads match[] parameters without checking that they select something', () => {
    expect(parseSelector('{}')).toEqual([])
    expect(parseSelector('up{job="a"}')).toHaveLength(2)
    expect(() => parseSelector('up[5m]')).toThrow('1:3: parse error: unexpected "["')
  })
})

it('gives positions in bytes, and columns of errors in bytes', () => {
  expect(parse('{a="é"} + b')).toMatchObject({
    lhs: { pos: { start: 0, end: 8 } },
    rhs: { pos: { start: 11, end: 12 } },
  })
  expect(faultOf('{a="é"} +\n  "x"')).toBe(
    '2:3: parse error: binary expression must contain only scalar and instant vector types',
  )
})

describe('faults', () => {
  it.each([
    ['', 'unknown position: parse error: no expression found in input'],
    ['1 +', '1:4: parse error: unexpected end of input'],
    ['(1))', "1:5: parse error: unexpected right parenthesis ')'"],
    ['2.5.', '1:1: parse error: bad number or duration syntax: "2.5."'],
    ['1 == 1', '1:3: parse error: comparisons between scalars must use BOOL modifier'],
    ['foo + bool 1', '1:5: parse error: bool modifier can only be used on comparison operators'],
    ['foo and 1', '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
    ['a - on(b) ignoring(c) d', '1:11: parse error: unexpected <ignoring>'],
    ['sum(foo bar)', '1:9: parse error: unexpected identifier "bar" in aggregation'],
    ['sum foo', '1:5: parse error: unexpected identifier "foo"'],
    ['sum(a) by b', '1:11: parse error: unexpected identifier "b" in grouping opts, expected "("'],
    ['foo{a=b}', '1:7: parse error: unexpected identifier "b" in label matching, expected string'],
    ['foo{a=~"["}', '1:5: parse error: error parsing regexp: missing closing ]: `[`'],
    ['{a=~".*"}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['a{__name__="b"}', '1:1: parse error: metric name must not be set twice: "a" or "b"'],
    ['foo[5m', '1:7: parse error: unclosed left bracket'],
    ['foo[5m1h]', '1:5: parse error: not a valid duration string: "5m1h"'],
    ['foo[0m]', '1:5: parse error: duration must be greater than 0'],
    ['foo[5m/0]', '1:7: parse error: division by zero'],
    ['(a)[5m]', '1:4: parse error: ranges only allowed for vector selectors'],
    ['a offset 1m[5m]', '1:12: parse error: no offset modifiers allowed before range'],
    ['a offset 1m offset 2m', '1:1: parse error: offset may not be set multiple times'],
    [
      'rate(a)',
      '1:6: parse error: expected type range vector in call to function "rate", got instant vector',
    ],
    ['round()', '1:1: parse error: expected at least 1 argument(s) in call to "round", got 0'],
    ['nope()', '1:1: parse error: unknown function with name "nope"'],
    ['abs(a,)', '1:6: parse error: trailing commas not allowed in function call args'],
    ['info(a, b)', '1:9: parse error: expected label selectors only, got vector selector instead'],
    [String.raw`"\c"`, `1:1: parse error: unknown escape sequence U+0063 'c'`],
    [
      'a smoothed anchored',
      '1:1: parse error: anchored and smoothed modifiers cannot be used together',
    ],
  ])('%s', (text, message) => {
    expect(faultOf(text)).toBe(message)
  })

  it.each([
    [
      'limitk(1, a)',
      'limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions',
    ],
    ['info(a)', 'function "info" is not enabled'],
    ['a + fill(0) b', 'binop fill modifiers are experimental and not enabled'],
    ['a[5m] anchored', 'anchored modifier is experimental and not enabled'],
  ])('%s needs its feature', (text, reason) => {
    expect(faultOf(text, defaultParserFeatures)).toContain(reason)
    expect(faultOf(text)).toBe('')
  })
})

describe('bounds', () => {
  it('answers or refuses long chains and deep nesting, never overflowing the stack', () => {
    expect(faultOf(`1${'+1'.repeat(900)}`)).toBe('')
    expect(faultOf(`1${'+1'.repeat(20_000)}`)).toContain('nested more than')
    expect(faultOf(`${'('.repeat(400)}1${')'.repeat(400)}`)).toBe('')
    expect(faultOf(`${'('.repeat(20_000)}1${')'.repeat(20_000)}`)).toContain('nested more than')
    expect(faultOf(`${'-'.repeat(20_000)}a`)).toContain('nested more than')
    expect(faultOf(`a${'^a'.repeat(20_000)}`)).toContain('nested more than')
    expect(faultOf(`a[${'('.repeat(20_000)}1m${')'.repeat(20_000)}]`)).toContain('nested more than')
    expect(faultOf(`a[1m${'+1m'.repeat(20_000)}]`)).toContain('nested more than')
    expect(faultOf(`(${'-{}-1'.repeat(10_000)})${'[1m:]'.repeat(1000)}`)).not.toBe('')
  })

  it('refuses a query longer than a mebibyte', () => {
    expect(faultOf(' '.repeat(1 << 21))).toContain('the query is longer than')
  })
})

import { describe, expect, it } from 'vitest'
import {
  allParserFeatures,
  type Expr,
  parseExpr,
  prettifyExpr,
  printExpr,
} from '../../../src/promql/index.ts'
import { corpus } from './corpus.ts'

function parse(text: string): Expr {
  return parseExpr(text, allParserFeatures)
}

/** A tree without positions, to compare what was meant. */
function meaning(expr: Expr): string {
  return JSON.stringify(expr, (key, value) => {
    if (key === 'pos' || key === 'matchers') return key === 'pos' ? undefined : sorted(value)
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
    return value
  })
}

function sorted(matchers: readonly object[]): string[] {
  return matchers.map((matcher) => JSON.stringify(matcher)).sort()
}

describe('canonical form', () => {
  it.each([
    ['sum by() (x)', 'sum(x)'],
    ['sum without(b,a)(x)', 'sum without (b, a) (x)'],
    ['topk(5,x) by (a)', 'topk by (a) (5, x)'],
    ['a+bool b', ''],
    ['a>bool on(x)group_left(y)b', 'a > bool on (x) group_left (y) b'],
    ['a * ignoring() group_right b', 'a * ignoring () group_right () b'],
    ['a+fill(1e30)b', 'a + fill (1e+30) b'],
    ['a+fill_left(1)fill_right(2)b', 'a + fill_left (1) fill_right (2) b'],
    ['x{b="1",a=~"2"}', 'x{a=~"2",b="1"}'],
    ['{"x.y",a="é"}', '{__name__="x.y",a="é"}'],
    ['x{"l.1"="v"}', 'x{"l.1"="v"}'],
    ['x offset 90s @ 1.5', 'x @ 1.500 offset 1m30s'],
    ['x offset -2m', 'x offset -2m'],
    ['x @ end() smoothed offset 1m', 'x @ end() smoothed offset 1m'],
    ['x[7200] @ start() anchored', 'x[2h] anchored @ start()'],
    ['x[1h:5m] @ 3 offset 1d', 'x[1h:5m] @ 3.000 offset 1d'],
    ['x[1h:]', 'x[1h:]'],
    ['x[5m+step()*2]', 'x[5m + step() * 2]'],
    ['x offset +(5)', 'x offset (5)'],
    ['x offset -(step()+1)', 'x offset -(step() + 1)'],
    ['x[max_of(1m,step())]', 'x[max_of(1m, step())]'],
    ['1e21', '1000000000000000000000'],
    ['1e-7', '0.0000001'],
    ['-0x10', '-16'],
    ['-5400s', '-1h30m'],
    ['Inf', '+Inf'],
    ['Inf ^ 2', 'Inf ^ 2'],
    ["'a\"\\n'", '"a\\"\\n"'],
    ['- a', '-a'],
  ])('%s prints as %s', (text, printed) => {
    if (printed === '') expect(() => parse(text)).toThrow('bool modifier')
    else expect(printExpr(parse(text))).toBe(printed)
  })
})

describe('what is printed parses to the same tree', () => {
  const expressions = corpus().filter((text) => {
    try {
      return parse(text) !== undefined
    } catch {
      return false
    }
  })

  it('on one line', () => {
    expect(expressions.length).toBeGreaterThan(50)
    for (const text of expressions) {
      const expr = parse(text)
      const printed = printExpr(expr)
      expect(meaning(parse(printed)), text).toBe(meaning(expr))
      expect(printExpr(parse(printed))).toBe(printed)
    }
  })

  it('pretty', () => {
    for (const text of expressions) {
      const expr = parse(text)
      expect(meaning(parse(prettifyExpr(expr))), text).toBe(meaning(expr))
    }
  })
})

describe('pretty form', () => {
  it('leaves what fits 100 columns on one line', () => {
    expect(prettifyExpr(parse('sum(a)+b'))).toBe('sum(a) + b')
  })

  it('splits operators, calls and aggregations that do not fit, outside in', () => {
    const name = 'a_rather_long_metric_name_that_fills_the_line'
    expect(
      prettifyExpr(parse(`sum by (x) (rate(${name}{a="b"}[5m])) / -(${name}_2 + ${name}_3)`)),
    ).toBe(`  sum by (x) (rate(${name}{a="b"}[5m]))
/
  -(${name}_2 + ${name}_3)`)
    expect(prettifyExpr(parse(`topk(3, label_replace(${name}_${name}, "a", "b", "c", "d"))`))).toBe(
      `topk(
  3,
  label_replace(
    ${name}_${name},
    "a",
    "b",
    "c",
    "d"
  )
)`,
    )
  })
})

// The grammar of the editor component, written by others, as an oracle: what it reads without an error our parser
// reads too, and the checker may then refuse it.

import { parser as lezer } from '@prometheus-io/lezer-promql'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { allParserFeatures, exprToJson, parseExpr, printExpr } from '../../../src/promql/index.ts'
import { corpus } from './corpus.ts'

function lezerAccepts(text: string): boolean {
  let accepted = true
  lezer.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) accepted = false
    },
  })
  return accepted
}

// Faults of the checker and of values, which a grammar alone cannot find.
const checked = [
  'expected type',
  'argument(s) in call',
  'wrong number of arguments',
  'no arguments for aggregate',
  'unknown function',
  'binary expression must contain',
  'bool modifier',
  'must use BOOL modifier',
  'set operator',
  'no grouping allowed',
  'vector matching only allowed',
  'filling in missing series',
  'must not occur in ON and GROUP',
  'unary expression only allowed',
  'subquery is only allowed',
  'at least one non-empty matcher',
  'must not be set twice',
  'may not be set multiple times',
  'modifier must be preceded',
  'ranges only allowed',
  'no offset modifiers allowed',
  'no @ modifiers allowed',
  'duration must be greater than 0',
  'division by zero',
  'modulo by zero',
  'error parsing regexp',
  'not a valid duration',
  'expected label selectors only',
  'modifier is not supported',
  'modifier not implemented',
  'cannot be used together',
]

function syntaxFaultOf(text: string): string | undefined {
  try {
    parseExpr(text, allParserFeatures)
    return undefined
  } catch (error) {
    const { message } = error as Error
    return checked.some((part) => message.includes(part)) ? undefined : message
  }
}

it('reads every expression of the corpus that the oracle reads', () => {
  for (const text of corpus()) {
    if (lezerAccepts(text)) expect(syntaxFaultOf(text), text).toBeUndefined()
  }
})

const name = fc.constantFrom('up', 'a:b', 'sum', 'rate', 'by', 'x_total', 'start', 'fill')
const label = fc.constantFrom('job', 'le', 'on', 'sum', '"x.y"')
const labels = fc.array(label, { maxLength: 2 }).map((list) => `(${list.join(', ')})`)
const duration = fc.constantFrom('5m', '1h30m', '300', 'step()', '1m + step() * 2', '(5m)')
const number = fc.constantFrom('1', '-2.5', '0x1f', '1e3', 'Inf', 'NaN', '5m')

const { expr } = fc.letrec<{ expr: string; selector: string; vector: string }>((tie) => ({
  selector: fc
    .tuple(
      name,
      fc.constantFrom('', '{}', '{a="b"}', '{a=~"b.*",c!="d"}', '{"x.y"="z"}'),
      fc.constantFrom('', ' offset 5m', ' @ 10', ' @ end() offset -1m', ' offset (step() + 1)'),
    )
    .map((parts) => parts.join('')),
  vector: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('selector'),
    fc.tuple(name, duration).map(([metric, range]) => `rate(${metric}[${range}])`),
    fc
      .tuple(tie('vector'), duration)
      .map(([inner, range]) => `avg_over_time(${inner}[${range}:1m])`),
    fc
      .tuple(
        fc.constantFrom('sum', 'max', 'count'),
        fc.constantFrom('by', 'without'),
        labels,
        tie('vector'),
      )
      .map(([op, word, list, inner]) => `${op} ${word} ${list} (${inner})`),
    fc.tuple(tie('vector'), labels).map(([inner, list]) => `topk(3, ${inner}) by ${list}`),
    fc
      .tuple(fc.constantFrom('-', '+', 'abs'), tie('vector'))
      .map(([sign, inner]) => `${sign}(${inner})`),
    fc
      .tuple(
        tie('vector'),
        fc.constantFrom(
          '+',
          '-',
          '/',
          '^',
          '>',
          '== bool',
          'and',
          'or',
          'unless',
          '* on (job)',
          '% ignoring (le) group_left (b)',
          'atan2',
          '</',
          '+ fill (1)',
        ),
        tie('vector'),
      )
      .map((parts) => parts.join(' ')),
    fc.tuple(tie('vector'), fc.constantFrom('+', '*', '<'), number).map((parts) => parts.join(' ')),
  ),
  expr: fc.oneof(tie('vector'), number, tie('selector')),
}))

it('reads generated expressions as the oracle does, and prints what parses to the same tree', () => {
  let read = 0
  fc.assert(
    fc.property(expr, (text) => {
      if (lezerAccepts(text)) expect(syntaxFaultOf(text), text).toBeUndefined()
      try {
        parseExpr(text, allParserFeatures)
      } catch {
        return
      }
      read++
      const tree = parseExpr(text, allParserFeatures)
      const printed = printExpr(tree)
      const again = parseExpr(printed, allParserFeatures)
      expect(printExpr(again)).toBe(printed)
      if (!text.includes('{')) expect(exprToJson(again)).toEqual(exprToJson(tree))
    }),
    { numRuns: 2000 },
  )
  expect(read).toBeGreaterThan(1000)
})

it('reads or refuses any sequence of tokens with a positioned message, and never breaks', () => {
  const token = fc.constantFrom(
    ...'sum by ( ) { } [ ] , : + - ^ == =~ != @ offset bool on group_left 1 5m "s" up a:b step ( ) fill fill_left start anchored # \n é \' ` !'.split(
      ' ',
    ),
  )
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), fc.constantFrom('', ' '), (tokens, gap) => {
      const text = tokens.join(gap)
      try {
        parseExpr(text, allParserFeatures)
      } catch (error) {
        expect((error as Error).message).toMatch(/^(\d+:\d+|unknown position): parse error: ./)
      }
    }),
    { numRuns: 3000 },
  )
})

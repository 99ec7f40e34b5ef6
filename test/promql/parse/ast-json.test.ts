import { expect, it } from 'vitest'
import { allParserFeatures, exprToJson, parseExpr } from '../../../src/promql/index.ts'

function json(text: string): unknown {
  return JSON.parse(JSON.stringify(exprToJson(parseExpr(text, allParserFeatures))))
}

const up = {
  type: 'vectorSelector',
  name: 'up',
  offset: 0,
  offsetExpr: null,
  matchers: [{ name: '__name__', value: 'up', type: '=' }],
  timestamp: null,
  startOrEnd: null,
  anchored: false,
  smoothed: false,
}

it('shows literals, parentheses and signs', () => {
  expect(json('(-1e-7)')).toEqual({
    type: 'parenExpr',
    expr: { type: 'numberLiteral', val: '-0.0000001' },
  })
  expect(json('"a"')).toEqual({ type: 'stringLiteral', val: 'a' })
  expect(json('-up')).toEqual({ type: 'unaryExpr', op: '-', expr: up })
})

it('shows selectors with their times', () => {
  expect(json('up')).toEqual(up)
  expect(json('up[5m] @ 1.5 offset -1m')).toEqual({
    ...up,
    type: 'matrixSelector',
    range: 300_000,
    rangeExpr: null,
    timestamp: 1500,
    offset: -60_000,
  })
  expect(json('up[1h:step() * 2] @ end()')).toEqual({
    type: 'subquery',
    expr: up,
    range: 3_600_000,
    rangeExpr: null,
    offset: 0,
    offsetExpr: null,
    step: 0,
    stepExpr: {
      type: 'durationExpr',
      op: '*',
      lhs: { type: 'durationExpr', op: 'step', lhs: null, rhs: null, wrapped: false },
      rhs: { type: 'numberLiteral', val: '2', duration: false },
      wrapped: false,
    },
    timestamp: null,
    startOrEnd: 'end',
  })
})

it('shows calls, aggregations and operations', () => {
  expect(json('round(up)')).toEqual({
    type: 'call',
    func: { name: 'round', argTypes: ['vector', 'scalar'], variadic: 1, returnType: 'vector' },
    args: [up],
  })
  expect(json('topk by (a) (3, up)')).toEqual({
    type: 'aggregation',
    op: 'topk',
    expr: up,
    param: { type: 'numberLiteral', val: '3' },
    grouping: ['a'],
    without: false,
  })
  expect(json('up > bool on (a) group_left (b) fill_right (0) up')).toEqual({
    type: 'binaryExpr',
    op: '>',
    lhs: up,
    rhs: up,
    matching: {
      card: 'many-to-one',
      labels: ['a'],
      on: true,
      include: ['b'],
      fillValues: { lhs: null, rhs: 0 },
    },
    bool: true,
  })
  expect(json('up and up')).toMatchObject({ matching: { card: 'many-to-many', labels: [] } })
  expect(json('up + 1')).toMatchObject({ matching: null, bool: false })
})

import { expect, it } from 'vitest'
import { allParserFeatures, parseExpr, resolveDurations } from '../../../src/promql/index.ts'

const scope = { stepMs: 15_000, rangeMs: 3_600_000 }

function resolve(text: string) {
  return resolveDurations(parseExpr(text, allParserFeatures), scope)
}

it.each([
  ['x[step()]', 15_000],
  ['x[range() / 2]', 1_800_000],
  ['x[max_of(step(), 1m)]', 60_000],
  ['x[min_of(step(), 1m) * 2 ^ 2]', 60_000],
  ['x[5m - 1]', 299_000],
  ['x[7 % 4]', 3000],
  ['x[1s / 3]', 333],
  ['x[-(-5)]', 5000],
])('%s is %d ms long', (text, rangeMs) => {
  expect(resolve(text)).toMatchObject({ rangeMs })
})

it('resolves offsets, which may be negative, and everything inside subqueries and calls', () => {
  expect(resolve('x offset -(step() * 2)')).toMatchObject({ offsetMs: -30_000 })
  expect(
    resolve('sum_over_time(rate(x[step()])[range():step() * 2] offset (step() + 1))'),
  ).toMatchObject({
    args: [
      {
        rangeMs: 3_600_000,
        stepMs: 30_000,
        offsetMs: 16_000,
        expr: { args: [{ rangeMs: 15_000 }] },
      },
    ],
  })
})

it.each([
  ['x[step() - 15]', '2:13: duration must be greater than 0'],
  ['x[1 / (step() - 15)]', '2:18: division by zero'],
  ['x offset (1 % (step() - 15))', '10:26: modulo by zero'],
  ['x offset (0.5 ^ -9999)', '10:21: duration is NaN or infinite'],
  ['x offset (1e9 ^ 2)', '10:17: duration is out of range'],
])('%s is refused when the query is made', (text, message) => {
  expect(() => resolve(text)).toThrow(message)
})

import { expect, it } from 'vitest'
import { parseQuantity } from '../../src/fleet/quantity.ts'

it.each([
  ['4', 4],
  ['500m', 0.5],
  ['1.5Gi', 1.5 * 1024 ** 3],
  ['16G', 16e9],
  ['1e3', 1000],
  ['2E', 2e18],
  ['1E2', 100],
  ['-3k', -3000],
  ['.5', 0.5],
])('the quantity %s is %d', (text, amount) => expect(parseQuantity(text)).toBeCloseTo(amount, 9))

it.each(['', 'Gi', '4 cores', '1mi', '0x10', 'NaN'])('"%s" is no quantity', (text) =>
  expect(parseQuantity(text)).toBeUndefined(),
)

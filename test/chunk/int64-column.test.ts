import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyRunningSumFell, Int64Column, runningSums } from '../../src/chunk/int64-column.ts'

const edges = [0n, 1n, -1n, 2n ** 31n, 2n ** 32n, -(2n ** 32n), 2n ** 63n - 1n, -(2n ** 63n)]
const int64 = fc.oneof(
  fc.constantFrom(...edges),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)
const high = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n))
const low = (value: bigint): number => Number(BigInt.asIntN(32, value))

describe('an int64 column', () => {
  it('stores second differences and restores values from them, modulo 2^64', () => {
    fc.assert(
      fc.property(fc.array(int64, { maxLength: 20 }), (values) => {
        const writer = new Int64Column(1)
        const reader = new Int64Column(1)
        let previous = 0n
        let delta = 0n
        for (const value of values) {
          writer.advance(0, high(value), low(value))
          const dod = BigInt.asIntN(64, value - previous - delta)
          expect([writer.high, writer.low]).toEqual([high(dod), low(dod)])
          delta = BigInt.asIntN(64, value - previous)
          previous = value
          reader.apply(0, writer.high, writer.low)
          expect(reader.values[0]).toBe(value)
        }
      }),
    )
  })

  it('sums differences to the doubles nearest to the exact sums', () => {
    fc.assert(
      fc.property(fc.array(int64, { maxLength: 20 }), (deltas) => {
        let sum = 0n
        const exact = deltas.map((delta) => {
          sum = BigInt.asIntN(64, sum + delta)
          return Number(sum)
        })
        expect([...runningSums(BigInt64Array.from(deltas))]).toEqual(exact)
      }),
    )
  })

  it('tells whether any running sum fell', () => {
    const step = fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n })
    fc.assert(
      fc.property(fc.array(fc.tuple(step, step), { maxLength: 10 }), (pairs) => {
        let difference = 0n
        const fell = pairs.some(([before, after]) => {
          difference += after - before
          return difference < 0n
        })
        const before = BigInt64Array.from(pairs, ([first]) => first)
        const after = BigInt64Array.from(pairs, ([, second]) => second)
        expect(anyRunningSumFell(before, after)).toBe(fell)
      }),
    )
  })
})

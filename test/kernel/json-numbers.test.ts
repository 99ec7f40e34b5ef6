import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatFloat,
  formatMatrixRow,
  formatTimestamp,
  JsonNumbers,
} from '../../src/kernel/index.ts'

const kernel = JsonNumbers.create()

describe('a sample value', () => {
  it.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-1.5, '-1.5'],
    [100, '100'],
    [0.1, '0.1'],
    [0.001, '0.001'],
    [1e-6, '0.000001'],
    [1.5e-6, '0.0000015'],
    [9.99e-7, '9.99e-07'],
    [1e-7, '1e-07'],
    [-2.5e-10, '-2.5e-10'],
    [1e20, '100000000000000000000'],
    [1.5e20, '150000000000000000000'],
    [1e21, '1e+21'],
    [123e100, '1.23e+102'],
    [2 ** 53, '9007199254740992'],
    [2 ** 63, '9223372036854776000'],
    [5e-324, '5e-324'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [2.2250738585072014e-308, '2.2250738585072014e-308'],
    [9.5367431640625e-7, '9.5367431640625e-07'],
    [1e23, '1e+23'],
    [123456.789, '123456.789'],
    [999999999999.999, '999999999999.999'],
    [0.30000000000000004, '0.30000000000000004'],
    [Number.NaN, 'NaN'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
  ])('%d is printed as Go prints it: %s', (value, text) => {
    expect(formatFloat(value)).toBe(text)
    expect(kernel.format(value)).toBe(text)
  })

  it('has the same digits in the kernel and its twin, for every power of two and its neighbours', () => {
    const bits = new BigUint64Array(1)
    const value = new Float64Array(bits.buffer)
    for (let exponent = 0n; exponent < 2047n; exponent++)
      for (const step of [-1n, 0n, 1n]) {
        bits[0] = BigInt.asUintN(63, (exponent << 52n) + step)
        expect(kernel.format(value[0]!)).toBe(formatFloat(value[0]!))
      }
  })

  it('has the same digits in the kernel and its twin, for a million doubles', () => {
    const count = 10_000
    const values = new Float64Array(count)
    const words = new Uint32Array(values.buffer)
    const timestampsMs = new Float64Array(count)
    let state = Date.now() >>> 0
    const seed = state
    const random = (): number => {
      // xorshift32; the seed is in the message of a failure.
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return state >>> 0
    }
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < count; i++) {
        words[2 * i] = random()
        words[2 * i + 1] = random()
        if (round % 4 === 1) values[i] = random() / 1000
        if (round % 4 === 2) values[i] = random() * (random() % 4096)
        if (round % 4 === 3) values[i] = (random() % 1e6) * 10 ** ((random() % 40) - 20)
      }
      const row = { timestampsMs, values, count }
      const same = Buffer.from(kernel.writeRow(row)).toString('latin1') === formatMatrixRow(row)
      if (same) continue
      for (const value of values)
        expect(`${seed} ${kernel.format(value)}`).toBe(`${seed} ${formatFloat(value)}`)
    }
  })
})

describe('a timestamp', () => {
  it.each([
    [0, '0'],
    [1_435_781_451_000, '1435781451'],
    [1_435_781_451_500, '1435781451.500'],
    [1_435_781_451_007, '1435781451.007'],
    [-1500, '-1.500'],
    [-500, '-0.500'],
    [-2000, '-2'],
  ])('of %d ms is printed as %s', (timestampMs, text) => {
    expect(formatTimestamp(timestampMs)).toBe(text)
    const row = { timestampsMs: Float64Array.of(timestampMs), values: Float64Array.of(1), count: 1 }
    expect(Buffer.from(kernel.writeRow(row)).toString()).toBe(`[[${text},"1"]]`)
  })
})

describe('a row of a matrix', () => {
  it('is the same in the kernel and its twin, whatever is absent', () => {
    const cell = fc.tuple(
      fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
      fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0)),
      fc.constantFrom(0, 1),
    )
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 50 }), fc.boolean(), (cells, withPresence) => {
        const row = {
          timestampsMs: Float64Array.from(cells, ([timestampMs]) => timestampMs),
          values: Float64Array.from(cells, ([, value]) => value),
          present: withPresence ? Uint8Array.from(cells, ([, , present]) => present) : undefined,
          count: cells.length,
        }
        const text = Buffer.from(kernel.writeRow(row)).toString()
        expect(text).toBe(formatMatrixRow(row))
        expect(JSON.parse(text)).toBeInstanceOf(Array)
      }),
    )
  })

  it('grows its memory for long rows', () => {
    const count = 100_000
    const row = {
      timestampsMs: Float64Array.from({ length: count }, (_, i) => -8e15 + i),
      values: new Float64Array(count).fill(-1.234567890123456e-300),
      count,
    }
    expect(Buffer.from(kernel.writeRow(row)).toString()).toBe(formatMatrixRow(row))
  })
})

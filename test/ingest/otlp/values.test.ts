import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { otlp } from '../../../src/encoding/index.ts'
import { hexOf, millisecondsOf, plainDecimalOf, textOf } from '../../../src/ingest/otlp/values.ts'

/** A point as it comes off the wire, with this time. */
function decodedTime(nanoseconds: bigint) {
  const point = otlp.NumberDataPoint.fromObject({ timeUnixNano: String(nanoseconds) })
  return otlp.NumberDataPoint.decode(otlp.NumberDataPoint.encode(point).finish()).timeUnixNano
}

describe('times', () => {
  it('are milliseconds exactly, rounded down, for every number of nanoseconds', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (nanoseconds) => {
        expect(millisecondsOf(decodedTime(nanoseconds))).toBe(Number(nanoseconds / 1_000_000n))
      }),
    )
    const exact = 1_700_000_000_001n * 1_000_000n
    expect(millisecondsOf(decodedTime(exact))).toBe(1_700_000_000_001)
    expect(millisecondsOf(decodedTime(exact - 1n))).toBe(1_700_000_000_000)
    expect(millisecondsOf(1_700_000_000_001_000_000)).toBe(1_700_000_000_001)
    expect(millisecondsOf(undefined)).toBe(0)
  })
})

describe('attribute values', () => {
  const text = (value: object) => textOf(otlp.AnyValue.fromObject(value))

  it('are text as JSON writes it, strings without quotes', () => {
    expect(text({ stringValue: 'a"b' })).toBe('a"b')
    expect(text({ boolValue: false })).toBe('false')
    expect(text({ intValue: '9223372036854775807' })).toBe('9223372036854775807')
    expect(text({ intValue: 5 })).toBe('5')
    expect(text({ doubleValue: 1.5 })).toBe('1.5')
    expect(text({ bytesValue: Buffer.from([1, 2]) })).toBe('AQI=')
    expect(text({ arrayValue: { values: [{ intValue: 1 }, { stringValue: 'x' }] } })).toBe(
      '[1,"x"]',
    )
    expect(text({ kvlistValue: { values: [{ key: 'a', value: { boolValue: true } }] } })).toBe(
      '{"a":true}',
    )
    expect(text({})).toBe('')
    expect(textOf(undefined)).toBe('')
  })
})

describe('decimals', () => {
  it('never have an exponent and mean the same number', () => {
    expect([0.005, 1, 2.5, 1e21, 1.5e-7, -1e-9, 1.25e22].map(plainDecimalOf)).toEqual([
      '0.005',
      '1',
      '2.5',
      '1000000000000000000000',
      '0.00000015',
      '-0.000000001',
      '12500000000000000000000',
    ])
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const decimal = plainDecimalOf(value)
        expect(decimal).toMatch(/^-?\d+(\.\d+)?$/)
        expect(Number(decimal)).toBe(value === 0 ? 0 : value)
      }),
    )
    expect(plainDecimalOf(Number.POSITIVE_INFINITY)).toBe('+Inf')
  })
})

describe('identifiers', () => {
  it('are hexadecimal, and absent where they are all zero', () => {
    expect(hexOf(Buffer.from('00ff', 'hex'))).toBe('00ff')
    expect(hexOf(new Uint8Array(8))).toBe('')
    expect(hexOf(new Uint8Array(0))).toBe('')
  })
})

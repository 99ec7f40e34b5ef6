import { describe, expect, it } from 'vitest'
import {
  formatPlain,
  formatSampleValue,
  formatSeconds,
} from '../../src/query/format-sample-value.ts'

describe('numbers in answers', () => {
  it('prints sample values as Go does', () => {
    const pairs: readonly (readonly [number, string])[] = [
      [1, '1'],
      [0.1, '0.1'],
      [-0, '-0'],
      [1e-7, '1e-07'],
      [1.5e-7, '1.5e-07'],
      [1e-6, '0.000001'],
      [1e20, '100000000000000000000'],
      [1e21, '1e+21'],
      [5e-324, '5e-324'],
      [Infinity, '+Inf'],
      [-Infinity, '-Inf'],
      [NaN, 'NaN'],
    ]
    for (const [value, text] of pairs) expect(formatSampleValue(value)).toBe(text)
  })

  it('prints scalars without exponent', () => {
    expect(formatPlain(1e21)).toBe('1000000000000000000000')
    expect(formatPlain(-1.5e22)).toBe('-15000000000000000000000')
    expect(formatPlain(1e-7)).toBe('0.0000001')
    expect(formatPlain(1.25e-9)).toBe('0.00000000125')
    expect(formatPlain(12.5)).toBe('12.5')
  })

  it('prints times in seconds with no or three decimals', () => {
    expect(formatSeconds(1435781451500)).toBe('1435781451.500')
    expect(formatSeconds(1435781451000)).toBe('1435781451')
    expect(formatSeconds(1435781451007)).toBe('1435781451.007')
    expect(formatSeconds(-500)).toBe('-0.500')
    expect(formatSeconds(-1500)).toBe('-1.500')
  })
})

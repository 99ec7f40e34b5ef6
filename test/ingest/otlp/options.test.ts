import { describe, expect, it } from 'vitest'
import { otlpDefaults, parseOtlpTranslation } from '../../../src/ingest/index.ts'

describe('the translation strategy', () => {
  it('is one of four names', () => {
    expect(parseOtlpTranslation('NoTranslation')).toBe('NoTranslation')
    expect(parseOtlpTranslation(otlpDefaults.translation)).toBe(otlpDefaults.translation)
    expect(() => parseOtlpTranslation('None')).toThrow(/"None".*NoUTF8EscapingWithSuffixes/)
  })
})

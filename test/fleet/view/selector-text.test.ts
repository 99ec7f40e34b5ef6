// Selectors as kubectl takes them.
import { describe, expect, it } from 'vitest'
import { matchesSelector } from '../../../src/fleet/label-selector.ts'
import { parseSelector } from '../../../src/fleet/view/selector-text.ts'

const matches = (text: string, labels: Record<string, string>): boolean => {
  const parsed = parseSelector(text)
  if ('mistake' in parsed) throw new Error(parsed.mistake)
  return matchesSelector(parsed.selector, new Map(Object.entries(labels)))
}

describe('a selector in words', () => {
  it('compares, with one or two equal signs, and with spaces', () => {
    for (const text of ['env=prod', 'env==prod', ' env = prod '])
      expect([matches(text, { env: 'prod' }), matches(text, { env: 'dev' })]).toEqual([true, false])
  })

  it('holds for a missing label where it says not', () => {
    expect(matches('env!=prod', {})).toBe(true)
    expect(matches('env notin (prod, dev)', {})).toBe(true)
    expect(matches('env notin (prod, dev)', { env: 'dev' })).toBe(false)
  })

  it('knows sets, existence and lack, all at once', () => {
    const text = 'region in (eu, us),tier,!retired,example.com/team=a'
    expect(matches(text, { region: 'us', tier: '1', 'example.com/team': 'a' })).toBe(true)
    expect(matches(text, { region: 'ap', tier: '1', 'example.com/team': 'a' })).toBe(false)
    expect(matches(text, { region: 'us', 'example.com/team': 'a' })).toBe(false)
    expect(matches(text, { region: 'us', tier: '1', retired: '', 'example.com/team': 'a' })).toBe(
      false,
    )
  })

  it('that is empty matches everything', () => {
    expect(matches('', {})).toBe(true)
  })

  it('that is wrong says where', () => {
    const mistakeOf = (text: string) => parseSelector(text)
    expect(mistakeOf('a in b')).toEqual({ mistake: 'cannot read "a in b"' })
    expect(mistakeOf('a,,b')).toEqual({ mistake: 'cannot read ""' })
    expect(mistakeOf('-x=1')).toMatchObject({ mistake: expect.stringContaining('"-x"') })
    expect(mistakeOf('a'.repeat(5000))).toMatchObject({
      mistake: expect.stringContaining('longer'),
    })
  })
})

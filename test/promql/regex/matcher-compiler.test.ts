import { expect, it } from 'vitest'
import type { MatcherType } from '../../../src/model/index.ts'
import { createMatcherCompiler } from '../../../src/promql/index.ts'

function compile(type: MatcherType, value: string) {
  return createMatcherCompiler()({ type, name: 'x', value })
}

it('knows the exact values of an equality and of a finite expression', () => {
  expect(compile('=', 'a')).toMatchObject({ setValues: ['a'], matchesEmpty: false })
  expect(compile('=~', 'a|b|')).toMatchObject({ setValues: ['a', 'b', ''], matchesEmpty: true })
  expect(compile('!~', 'a|b').setValues).toBeUndefined()
  expect(compile('!=', 'a').setValues).toBeUndefined()
})

it('gives the common start of what an expression matches', () => {
  expect(compile('=~', 'node_(cpu|disk).+').prefix).toBe('node_')
  expect(compile('=~', '.*x').prefix).toBeUndefined()
  expect(compile('!~', 'node_.+').prefix).toBeUndefined()
})

it('treats an absent label as the empty string', () => {
  expect(compile('=', '').matchesEmpty).toBe(true)
  expect(compile('!=', 'a').matchesEmpty).toBe(true)
  expect(compile('=~', '.+').matchesEmpty).toBe(false)
  expect(compile('!~', '.+').matchesEmpty).toBe(true)
  expect(compile('!~', '.*').matchesEmpty).toBe(false)
})

it('matches whole values, the dot newlines too', () => {
  const matcher = compile('=~', 'a.*b')
  expect(['ab', 'a\nb', 'xab', 'abx'].map((text) => matcher.matches(text))).toEqual([
    true,
    true,
    false,
    false,
  ])
})

it('refuses what RE2 refuses', () => {
  expect(() => compile('=~', '(?=a)')).toThrow('error parsing regexp')
  expect(() => compile('!~', 'a(')).toThrow('error parsing regexp: missing closing ): `a(`')
})

it('forgets the expressions used least lately when the cache is full', () => {
  const compiler = createMatcherCompiler({ cacheCountMax: 2 })
  for (let i = 0; i < 10; i++) {
    expect(compiler({ type: '=~', name: 'x', value: `${i}.*y+` }).matches(`${i}y`)).toBe(true)
  }
})

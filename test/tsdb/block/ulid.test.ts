import { expect, test } from 'vitest'
import { createUlidFactory, isUlid, ulidTimeMs } from '../../../src/tsdb/index.ts'

test('a ULID carries its creation time and is 26 characters of Crockford base 32', () => {
  const next = createUlidFactory(
    () => 1_469_918_176_385,
    () => new Uint8Array(10).fill(255),
  )
  expect(next()).toBe('01ARYZ6S41FZZZZZZZZZZZZZZZ')
  expect(ulidTimeMs('01ARYZ6S41TSV4RRFFQ69G5FAV')).toBe(1_469_918_176_385)
})

test('within one millisecond, and when the clock steps back, ULIDs still ascend', () => {
  const times = [5, 5, 5, 3, 6]
  const next = createUlidFactory(() => times.shift()!)
  const made = [next(), next(), next(), next(), next()]
  expect([...made].sort()).toEqual(made)
  expect(new Set(made).size).toBe(5)
})

test('lower case, wrong length, wrong letters and too large times are no ULIDs', () => {
  for (const text of ['', '01ARYZ6S41TSV4RRFFQ69G5FA', '01aryz6s41tsv4rrffq69g5fav'])
    expect(isUlid(text)).toBe(false)
  expect(isUlid('81ARYZ6S41TSV4RRFFQ69G5FAV')).toBe(false)
  expect(isUlid('01ARYZ6S41TSV4RRFFQ69G5FAU')).toBe(false)
  expect(isUlid('01ARYZ6S41TSV4RRFFQ69G5FAV')).toBe(true)
})

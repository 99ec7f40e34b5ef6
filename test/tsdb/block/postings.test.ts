import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascending, intersect, subtract, union } from '../../../src/tsdb/block/postings.ts'

const id = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 4_294_967_295 }),
  fc.integer({ min: 2_147_483_600, max: 2_147_483_700 }),
)
const ids = fc.uniqueArray(id, { maxLength: 80 }).map((list) => Uint32Array.from(list).sort())

test('intersection, difference and union are those of sets, in ascending order', () => {
  fc.assert(
    fc.property(ids, ids, ids, (a, b, c) => {
      const has = (list: Uint32Array) => (item: number) => list.includes(item)
      expect([...intersect(a, b)]).toEqual([...a].filter(has(b)))
      expect([...subtract(a, b)]).toEqual([...a].filter((item) => !b.includes(item)))
      const all = [...new Set([...a, ...b, ...c])].sort((x, y) => x - y)
      expect([...union([a, b, c])]).toEqual(all)
      expect([...ascending(Uint32Array.from([...c, ...a, ...b]))]).toEqual(all)
    }),
    { numRuns: 500 },
  )
})

test('a short list is found in a long one, wherever it lies', () => {
  const long = Uint32Array.from({ length: 10_000 }, (_, i) => 3 * i)
  expect([...intersect(Uint32Array.of(0, 1, 15_000, 29_997, 40_000), long)]).toEqual([
    0, 15_000, 29_997,
  ])
  expect(subtract(long, Uint32Array.of(3)).length).toBe(9999)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HashIndex } from '../../src/storage/index.ts'

// Few distinct words, so that hashes share slots and words without being equal.
const hash = fc.tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 1, 0xffffffff, 128)))

it('distinct hashes get 0, 1, 2, … in the order they are first seen; equal ones the same', () => {
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 600 }), (hashes) => {
      const words = Uint32Array.from(hashes.flat())
      const index = new HashIndex()
      const known = new Map<string, number>()
      hashes.forEach((one, i) => {
        const key = one.join()
        expect(index.find(words, i)).toBe(known.get(key) ?? -1)
        if (!known.has(key)) known.set(key, known.size)
        expect(index.add(words, i)).toBe(known.get(key))
        expect([...index.words.subarray(4 * known.get(key)!, 4 * known.get(key)! + 4)]).toEqual(one)
      })
      expect(index.count).toBe(known.size)
    }),
  )
})

it('grows without forgetting', () => {
  const index = new HashIndex()
  const words = Uint32Array.from({ length: 40_000 }, (_, i) => (i % 4 === 0 ? i >> 6 : i))
  for (let i = 0; i < 10_000; i++) expect(index.add(words, i)).toBe(i)
  for (let i = 0; i < 10_000; i++) expect(index.find(words, i)).toBe(i)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LabelDictionary } from '../../../src/promql/operators/label-dictionary.ts'
import { LabelSubset } from '../../../src/promql/operators/label-subset.ts'
import { pairsWithLabel } from '../../../src/promql/operators/pair-edit.ts'
import { labelsOfRow, SeriesTableBuilder } from '../../../src/promql/operators/series-table.ts'
import { HashIndex } from '../../../src/storage/index.ts'

const seed = new Uint32Array([1, 2, 3, 4])
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 })

test('equal pairs have one id and different pairs have two, however many there are', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 300 }), (pairs) => {
      const dictionary = new LabelDictionary(seed)
      const idOf = new Map<string, number>()
      for (const [name, value] of pairs) {
        const id = dictionary.pairOf(name, value)
        expect(dictionary.name(id)).toBe(name)
        expect(dictionary.value(id)).toBe(value)
        const key = JSON.stringify([name, value])
        expect(idOf.get(key) ?? id).toBe(id)
        idOf.set(key, id)
      }
      expect(new Set(idOf.values()).size).toBe(idOf.size)
      expect(dictionary.pairCount).toBe(idOf.size)
    }),
  )
})

test('pairs of a source get the ids of equal pairs that are already known', () => {
  const source = new LabelDictionary(new Uint32Array([9, 9, 9, 9]))
  source.pairOf('x', '1')
  source.pairOf('x', '2')
  const dictionary = new LabelDictionary(seed)
  const known = dictionary.pairOf('x', '2')
  const ids = dictionary.importPairs(source.asPairs())
  expect(ids[1]).toBe(known)
  expect(dictionary.value(ids[0]!)).toBe('1')
})

test('setting a label keeps the pairs sorted by name, and an empty value removes it', () => {
  const dictionary = new LabelDictionary(seed)
  const pairs = [dictionary.pairOf('a', '1'), dictionary.pairOf('c', '3')]
  const shown = (ids: readonly number[]) =>
    ids.map((id) => `${dictionary.name(id)}=${dictionary.value(id)}`).join()
  expect(shown(pairsWithLabel(dictionary, pairs, 'b', '2'))).toBe('a=1,b=2,c=3')
  expect(shown(pairsWithLabel(dictionary, pairs, 'c', '4'))).toBe('a=1,c=4')
  expect(shown(pairsWithLabel(dictionary, pairs, 'd', '4'))).toBe('a=1,c=3,d=4')
  expect(shown(pairsWithLabel(dictionary, pairs, 'a', ''))).toBe('c=3')
})

test('rows with equal labels in a subset have equal hashes in it', () => {
  const dictionary = new LabelDictionary(seed)
  const builder = new SeriesTableBuilder(dictionary)
  const row = (...labels: [string, string][]) => {
    const ids = labels.map(([name, value]) => dictionary.pairOf(name, value))
    builder.addRow(ids, 0, ids.length, 0)
  }
  row(['a', '1'], ['b', '1'])
  row(['a', '1'], ['b', '2'])
  row(['a', '2'], ['b', '1'])
  const table = builder.finish()
  const index = new HashIndex()
  const hash = new Uint32Array(4)
  const groupsBy = (names: string[], keep: 'listed' | 'others') => {
    const subset = new LabelSubset(dictionary, names, keep)
    return [0, 1, 2].map((r) => {
      subset.hashRow(table, r, hash)
      return index.add(hash)
    })
  }
  expect(groupsBy(['a'], 'listed')).toEqual([0, 0, 1])
  // Without b is by a: the very same hashes.
  expect(groupsBy(['b'], 'others')).toEqual([0, 0, 1])
  expect(labelsOfRow(table, 2)).toEqual([
    { name: 'a', value: '2' },
    { name: 'b', value: '1' },
  ])
})

// Editing a row's pairs: setting and removing labels while the pairs stay sorted by name.

import { compareUtf8 } from '../../model/index.ts'
import type { LabelDictionary } from './label-dictionary.ts'

/** The pairs with `pair` added, in place of one of the same name. */
export function pairsWith(
  dictionary: LabelDictionary,
  pairs: readonly number[],
  pair: number,
): number[] {
  const name = dictionary.name(pair)
  const nameId = dictionary.nameIds[pair]!
  const out: number[] = []
  let placed = false
  for (const other of pairs) {
    if (dictionary.nameIds[other] === nameId) continue
    if (!placed && compareUtf8(dictionary.name(other), name) > 0) {
      out.push(pair)
      placed = true
    }
    out.push(other)
  }
  if (!placed) out.push(pair)
  return out
}

/** The pairs without the label `name`. */
export function pairsWithout(
  dictionary: LabelDictionary,
  pairs: readonly number[],
  name: string,
): number[] {
  const nameId = dictionary.nameIdOf(name)
  return pairs.filter((pair) => dictionary.nameIds[pair] !== nameId)
}

/** The pairs with a label set to `value`; an empty value removes it. */
export function pairsWithLabel(
  dictionary: LabelDictionary,
  pairs: readonly number[],
  name: string,
  value: string,
): number[] {
  return value === ''
    ? pairsWithout(dictionary, pairs, name)
    : pairsWith(dictionary, pairs, dictionary.pairOf(name, value))
}

// Sorting series of one generation by their labels, in place of strings by ranks.

import { compareUtf8 } from '../../model/index.ts'
import type { CancelSignal } from '../../storage/index.ts'
import type { GenerationReader } from './generation-reader.ts'

/**
 * The refs sorted by labels, bytewise. Pairs are ranked by name and value once; rows then compare by ranks. No strings: a
 * million values as strings with their places took 200 MB.
 */
export function sortByLabels(
  reader: GenerationReader,
  refs: Uint32Array,
  signal: CancelSignal,
): Uint32Array {
  const { view } = reader.source
  const ranks = new Uint32Array(view.pairCount)
  for (const ref of refs) for (const pair of view.pairsOf(ref)) ranks[pair] = 1
  signal.check()
  const pairs = new Uint32Array(ranks.reduce((count, isUsed) => count + isUsed, 0))
  let count = 0
  for (let pair = 0; pair < ranks.length; pair++) if (ranks[pair] === 1) pairs[count++] = pair
  sortPairs(reader, pairs)
  signal.check()
  for (let rank = 0; rank < pairs.length; rank++) ranks[pairs[rank]!] = rank
  const { words } = view
  // Read in place: a million rows take twenty million comparisons.
  const compare = (a: number, b: number): number => {
    const left = view.infoOf(a) >>> 2
    const right = view.infoOf(b) >>> 2
    const leftPairs = words[left + 4]! >>> 2
    const rightPairs = words[right + 4]! >>> 2
    const count = Math.min(words[left + 5]!, words[right + 5]!)
    for (let i = 0; i < count; i++) {
      const order = ranks[words[leftPairs + i]!]! - ranks[words[rightPairs + i]!]!
      if (order !== 0) return order
    }
    return words[left + 5]! - words[right + 5]!
  }
  return Uint32Array.from(refs).sort(compare)
}

// By name, then by value; the key that is compared first holds the rank of the name and four bytes of the value.
function sortPairs(reader: GenerationReader, pairs: Uint32Array): void {
  const { view, labelNames } = reader.source
  const { words } = view
  const text = reader.textOf()
  const nameRanks = new Uint32Array(labelNames.length)
  const byName = [...labelNames.keys()].sort((a, b) => compareUtf8(labelNames[a]!, labelNames[b]!))
  byName.forEach((id, rank) => {
    nameRanks[id] = rank
  })
  const keys = new Float64Array(view.pairCount)
  for (const pair of pairs) {
    const at = view.pairOf(pair) >>> 2
    const start = words[at + 6]!
    const size = words[at + 7]!
    let key = nameRanks[words[at + 5]!]!
    for (let i = 0; i < 4; i++) key = key * 256 + (i < size ? text[start + i]! : 0)
    keys[pair] = key
  }
  pairs.sort((a, b) => {
    const difference = keys[a]! - keys[b]!
    if (difference !== 0) return difference
    const left = view.pairOf(a) >>> 2
    const right = view.pairOf(b) >>> 2
    const [leftStart, rightStart] = [words[left + 6]!, words[right + 6]!]
    const leftEnd = leftStart + words[left + 7]!
    return text.compare(text, rightStart, rightStart + words[right + 7]!, leftStart, leftEnd)
  })
}

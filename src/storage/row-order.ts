// Order of rows: by labels, as Prometheus sorts results: name then value, bytewise, shorter prefix first.

import type { PairDictionary, SeriesBatch } from './series-batch.ts'

/** One row of one batch. */
export interface RowRef {
  readonly batch: SeriesBatch
  readonly row: number
}

/** Compares the labels of two rows. Negative, zero or positive. */
export function compareRows(a: RowRef, b: RowRef): number {
  return comparePairLists(a.batch.pairs, rowPairIds(a), b.batch.pairs, rowPairIds(b))
}

/** The pair ids of a row, without those that `dropped` marks. */
export function rowPairIds({ batch, row }: RowRef, dropped?: Uint8Array): Uint32Array {
  const ids = batch.pairIds.subarray(batch.pairStarts[row]!, batch.pairStarts[row + 1]!)
  return dropped === undefined ? ids : ids.filter((pairId) => dropped[pairId] === 0)
}

/** Compares two lists of pairs, each sorted by name. */
export function comparePairLists(
  pairsA: PairDictionary,
  idsA: Uint32Array,
  pairsB: PairDictionary,
  idsB: Uint32Array,
): number {
  const count = Math.min(idsA.length, idsB.length)
  for (let i = 0; i < count; i++) {
    const a = 2 * idsA[i]!
    const b = 2 * idsB[i]!
    if (pairsA === pairsB && a === b) continue
    const order = compareString(pairsA, a, pairsB, b) || compareString(pairsA, a + 1, pairsB, b + 1)
    if (order !== 0) return order
  }
  return idsA.length - idsB.length
}

function compareString(
  pairsA: PairDictionary,
  stringA: number,
  pairsB: PairDictionary,
  stringB: number,
): number {
  const startA = pairsA.offsets[stringA]!
  const startB = pairsB.offsets[stringB]!
  const lengthA = pairsA.offsets[stringA + 1]! - startA
  const lengthB = pairsB.offsets[stringB + 1]! - startB
  const count = Math.min(lengthA, lengthB)
  const bytesA = pairsA.bytes
  const bytesB = pairsB.bytes
  for (let i = 0; i < count; i++) {
    const difference = bytesA[startA + i]! - bytesB[startB + i]!
    if (difference !== 0) return difference
  }
  return lengthA - lengthB
}

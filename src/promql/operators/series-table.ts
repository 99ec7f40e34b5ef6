// Series table: the labels of an operator's rows as pair ids of the query's dictionary.
// Invariants: a row's pairs are sorted by label name (UTF-8 bytes); a row's hash is the sum of its pairs' hashes.
// `dropName` marks rows whose metric name goes away at the end (delayed name removal); their pairs still hold it.

import type { Label, Labels } from '../../model/index.ts'
import { compareUtf8 } from '../../model/index.ts'
import type { LabelDictionary } from './label-dictionary.ts'

/** Labels by row. Build with `SeriesTableBuilder`. */
export interface SeriesTable {
  readonly dictionary: LabelDictionary
  readonly rowCount: number
  /** [rowCount + 1] where each row's pairs start in `pairIds`. */
  readonly pairStarts: Uint32Array
  readonly pairIds: Uint32Array
  /** [4 × rowCount] 128-bit hash of each row's labels. */
  readonly hashes: Uint32Array
  /** [rowCount] 1 where the metric name is to be dropped at the end. */
  readonly dropName: Uint8Array
}

/** Grows a table row by row. */
export class SeriesTableBuilder {
  readonly dictionary: LabelDictionary
  rowCount = 0
  #pairCount = 0
  #pairStarts = new Uint32Array(65)
  #pairIds = new Uint32Array(512)
  #hashes = new Uint32Array(4 * 64)
  #dropName = new Uint8Array(64)

  constructor(dictionary: LabelDictionary) {
    this.dictionary = dictionary
  }

  /** Adds `ids[from, to)` as a row; they are sorted by name. Returns the row's index. */
  addRow(ids: ArrayLike<number>, from: number, to: number, dropName: number): number {
    const row = this.rowCount
    this.#reserve(to - from)
    const { hashes } = this.dictionary
    let h0 = 0
    let h1 = 0
    let h2 = 0
    let h3 = 0
    for (let i = from; i < to; i++) {
      const pair = ids[i]!
      this.#pairIds[this.#pairCount++] = pair
      h0 = (h0 + hashes[4 * pair]!) | 0
      h1 = (h1 + hashes[4 * pair + 1]!) | 0
      h2 = (h2 + hashes[4 * pair + 2]!) | 0
      h3 = (h3 + hashes[4 * pair + 3]!) | 0
    }
    this.#hashes[4 * row] = h0
    this.#hashes[4 * row + 1] = h1
    this.#hashes[4 * row + 2] = h2
    this.#hashes[4 * row + 3] = h3
    this.#dropName[row] = dropName
    this.rowCount = row + 1
    this.#pairStarts[this.rowCount] = this.#pairCount
    return row
  }

  /** Adds a copy of a row of another table of the same query. */
  copyRow(table: SeriesTable, row: number, dropName = table.dropName[row]!): number {
    return this.addRow(table.pairIds, table.pairStarts[row]!, table.pairStarts[row + 1]!, dropName)
  }

  /** The finished table. */
  finish(): SeriesTable {
    return {
      dictionary: this.dictionary,
      rowCount: this.rowCount,
      pairStarts: this.#pairStarts.subarray(0, this.rowCount + 1),
      pairIds: this.#pairIds.subarray(0, this.#pairCount),
      hashes: this.#hashes.subarray(0, 4 * this.rowCount),
      dropName: this.#dropName.subarray(0, this.rowCount),
    }
  }

  #reserve(pairs: number): void {
    if (this.#pairCount + pairs > this.#pairIds.length) {
      this.#pairIds = grown(
        this.#pairIds,
        Math.max(2 * this.#pairIds.length, this.#pairCount + pairs),
      )
    }
    if (this.rowCount < this.#dropName.length) return
    const capacity = 2 * this.#dropName.length
    this.#pairStarts = grown(this.#pairStarts, capacity + 1)
    this.#hashes = grown(this.#hashes, 4 * capacity)
    const dropName = new Uint8Array(capacity)
    dropName.set(this.#dropName)
    this.#dropName = dropName
  }
}

/** The pair of a row whose name has this id, or −1. */
export function pairWithName(table: SeriesTable, row: number, nameId: number): number {
  const { nameIds } = table.dictionary
  for (let i = table.pairStarts[row]!; i < table.pairStarts[row + 1]!; i++) {
    const pair = table.pairIds[i]!
    if (nameIds[pair] === nameId) return pair
  }
  return -1
}

/** The value of a row's label, '' where it is absent. */
export function rowLabel(table: SeriesTable, row: number, name: string): string {
  const pair = pairWithName(table, row, table.dictionary.nameIdOf(name))
  return pair < 0 ? '' : table.dictionary.value(pair)
}

/** A row's labels as strings. */
export function labelsOfRow(table: SeriesTable, row: number): Labels {
  const labels: Label[] = []
  for (let i = table.pairStarts[row]!; i < table.pairStarts[row + 1]!; i++) {
    const pair = table.pairIds[i]!
    labels.push({ name: table.dictionary.name(pair), value: table.dictionary.value(pair) })
  }
  return labels
}

/** Order of two rows as results are sorted: label by label, name then value, bytewise, shorter prefix first. */
export function compareRows(table: SeriesTable, a: number, b: number): number {
  const { dictionary, pairIds, pairStarts } = table
  const startA = pairStarts[a]!
  const startB = pairStarts[b]!
  const countA = pairStarts[a + 1]! - startA
  const countB = pairStarts[b + 1]! - startB
  for (let i = 0; i < Math.min(countA, countB); i++) {
    const pairA = pairIds[startA + i]!
    const pairB = pairIds[startB + i]!
    if (pairA === pairB) continue
    const byName = compareUtf8(dictionary.name(pairA), dictionary.name(pairB))
    if (byName !== 0) return byName
    return compareUtf8(dictionary.value(pairA), dictionary.value(pairB))
  }
  return countA - countB
}

function grown(column: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(capacity)
  out.set(column)
  return out
}

// Label subsets: which labels of a row take part in grouping, matching or a name-dropped result.
// A subset is decided once per label name; rows are then hashed and copied by numbers.

import { metricNameLabel } from '../../model/index.ts'
import type { LabelDictionary } from './label-dictionary.ts'
import type { SeriesTable } from './series-table.ts'
import { SeriesTableBuilder } from './series-table.ts'

/** The labels that go when a function or operator drops the name. */
export const nameLabels: readonly string[] = [metricNameLabel, '__type__', '__unit__']

/** A choice of label names: the listed ones, or all but the listed ones. */
export class LabelSubset {
  readonly #dictionary: LabelDictionary
  /** By name id: 1 where it is listed; ids beyond the end came later and are not. */
  readonly #listed: Uint8Array
  readonly #keepListed: boolean

  constructor(dictionary: LabelDictionary, names: readonly string[], keep: 'listed' | 'others') {
    this.#dictionary = dictionary
    const ids = names.map((name) => dictionary.nameIdOf(name))
    this.#listed = new Uint8Array(Math.max(0, ...ids) + 1)
    for (const id of ids) this.#listed[id] = 1
    this.#keepListed = keep === 'listed'
  }

  /** Whether a pair's name is in the subset. */
  keeps(pair: number): boolean {
    const nameId = this.#dictionary.nameIds[pair]!
    const listed = nameId < this.#listed.length && this.#listed[nameId] === 1
    return listed === this.#keepListed
  }

  /** Hash of the row's labels in the subset, into `out[0 … 3]`. */
  hashRow(table: SeriesTable, row: number, out: Uint32Array): void {
    const { hashes } = this.#dictionary
    out.fill(0)
    for (let i = table.pairStarts[row]!; i < table.pairStarts[row + 1]!; i++) {
      const pair = table.pairIds[i]!
      if (!this.keeps(pair)) continue
      out[0]! += hashes[4 * pair]!
      out[1]! += hashes[4 * pair + 1]!
      out[2]! += hashes[4 * pair + 2]!
      out[3]! += hashes[4 * pair + 3]!
    }
  }

  /** The row's pairs in the subset, in order. */
  pairsOf(table: SeriesTable, row: number): number[] {
    const kept: number[] = []
    for (let i = table.pairStarts[row]!; i < table.pairStarts[row + 1]!; i++) {
      const pair = table.pairIds[i]!
      if (this.keeps(pair)) kept.push(pair)
    }
    return kept
  }
}

/** Grouping by(names) or without(names), the latter dropping the metric name too. */
export function groupingSubset(
  dictionary: LabelDictionary,
  names: readonly string[],
  without: boolean,
): LabelSubset {
  return without
    ? new LabelSubset(dictionary, [...names, metricNameLabel], 'others')
    : new LabelSubset(dictionary, names, 'listed')
}

/** Copy of a table whose rows have lost their names. */
export function withoutNames(table: SeriesTable): SeriesTable {
  const subset = new LabelSubset(table.dictionary, nameLabels, 'others')
  const builder = new SeriesTableBuilder(table.dictionary)
  for (let row = 0; row < table.rowCount; row++) {
    const pairs = subset.pairsOf(table, row)
    builder.addRow(pairs, 0, pairs.length, 0)
  }
  return builder.finish()
}

/** The table of a function that drops the name: at once, or marked for the end. */
export function droppingNames(table: SeriesTable, delayed: boolean): SeriesTable {
  if (!delayed) return withoutNames(table)
  return { ...table, dropName: new Uint8Array(table.rowCount).fill(1) }
}

// Pair interner: the distinct label pairs of a block that is being written, told apart by their 128-bit hashes, so that
// the second pass over the series makes no strings.
// Invariant: both passes come from sources with the same hash seed.

import { assert } from '../../model/index.ts'
import { HashIndex, type PairDictionary, pairName } from '../../storage/index.ts'
import { type SortedSymbols, SymbolBytes } from './symbol-bytes.ts'
import { U32List } from './u32-list.ts'

/** Strings and pairs as an index file has them. */
export interface InternedPairs {
  /** All names, values and the empty string. */
  readonly symbols: SortedSymbols
  /** By pair id: position of the name × 2^32 + position of the value. */
  readonly keys: Float64Array
}

/** Numbers pairs from 0 on, in order of first sight. */
export class PairInterner {
  readonly #index = new HashIndex()
  readonly #nameIds = new U32List()
  readonly #valueIds = new U32List()
  #strings = new SymbolBytes()
  /** Ids of names, by name. */
  readonly #names = new Map<string, number>()

  constructor() {
    // The empty string belongs to the list of all series.
    this.#strings.add(new Uint8Array(0), 0, 0)
  }

  /** Takes in a pair. */
  add(pairs: PairDictionary, pairId: number): void {
    const { count } = this.#index
    if (this.#place(pairs, pairId) < count) return
    const { bytes, offsets } = pairs
    this.#nameIds.push(this.#nameId(pairs, pairId))
    this.#valueIds.push(
      this.#strings.add(bytes, offsets[2 * pairId + 1]!, offsets[2 * pairId + 2]!),
    )
  }

  /** The number of a pair that was taken in before. */
  idOf(pairs: PairDictionary, pairId: number): number {
    const id = this.#place(pairs, pairId)
    assert(id < this.#nameIds.length, 'both passes over the series bring the same label pairs')
    return id
  }

  /** Sorts the strings; only `idOf` may follow. */
  finish(): InternedPairs {
    const { symbols, refs } = this.#strings.sort()
    this.#strings = new SymbolBytes()
    const keys = new Float64Array(this.#nameIds.length)
    for (let i = 0; i < keys.length; i++)
      keys[i] = refs[this.#nameIds.at(i)]! * 0x1_0000_0000 + refs[this.#valueIds.at(i)]!
    return { symbols, keys }
  }

  #place(pairs: PairDictionary, pairId: number): number {
    return this.#index.add(pairs.hashes, pairId)
  }

  #nameId(pairs: PairDictionary, pairId: number): number {
    const name = pairName(pairs, pairId)
    let id = this.#names.get(name)
    if (id === undefined) {
      const { bytes, offsets } = pairs
      id = this.#strings.add(bytes, offsets[2 * pairId]!, offsets[2 * pairId + 1]!)
      this.#names.set(name, id)
    }
    return id
  }
}

// Pair interner: the distinct label pairs of a block that is being written, told apart by their 128-bit hashes, so that
// the second pass over the series makes no strings.
// Invariant: both passes come from sources with the same hash seed.

import { assert, compareUtf8 } from '../../model/index.ts'
import { HashIndex, type PairDictionary, pairName, pairValue } from '../../storage/index.ts'
import { U32List } from './u32-list.ts'

/** Strings and pairs as an index file has them. */
export interface InternedPairs {
  /** All names, values and the empty string, ascending by their UTF-8 bytes. */
  readonly symbols: readonly string[]
  /** By pair id: position of the name × 2^32 + position of the value. */
  readonly keys: Float64Array
}

/** Numbers pairs from 0 on, in order of first sight. */
export class PairInterner {
  readonly #index = new HashIndex()
  readonly #nameIds = new U32List()
  readonly #valueIds = new U32List()
  // The empty string belongs to the list of all series.
  readonly #symbolIds = new Map<string, number>([['', 0]])

  /** Takes in a pair. */
  add(pairs: PairDictionary, pairId: number): void {
    const { count } = this.#index
    if (this.#place(pairs, pairId) < count) return
    this.#nameIds.push(this.#symbolId(pairName(pairs, pairId)))
    this.#valueIds.push(this.#symbolId(pairValue(pairs, pairId)))
  }

  /** The number of a pair that was taken in before. */
  idOf(pairs: PairDictionary, pairId: number): number {
    const id = this.#place(pairs, pairId)
    assert(id < this.#nameIds.length, 'both passes over the series bring the same label pairs')
    return id
  }

  /** Sorts the strings; only `idOf` may follow. */
  finish(): InternedPairs {
    const strings = [...this.#symbolIds.keys()]
    this.#symbolIds.clear()
    const order = Uint32Array.from(strings.keys())
    order.sort((a, b) => compareUtf8(strings[a]!, strings[b]!))
    const ranks = new Uint32Array(strings.length)
    for (let i = 0; i < order.length; i++) ranks[order[i]!] = i
    const keys = new Float64Array(this.#nameIds.length)
    for (let i = 0; i < keys.length; i++)
      keys[i] = ranks[this.#nameIds.at(i)]! * 0x1_0000_0000 + ranks[this.#valueIds.at(i)]!
    return { symbols: Array.from(order, (id) => strings[id]!), keys }
  }

  #place(pairs: PairDictionary, pairId: number): number {
    const { hashes } = pairs
    const at = 4 * pairId
    return this.#index.add(hashes[at]!, hashes[at + 1]!, hashes[at + 2]!, hashes[at + 3]!)
  }

  #symbolId(text: string): number {
    const known = this.#symbolIds.get(text)
    if (known !== undefined) return known
    this.#symbolIds.set(text, this.#symbolIds.size)
    return this.#symbolIds.size - 1
  }
}

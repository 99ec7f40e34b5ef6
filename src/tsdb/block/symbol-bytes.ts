// Symbol bytes: the distinct strings of a block that is being written, as UTF-8 bytes back to back, without a JavaScript
// string for any of them: a million of those take 200 MB and the collector's time.
// Invariant: after `sort` refs are the ranks of distinct strings by their bytes.

import { U32List } from './u32-list.ts'

/** Distinct strings in ascending order of their bytes; a ref is the position. */
export interface SortedSymbols {
  readonly count: number
  readonly bytes: Uint8Array
  /** By ref: where the string begins and ends in `bytes`. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

// Six bytes are exact in a double.
const prefixSizeBytes = 6

/** Collects strings; the same one may be added again. */
export class SymbolBytes {
  #bytes = Buffer.alloc(1 << 16)
  readonly #ends = new U32List()
  #size = 0

  /** Adds bytes [start, end) of `source`; returns the id of this addition, counted from 0. */
  add(source: Uint8Array, start: number, end: number): number {
    const size = end - start
    if (this.#size + size > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(2 * this.#bytes.length, this.#size + size))
      grown.set(this.#bytes.subarray(0, this.#size))
      this.#bytes = grown
    }
    for (let i = 0; i < size; i++) this.#bytes[this.#size + i] = source[start + i]!
    this.#size += size
    this.#ends.push(this.#size)
    return this.#ends.length - 1
  }

  /** The distinct strings, and the ref of each addition. */
  sort(): { readonly symbols: SortedSymbols; readonly refs: Uint32Array } {
    const bytes = this.#bytes
    const ends = this.#ends.view()
    const startOf = (id: number): number => (id === 0 ? 0 : ends[id - 1]!)
    const prefixes = new Float64Array(ends.length)
    for (let id = 0; id < ends.length; id++) prefixes[id] = prefixOf(bytes, startOf(id), ends[id]!)
    const order = new Uint32Array(ends.length)
    for (let id = 0; id < order.length; id++) order[id] = id
    const compare = (a: number, b: number): number =>
      prefixes[a]! - prefixes[b]! ||
      bytes.compare(bytes, startOf(b), ends[b]!, startOf(a), ends[a]!)
    order.sort(compare)
    const refs = new Uint32Array(order.length)
    const symbols = {
      count: 0,
      bytes,
      starts: new Uint32Array(order.length),
      ends: new Uint32Array(order.length),
    }
    for (let i = 0; i < order.length; i++) {
      const id = order[i]!
      if (i === 0 || compare(order[i - 1]!, id) !== 0) {
        symbols.starts[symbols.count] = startOf(id)
        symbols.ends[symbols.count] = ends[id]!
        symbols.count++
      }
      refs[id] = symbols.count - 1
    }
    return { symbols, refs }
  }
}

// A shorter string sorts as if zeros followed; where that is a tie, the bytes decide.
function prefixOf(bytes: Uint8Array, start: number, end: number): number {
  let prefix = 0
  for (let i = 0; i < prefixSizeBytes; i++)
    prefix = prefix * 256 + (start + i < end ? bytes[start + i]! : 0)
  return prefix
}

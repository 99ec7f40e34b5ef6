// Hash index: 128-bit hashes to dense indexes in order of first sight: groups, joins, merges and dictionaries count with
// it. Open addressing over words, no objects.
// Invariant: at most half of the slots are taken; two keys are the same only when all four words are.

const initialSlotCount = 128

/** Numbers distinct hashes from 0 on. */
export class HashIndex {
  /** How many distinct hashes were added. */
  count = 0
  /** The hashes by index, four words each; entries at and beyond `count` are garbage. */
  words = new Uint32Array(4 * (initialSlotCount / 2 + 1))
  // Slot = index + 1; 0 = free.
  #slots = new Uint32Array(initialSlotCount)

  /** The index of the hash at `words[4 × index …]`, which is `count` before the call where it is new. */
  add(words: Uint32Array, index = 0): number {
    const slot = this.#slotOf(words, index)
    const entry = this.#slots[slot]!
    if (entry !== 0) return entry - 1
    const added = this.count++
    this.#slots[slot] = added + 1
    const from = 4 * index
    const to = 4 * added
    for (let i = 0; i < 4; i++) this.words[to + i] = words[from + i]!
    if (2 * this.count > this.#slots.length) this.#grow()
    return added
  }

  /** The index of a known hash, or −1. */
  find(words: Uint32Array, index = 0): number {
    return this.#slots[this.#slotOf(words, index)]! - 1
  }

  // Where the hash stands, or where it would.
  #slotOf(words: Uint32Array, index: number): number {
    const slots = this.#slots
    const known = this.words
    const mask = slots.length - 1
    const at = 4 * index
    let slot = words[at]! & mask
    for (;;) {
      const entry = slots[slot]!
      if (entry === 0) return slot
      const h = 4 * (entry - 1)
      if (
        known[h] === words[at] &&
        known[h + 1] === words[at + 1] &&
        known[h + 2] === words[at + 2] &&
        known[h + 3] === words[at + 3]
      ) {
        return slot
      }
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const slots = new Uint32Array(2 * this.#slots.length)
    const words = new Uint32Array(4 * (slots.length / 2 + 1))
    words.set(this.words)
    const mask = slots.length - 1
    for (let index = 0; index < this.count; index++) {
      let slot = words[4 * index]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = index + 1
    }
    this.#slots = slots
    this.words = words
  }
}

// Hash index: gives equal 128-bit hashes equal dense ordinals; groups, joins and duplicate checks count with it.
// Invariant: ordinals are handed out in the order hashes are first seen: 0, 1, 2, …

/** Dense numbers of 128-bit hashes. */
export class HashIndex {
  /** How many distinct hashes were added. */
  count = 0
  #hashes = new Uint32Array(4 * 64)
  /** Open addressing by word 0; entries are ordinal + 1, 0 = free; at most half full. */
  #slots = new Uint32Array(128)

  /** The ordinal of the hash at `words[4 × index …]`, known or new. */
  add(words: Uint32Array, index = 0): number {
    const slot = this.#slotOf(words, index)
    const entry = this.#slots[slot]!
    if (entry !== 0) return entry - 1
    const ordinal = this.count++
    if (4 * ordinal >= this.#hashes.length) {
      const hashes = new Uint32Array(2 * this.#hashes.length)
      hashes.set(this.#hashes)
      this.#hashes = hashes
    }
    this.#hashes.set(words.subarray(4 * index, 4 * index + 4), 4 * ordinal)
    this.#slots[slot] = ordinal + 1
    if (2 * this.count > this.#slots.length) this.#rehash()
    return ordinal
  }

  /** The ordinal of a known hash, or −1. */
  find(words: Uint32Array, index = 0): number {
    return this.#slots[this.#slotOf(words, index)]! - 1
  }

  #slotOf(words: Uint32Array, index: number): number {
    const hashes = this.#hashes
    const slots = this.#slots
    const mask = slots.length - 1
    const w = 4 * index
    let slot = words[w]! & mask
    for (;;) {
      const entry = slots[slot]!
      if (entry === 0) return slot
      const h = 4 * (entry - 1)
      if (
        hashes[h] === words[w] &&
        hashes[h + 1] === words[w + 1] &&
        hashes[h + 2] === words[w + 2] &&
        hashes[h + 3] === words[w + 3]
      ) {
        return slot
      }
      slot = (slot + 1) & mask
    }
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (let ordinal = 0; ordinal < this.count; ordinal++) {
      let slot = this.#hashes[4 * ordinal]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = ordinal + 1
    }
    this.#slots = slots
  }
}

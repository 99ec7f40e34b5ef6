// Hash index: 128-bit hashes to dense indexes in order of first sight. Open addressing over words, no objects.
// Invariant: at most half of the slots are taken; two keys are the same only when all four words are.

const initialSlotCount = 256

/** Numbers distinct hashes from 0 on. */
export class HashIndex {
  /** How many distinct hashes were added. */
  count = 0
  /** The hashes by index, four words each; entries at and beyond `count` are garbage. */
  words = new Uint32Array(4 * (initialSlotCount / 2))
  // Slot = index + 1; 0 = free.
  #slots = new Uint32Array(initialSlotCount)

  /** The index of a hash, which is `count` before the call where it is new. */
  add(h0: number, h1: number, h2: number, h3: number): number {
    const mask = this.#slots.length - 1
    let slot = h0 & mask
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (this.#is(4 * (entry - 1), h0, h1, h2, h3)) return entry - 1
      slot = (slot + 1) & mask
    }
    const index = this.count++
    this.#slots[slot] = index + 1
    const at = 4 * index
    this.words[at] = h0
    this.words[at + 1] = h1
    this.words[at + 2] = h2
    this.words[at + 3] = h3
    if (this.count * 2 >= this.#slots.length) this.#grow()
    return index
  }

  #is(at: number, h0: number, h1: number, h2: number, h3: number): boolean {
    const { words } = this
    return (
      words[at] === h0 >>> 0 &&
      words[at + 1] === h1 >>> 0 &&
      words[at + 2] === h2 >>> 0 &&
      words[at + 3] === h3 >>> 0
    )
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const words = new Uint32Array(this.words.length * 2)
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

// A growable list of u32: four bytes an entry where a plain array takes eight and a garbage collector's time.

/** Appends and reads u32 values. */
export class U32List {
  length = 0
  #words: Uint32Array

  constructor(capacity = 1024) {
    this.#words = new Uint32Array(capacity)
  }

  /** Appends one value. */
  push(value: number): void {
    if (this.length === this.#words.length) this.#grow(this.length + 1)
    this.#words[this.length++] = value
  }

  /** Appends all values of a list. */
  pushAll(values: Uint32Array): void {
    if (this.length + values.length > this.#words.length) this.#grow(this.length + values.length)
    this.#words.set(values, this.length)
    this.length += values.length
  }

  /** The value at `index`, which the caller knows to be there. */
  at(index: number): number {
    return this.#words[index]!
  }

  /** Replaces the value at `index`, which the caller knows to be there. */
  set(index: number, value: number): void {
    this.#words[index] = value
  }

  /** Adds to the value at `index`, modulo 2^32. */
  add(index: number, value: number): void {
    this.#words[index]! += value
  }

  /** The values as a view, valid until the next push. */
  view(): Uint32Array {
    return this.#words.subarray(0, this.length)
  }

  /** Forgets all values and keeps the capacity. */
  clear(): void {
    this.length = 0
  }

  #grow(capacity: number): void {
    const grown = new Uint32Array(Math.max(capacity, this.#words.length * 2))
    grown.set(this.#words)
    this.#words = grown
  }
}

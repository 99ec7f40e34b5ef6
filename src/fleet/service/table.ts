// A list of joined entries by key, kept in order, handed out as a plain list.
// Invariants: a list that was handed out never changes; equal contents are the same list; replacing entries costs a
// copy of the list, and only entries that come and go cost sorting it.

/** Entries by key, listed in an order of theirs. */
export class Table<T> {
  readonly #entries = new Map<string, T>()
  readonly #orderOf: (entry: T) => string
  #list: readonly T[] = []
  #indexes = new Map<string, number>()
  readonly #replaced = new Set<string>()
  #isUnordered = false

  constructor(orderOf: (entry: T) => string) {
    this.#orderOf = orderOf
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)
  }

  /** Sets an entry, or takes it out (undefined). False where that is what stands there. */
  set(key: string, entry: T | undefined): boolean {
    const before = this.#entries.get(key)
    if (before === entry) return false
    if (entry === undefined) this.#entries.delete(key)
    else this.#entries.set(key, entry)
    if (before === undefined || entry === undefined) this.#isUnordered = true
    else this.#replaced.add(key)
    return true
  }

  /** All entries in order; the same list as before where nothing was set since. */
  list(): readonly T[] {
    if (this.#isUnordered) this.#sort()
    else if (this.#replaced.size > 0) {
      const list = [...this.#list]
      for (const key of this.#replaced) list[this.#indexes.get(key)!] = this.#entries.get(key)!
      this.#list = list
    }
    this.#isUnordered = false
    this.#replaced.clear()
    return this.#list
  }

  #sort(): void {
    const ordered = [...this.#entries].map(([key, entry]) => ({
      key,
      entry,
      order: this.#orderOf(entry),
    }))
    ordered.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    this.#list = ordered.map(({ entry }) => entry)
    this.#indexes = new Map(ordered.map(({ key }, index) => [key, index]))
  }
}

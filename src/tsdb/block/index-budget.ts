// Index budget: a bound on the memory of open block indexes. Beyond it the indexes that were used longest ago are
// closed, unless somebody reads them; they are opened again when they are needed.
// Units: bytes.

/** A block whose index may be closed. */
export interface IndexHolder {
  /** Closes the index unless it is being read; returns whether it is closed. */
  closeIdleIndex(): boolean
}

/** Shared by the blocks of one process. */
export class IndexBudget {
  readonly #sizeBytesMax: number
  /** In order of last use. */
  readonly #sizes = new Map<IndexHolder, number>()
  #sizeBytes = 0

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax
  }

  /** The memory of all open indexes. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The holder has opened its index of this size, or uses it again. */
  use(holder: IndexHolder, sizeBytes: number): void {
    this.forget(holder)
    this.#sizes.set(holder, sizeBytes)
    this.#sizeBytes += sizeBytes
    if (this.#sizeBytes <= this.#sizeBytesMax) return
    for (const other of [...this.#sizes.keys()]) {
      if (this.#sizeBytes <= this.#sizeBytesMax) return
      if (other !== holder && other.closeIdleIndex()) this.forget(other)
    }
  }

  /** The holder's index is closed. */
  forget(holder: IndexHolder): void {
    this.#sizeBytes -= this.#sizes.get(holder) ?? 0
    this.#sizes.delete(holder)
  }
}

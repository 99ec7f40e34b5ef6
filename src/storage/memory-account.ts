// Memory account: the bytes that work on behalf of one caller holds at a time, counted per batch, block and column,
// never per sample. An account may stand below another one, which bounds all callers of a thread together.
// Invariants: what is held is counted in the account and in every account above it; a closed account holds nothing.

import { UserError } from '../model/index.ts'

/** Counts bytes and refuses more than its bound. */
export class MemoryAccount {
  readonly sizeBytesMax: number
  readonly #parent: MemoryAccount | undefined
  #heldBytes = 0
  #peakBytes = 0
  #closed = false

  constructor(sizeBytesMax: number, parent?: MemoryAccount) {
    this.sizeBytesMax = sizeBytesMax
    this.#parent = parent
  }

  /** Bytes held now. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The most bytes that were held at a time. */
  get peakBytes(): number {
    return this.#peakBytes
  }

  /** Throws UserError execution unless `bytes` more may be held; to be asked before a large allocation. */
  require(bytes: number): void {
    if (this.#closed) throw new UserError('canceled', { what: 'query was canceled' })
    if (this.#heldBytes + bytes > this.sizeBytesMax) throw tooMuch(this.sizeBytesMax)
    const parent = this.#parent
    if (parent !== undefined && parent.#heldBytes + bytes > parent.sizeBytesMax)
      throw tooMuchTogether(parent.sizeBytesMax)
  }

  /** Takes room for `bytes`, or gives room back where they are negative. Throws as `require` does. */
  hold(bytes: number): void {
    if (bytes > 0) this.require(bytes)
    if (this.#closed) return
    this.#heldBytes += bytes
    if (this.#heldBytes > this.#peakBytes) this.#peakBytes = this.#heldBytes
    this.#parent?.hold(bytes)
  }

  /** Gives everything back. What still works for the caller is stopped by its next `hold`. */
  close(): void {
    this.#parent?.hold(-this.#heldBytes)
    this.#heldBytes = 0
    this.#closed = true
  }
}

/** An account for work that is bounded elsewhere. */
export function unboundedAccount(): MemoryAccount {
  return new MemoryAccount(Number.POSITIVE_INFINITY)
}

/** One growing thing of an account: tells it the difference whenever its size changes. */
export class HeldBytes {
  readonly #account: MemoryAccount
  #bytes = 0

  constructor(account: MemoryAccount) {
    this.#account = account
  }

  /** The thing's size is `bytes` now. */
  set(bytes: number): void {
    if (bytes === this.#bytes) return
    this.#account.hold(bytes - this.#bytes)
    this.#bytes = bytes
  }
}

function tooMuch(sizeBytesMax: number): UserError {
  return new UserError('execution', {
    what: `the query needs more than ${inMegabytes(sizeBytesMax)} of memory`,
    fix: 'select fewer series or a shorter range, aggregate earlier, or raise query.maxMemory',
  })
}

function tooMuchTogether(sizeBytesMax: number): UserError {
  return new UserError('execution', {
    what: `the queries of this thread need more than ${inMegabytes(sizeBytesMax)} of memory together`,
    fix: 'try again later, or raise query.maxMemoryTotal',
  })
}

function inMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}

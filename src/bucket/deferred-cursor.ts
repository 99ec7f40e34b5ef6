// Deferred cursors: a cursor that is opened at the first pull, and one that reads the next batch while the present one
// is being used, so that the waits of several sources overlap.

import type { SeriesBatch, SeriesCursor } from '../storage/index.ts'

/** Opens its cursor when it is first pulled. */
export class DeferredCursor implements SeriesCursor {
  readonly #open: () => Promise<SeriesCursor>
  #opening: Promise<SeriesCursor> | undefined
  #cursor: SeriesCursor | undefined
  #closed = false

  constructor(open: () => Promise<SeriesCursor>) {
    this.#open = open
  }

  get warnings(): readonly string[] {
    return this.#cursor?.warnings ?? []
  }

  async next(): Promise<SeriesBatch | undefined> {
    if (this.#closed) return undefined
    this.#opening ??= this.#open()
    const cursor = await this.#opening
    this.#cursor = cursor
    if (this.#closed) {
      cursor.close()
      return undefined
    }
    return cursor.next()
  }

  close(): void {
    this.#closed = true
    this.#cursor?.close()
  }
}

/** Reads one batch ahead of its reader, from its creation on. */
export class ReadAheadCursor implements SeriesCursor {
  readonly #cursor: SeriesCursor
  #ahead: Promise<SeriesBatch | undefined>
  #closed = false

  constructor(cursor: SeriesCursor) {
    this.#cursor = cursor
    this.#ahead = this.#pull()
  }

  get warnings(): readonly string[] {
    return this.#cursor.warnings
  }

  async next(): Promise<SeriesBatch | undefined> {
    if (this.#closed) return undefined
    const batch = await this.#ahead
    if (batch !== undefined && !this.#closed) this.#ahead = this.#pull()
    return batch
  }

  close(): void {
    this.#closed = true
    this.#cursor.close()
  }

  #pull(): Promise<SeriesBatch | undefined> {
    const pulled = this.#cursor.next()
    // Whoever asks gets the failure; where nobody does any more, nobody misses it.
    pulled.catch(() => undefined)
    return pulled
  }
}

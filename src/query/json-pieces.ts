// JSON pieces: an answer's bytes, gathered into pieces of a bounded size and handed to the sink as they fill.

import type { AnswerSink } from './query-thread.ts'

const pieceSizeBytes = 512 * 1024
const encoder = new TextEncoder()

/** Headers of every JSON answer. */
export const jsonHeaders = { 'content-type': 'application/json' } as const

/** Appends text and bytes; `flushIfFull` must be awaited now and then, so that a slow reader slows the writer. */
export class JsonPieces {
  readonly #sink: AnswerSink
  // Most answers are short: room for them is made in a moment, a whole piece's has to be cleared first.
  #bytes = new Uint8Array(4096)
  #size = 0

  constructor(sink: AnswerSink) {
    this.#sink = sink
  }

  /** Appends text as UTF-8. */
  text(text: string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    this.#reserve(text.length * 3)
    this.#size += encoder.encodeInto(text, this.#bytes.subarray(this.#size)).written
  }

  /** Appends bytes. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#size)
    this.#size += bytes.length
  }

  /** Hands over what is gathered once it fills a piece. */
  async flushIfFull(): Promise<void> {
    if (this.#size >= pieceSizeBytes) await this.flush()
  }

  /** Hands over all that is gathered. */
  async flush(): Promise<void> {
    if (this.#size === 0) return
    const piece = this.#bytes.slice(0, this.#size)
    this.#size = 0
    await this.#sink.write(piece)
  }

  #reserve(extraBytes: number): void {
    if (this.#size + extraBytes <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#size + extraBytes))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }
}

/** Annotations of one level as the API shows them: at most ten, then how many were left out. */
export function shownNotes(notes: readonly string[], level: 'warning' | 'info'): readonly string[] {
  if (notes.length <= 10) return notes
  return [...notes.slice(0, 10), `${notes.length - 10} more ${level} annotations omitted`]
}

/** The end of an envelope whose data has just been written: warnings and infos where there are any. */
export function envelopeTail(warnings: readonly string[], infos: readonly string[]): string {
  const parts = ['']
  if (warnings.length > 0)
    parts.push(`"warnings":${JSON.stringify(shownNotes(warnings, 'warning'))}`)
  if (infos.length > 0) parts.push(`"infos":${JSON.stringify(shownNotes(infos, 'info'))}`)
  return `${parts.join(',')}}`
}

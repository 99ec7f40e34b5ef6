// Generation cursor: rows of selected series of one generation or of several, batch by batch.
// Each `next` works for about a millisecond, so that the lane can do other things between two of them.
// Invariant: a batch owns its buffers.

import type { CancelSignal, SelectRequest, SeriesBatch, SeriesCursor } from '../../storage/index.ts'
import type { BatchBuilder } from '../block/batch-builder.ts'
import type { Slices } from '../block/match-postings.ts'
import type { SpareBuilders } from '../block/spare-builders.ts'
import { sortByLabels } from './sort-refs.ts'
import { type WindowPart, WindowRows } from './window-rows.ts'

const rowsPerBatch = 1024
const chunkBytesPerBatch = 4 << 20
const sliceMs = 1

/** Rows of the parts, which come oldest first; sorted by labels where the request asks, and then there is one part. */
export class GenerationCursor implements SeriesCursor {
  readonly warnings: readonly string[] = []
  readonly #request: SelectRequest
  readonly #signal: CancelSignal
  readonly #builders: SpareBuilders
  /** Windows whose series are still being looked for. */
  #wanted: Slices<WindowPart>[]
  #parts: WindowPart[] = []
  #rows: WindowRows | undefined
  #lent: BatchBuilder | undefined
  #part = 0
  #at = 0
  #rowsLeft: number

  constructor(
    parts: Iterable<Slices<WindowPart>>,
    request: SelectRequest,
    signal: CancelSignal,
    builders: SpareBuilders,
  ) {
    this.#wanted = [...parts]
    this.#request = request
    this.#signal = signal
    this.#builders = builders
    this.#rowsLeft = request.hints.limit || Number.POSITIVE_INFINITY
  }

  /** Whether nothing is left; known with the last batch where that did not fill up. */
  get ended(): boolean {
    return this.#wanted.length === 0 && (this.#part === this.#parts.length || this.#rowsLeft <= 0)
  }

  /** Looks for series, for about a millisecond; false while there are windows left to look at. */
  prepare(): boolean {
    this.#signal.check()
    return this.#find(performance.now() + sliceMs)
  }

  #find(deadlineMs: number): boolean {
    for (;;) {
      const slices = this.#wanted[0]
      if (slices === undefined) return true
      const step = slices.next()
      if (step.done === true) {
        this.#wanted.shift()
        this.#parts.push(step.value)
      }
      if (performance.now() > deadlineMs) return this.#wanted.length === 0
    }
  }

  async next(): Promise<SeriesBatch | undefined> {
    this.#signal.check()
    this.#find(Number.POSITIVE_INFINITY)
    this.#rows ??= this.#open()
    this.#rows.beginBatch()
    const builder = this.#builder
    const deadlineMs = performance.now() + sliceMs
    let looked = 0
    while (this.#part < this.#parts.length && builder.rowCount < this.#rowsLeft) {
      if (this.#at < this.#parts[this.#part]!.refs.length)
        this.#rows.addRow(builder, this.#part, this.#at++)
      else {
        this.#part++
        this.#at = 0
      }
      if (builder.rowCount >= rowsPerBatch || builder.chunkByteCount >= chunkBytesPerBatch) break
      if ((++looked & 63) === 0 && builder.rowCount > 0 && performance.now() > deadlineMs) break
    }
    this.#rowsLeft -= builder.rowCount
    if (builder.rowCount > 0) return builder.finish()
    this.close()
    return undefined
  }

  close(): void {
    this.#wanted = []
    this.#parts = []
    this.#part = 0
    this.#rows = undefined
    if (this.#lent !== undefined) this.#builders.give(this.#lent)
    this.#lent = undefined
  }

  #open(): WindowRows {
    if (this.#request.sorted)
      this.#parts = this.#parts.map(({ reader, refs }) => ({
        reader,
        refs: sortByLabels(reader, refs, this.#signal),
      }))
    return new WindowRows(this.#parts, this.#request)
  }

  get #builder(): BatchBuilder {
    this.#lent ??= this.#builders.take()
    return this.#lent
  }
}

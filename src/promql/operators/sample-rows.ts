// Sample rows: where range functions get the samples of a series from: a matrix selector or a subquery.
// Invariant: stale markers are already gone.

import type { SampleBuffer } from '../../chunk/index.ts'
import type { KeptSamples, RateKind, WindowGrid } from '../../kernel/index.ts'
import type { FloatHistogram } from '../../model/index.ts'
import type { Block } from './block.ts'
import { collect, release } from './block.ts'
import { keepStatsOnly } from './histogram-stats.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { cellAbsent, cellHistogram } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { RatedRow, Selection } from './selection.ts'
import type { SeriesTable } from './series-table.ts'
import { stepTimeMs } from './vector-selector.ts'

/** The rows of a range vector. */
export interface SampleRows {
  series(): Promise<SeriesTable>
  /** Replaces `into` by the row's samples; call after `series`. */
  load(row: number, into: SampleBuffer): void
  /** rate and its kin over a row, into row `target` of `batch`; undefined where the row has to be loaded for it. */
  rate?(
    row: number,
    windows: WindowGrid,
    kind: RateKind,
    batch: StepBatch,
    target: number,
  ): RatedRow | undefined
  /** Gives back what the rows held. */
  close(): void
  /** Whether the samples are those of storage. */
  readonly areStored: boolean
  readonly line: string
  readonly inputs: readonly Operator[]
}

/** `name{…}[range]`. */
export class SelectedRows implements SampleRows {
  readonly areStored = true
  readonly line: string
  readonly inputs: readonly Operator[] = []
  readonly #opening: Promise<Selection>
  readonly #context: QueryContext
  readonly #kept: KeptSamples
  readonly #statsOnly: boolean
  #selection: Selection | undefined

  constructor(
    context: QueryContext,
    parts: {
      readonly selection: Promise<Selection>
      readonly minTimeMs: number
      readonly maxTimeMs: number
      readonly line: string
      readonly statsOnly: boolean
    },
  ) {
    this.#context = context
    this.#opening = parts.selection
    const { minTimeMs, maxTimeMs } = parts
    this.#kept = { minTimeMs, maxTimeMs, dropStale: true }
    this.#statsOnly = parts.statsOnly
    this.line = parts.line
  }

  async series(): Promise<SeriesTable> {
    this.#selection = await this.#opening
    return this.#selection.table
  }

  load(row: number, into: SampleBuffer): void {
    this.#context.signal.check()
    this.#selection!.load(row, this.#kept, into)
    if (this.#statsOnly) keepStatsOnly(into)
  }

  rate(
    row: number,
    windows: WindowGrid,
    kind: RateKind,
    batch: StepBatch,
    target: number,
  ): RatedRow | undefined {
    this.#context.signal.check()
    return this.#selection!.rate(row, this.#kept, windows, kind, batch, target)
  }

  close(): void {
    this.#selection = undefined
  }
}

/** `expr[range:step]`: the steps of the inner operator as samples. */
export class SubqueryRows implements SampleRows {
  readonly areStored = false
  readonly line: string
  readonly inputs: readonly Operator[]
  readonly #inner: Operator
  readonly #context: QueryContext
  #block: Block | undefined

  constructor(context: QueryContext, inner: Operator, line: string) {
    this.#context = context
    this.#inner = inner
    this.inputs = [inner]
    this.line = line
  }

  async series(): Promise<SeriesTable> {
    this.#block ??= await collect(this.#inner, this.#context)
    return this.#block.table
  }

  load(row: number, into: SampleBuffer): void {
    const { cells } = this.#block!
    const grid: StepGrid = this.#inner.grid
    into.clear()
    into.reserve(grid.count)
    for (let step = 0; step < grid.count; step++) {
      const cell = row * grid.count + step
      if (cells.present[cell] === cellAbsent) continue
      const at = into.count++
      into.timestampsMs[at] = stepTimeMs(grid, step)
      if (cells.present[cell] === cellHistogram) {
        into.histograms ??= []
        into.histograms[at] = forgettingResets(cells.histograms![cell]!)
      } else into.values[at] = cells.values[cell]!
    }
  }

  close(): void {
    if (this.#block !== undefined) release(this.#block, this.#context)
    this.#block = undefined
  }
}

// A hint speaks of the sample before in storage, which the subquery may have left out or repeated.
function forgettingResets(histogram: FloatHistogram): FloatHistogram {
  return histogram.counterResetHint === 'gauge' || histogram.counterResetHint === 'unknown'
    ? histogram
    : { ...histogram, counterResetHint: 'unknown' }
}

// Instant selection: at each step the newest sample within the lookback, unless it is a stale marker.
// Rules: facts of Prometheus 3: the lookback window is open on the left, closed on the right.

import { SampleBuffer } from '../../chunk/index.ts'
import { isStaleAt } from '../../model/index.ts'
import { HeldBytes } from '../../storage/index.ts'
import { keepStatsOnly } from './histogram-stats.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { cellFloat } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { Selection } from './selection.ts'
import type { SeriesTable } from './series-table.ts'

/** When a selector looks, relative to the steps. */
export interface SelectionTimes {
  readonly offsetMs: number
  /** `@`: the time looked at instead of each step's own. */
  readonly timestampMs: number | undefined
}

/** The time a selector looks at for a step. */
export function referenceMs(times: SelectionTimes, stepMs: number): number {
  return (times.timestampMs ?? stepMs) - times.offsetMs
}

/** The time of a step. */
export function stepTimeMs(grid: StepGrid, step: number): number {
  return grid.startMs + step * grid.stepMs
}

/** What a selected cell holds: the sample, or as a float its time or start time in seconds. */
export type SelectedPart = 'sample' | 'timestamp' | 'start_timestamp'

/** `name{…}` in an instant context. */
export class VectorSelectorOperator implements Operator {
  readonly grid: StepGrid
  readonly #line: string
  readonly #statsOnly: boolean
  readonly #times: SelectionTimes
  readonly #part: SelectedPart
  readonly #selection: Promise<Selection>
  readonly #context: QueryContext
  readonly #samples = new SampleBuffer()
  readonly #held: HeldBytes
  #row = 0

  constructor(
    grid: StepGrid,
    context: QueryContext,
    parts: {
      readonly selection: Promise<Selection>
      readonly times: SelectionTimes
      readonly part: SelectedPart
      readonly line: string
      readonly statsOnly: boolean
    },
  ) {
    this.grid = grid
    this.#context = context
    this.#held = new HeldBytes(context.memory)
    this.#selection = parts.selection
    this.#times = parts.times
    this.#part = parts.part
    this.#line = parts.line
    this.#statsOnly = parts.statsOnly
  }

  async series(): Promise<SeriesTable> {
    return (await this.#selection).table
  }

  async next(batch: StepBatch): Promise<number> {
    const selection = await this.#selection
    const {
      grid,
      grid: { count },
    } = this
    batch.begin(this.#row)
    if (count === 0) return 0
    const lookback = this.#context.options.lookbackMs
    const minTimeMs = referenceMs(this.#times, grid.startMs) - lookback + 1
    const maxTimeMs = referenceMs(this.#times, stepTimeMs(grid, count - 1))
    // A stale marker ends the series at its time: it has to be seen.
    const kept = { minTimeMs, maxTimeMs, dropStale: false }
    while (batch.rowCount < batch.rowCapacity && this.#row < selection.table.rowCount) {
      this.#context.signal.check()
      selection.load(this.#row++, kept, this.#samples)
      this.#held.set(this.#samples.sizeBytes)
      if (this.#statsOnly) keepStatsOnly(this.#samples)
      this.#fillRow(batch, batch.rowCount++)
    }
    return batch.rowCount
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: this.#line, inputs: [] }
  }

  #fillRow(batch: StepBatch, row: number): void {
    const { timestampsMs, values, words, histograms, count } = this.#samples
    const { grid } = this
    const lookback = this.#context.options.lookbackMs
    const { perStep } = this.#context.samples
    let newest = -1
    let selected = 0
    for (let step = 0; step < grid.count; step++) {
      const reference = referenceMs(this.#times, stepTimeMs(grid, step))
      while (newest + 1 < count && timestampsMs[newest + 1]! <= reference) newest++
      if (newest < 0 || timestampsMs[newest]! <= reference - lookback) continue
      const histogram = histograms?.[newest]
      if (histogram === undefined ? isStaleAt(words, newest) : histogram.stale) continue
      const cell = row * grid.count + step
      selected++
      if (perStep !== undefined) this.#context.samples.at(grid, step, 1, 1)
      if (this.#part !== 'sample') this.#fillTime(batch, cell, newest)
      else if (histogram !== undefined) batch.setHistogram(cell, histogram)
      else {
        batch.present[cell] = cellFloat
        batch.values[cell] = values[newest]!
      }
    }
    if (perStep !== undefined) return
    this.#context.samples.looked(grid, selected)
    this.#context.samples.read += selected
  }

  #fillTime(batch: StepBatch, cell: number, index: number): void {
    const samples = this.#samples
    batch.present[cell] = cellFloat
    if (this.#part === 'timestamp') batch.values[cell] = samples.timestampsMs[index]! / 1000
    else {
      batch.values[cell] = samples.hasStartTimestamps ? samples.startTimestampsMs[index]! / 1000 : 0
    }
  }
}

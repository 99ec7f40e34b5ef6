// `name{…} smoothed` in an instant context: between two samples the value on the line between them, after the last
// one its value, before the first nothing. Reads the lookback on both sides of each step.

import { SampleBuffer } from '../../chunk/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import { mixedFloatsHistograms, mixedSchemas } from '../functions/annotation-texts.ts'
import { interpolateFloat, interpolateHistogram } from '../functions/extended-rate.ts'
import { withHint } from '../histogram/arithmetic.ts'
import { CallNotes } from './call-notes.ts'
import type { Operator, StepBatch, StepGrid } from './operator.ts'
import { cellFloat } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SampleRows } from './sample-rows.ts'
import type { SeriesTable } from './series-table.ts'
import type { SelectionTimes } from './vector-selector.ts'
import { referenceMs, stepTimeMs } from './vector-selector.ts'

/** Interpolates at every step. */
export class SmoothedSelectorOperator implements Operator {
  readonly grid: StepGrid
  readonly #context: QueryContext
  readonly #rows: SampleRows
  readonly #times: SelectionTimes
  readonly #position: number
  readonly #samples = new SampleBuffer()
  #notes: CallNotes | undefined
  #row = 0

  constructor(
    grid: StepGrid,
    context: QueryContext,
    parts: {
      readonly rows: SampleRows
      readonly times: SelectionTimes
      readonly position: number
    },
  ) {
    this.grid = grid
    this.#context = context
    this.#rows = parts.rows
    this.#times = parts.times
    this.#position = parts.position
  }

  async series(): Promise<SeriesTable> {
    const table = await this.#rows.series()
    const positions = { call: this.#position, arguments: [] }
    this.#notes ??= new CallNotes(this.#context, table, positions, true)
    return table
  }

  async next(batch: StepBatch): Promise<number> {
    const { rowCount } = await this.series()
    batch.begin(this.#row)
    while (batch.rowCount < batch.rowCapacity && this.#row < rowCount) {
      this.#notes!.row = this.#row
      this.#rows.load(this.#row++, this.#samples)
      this.#fillRow(batch, batch.rowCount++)
    }
    if (batch.rowCount === 0) this.#rows.close()
    return batch.rowCount
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return { line: `${this.#rows.line} smoothed`, inputs: [] }
  }

  #fillRow(batch: StepBatch, row: number): void {
    const { timestampsMs, count, histograms } = this.#samples
    const lookback = this.#context.options.lookbackMs
    let from = 0
    let to = 0
    for (let step = 0; step < this.grid.count; step++) {
      const atMs = referenceMs(this.#times, stepTimeMs(this.grid, step))
      while (to < count && timestampsMs[to]! <= atMs + lookback) to++
      while (from < to && timestampsMs[from]! <= atMs - lookback) from++
      if (from === to) continue
      const cell = row * this.grid.count + step
      if (histograms === undefined) this.#fillFloat(batch, cell, from, to, atMs)
      else this.#fillMixed(batch, cell, from, to, atMs)
    }
  }

  #fillFloat(batch: StepBatch, cell: number, from: number, to: number, atMs: number): void {
    const { timestampsMs, values } = this.#samples
    const next = firstAtOrAfter(timestampsMs, from, to, atMs)
    const exact = next < to && timestampsMs[next] === atMs
    if (!exact && next === from) return
    batch.present[cell] = cellFloat
    if (exact) batch.values[cell] = values[next]!
    else if (next === to) batch.values[cell] = values[next - 1]!
    else batch.values[cell] = interpolateFloat(this.#samples, next, atMs, false)
  }

  #fillMixed(batch: StepBatch, cell: number, from: number, to: number, atMs: number): void {
    const { histograms, timestampsMs } = this.#samples
    let histogramCount = 0
    for (let i = from; i < to; i++) if (histograms![i] !== undefined) histogramCount++
    if (histogramCount === 0) {
      this.#fillFloat(batch, cell, from, to, atMs)
      return
    }
    const notes = this.#notes!
    if (histogramCount < to - from) {
      notes.annotate('warning', mixedFloatsHistograms(notes.metricName()))
      return
    }
    const next = firstAtOrAfter(timestampsMs, from, to, atMs)
    if (next < to && timestampsMs[next] === atMs) batch.setHistogram(cell, histograms![next]!)
    else if (next === from) return
    else if (next === to) batch.setHistogram(cell, withHint(histograms![next - 1]!, 'unknown'))
    else this.#interpolate(batch, cell, next, atMs)
  }

  #interpolate(batch: StepBatch, cell: number, next: number, atMs: number): void {
    const { histograms, timestampsMs } = this.#samples
    const notes = this.#notes!
    const left = histograms![next - 1]!
    const right = histograms![next]!
    if (usesCustomBuckets(left) !== usesCustomBuckets(right)) {
      notes.annotate('warning', mixedSchemas(notes.metricName()))
      return
    }
    const isCounter = left.counterResetHint !== 'gauge' || right.counterResetHint !== 'gauge'
    const pair = { left, right, leftMs: timestampsMs[next - 1]!, rightMs: timestampsMs[next]! }
    const histogram = interpolateHistogram(pair, atMs, isCounter, notes)
    if (histogram !== undefined) batch.setHistogram(cell, histogram)
  }
}

function firstAtOrAfter(
  timestampsMs: Float64Array,
  from: number,
  to: number,
  atMs: number,
): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >> 1
    if (timestampsMs[middle]! < atMs) low = middle + 1
    else high = middle
  }
  return low
}

// Range functions over matrix selectors and subqueries: each row is loaded once, two pointers walk its samples
// from window to window, and the function sees [from, to) of the row's own columns.

import { SampleBuffer } from '../../chunk/index.ts'
import type { RateKind, WindowGrid } from '../../kernel/index.ts'
import { HeldBytes } from '../../storage/index.ts'
import { possiblyNoCounter, possiblyNoCounterType } from '../functions/annotation-texts.ts'
import { sampleCountOf } from '../histogram/arithmetic.ts'
import { rowHasSamples } from './block.ts'
import type { CallPositions } from './call-notes.ts'
import { CallNotes } from './call-notes.ts'
import { droppingNames } from './label-subset.ts'
import type {
  Operator,
  RowFunction,
  SampleWindow,
  StepBatch,
  StepGrid,
  WindowFunction,
} from './operator.ts'
import { cellAbsent, cellFloat, PointOut, samplesPerCheck } from './operator.ts'
import type { QueryContext } from './query-context.ts'
import type { SampleRows } from './sample-rows.ts'
import { scalarColumns } from './scalar.ts'
import type { SeriesTable } from './series-table.ts'
import type { SelectionTimes } from './vector-selector.ts'
import { referenceMs, stepTimeMs } from './vector-selector.ts'

/** Which samples a window holds. */
export interface WindowBounds {
  readonly times: SelectionTimes
  readonly rangeMs: number
  readonly selection: SampleWindow['selection']
}

/** What a range function call consists of. */
export interface WindowCall {
  readonly name: string
  readonly function: WindowFunction
  /** The same for whole rows of floats, where there is one. */
  readonly rowFunction: RowFunction | undefined
  /** Set for rate and its kin, which the kernel knows. */
  readonly rateKind: RateKind | undefined
  readonly scalars: readonly Operator[]
  readonly positions: CallPositions
  readonly keepsName: boolean
  /** Position of the range argument, for the hint that a metric might not be a counter. */
  readonly rangePosition: number
}

/** rate(x[5m]), quantile_over_time(0.9, x[1h:1m]), … */
export class WindowOperator implements Operator {
  readonly grid: StepGrid
  readonly #context: QueryContext
  readonly #rows: SampleRows
  readonly #bounds: WindowBounds
  readonly #call: WindowCall
  readonly #samples = new SampleBuffer()
  readonly #held: HeldBytes
  readonly #out = new PointOut()
  readonly #window: SampleWindow
  readonly #isCounterCall: boolean
  #drops = new Uint32Array(256)
  #columns: readonly Float64Array[] = []
  #scalars: number[] = []
  #notes: CallNotes | undefined
  #table: SeriesTable | undefined
  #row = 0

  constructor(
    grid: StepGrid,
    context: QueryContext,
    parts: { readonly rows: SampleRows; readonly bounds: WindowBounds; readonly call: WindowCall },
  ) {
    this.grid = grid
    this.#context = context
    this.#held = new HeldBytes(context.memory)
    this.#rows = parts.rows
    this.#bounds = parts.bounds
    this.#call = parts.call
    this.#window = emptyWindow(parts.bounds.selection)
    this.#isCounterCall = parts.call.name === 'rate' || parts.call.name === 'increase'
  }

  async series(): Promise<SeriesTable> {
    if (this.#table !== undefined) return this.#table
    const table = await this.#rows.series()
    this.#columns = await scalarColumns(this.#call.scalars)
    this.#scalars = this.#columns.map(() => 0)
    this.#notes = new CallNotes(this.#context, table, this.#call.positions, true)
    this.#table = this.#call.keepsName
      ? table
      : droppingNames(table, this.#context.options.delayedNameRemoval)
    return this.#table
  }

  async next(batch: StepBatch): Promise<number> {
    const { rowCount } = await this.series()
    batch.begin(this.#row)
    while (batch.rowCount < batch.rowCapacity && this.#row < rowCount) {
      this.#notes!.row = this.#row
      if (this.#rateRow(batch)) continue
      this.#rows.load(this.#row++, this.#samples)
      this.#held.set(this.#samples.sizeBytes)
      this.#context.samples.hold(this.#samples.count)
      this.#fillRow(batch, batch.rowCount++)
      this.#context.samples.hold(-this.#samples.count)
    }
    if (batch.rowCount === 0) this.#rows.close()
    return batch.rowCount
  }

  explain(): { readonly line: string; readonly inputs: readonly Operator[] } {
    return {
      line: `${this.#call.name} over ${this.#rows.line}`,
      inputs: [...this.#rows.inputs, ...this.#call.scalars],
    }
  }

  /** A row whose samples never leave the kernel; whether that was done. */
  #rateRow(batch: StepBatch): boolean {
    const { rateKind } = this.#call
    if (rateKind === undefined || this.#bounds.selection !== 'plain') return false
    if (this.#context.samples.perStep !== undefined) return false
    const { times, rangeMs } = this.#bounds
    const { grid } = this
    const windows: WindowGrid = {
      firstEndMs: referenceMs(times, grid.startMs),
      endStepMs: times.timestampMs === undefined ? grid.stepMs : 0,
      rangeMs,
      stepCount: grid.count,
    }
    const rated = this.#rows.rate?.(this.#row, windows, rateKind, batch, batch.rowCount)
    if (rated === undefined) return false
    const { samples } = this.#context
    samples.hold(rated.held)
    samples.hold(-rated.held)
    samples.looked(grid, rated.looked)
    samples.read += rated.held
    if (this.#isCounterCall && rowHasSamples(batch, batch.rowCount)) this.#noteCounter()
    this.#row++
    batch.rowCount++
    return true
  }

  #fillRow(batch: StepBatch, row: number): void {
    const { grid } = this
    const window = this.#window
    const samples = this.#samples
    const { timestampsMs, count } = samples
    const lookback = this.#context.options.lookbackMs
    const before = this.#bounds.selection === 'plain' ? 0 : lookback
    const after = this.#bounds.selection === 'smoothed' ? lookback : 0
    window.timestampsMs = timestampsMs
    window.values = samples.values
    window.histograms = samples.histograms
    window.startTimestampsMs =
      this.#context.options.useStartTimestamps && samples.hasStartTimestamps
        ? samples.startTimestampsMs
        : undefined
    window.dropCounts = this.#countDrops(window)
    if (this.#fillWholeRow(batch, row)) return
    let from = 0
    let to = 0
    let seen = 0
    let floats = 0
    let unchecked = 0
    for (let step = 0; step < grid.count; step++) {
      const stepMs = stepTimeMs(grid, step)
      const endMs = referenceMs(this.#bounds.times, stepMs)
      const startMs = endMs - this.#bounds.rangeMs
      while (to < count && timestampsMs[to]! <= endMs + after) to++
      while (from < to && timestampsMs[from]! <= startMs - before) from++
      if (from === to) continue
      unchecked += to - from
      if (unchecked > samplesPerCheck) {
        unchecked = 0
        this.#context.signal.check()
      }
      window.from = from
      window.to = to
      window.startMs = startMs
      window.endMs = endMs
      window.stepMs = stepMs
      const fresh = this.#rows.areStored ? windowSize(window, Math.max(from, seen)) : 0
      seen = to
      this.#context.samples.at(grid, step, windowSize(window, from), fresh)
      floats += this.#callAt(step, batch, row * grid.count + step)
    }
    if (floats > 0) this.#noteCounter()
  }

  /** Rows of floats without start timestamps, by a function that does them at once; whether that was done. */
  #fillWholeRow(batch: StepBatch, row: number): boolean {
    const { rowFunction } = this.#call
    const window = this.#window
    if (rowFunction === undefined || window.selection !== 'plain') return false
    if (this.#context.samples.perStep !== undefined) return false
    if (window.histograms !== undefined || window.startTimestampsMs !== undefined) return false
    const { grid } = this
    const { times, rangeMs } = this.#bounds
    const looked = rowFunction(
      {
        timestampsMs: window.timestampsMs,
        values: window.values,
        count: this.#samples.count,
        dropCounts: window.dropCounts ?? this.#drops,
        firstEndMs: referenceMs(times, grid.startMs),
        endStepMs: times.timestampMs === undefined ? grid.stepMs : 0,
        rangeMs,
        stepCount: grid.count,
        check: () => this.#context.signal.check(),
      },
      batch.values,
      batch.present,
      row * grid.count,
    )
    this.#context.samples.looked(grid, looked)
    if (this.#rows.areStored) this.#context.samples.read += this.#samples.count
    if (this.#isCounterCall && rowHasSamples(batch, row)) this.#noteCounter()
    return true
  }

  /** One call; returns 1 where the answer is a float. */
  #callAt(step: number, batch: StepBatch, cell: number): number {
    const out = this.#out
    for (let i = 0; i < this.#columns.length; i++) this.#scalars[i] = this.#columns[i]![step]!
    out.clear()
    this.#call.function(this.#window, this.#scalars, out, this.#notes!)
    if (out.present === cellAbsent) return 0
    if (out.present !== cellFloat) {
      batch.setHistogram(cell, out.histogram!)
      return 0
    }
    batch.present[cell] = cellFloat
    batch.values[cell] = out.value
    return 1
  }

  // Counting once per row saves every window a walk over its samples.
  #countDrops(window: SampleWindow): Uint32Array | undefined {
    if (!this.#isCounterCall || window.histograms !== undefined) return undefined
    if (window.startTimestampsMs !== undefined) return undefined
    const { count, values } = this.#samples
    if (this.#drops.length < count) this.#drops = new Uint32Array(2 * count)
    const drops = this.#drops
    let total = 0
    drops[0] = 0
    for (let i = 1; i < count; i++) {
      if (values[i]! < values[i - 1]!) total++
      drops[i] = total
    }
    return drops
  }

  #noteCounter(): void {
    if (!this.#isCounterCall) return
    const notes = this.#notes!
    const name = notes.metricName()
    if (name === '') return
    const text = notes.typeLabels ? untypedCounter(name, notes.metricType()) : oddlyNamed(name)
    if (text !== '') this.#context.annotations.add('info', text, this.#call.rangePosition)
  }
}

function oddlyNamed(name: string): string {
  return /_(?:total|sum|count|bucket)$/.test(name) ? '' : possiblyNoCounter(name)
}

function untypedCounter(name: string, type: string): string {
  return type === 'counter' || type === 'histogram' ? '' : possiblyNoCounterType(name, type)
}

// Samples of a window from entry `from` on; a histogram counts by its size.
function windowSize({ to, histograms }: SampleWindow, from: number): number {
  if (histograms === undefined) return to - from
  let size = 0
  for (let i = from; i < to; i++) {
    const histogram = histograms[i]
    size += histogram === undefined ? 1 : sampleCountOf(histogram)
  }
  return size
}

function emptyWindow(selection: SampleWindow['selection']): SampleWindow {
  const none = new Float64Array(0)
  return {
    timestampsMs: none,
    values: none,
    startTimestampsMs: undefined,
    histograms: undefined,
    dropCounts: undefined,
    from: 0,
    to: 0,
    startMs: 0,
    endMs: 0,
    stepMs: 0,
    selection,
  }
}

// The seams of evaluation: what operators pull from each other, and what functions over samples look like.
// An operator is built for one step grid and yields blocks of rows over all of its steps, because chunks are
// decoded a series at a time: one row is decoded once, however many windows look at it.
// Units: Unix milliseconds. Cells are series-major: row r, step s of a batch is cell r × stepCount + s.
// Invariants: a stale marker never enters a batch or a window (it is read from bits while selecting).

import type { FloatHistogram } from '../../model/index.ts'
import type { Block } from './block.ts'
import type { SeriesTable } from './series-table.ts'

/** The times an operator is evaluated at: startMs, startMs + stepMs, … (`count` of them). */
export interface StepGrid {
  readonly startMs: number
  /** 0 where count is 1. */
  readonly stepMs: number
  readonly count: number
}

/** A cell without a sample. */
export const cellAbsent = 0
/** A cell whose sample is the float in `values`. */
export const cellFloat = 1
/** A cell whose sample is the histogram in `histograms`; its entry in `values` is meaningless. */
export const cellHistogram = 2

/** A block of rows over all steps of an operator; owned and reused by the operator that pulls. */
export class StepBatch {
  /** Index in the operator's SeriesTable of the block's first row. */
  rowFrom = 0
  rowCount = 0
  readonly stepCount: number
  readonly rowCapacity: number
  /** [rowCapacity × stepCount] floats. */
  readonly values: Float64Array<ArrayBuffer>
  /** [rowCapacity × stepCount] of cellAbsent, cellFloat or cellHistogram. */
  readonly present: Uint8Array<ArrayBuffer>
  /** By cell, set wherever `present` is cellHistogram; undefined while the block has no histogram. */
  histograms: (FloatHistogram | undefined)[] | undefined

  constructor(
    rowCapacity: number,
    stepCount: number,
    values = new Float64Array(rowCapacity * stepCount),
    present = new Uint8Array(rowCapacity * stepCount),
  ) {
    this.rowCapacity = rowCapacity
    this.stepCount = stepCount
    this.values = values
    this.present = present
  }

  /** A batch over some rows of this one: columns are shared, histograms are not. */
  view(rowFrom: number, rowCount: number): StepBatch {
    const from = rowFrom * this.stepCount
    const to = from + rowCount * this.stepCount
    return new StepBatch(
      rowCount,
      this.stepCount,
      this.values.subarray(from, to),
      this.present.subarray(from, to),
    )
  }

  /** Empties the block before it is filled from row `rowFrom` of the table. */
  begin(rowFrom: number): void {
    this.rowFrom = rowFrom
    this.rowCount = 0
    this.histograms = undefined
    this.present.fill(cellAbsent)
  }

  /** Puts a histogram into a cell. */
  setHistogram(cell: number, histogram: FloatHistogram): void {
    this.histograms ??= []
    this.histograms[cell] = histogram
    this.present[cell] = cellHistogram
  }
}

/** A node of a running query. */
export interface Operator {
  readonly grid: StepGrid
  /** What this operator yields: hashes and label pair ids by row, no strings. Rows come in table order. */
  series(): Promise<SeriesTable>
  /** Fills `batch` with the next rows (after `series`); returns how many, 0 = done. */
  next(batch: StepBatch): Promise<number>
  /**
   * All rows at once, for operators that have them so: the caller owns the block and the samples held for it.
   * Undefined where rows have to be pulled with `next`.
   */
  takeBlock?(): Promise<Block | undefined>
  /** This operator's line in EXPLAIN, and the operators it pulls from. */
  explain(): { readonly line: string; readonly inputs: readonly Operator[] }
}

/** How grave an annotation is. */
export type AnnotationLevel = 'warning' | 'info'

/** What a function may ask and tell about the row it is called for. */
export interface Notes {
  /** The row's metric name, '' where it is not known (names are known only when they are dropped at the end). */
  metricName(): string
  /** The row's `__type__` label, '' where absent. */
  metricType(): string
  /** Whether `__type__` is to be trusted over the suffix of the name. */
  readonly typeLabels: boolean
  /**
   * Reports `text` (without "PromQL warning: " and without position, both are added by the engine). The position is
   * that of argument `argument` of the call, or of the call itself where it is undefined.
   */
  annotate(level: AnnotationLevel, text: string, argument?: number): void
}

/** What a function answers for one step; the caller resets it to absent before each call. */
export class PointOut {
  present: number = cellAbsent
  value = 0
  histogram: FloatHistogram | undefined

  /** Forgets the last answer. */
  clear(): void {
    this.present = cellAbsent
    this.histogram = undefined
  }

  /** Answers a float. */
  setFloat(value: number): void {
    this.present = cellFloat
    this.value = value
  }

  /** Answers a histogram. */
  setHistogram(histogram: FloatHistogram): void {
    this.present = cellHistogram
    this.histogram = histogram
  }
}

/** The samples of one series that a window function sees at one step; reused from step to step and row to row. */
export interface SampleWindow {
  /** Columns of the row; the window is the entries [from, to). Never empty: from < to. */
  timestampsMs: Float64Array
  values: Float64Array
  /** Start timestamps by sample, 0 = unknown; undefined where the row has none or their use is off. */
  startTimestampsMs: Float64Array | undefined
  /** Set by index where the sample is a histogram; undefined where the row has none. */
  histograms: (FloatHistogram | undefined)[] | undefined
  /**
   * By sample, how many samples up to it are lower than the one before: a window with equal counts at both ends has no
   * counter reset. Only for rate and increase over floats without start timestamps, else undefined.
   */
  dropCounts: Uint32Array | undefined
  from: number
  to: number
  /** The window is (startMs, endMs], offset and @ applied. */
  startMs: number
  endMs: number
  /** The step's own time (evaluation time, without offset). */
  stepMs: number
  /**
   * 'anchored' and 'smoothed' windows also hold the samples of the lookback before startMs (exclusive at
   * startMs − lookback) and, smoothed, those up to endMs + lookback; 'plain' windows hold (startMs, endMs] only.
   */
  selection: 'plain' | 'anchored' | 'smoothed'
}

/**
 * A function over a range (rate, sum_over_time, …): one call per row and step whose window has samples.
 * `scalars` are the call's scalar arguments at this step, in order (quantile_over_time: [φ]).
 */
export type WindowFunction = (
  window: SampleWindow,
  scalars: readonly number[],
  out: PointOut,
  notes: Notes,
) => void

/**
 * A function of one sample (abs, clamp, round, hour, histogram_count, …): one call per present cell.
 * `histogram` is set where the sample is one; `scalars` are the call's scalar arguments at this step, in order
 * (histogram_fraction: [lower, upper], histogram_quantile on native samples: [φ]); `scalars` has only what was written.
 */
export type ElementFunction = (
  value: number,
  histogram: FloatHistogram | undefined,
  scalars: readonly number[],
  out: PointOut,
  notes: Notes,
) => void

/** All plain windows of one row of floats without start timestamps; window s ends at firstEndMs + s × endStepMs. */
export interface RowWindows {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  readonly count: number
  /** As in SampleWindow; empty where the function does not read it. */
  readonly dropCounts: Uint32Array
  readonly firstEndMs: number
  readonly endStepMs: number
  readonly rangeMs: number
  readonly stepCount: number
  /** Throws once the query has to stop; to be called every `samplesPerCheck` samples of work. */
  check(): void
}

/** Samples that may be looked at between two looks at the signal: about a millisecond of work. */
export const samplesPerCheck = 100_000

/**
 * A window function over all windows of a row at once: writes the answers to `out` and `present` from entry `offset`
 * on and returns how many samples the windows held together.
 */
export type RowFunction = (
  row: RowWindows,
  out: Float64Array,
  present: Uint8Array,
  offset: number,
) => number

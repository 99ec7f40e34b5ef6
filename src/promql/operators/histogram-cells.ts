// Sums and averages of histograms by cell, for aggregations. Cells with histograms are few, so they live in a map.

import type { FloatHistogram } from '../../model/index.ts'
import { boundsReconciled, hintsCollided, mixedSchemas } from '../functions/annotation-texts.ts'
import { divideHistogram } from '../histogram/arithmetic.ts'
import { HistogramSum } from '../histogram/histogram-sum.ts'
import type { AggregationNotes } from './aggregate.ts'

interface CellState {
  sum: HistogramSum
  count: number
  /** `sum` is a mean: the sum would have overflowed. */
  incremental: boolean
  /** Exponential and custom buckets met; the cell has no result. */
  incompatible: boolean
  sawReset: boolean
  sawNoReset: boolean
}

/** Histogram sums or averages by cell. */
export class HistogramCells {
  readonly #kind: 'sum' | 'avg'
  readonly #notes: AggregationNotes
  readonly #cells = new Map<number, CellState>()

  constructor(kind: 'sum' | 'avg', notes: AggregationNotes) {
    this.#kind = kind
    this.#notes = notes
  }

  /** Adds a histogram to a cell. */
  add(cell: number, histogram: FloatHistogram): void {
    const state = this.#cells.get(cell)
    if (state === undefined) {
      this.#cells.set(cell, {
        sum: new HistogramSum(histogram),
        count: 1,
        incremental: false,
        incompatible: false,
        sawReset: histogram.counterResetHint === 'reset',
        sawNoReset: histogram.counterResetHint === 'not_reset',
      })
      return
    }
    if (state.incompatible) return
    if (histogram.counterResetHint === 'reset') state.sawReset = true
    if (histogram.counterResetHint === 'not_reset') state.sawNoReset = true
    state.count++
    if (this.#kind === 'sum') this.#addTo(state, state.sum, histogram)
    else this.#addToMean(state, histogram)
  }

  /** The result of a cell that has only histograms; undefined where they do not fit together. */
  finish(cell: number): FloatHistogram | undefined {
    const state = this.#cells.get(cell)!
    if (state.incompatible) return undefined
    if (state.sawReset && state.sawNoReset) {
      this.#notes.annotate('warning', hintsCollided('aggregation'))
    }
    if (this.#kind === 'avg' && !state.incremental) state.sum.divide(state.count)
    return state.sum.toHistogram()
  }

  #addToMean(state: CellState, histogram: FloatHistogram): void {
    if (!state.incremental) {
      const sum = state.sum.clone()
      if (!this.#addTo(state, sum, histogram)) return
      if (!sum.overflows()) {
        state.sum = sum
        return
      }
      state.incremental = true
      state.sum.divide(state.count - 1)
    }
    state.sum.scale((state.count - 1) / state.count)
    this.#addTo(state, state.sum, divideHistogram(histogram, state.count))
  }

  #addTo(state: CellState, sum: HistogramSum, histogram: FloatHistogram): boolean {
    const met = sum.add(histogram)
    if (met === undefined) {
      state.incompatible = true
      this.#notes.annotate('warning', mixedSchemas(this.#notes.metricName()))
      return false
    }
    if (met.boundsDiffer) {
      this.#notes.annotate('info', boundsReconciled('aggregation'))
    }
    return true
  }
}

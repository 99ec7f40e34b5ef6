// Accumulators of aggregations over floats, and counts of either kind.
// Sums are Kahan–Neumaier compensated; variances are Welford's (population).
// Source: Prometheus 3.14 semantics; overflowing averages go on incrementally.

import type { Accumulator, AccumulatorFactory, AggregationNotes } from './aggregate.ts'
import { HistogramCells } from './histogram-cells.ts'
import type { StepBatch } from './operator.ts'
import { cellAbsent, cellFloat, cellHistogram } from './operator.ts'

const seenFloat = 1
const seenHistogram = 2

/** count and group: samples of either kind. */
export function countAccumulator(kind: 'count' | 'group'): AccumulatorFactory {
  return (groupCount, stepCount) => {
    const counts = new Float64Array(groupCount * stepCount)
    return {
      addRow(group, batch, row) {
        const { present } = batch
        const from = row * stepCount
        const to = group * stepCount
        for (let step = 0; step < stepCount; step++) {
          if (present[from + step] !== cellAbsent) counts[to + step]! += 1
        }
      },
      finish(cells) {
        for (let cell = 0; cell < counts.length; cell++) {
          if (counts[cell] === 0) continue
          cells.present[cell] = cellFloat
          cells.values[cell] = kind === 'count' ? counts[cell]! : 1
        }
      },
    }
  }
}

/** min and max: NaN only where all are NaN; histograms are ignored, and it is said. */
export function extremeAccumulator(kind: 'min' | 'max'): AccumulatorFactory {
  return (groupCount, stepCount, notes) => {
    const best = new Float64Array(groupCount * stepCount)
    const seen = new Uint8Array(groupCount * stepCount)
    return {
      addRow(group, batch, row) {
        noteIgnored(batch, row, kind, notes)
        const { present, values } = batch
        for (let step = 0; step < stepCount; step++) {
          const from = row * stepCount + step
          if (present[from] !== cellFloat) continue
          const value = values[from]!
          const to = group * stepCount + step
          const known = best[to]!
          const better = kind === 'max' ? known < value : known > value
          if (seen[to] === 0 || better || Number.isNaN(known)) best[to] = value
          seen[to] = seenFloat
        }
      },
      finish: (cells) => writeFloats(cells, seen, best),
    }
  }
}

/** stddev and stdvar over the population; a first value of NaN or ±Inf makes the result NaN. */
export function varianceAccumulator(kind: 'stddev' | 'stdvar'): AccumulatorFactory {
  return (groupCount, stepCount, notes) => {
    const cellCount = groupCount * stepCount
    const means = new Float64Array(cellCount)
    const squares = new Float64Array(cellCount)
    const counts = new Float64Array(cellCount)
    return {
      addRow(group, batch, row) {
        noteIgnored(batch, row, kind, notes)
        const { present, values } = batch
        for (let step = 0; step < stepCount; step++) {
          const from = row * stepCount + step
          if (present[from] !== cellFloat) continue
          const value = values[from]!
          const to = group * stepCount + step
          counts[to]! += 1
          if (counts[to] === 1) {
            means[to] = value
            squares[to] = Number.isFinite(value) ? 0 : Number.NaN
            continue
          }
          const delta = value - means[to]!
          means[to]! += delta / counts[to]!
          squares[to]! += delta * (value - means[to]!)
        }
      },
      finish(cells) {
        for (let cell = 0; cell < cellCount; cell++) {
          if (counts[cell] === 0) continue
          const variance = squares[cell]! / counts[cell]!
          cells.present[cell] = cellFloat
          cells.values[cell] = kind === 'stdvar' ? variance : Math.sqrt(variance)
        }
      },
    }
  }
}

/** sum of floats or of histograms; a group with both at one step is left out, and it is said. */
export const sumAccumulator: AccumulatorFactory = (groupCount, stepCount, notes) =>
  new SumAccumulator(groupCount, stepCount, notes)

class SumAccumulator implements Accumulator {
  readonly #stepCount: number
  readonly #sums: Float64Array
  readonly #errors: Float64Array
  readonly #seen: Uint8Array
  readonly #histograms: HistogramCells
  readonly #notes: AggregationNotes

  constructor(groupCount: number, stepCount: number, notes: AggregationNotes) {
    this.#stepCount = stepCount
    this.#sums = new Float64Array(groupCount * stepCount)
    this.#errors = new Float64Array(groupCount * stepCount)
    this.#seen = new Uint8Array(groupCount * stepCount)
    this.#histograms = new HistogramCells('sum', notes)
    this.#notes = notes
  }

  addRow(group: number, batch: StepBatch, row: number): void {
    const { present, values } = batch
    const sums = this.#sums
    const errors = this.#errors
    const seen = this.#seen
    const stepCount = this.#stepCount
    let from = row * stepCount
    let to = group * stepCount
    for (let step = 0; step < stepCount; step++, from++, to++) {
      if (present[from] === cellFloat) {
        const x = values[from]!
        const sum = sums[to]!
        // The first value is the sum itself: adding it to 0 would lose a negative zero only.
        const total = seen[to]! === 0 ? x : sum + x
        if (seen[to]! !== 0) {
          if (total === Infinity || total === -Infinity) errors[to] = 0
          else if (Math.abs(sum) >= Math.abs(x)) errors[to]! += sum - total + x
          else errors[to]! += x - total + sum
        }
        sums[to] = total
        seen[to]! |= seenFloat
      } else if (present[from] === cellHistogram) {
        if (seen[to] !== seenFloat) this.#histograms.add(to, batch.histograms![from]!)
        seen[to]! |= seenHistogram
      }
    }
  }

  finish(cells: StepBatch): void {
    for (let cell = 0; cell < this.#seen.length; cell++) {
      if (this.#seen[cell] === seenFloat) {
        cells.present[cell] = cellFloat
        cells.values[cell] = this.#sums[cell]! + this.#errors[cell]!
      }
    }
    finishHistograms(this.#seen, this.#histograms, cells, this.#notes)
  }
}

/** avg: as sum, divided; incremental from where the sum would overflow. */
export const avgAccumulator: AccumulatorFactory = (groupCount, stepCount, notes) =>
  new AvgAccumulator(groupCount, stepCount, notes)

class AvgAccumulator implements Accumulator {
  readonly #stepCount: number
  /** The sum, or where `#incremental` the mean. */
  readonly #sums: Float64Array
  readonly #errors: Float64Array
  readonly #counts: Float64Array
  readonly #incremental: Uint8Array
  readonly #seen: Uint8Array
  readonly #histograms: HistogramCells
  readonly #notes: AggregationNotes

  constructor(groupCount: number, stepCount: number, notes: AggregationNotes) {
    const cellCount = groupCount * stepCount
    this.#stepCount = stepCount
    this.#sums = new Float64Array(cellCount)
    this.#errors = new Float64Array(cellCount)
    this.#counts = new Float64Array(cellCount)
    this.#incremental = new Uint8Array(cellCount)
    this.#seen = new Uint8Array(cellCount)
    this.#histograms = new HistogramCells('avg', notes)
    this.#notes = notes
  }

  addRow(group: number, batch: StepBatch, row: number): void {
    const { present, values } = batch
    const stepCount = this.#stepCount
    for (let step = 0; step < stepCount; step++) {
      const from = row * stepCount + step
      const to = group * stepCount + step
      if (present[from] === cellAbsent) continue
      this.#counts[to]! += 1
      if (present[from] === cellFloat) {
        this.#addFloat(to, values[from]!)
        this.#seen[to]! |= seenFloat
      } else {
        if (this.#seen[to] !== seenFloat) this.#histograms.add(to, batch.histograms![from]!)
        this.#seen[to]! |= seenHistogram
      }
    }
  }

  finish(cells: StepBatch): void {
    for (let cell = 0; cell < this.#seen.length; cell++) {
      if (this.#seen[cell] !== seenFloat) continue
      const count = this.#incremental[cell] === 1 ? 1 : this.#counts[cell]!
      cells.present[cell] = cellFloat
      cells.values[cell] = this.#sums[cell]! / count + this.#errors[cell]! / count
    }
    finishHistograms(this.#seen, this.#histograms, cells, this.#notes)
  }

  #addFloat(to: number, x: number): void {
    const count = this.#counts[to]!
    if (this.#seen[to] === 0) {
      this.#sums[to] = x
      return
    }
    if (this.#incremental[to] === 0) {
      const sum = this.#sums[to]!
      const total = sum + x
      if (Math.abs(total) !== Infinity) {
        this.#errors[to]! += roundingError(sum, x, total)
        this.#sums[to] = total
        return
      }
      this.#incremental[to] = 1
      this.#sums[to] = sum / (count - 1)
      this.#errors[to]! /= count - 1
    }
    const weight = (count - 1) / count
    const mean = weight * this.#sums[to]!
    const share = x / count
    const total = mean + share
    this.#errors[to] =
      Math.abs(total) === Infinity
        ? 0
        : weight * this.#errors[to]! + roundingError(mean, share, total)
    this.#sums[to] = total
  }
}

// What Neumaier's step adds to the compensation for total = sum + x.
function roundingError(sum: number, x: number, total: number): number {
  return Math.abs(sum) >= Math.abs(x) ? sum - total + x : x - total + sum
}

function writeFloats(cells: StepBatch, seen: Uint8Array, values: Float64Array): void {
  for (let cell = 0; cell < seen.length; cell++) {
    if (seen[cell] === 0) continue
    cells.present[cell] = cellFloat
    cells.values[cell] = values[cell]!
  }
}

function finishHistograms(
  seen: Uint8Array,
  histograms: HistogramCells,
  cells: StepBatch,
  notes: AggregationNotes,
): void {
  for (let cell = 0; cell < seen.length; cell++) {
    if (seen[cell]! < seenHistogram) continue
    if (seen[cell] === seenHistogram) {
      const histogram = histograms.finish(cell)
      if (histogram !== undefined) cells.setHistogram(cell, histogram)
    } else notes.annotate('warning', 'encountered a mix of histograms and floats for aggregation')
  }
}

/** Says that an aggregation passes over a row's histograms. */
export function noteIgnored(
  batch: StepBatch,
  row: number,
  name: string,
  notes: AggregationNotes,
): void {
  if (batch.histograms === undefined) return
  const end = (row + 1) * batch.stepCount
  for (let cell = row * batch.stepCount; cell < end; cell++) {
    if (batch.present[cell] !== cellHistogram) continue
    notes.annotate('info', `ignored histogram in ${name} aggregation`)
    return
  }
}

// How the floats of a window are spread: variance, deviation, quantiles.
// Source: Prometheus promql/functions.go (varianceOverTime, funcQuantileOverTime, funcMadOverTime).

import { compensate } from '../histogram/kahan.ts'
import type { WindowFunction } from '../operators/operator.ts'
import { invalidQuantile } from './annotation-texts.ts'
import { quantileOf } from './quantile.ts'
import type { FloatColumns } from './window.ts'
import { floatsOf, noteIgnored } from './window.ts'

/** stdvar_over_time(m[d]): population variance. */
export const stdvarOverTime: WindowFunction = (window, _scalars, out, notes) => {
  const floats = floatsOf(window)
  if (floats.from === floats.to) return
  noteIgnored(floats, notes)
  out.setFloat(varianceOf(floats))
}

/** stddev_over_time(m[d]): population standard deviation. */
export const stddevOverTime: WindowFunction = (window, _scalars, out, notes) => {
  const floats = floatsOf(window)
  if (floats.from === floats.to) return
  noteIgnored(floats, notes)
  out.setFloat(Math.sqrt(varianceOf(floats)))
}

// Welford's method with compensated mean and squares.
function varianceOf({ values, from, to }: FloatColumns): number {
  let mean = 0
  let meanError = 0
  let squares = 0
  let squaresError = 0
  for (let i = from; i < to; i++) {
    const offCenter = values[i]! - (mean + meanError)
    const step = offCenter / (i - from + 1)
    meanError = compensate(mean, step, meanError)
    mean += step
    const square = offCenter * (values[i]! - (mean + meanError))
    squaresError = compensate(squares, square, squaresError)
    squares += square
  }
  return (squares + squaresError) / (to - from)
}

/** quantile_over_time(φ, m[d]). */
export const quantileOverTime: WindowFunction = (window, [quantile], out, notes) => {
  const floats = floatsOf(window)
  if (floats.from === floats.to) return
  if (!(quantile! >= 0 && quantile! <= 1)) notes.annotate('warning', invalidQuantile(quantile!), 0)
  noteIgnored(floats, notes)
  const count = copyToScratch(floats)
  out.setFloat(quantileOf(quantile!, scratch, count))
}

// Holds the samples of the window at hand while they are sorted: a view per window would cost more than the sorting.
let scratch = new Float64Array(256)

function copyToScratch({ values, from, to }: FloatColumns): number {
  const count = to - from
  if (count > scratch.length) scratch = new Float64Array(2 * count)
  for (let i = 0; i < count; i++) scratch[i] = values[from + i]!
  return count
}

/** mad_over_time(m[d]): median distance from the median; NaN where a sample is NaN. */
export const madOverTime: WindowFunction = (window, _scalars, out, notes) => {
  const floats = floatsOf(window)
  if (floats.from === floats.to) return
  noteIgnored(floats, notes)
  const values = floats.values.slice(floats.from, floats.to)
  if (values.some(Number.isNaN)) {
    out.setFloat(Number.NaN)
    return
  }
  const median = quantileOf(0.5, values)
  out.setFloat(
    quantileOf(
      0.5,
      values.map((value) => Math.abs(value - median)),
    ),
  )
}

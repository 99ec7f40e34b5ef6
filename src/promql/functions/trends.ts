// Trends: least squares over a window, and double exponential smoothing.
// Units: slopes per second. Source: Prometheus promql/functions.go (linearRegression, …).

import { UserError } from '../../model/index.ts'
import { compensate } from '../histogram/kahan.ts'
import type { Notes, SampleWindow, WindowFunction } from '../operators/operator.ts'
import type { FloatColumns } from './window.ts'
import { floatsOf, noteIgnored } from './window.ts'

/** deriv(m[d]): slope of the line through the window's floats. */
export const deriv: WindowFunction = (window, _scalars, out, notes) => {
  const floats = atLeastTwo(window, notes)
  if (floats === undefined) return
  // Times near the samples keep digits that times since the epoch would lose.
  out.setFloat(lineThrough(floats, floats.timestampsMs[floats.from]!).slope)
}

/** predict_linear(m[d], seconds): where that line is `seconds` after the evaluation time. */
export const predictLinear: WindowFunction = (window, [seconds], out, notes) => {
  const floats = atLeastTwo(window, notes)
  if (floats === undefined) return
  const { slope, intercept } = lineThrough(floats, window.stepMs)
  out.setFloat(slope * seconds! + intercept)
}

/** double_exponential_smoothing(m[d], smoothing, trend); throws UserError execution for factors outside (0, 1). */
export const doubleExponentialSmoothing: WindowFunction = (
  window,
  [smoothing, trend],
  out,
  notes,
) => {
  checkFactor('smoothing', 'sf', smoothing!)
  checkFactor('trend', 'tf', trend!)
  const floats = atLeastTwo(window, notes)
  if (floats === undefined) return
  const { values, from, to } = floats
  let smoothed = values[from]!
  let before = 0
  let slope = values[from + 1]! - values[from]!
  for (let i = from + 1; i < to; i++) {
    if (i > from + 1) slope = trend! * (smoothed - before) + (1 - trend!) * slope
    before = smoothed
    smoothed = smoothing! * values[i]! + (1 - smoothing!) * (smoothed + slope)
  }
  out.setFloat(smoothed)
}

function checkFactor(name: string, symbol: string, value: number): void {
  if (!(value <= 0 || value >= 1)) return
  throw new UserError('execution', {
    what: `invalid ${name} factor. Expected: 0 < ${symbol} < 1, got: ${value.toFixed(6)}`,
  })
}

// The floats where there are two; one float beside histograms is told.
function atLeastTwo(window: SampleWindow, notes: Notes): FloatColumns | undefined {
  const floats = floatsOf(window)
  const count = floats.to - floats.from
  if (count > 0) noteIgnored(floats, notes)
  return count < 2 ? undefined : floats
}

interface Line {
  /** Per second. */
  readonly slope: number
  /** Value at the time asked for. */
  readonly intercept: number
}

function lineThrough({ timestampsMs, values, from, to }: FloatColumns, originMs: number): Line {
  const count = to - from
  const first = values[from]!
  let isConstant = true
  let sumX = 0
  let sumY = 0
  let sumXY = 0
  let sumXX = 0
  let errorX = 0
  let errorY = 0
  let errorXY = 0
  let errorXX = 0
  for (let i = from; i < to; i++) {
    const x = (timestampsMs[i]! - originMs) / 1000
    const y = values[i]!
    if (i > from && y !== first) isConstant = false
    errorX = compensate(sumX, x, errorX)
    sumX += x
    errorY = compensate(sumY, y, errorY)
    sumY += y
    errorXY = compensate(sumXY, x * y, errorXY)
    sumXY += x * y
    errorXX = compensate(sumXX, x * x, errorXX)
    sumXX += x * x
  }
  if (isConstant) {
    return Math.abs(first) === Infinity
      ? { slope: Number.NaN, intercept: Number.NaN }
      : { slope: 0, intercept: first }
  }
  sumX += errorX
  sumY += errorY
  const covariance = sumXY + errorXY - (sumX * sumY) / count
  const variance = sumXX + errorXX - (sumX * sumX) / count
  const slope = covariance / variance
  return { slope, intercept: sumY / count - (slope * sumX) / count }
}

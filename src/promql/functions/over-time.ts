// Sums, averages, extremes and picks over a window.
// Source: Prometheus promql/functions.go (funcSumOverTime, funcAvgOverTime, compareOverTime, …).

import type { FloatHistogram } from '../../model/index.ts'
import { divideHistogram } from '../histogram/arithmetic.ts'
import { HistogramSum } from '../histogram/histogram-sum.ts'
import { compensate } from '../histogram/kahan.ts'
import type { Notes, PointOut, SampleWindow, WindowFunction } from '../operators/operator.ts'
import {
  boundsReconciled,
  hintsCollided,
  mixedFloatsHistograms,
  mixedSchemas,
} from './annotation-texts.ts'
import { floatsOf, kindOf, noteIgnored } from './window.ts'

/** count_over_time(m[d]): samples of either kind. */
export const countOverTime: WindowFunction = (window, _scalars, out) =>
  out.setFloat(window.to - window.from)

/** present_over_time(m[d]) and absent_over_time(m[d]): 1 where there are samples. */
export const presentOverTime: WindowFunction = (_window, _scalars, out) => out.setFloat(1)

/** first_over_time(m[d]). */
export const firstOverTime: WindowFunction = (window, _scalars, out) =>
  pick(window, window.from, out)

/** last_over_time(m[d]). */
export const lastOverTime: WindowFunction = (window, _scalars, out) =>
  pick(window, window.to - 1, out)

/** ts_of_first_over_time(m[d]), in seconds. */
export const tsOfFirstOverTime: WindowFunction = (window, _scalars, out) =>
  out.setFloat(window.timestampsMs[window.from]! / 1000)

/** ts_of_last_over_time(m[d]), in seconds. */
export const tsOfLastOverTime: WindowFunction = (window, _scalars, out) =>
  out.setFloat(window.timestampsMs[window.to - 1]! / 1000)

function pick(window: SampleWindow, index: number, out: PointOut): void {
  const histogram = window.histograms?.[index]
  if (histogram === undefined) out.setFloat(window.values[index]!)
  else out.setHistogram(histogram)
}

/** max_over_time(m[d]); any number beats NaN. */
export const maxOverTime: WindowFunction = (window, _scalars, out, notes) =>
  extreme(window, (a, b) => a > b, false, out, notes)

/** min_over_time(m[d]); any number beats NaN. */
export const minOverTime: WindowFunction = (window, _scalars, out, notes) =>
  extreme(window, (a, b) => a < b, false, out, notes)

/** ts_of_max_over_time(m[d]): of the last one among equals, in seconds. */
export const tsOfMaxOverTime: WindowFunction = (window, _scalars, out, notes) =>
  extreme(window, (a, b) => a >= b, true, out, notes)

/** ts_of_min_over_time(m[d]): of the last one among equals, in seconds. */
export const tsOfMinOverTime: WindowFunction = (window, _scalars, out, notes) =>
  extreme(window, (a, b) => a <= b, true, out, notes)

function extreme(
  window: SampleWindow,
  beats: (a: number, b: number) => boolean,
  asTime: boolean,
  out: PointOut,
  notes: Notes,
): void {
  const floats = floatsOf(window)
  if (floats.from === floats.to) return
  noteIgnored(floats, notes)
  let best = floats.from
  for (let i = floats.from; i < floats.to; i++) {
    const champion = floats.values[best]!
    if (beats(floats.values[i]!, champion) || Number.isNaN(champion)) best = i
  }
  out.setFloat(asTime ? floats.timestampsMs[best]! / 1000 : floats.values[best]!)
}

/** sum_over_time(m[d]). */
export const sumOverTime: WindowFunction = (window, _scalars, out, notes) => {
  const kind = kindOf(window)
  if (kind === 'mixed') {
    notes.annotate('warning', mixedFloatsHistograms(notes.metricName()), 0)
  } else if (kind === 'floats') out.setFloat(floatSum(window))
  else {
    const sum = sumOfHistograms(window, window.to, notes)
    if (sum !== undefined) out.setHistogram(sum.toHistogram())
  }
}

/** Entries [from, to) of a column of floats. */
export type FloatWindow = Pick<SampleWindow, 'values' | 'from' | 'to'>

/** The compensated sum of the floats in a window. */
export function floatSum(window: FloatWindow): number {
  let sum = 0
  let error = 0
  for (let i = window.from; i < window.to; i++) {
    const value = window.values[i]!
    error = compensate(sum, value, error)
    sum += value
  }
  return Math.abs(sum) === Infinity ? sum : sum + error
}

/** avg_over_time(m[d]). */
export const avgOverTime: WindowFunction = (window, _scalars, out, notes) => {
  const kind = kindOf(window)
  if (kind === 'mixed') {
    notes.annotate('warning', mixedFloatsHistograms(notes.metricName()), 0)
  } else if (kind === 'floats') out.setFloat(floatAverage(window))
  else {
    const average = histogramAverage(window, notes)
    if (average !== undefined) out.setHistogram(average)
  }
}

/** The average of the floats in a window, without overflowing on the way. */
export function floatAverage(window: FloatWindow): number {
  const { values, from, to } = window
  let sum = values[from]!
  let error = 0
  for (let i = from + 1; i < to; i++) {
    const nextError = compensate(sum, values[i]!, error)
    const next = sum + values[i]!
    if (Math.abs(next) === Infinity) return averageStepwise(window, i, sum, error)
    sum = next
    error = nextError
  }
  return sum / (to - from) + error / (to - from)
}

// The sum would overflow with sample `index`: the mean goes on from sample to sample instead.
function averageStepwise(
  window: FloatWindow,
  index: number,
  sum: number,
  sumError: number,
): number {
  const before = index - window.from
  let mean = sum / before
  let error = sumError / before
  for (let i = index; i < window.to; i++) {
    const count = i - window.from + 1
    const keep = (count - 1) / count
    mean *= keep
    const part = window.values[i]! / count
    error = compensate(mean, part, error * keep)
    mean += part
  }
  return mean + error
}

// The sum of histograms [from, to); undefined, and told, where custom meets exponential buckets.
function sumOfHistograms(window: SampleWindow, to: number, notes: Notes): HistogramSum | undefined {
  const histograms = window.histograms!
  const sum = new HistogramSum(histograms[window.from]!)
  let boundsDiffer = false
  for (let i = window.from + 1; i < to; i++) {
    const met = sum.add(histograms[i]!)
    if (met === undefined) {
      notes.annotate('warning', mixedSchemas(notes.metricName()), 0)
      return undefined
    }
    boundsDiffer ||= met.boundsDiffer
  }
  if (boundsDiffer) notes.annotate('info', boundsReconciled('aggregation'), 0)
  noteHints(window, notes)
  return sum
}

function noteHints(window: SampleWindow, notes: Notes): void {
  let reset = false
  let notReset = false
  for (let i = window.from; i < window.to; i++) {
    const hint = window.histograms![i]!.counterResetHint
    reset ||= hint === 'reset'
    notReset ||= hint === 'not_reset'
  }
  if (reset && notReset) notes.annotate('warning', hintsCollided('aggregation'), 0)
}

function histogramAverage(window: SampleWindow, notes: Notes): FloatHistogram | undefined {
  const sum = sumOfHistograms(window, window.to, notes)
  if (sum === undefined) return undefined
  if (!sum.overflows()) {
    sum.divide(window.to - window.from)
    return sum.toHistogram()
  }
  return histogramAverageStepwise(window)
}

function histogramAverageStepwise(window: SampleWindow): FloatHistogram {
  const histograms = window.histograms!
  let mean = new HistogramSum(histograms[window.from]!)
  let stepwise = false
  for (let i = window.from + 1; i < window.to; i++) {
    const count = i - window.from + 1
    if (!stepwise) {
      const sum = mean.clone()
      sum.add(histograms[i]!)
      if (!sum.overflows()) {
        mean = sum
        continue
      }
      stepwise = true
      mean.divide(count - 1)
    }
    mean.scale((count - 1) / count)
    mean.add(divideHistogram(histograms[i]!, count))
  }
  if (!stepwise) mean.divide(window.to - window.from)
  return mean.toHistogram()
}

// rate, increase and delta over plain windows: the growth between first and last sample, corrected for counter
// resets and extrapolated towards the window's ends.
// Units: timestamps in milliseconds, rates per second. Counters grow from zero after a reset.
// Source: Prometheus promql/functions.go (extrapolatedRate, histogramRate).

import type { FloatHistogram } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import type { Combined } from '../histogram/arithmetic.ts'
import {
  addHistograms,
  emptyLike,
  reduceSchema,
  scaleHistogram,
  subtractHistograms,
  withHint,
} from '../histogram/arithmetic.ts'
import { detectReset } from '../histogram/reset.ts'
import type { Notes, PointOut, SampleWindow, WindowFunction } from '../operators/operator.ts'
import {
  boundsReconciled,
  mixedFloatsHistograms,
  mixedSchemas,
  notCounter,
  notGauge,
  startTimeOverlap,
} from './annotation-texts.ts'
import { extendedRate } from './extended-rate.ts'
import { isStartReset, overlapsStart } from './start-times.ts'
import { kindOf } from './window.ts'

/** Which of the three functions. */
export interface RateKind {
  readonly isCounter: boolean
  readonly isRate: boolean
}

/** rate(m[d]): growth per second. */
export const rate: WindowFunction = (window, _scalars, out, notes) =>
  growth(window, { isCounter: true, isRate: true }, out, notes)

/** increase(m[d]): growth over the window. */
export const increase: WindowFunction = (window, _scalars, out, notes) =>
  growth(window, { isCounter: true, isRate: false }, out, notes)

/** delta(m[d]): difference over the window, of a gauge. */
export const delta: WindowFunction = (window, _scalars, out, notes) =>
  growth(window, { isCounter: false, isRate: false }, out, notes)

function growth(window: SampleWindow, kind: RateKind, out: PointOut, notes: Notes): void {
  const samples = kindOf(window)
  if (samples === 'mixed') {
    notes.annotate('warning', mixedFloatsHistograms(notes.metricName()), 0)
    return
  }
  if (window.selection !== 'plain') extendedRate(window, samples, kind, out, notes)
  else if (samples === 'floats') floatGrowth(window, kind, out, notes)
  else histogramGrowth(window, kind, out, notes)
}

function floatGrowth(window: SampleWindow, kind: RateKind, out: PointOut, notes: Notes): void {
  const { values, from } = window
  const last = window.to - 1
  let result = values[last]! - values[from]!
  if (kind.isCounter) {
    result += lostInResets(window)
    noteOverlap(window, notes)
  }
  const first = values[from]!
  if (kind.isCounter && startsInside(window)) {
    out.setFloat((result + first) * factorFromStart(window, kind))
  } else if (last > from) {
    const zeroShare = result > 0 && first >= 0 ? first / result : Infinity
    out.setFloat(result * factorOf(window, kind, zeroShare))
  }
}

// What the counter had reached before each of its resets.
function lostInResets(window: SampleWindow): number {
  const { values, startTimestampsMs, dropCounts, from, to } = window
  if (dropCounts !== undefined && dropCounts[from] === dropCounts[to - 1]) return 0
  let lost = 0
  let previous = values[from]!
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!
    if (value < previous || (startTimestampsMs !== undefined && isStartReset(window, i))) {
      lost += previous
    }
    previous = value
  }
  return lost
}

function noteOverlap(window: SampleWindow, notes: Notes): void {
  if (window.startTimestampsMs === undefined) return
  for (let i = window.from + 1; i < window.to; i++) {
    if (!overlapsStart(window, i)) continue
    notes.annotate('warning', startTimeOverlap(notes.metricName()), 0)
    return
  }
}

// Whether the count of the first sample began within the window: then it grew from zero there.
function startsInside(window: SampleWindow): boolean {
  const start = window.startTimestampsMs?.[window.from] ?? 0
  return start !== 0 && start > window.startMs && start < window.timestampsMs[window.from]!
}

function factorFromStart(window: SampleWindow, kind: RateKind): number {
  const sampledMs = window.timestampsMs[window.to - 1]! - window.startTimestampsMs![window.from]!
  return factor(window, kind, sampledMs / 1000, 0)
}

// `zeroShare` is first value over growth: a counter cannot have been below zero, so that it reached the first value
// in that share of the sampled time at most.
function factorOf(window: SampleWindow, kind: RateKind, zeroShare: number): number {
  const { timestampsMs, from, to } = window
  const sampled = (timestampsMs[to - 1]! - timestampsMs[from]!) / 1000
  const average = sampled / (to - 1 - from)
  let toStart = (timestampsMs[from]! - window.startMs) / 1000
  if (toStart >= average * 1.1) toStart = average / 2
  if (kind.isCounter) toStart = Math.min(toStart, sampled * zeroShare)
  return factor(window, kind, sampled, toStart)
}

function factor(window: SampleWindow, kind: RateKind, sampled: number, toStart: number): number {
  const { timestampsMs, from, to } = window
  const count = to - 1 - from
  const average = count > 0 ? (timestampsMs[to - 1]! - timestampsMs[from]!) / 1000 / count : 0
  let toEnd = (window.endMs - timestampsMs[to - 1]!) / 1000
  if (toEnd >= average * 1.1) toEnd = average / 2
  const extrapolated = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled
  return kind.isRate ? extrapolated / ((window.endMs - window.startMs) / 1000) : extrapolated
}

function histogramGrowth(window: SampleWindow, kind: RateKind, out: PointOut, notes: Notes): void {
  const { from, to } = window
  const histograms = window.histograms!
  const first = histograms[from]!
  let result: FloatHistogram | undefined
  if (to - from > 1) {
    result = histogramDifference(window, kind, notes)
    if (result === undefined) return
  }
  if (kind.isCounter && startsInside(window)) {
    const whole = result === undefined ? first : addNoting(result, first, notes)
    if (whole !== undefined) out.setHistogram(scaleHistogram(whole, factorFromStart(window, kind)))
  } else if (result !== undefined) {
    const share = result.count > 0 && first.count >= 0 ? first.count / result.count : Infinity
    out.setHistogram(scaleHistogram(result, factorOf(window, kind, share)))
  }
}

function histogramDifference(
  window: SampleWindow,
  kind: RateKind,
  notes: Notes,
): FloatHistogram | undefined {
  const { from, to } = window
  const histograms = window.histograms!
  const last = histograms[to - 1]!
  let first = histograms[from]!
  const second = histograms[from + 1]!
  // What the first sample looked like does not matter if the counter started anew after it.
  if (kind.isCounter && (isStartReset(window, from + 1) || detectReset(second, first))) {
    first = emptyLike(second)
  }
  const schema = commonSchema(window, kind, first, notes)
  if (schema === undefined) return undefined
  let result = taken(subtractHistograms(reduceSchema(last, schema), first), 'subtraction', notes)
  if (kind.isCounter) {
    noteOverlap(window, notes)
    let previous = first
    for (let i = from + 1; i < to && result !== undefined; i++) {
      const current = histograms[i]!
      if (isStartReset(window, i) || detectReset(current, previous)) {
        result = addNoting(result, previous, notes)
      }
      previous = current
    }
  } else if (!isGauge(histograms[from]!) || !isGauge(last)) {
    notes.annotate('warning', notGauge(notes.metricName()), 0)
  }
  return result === undefined ? undefined : withHint(result, 'gauge')
}

// The coarsest schema of a window; undefined, and told, where custom meets exponential buckets.
function commonSchema(
  window: SampleWindow,
  kind: RateKind,
  first: FloatHistogram,
  notes: Notes,
): number | undefined {
  const histograms = window.histograms!
  const last = histograms[window.to - 1]!
  const custom = usesCustomBuckets(first)
  let gauges = kind.isCounter && (isGauge(histograms[window.from]!) || isGauge(last))
  let mixed = usesCustomBuckets(last) !== custom
  if (gauges && mixed) notes.annotate('warning', notCounter(notes.metricName()), 0)
  let schema = Math.min(last.schema, first.schema)
  for (let i = window.from + 1; i < window.to - 1 && kind.isCounter; i++) {
    const histogram = histograms[i]!
    gauges ||= isGauge(histogram)
    mixed ||= usesCustomBuckets(histogram) !== custom
    schema = Math.min(schema, histogram.schema)
  }
  if (mixed) {
    notes.annotate('warning', mixedSchemas(notes.metricName()), 0)
    return undefined
  }
  if (gauges) notes.annotate('warning', notCounter(notes.metricName()), 0)
  return schema
}

/** Whether a histogram says that it is a gauge. */
export function isGauge(histogram: FloatHistogram): boolean {
  return histogram.counterResetHint === 'gauge'
}

function addNoting(a: FloatHistogram, b: FloatHistogram, notes: Notes): FloatHistogram | undefined {
  return taken(addHistograms(a, b), 'addition', notes)
}

/** The histogram of a sum or difference; tells of reconciled bounds, and of operands that do not go together. */
export function taken(
  combined: Combined | undefined,
  operation: 'addition' | 'subtraction',
  notes: Notes,
): FloatHistogram | undefined {
  if (combined === undefined) {
    notes.annotate('warning', mixedSchemas(notes.metricName()), 0)
    return undefined
  }
  if (combined.boundsDiffer) notes.annotate('info', boundsReconciled(operation), 0)
  return combined.histogram
}

// irate and idelta: the difference of the last two samples of a window.
// Source: Prometheus promql/functions.go (instantValue).

import type { FloatHistogram } from '../../model/index.ts'
import { divideHistogram, subtractHistograms, withHint } from '../histogram/arithmetic.ts'
import { compact } from '../histogram/layout.ts'
import { detectReset } from '../histogram/reset.ts'
import type { Notes, PointOut, SampleWindow, WindowFunction } from '../operators/operator.ts'
import { mixedFloatsHistograms, notCounter, notGauge } from './annotation-texts.ts'
import { isGauge, taken } from './rate.ts'
import { isStartReset } from './start-times.ts'

/** irate(m[d]): per second; after a reset the counter grew from zero. */
export const irate: WindowFunction = (window, _scalars, out, notes) =>
  lastDifference(window, true, out, notes)

/** idelta(m[d]): of a gauge. */
export const idelta: WindowFunction = (window, _scalars, out, notes) =>
  lastDifference(window, false, out, notes)

function lastDifference(window: SampleWindow, isRate: boolean, out: PointOut, notes: Notes): void {
  const last = window.to - 1
  if (last <= window.from) return
  const seconds = (window.timestampsMs[last]! - window.timestampsMs[last - 1]!) / 1000
  if (seconds === 0) return
  const before = window.histograms?.[last - 1]
  const now = window.histograms?.[last]
  if (before !== undefined && now !== undefined) {
    const result = histogramDifference(window, before, now, isRate, notes)
    if (result !== undefined) {
      out.setHistogram(isRate ? divideHistogram(result, seconds) : result)
    }
  } else if (before === undefined && now === undefined) {
    const result = floatDifference(window, isRate)
    out.setFloat(isRate ? result / seconds : result)
  } else notes.annotate('warning', mixedFloatsHistograms(notes.metricName()), 0)
}

function floatDifference(window: SampleWindow, isRate: boolean): number {
  const last = window.to - 1
  const now = window.values[last]!
  const before = window.values[last - 1]!
  const reset = isRate && (now < before || isStartReset(window, last))
  return reset ? now : now - before
}

function histogramDifference(
  window: SampleWindow,
  before: FloatHistogram,
  now: FloatHistogram,
  isRate: boolean,
  notes: Notes,
): FloatHistogram | undefined {
  if (isRate && (isGauge(now) || isGauge(before))) {
    notes.annotate('warning', notCounter(notes.metricName()), 0)
  }
  if (!isRate && !(isGauge(now) && isGauge(before))) {
    notes.annotate('warning', notGauge(notes.metricName()), 0)
  }
  if (isRate && (isStartReset(window, window.to - 1) || detectReset(now, before))) {
    return withHint(compact(now), 'gauge')
  }
  const result = taken(subtractHistograms(now, before), 'subtraction', notes)
  return result && withHint(result, 'gauge')
}

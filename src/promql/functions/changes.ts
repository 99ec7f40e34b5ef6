// changes and resets: how often a series took another value, or fell back.
// A float beside a histogram is a change and a reset. Anchored windows begin with the last sample before them.
// Source: Prometheus promql/functions.go (funcChanges, funcResets).

import { histogramsEqual } from '../histogram/layout.ts'
import { detectReset } from '../histogram/reset.ts'
import type { SampleWindow, WindowFunction } from '../operators/operator.ts'
import { isStartReset } from './start-times.ts'

/** changes(m[d]); NaN after NaN is no change. */
export const changes: WindowFunction = (window, _scalars, out) => {
  const from = firstOf(window)
  if (from === undefined) return
  let count = 0
  for (let i = from + 1; i < window.to; i++) if (differs(window, i)) count++
  out.setFloat(count)
}

/** resets(m[d]). */
export const resets: WindowFunction = (window, _scalars, out) => {
  const from = firstOf(window)
  if (from === undefined) return
  let count = 0
  for (let i = from + 1; i < window.to; i++) if (fell(window, i)) count++
  out.setFloat(count)
}

// The sample that comparison starts from; undefined where nothing follows an anchored window's start.
function firstOf(window: SampleWindow): number | undefined {
  if (window.selection !== 'anchored') return window.from
  let after = window.from
  while (after < window.to && window.timestampsMs[after]! <= window.startMs) after++
  return after === window.to ? undefined : Math.max(window.from, after - 1)
}

function differs(window: SampleWindow, index: number): boolean {
  const before = window.histograms?.[index - 1]
  const now = window.histograms?.[index]
  if (before !== undefined && now !== undefined) return !histogramsEqual(now, before)
  if (before !== undefined || now !== undefined) return true
  const a = window.values[index - 1]!
  const b = window.values[index]!
  return a !== b && !(Number.isNaN(a) && Number.isNaN(b))
}

function fell(window: SampleWindow, index: number): boolean {
  const before = window.histograms?.[index - 1]
  const now = window.histograms?.[index]
  if (before !== undefined && now !== undefined) {
    return isStartReset(window, index) || detectReset(now, before)
  }
  if (before !== undefined || now !== undefined) return true
  return window.values[index]! < window.values[index - 1]! || isStartReset(window, index)
}

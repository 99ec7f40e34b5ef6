// rate, increase and delta over anchored and smoothed windows: growth from the window's very start to its end.
// An anchored window takes the last sample before each edge; a smoothed one interpolates at the edges. Nothing is
// extrapolated. The window also holds samples of the lookback outside its edges.
// Source: Prometheus promql/functions.go (extendedRate, extendedHistogramRate).

import type { FloatHistogram } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import {
  addHistograms,
  divideHistogram,
  scaleHistogram,
  subtractHistograms,
  withHint,
} from '../histogram/arithmetic.ts'
import { compact } from '../histogram/layout.ts'
import { detectReset } from '../histogram/reset.ts'
import type { Notes, PointOut, SampleWindow } from '../operators/operator.ts'
import { mixedSchemas, notCounter, notGauge } from './annotation-texts.ts'
import type { RateKind } from './rate.ts'
import { isGauge, taken } from './rate.ts'

// The samples that matter: the last one at or before the start (or the first there is) to the one at or after the end.
interface Edges {
  readonly first: number
  readonly last: number
}

/** Growth over a window of one kind of samples. */
export function extendedRate(
  window: SampleWindow,
  samples: 'floats' | 'histograms',
  kind: RateKind,
  out: PointOut,
  notes: Notes,
): void {
  const edges = edgesOf(window)
  if (edges === undefined) return
  const seconds = (window.endMs - window.startMs) / 1000
  if (samples === 'floats') {
    const grown = floatGrowth(window, edges, kind)
    out.setFloat(kind.isRate ? grown / seconds : grown)
    return
  }
  const grown = histogramGrowth(window, edges, kind, notes)
  if (grown === undefined) return
  const result = kind.isRate ? divideHistogram(grown, seconds) : compact(grown)
  out.setHistogram(withHint(result, 'gauge'))
}

function edgesOf(window: SampleWindow): Edges | undefined {
  const { timestampsMs, from, to, startMs, endMs } = window
  let last = to - 1
  let after = from
  while (after < last && timestampsMs[after]! <= startMs) after++
  const first = Math.max(from, after - 1)
  if (window.selection === 'smoothed') {
    let reaching = from
    while (reaching < last && timestampsMs[reaching]! < endMs) reaching++
    last = reaching
    if (timestampsMs[first]! > endMs) return undefined
  }
  return timestampsMs[last]! <= startMs ? undefined : { first, last }
}

/** The value at `timeMs` on the line between two samples; a counter that fell is taken to have started at zero. */
export function interpolateFloat(
  window: Pick<SampleWindow, 'timestampsMs' | 'values'>,
  right: number,
  timeMs: number,
  isCounter: boolean,
): number {
  const { timestampsMs, values } = window
  const high = values[right]!
  let low = values[right - 1]!
  if (isCounter && high < low) low = 0
  const sinceLeft = timeMs - timestampsMs[right - 1]!
  return low + ((high - low) * sinceLeft) / (timestampsMs[right]! - timestampsMs[right - 1]!)
}

/** Values at the two edges of a window of floats. */
export function floatEdges(
  window: SampleWindow,
  edges: { readonly first: number; readonly last: number },
  isCounter: boolean,
): { readonly left: number; readonly right: number } {
  const { timestampsMs, values, from, startMs, endMs } = window
  const { first, last } = edges
  const smoothed = window.selection === 'smoothed'
  return {
    left:
      smoothed && timestampsMs[first]! < startMs
        ? interpolateFloat(window, first + 1, startMs, isCounter)
        : values[first]!,
    right:
      smoothed && last > from && timestampsMs[last]! > endMs
        ? interpolateFloat(window, last, endMs, isCounter)
        : values[last]!,
  }
}

function floatGrowth(window: SampleWindow, edges: Edges, kind: RateKind): number {
  const { timestampsMs, values } = window
  const { left, right } = floatEdges(window, edges, kind.isCounter)
  if (!kind.isCounter) return right - left
  // The edges have dealt with resets next to them: only samples strictly inside are compared.
  const from = timestampsMs[edges.first]! <= window.startMs ? edges.first + 1 : edges.first
  const to = timestampsMs[edges.last]! >= window.endMs ? edges.last : edges.last + 1
  let lost = 0
  let previous = left
  for (let i = from; i < to; i++) {
    if (values[i]! < previous) lost += previous
    previous = values[i]!
  }
  if (right < previous) lost += previous
  return right - left + lost
}

/**
 * The points of a window of floats with one at either edge, as a bare `m[d] anchored` yields them; nothing where no
 * sample lies after the start. Two lists of one length.
 */
export function extendedPoints(
  window: SampleWindow,
): { readonly timestampsMs: number[]; readonly values: number[] } | undefined {
  const { timestampsMs, values, startMs, endMs } = window
  const edges = edgesOf(window)
  if (edges === undefined) return undefined
  const { left, right } = floatEdges(window, edges, false)
  const points = { timestampsMs: [startMs], values: [left] }
  for (let i = edges.first; i <= edges.last; i++) {
    if (timestampsMs[i]! <= startMs || timestampsMs[i]! >= endMs) continue
    points.timestampsMs.push(timestampsMs[i]!)
    points.values.push(values[i]!)
  }
  points.timestampsMs.push(endMs)
  points.values.push(right)
  return points
}

/** Two neighbouring histogram samples. */
export interface HistogramPair {
  readonly left: FloatHistogram
  readonly leftMs: number
  readonly right: FloatHistogram
  readonly rightMs: number
}

/**
 * The histogram at `timeMs` between two samples; a counter that was reset is taken to have started empty. Undefined,
 * and told, where custom meets exponential buckets.
 */
export function interpolateHistogram(
  pair: HistogramPair,
  timeMs: number,
  isCounter: boolean,
  notes: Notes,
): FloatHistogram | undefined {
  if (timeMs === pair.leftMs) return pair.left
  if (timeMs === pair.rightMs) return pair.right
  const share = (timeMs - pair.leftMs) / (pair.rightMs - pair.leftMs)
  if (isCounter && detectReset(pair.right, pair.left)) return scaleHistogram(pair.right, share)
  const step = taken(subtractHistograms(pair.right, pair.left), 'subtraction', notes)
  if (step === undefined) return undefined
  return taken(addHistograms(scaleHistogram(step, share), pair.left), 'addition', notes)
}

function histogramGrowth(
  window: SampleWindow,
  edges: Edges,
  kind: RateKind,
  notes: Notes,
): FloatHistogram | undefined {
  if (!goTogether(window, edges, kind, notes)) return undefined
  const left = leftHistogram(window, edges, kind, notes)
  const right = left && rightHistogram(window, edges, kind, notes)
  if (left === undefined || right === undefined) return undefined
  if (!kind.isCounter && !(isGauge(left) && isGauge(right))) {
    notes.annotate('warning', notGauge(notes.metricName()), 0)
  }
  let result = taken(subtractHistograms(right, left), 'subtraction', notes)
  if (!kind.isCounter) return result
  for (const lost of lostInResets(window, edges, left, right)) {
    if (result === undefined) return undefined
    result = taken(addHistograms(result, lost), 'addition', notes)
  }
  return result
}

function goTogether(window: SampleWindow, edges: Edges, kind: RateKind, notes: Notes): boolean {
  const histograms = window.histograms!
  const custom = usesCustomBuckets(histograms[edges.first]!)
  for (let i = edges.first; i <= edges.last; i++) {
    if (usesCustomBuckets(histograms[i]!) !== custom) {
      notes.annotate('warning', mixedSchemas(notes.metricName()), 0)
      return false
    }
    if (kind.isCounter && isGauge(histograms[i]!)) {
      notes.annotate('warning', notCounter(notes.metricName()), 0)
    }
  }
  return true
}

function pairAt(window: SampleWindow, right: number): HistogramPair {
  return {
    left: window.histograms![right - 1]!,
    leftMs: window.timestampsMs[right - 1]!,
    right: window.histograms![right]!,
    rightMs: window.timestampsMs[right]!,
  }
}

function leftHistogram(
  window: SampleWindow,
  edges: Edges,
  kind: RateKind,
  notes: Notes,
): FloatHistogram | undefined {
  const { first } = edges
  return window.selection === 'smoothed' && window.timestampsMs[first]! < window.startMs
    ? interpolateHistogram(pairAt(window, first + 1), window.startMs, kind.isCounter, notes)
    : window.histograms![first]!
}

function rightHistogram(
  window: SampleWindow,
  edges: Edges,
  kind: RateKind,
  notes: Notes,
): FloatHistogram | undefined {
  const { last } = edges
  const smoothed = window.selection === 'smoothed' && last > window.from
  return smoothed && window.timestampsMs[last]! > window.endMs
    ? interpolateHistogram(pairAt(window, last), window.endMs, kind.isCounter, notes)
    : window.histograms![last]!
}

// What the counter had reached before each reset. The sample at the left edge is represented by `left`, the one at
// the right edge by `right`.
function lostInResets(
  window: SampleWindow,
  edges: Edges,
  left: FloatHistogram,
  right: FloatHistogram,
): FloatHistogram[] {
  const histograms = window.histograms!
  const { first, last } = edges
  let next = first + 1
  let previous = left
  const interpolated =
    window.selection === 'smoothed' && window.timestampsMs[first]! < window.startMs
  if (interpolated && detectReset(histograms[first + 1]!, histograms[first]!)) {
    // The left edge lies between the samples around a reset, and has it behind it.
    previous = histograms[first + 1]!
    next++
  }
  // Nothing between the two edges: both come from one sample, or from one pair around a reset.
  if (next > last) return []
  const lost: FloatHistogram[] = []
  for (; next < last; next++) {
    const current = histograms[next]!
    if (detectReset(current, previous)) lost.push(previous)
    previous = current
  }
  if (detectReset(right, previous)) lost.push(previous)
  return lost
}

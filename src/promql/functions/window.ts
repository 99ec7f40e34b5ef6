// Reading a window: which kinds of samples it holds, and its floats alone.

import type { Notes, SampleWindow } from '../operators/operator.ts'
import { histogramsIgnored } from './annotation-texts.ts'

/** What a window holds. */
export type WindowKind = 'floats' | 'histograms' | 'mixed'

/** The kinds of samples among entries [from, to). */
export function kindOf(window: SampleWindow, from = window.from): WindowKind {
  const { histograms, to } = window
  if (histograms === undefined) return 'floats'
  let count = 0
  for (let i = from; i < to; i++) if (histograms[i] !== undefined) count++
  if (count === 0) return 'floats'
  return count === to - from ? 'histograms' : 'mixed'
}

/** Columns of floats only, entries [from, to). */
export interface FloatColumns {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  readonly from: number
  readonly to: number
  /** Histograms were left out. */
  readonly mixed: boolean
}

/** The floats of a window; a window without histograms is handed on without a copy. */
export function floatsOf(window: SampleWindow): FloatColumns {
  const { timestampsMs, values, from, to } = window
  const kind = kindOf(window)
  if (kind === 'floats') return { timestampsMs, values, from, to, mixed: false }
  const timesOfFloats = new Float64Array(to - from)
  const floats = new Float64Array(to - from)
  let count = 0
  for (let i = from; i < to; i++) {
    if (window.histograms![i] !== undefined) continue
    timesOfFloats[count] = timestampsMs[i]!
    floats[count++] = values[i]!
  }
  return {
    timestampsMs: timesOfFloats,
    values: floats,
    from: 0,
    to: count,
    mixed: kind === 'mixed',
  }
}

/** Tells that histograms were left out, where some were. */
export function noteIgnored(floats: FloatColumns, notes: Notes): void {
  if (floats.mixed) notes.annotate('info', histogramsIgnored(notes.metricName()), 0)
}

// Functions over time of all windows of one row of floats in one loop.
// Specification and oracle: over-time.ts, window by window; results are equal.
// Extremes take O(samples): a queue keeps the candidates, each sample enters and leaves it once.

import type { RowFunction } from '../operators/operator.ts'
import { cellFloat, samplesPerCheck } from '../operators/operator.ts'
import type { FloatWindow } from './over-time.ts'

/** A function of each window that has samples. */
export function windowsRow(compute: (window: FloatWindow) => number): RowFunction {
  return (row, out, present, offset) => {
    const { timestampsMs, count, rangeMs } = row
    const window = { values: row.values, from: 0, to: 0 }
    let looked = 0
    let unchecked = 0
    for (let step = 0; step < row.stepCount; step++) {
      const endMs = row.firstEndMs + step * row.endStepMs
      while (window.to < count && timestampsMs[window.to]! <= endMs) window.to++
      while (window.from < window.to && timestampsMs[window.from]! <= endMs - rangeMs) window.from++
      if (window.from === window.to) continue
      looked += window.to - window.from
      unchecked += window.to - window.from
      if (unchecked > samplesPerCheck) {
        unchecked = 0
        row.check()
      }
      out[offset + step] = compute(window)
      present[offset + step] = cellFloat
    }
    return looked
  }
}

/** max_over_time or min_over_time of a whole row: NaN only where a window has nothing else. */
export function extremeRow(kind: 'max' | 'min'): RowFunction {
  const sign = kind === 'max' ? 1 : -1
  return (row, out, present, offset) => {
    const { timestampsMs, values, count, rangeMs } = row
    // Candidates by index, at [head, tail): each is better than all after it.
    const queue = new Uint32Array(count)
    let head = 0
    let tail = 0
    let from = 0
    let to = 0
    let looked = 0
    for (let step = 0; step < row.stepCount; step++) {
      const endMs = row.firstEndMs + step * row.endStepMs
      for (; to < count && timestampsMs[to]! <= endMs; to++) {
        const value = values[to]!
        if (Number.isNaN(value)) continue
        while (tail > head && sign * values[queue[tail - 1]!]! < sign * value) tail--
        queue[tail++] = to
      }
      while (from < to && timestampsMs[from]! <= endMs - rangeMs) from++
      while (head < tail && queue[head]! < from) head++
      if (from === to) continue
      looked += to - from
      out[offset + step] = head < tail ? values[queue[head]!]! : Number.NaN
      present[offset + step] = cellFloat
    }
    return looked
  }
}

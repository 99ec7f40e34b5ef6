// Counter resets of histograms: whether `current` can have grown out of `previous`.
// Source: Prometheus model/histogram/float_histogram.go (DetectReset).

import type { FloatHistogram } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import { above, atBounds, commonBounds, reachesIntoZero, widenedZero } from './histogram-sum.ts'
import type { Side } from './layout.ts'
import { coarserSide, numbersEqual, sameLayout, sideOf, sidesOf } from './layout.ts'

/**
 * Whether a reset lies between the two. A hint on `current` decides at once; otherwise a count that fell, a populated
 * bucket that is gone, a finer schema or a smaller zero bucket can only come from a reset. Gauges are looked at as if
 * they were counters.
 */
export function detectReset(current: FloatHistogram, previous: FloatHistogram): boolean {
  if (current.counterResetHint === 'reset') return true
  if (current.counterResetHint === 'not_reset') return false
  if (current.count < previous.count) return true
  if (usesCustomBuckets(current)) {
    if (!usesCustomBuckets(previous)) return true
    if (!numbersEqual(current.customValues, previous.customValues)) {
      return fellAtCommonBounds(current, previous)
    }
  }
  if (current.schema > previous.schema) return true
  if (sameLayout(current, previous) && !reachesIntoZero(current)) {
    return (
      current.zeroCount < previous.zeroCount ||
      anyFell(current.positiveBuckets, previous.positiveBuckets) ||
      anyFell(current.negativeBuckets, previous.negativeBuckets)
    )
  }
  return fellAtOneLayout(current, previous)
}

function anyFell(now: Float64Array, before: Float64Array): boolean {
  for (let i = 0; i < now.length; i++) if (now[i]! < before[i]!) return true
  return false
}

function fellAtOneLayout(current: FloatHistogram, previous: FloatHistogram): boolean {
  const threshold = current.zeroThreshold
  if (threshold < previous.zeroThreshold) return true
  const before = sidesOf(previous)
  const now = sidesOf(current)
  const custom = usesCustomBuckets(current)
  if (!custom && threshold > previous.zeroThreshold) {
    const zero = widenedZero(previous.zeroCount, before, previous.schema, threshold)
    if (zero.threshold !== threshold || current.zeroCount < zero.count) return true
  } else if (current.zeroCount < previous.zeroCount) return true
  const steps = previous.schema - current.schema
  const compared = (side: Side): Side =>
    custom ? side : coarserSide(above(side, previous.schema, threshold), steps)
  return (
    sideFell(now.positive, compared(before.positive)) ||
    sideFell(now.negative, compared(before.negative))
  )
}

// Whether a bucket lost observations, or a populated one is missing.
function sideFell(now: Side, before: Side): boolean {
  let at = 0
  for (let i = 0; i < before.indexes.length; i++) {
    const index = before.indexes[i]!
    while (at < now.indexes.length && now.indexes[at]! < index) at++
    const found = at < now.indexes.length && now.indexes[at] === index
    if (found ? now.counts[at]! < before.counts[i]! : before.counts[i] !== 0) return true
  }
  return false
}

function fellAtCommonBounds(current: FloatHistogram, previous: FloatHistogram): boolean {
  const bounds = commonBounds(current.customValues, previous.customValues)
  const rolledUp = (histogram: FloatHistogram): Side =>
    atBounds(
      sideOf(histogram.positiveSpans, histogram.positiveBuckets),
      histogram.customValues,
      bounds,
    )
  return sideFell(rolledUp(current), rolledUp(previous))
}

// Counter resets of histograms: whether `current` can have grown out of `previous`.
// Source: Prometheus model/histogram/float_histogram.go (DetectReset).

import type { FloatHistogram } from '../../model/index.ts'
import { usesCustomBuckets } from '../../model/index.ts'
import { exponentialBound } from './bounds.ts'
import { atBounds, commonBounds, widenedZero } from './histogram-sum.ts'
import type { Side } from './layout.ts'
import { coarserSide, numbersEqual, sideOf, sidesOf } from './layout.ts'

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
  return fellAtOneLayout(current, previous)
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
  const isSwallowed = (index: number): boolean =>
    !custom && threshold > 0 && exponentialBound(index, current.schema) <= threshold
  return (
    sideFell(now.positive, coarserSide(before.positive, steps), isSwallowed) ||
    sideFell(now.negative, coarserSide(before.negative, steps), isSwallowed)
  )
}

// Whether a bucket lost observations, or a populated one is missing.
function sideFell(now: Side, before: Side, isSwallowed: (index: number) => boolean): boolean {
  let at = 0
  for (let i = 0; i < before.indexes.length; i++) {
    const index = before.indexes[i]!
    if (isSwallowed(index)) continue
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
  return sideFell(rolledUp(current), rolledUp(previous), () => false)
}

// Start timestamps: when the counter behind a sample began to count. 0 = not known. Unix milliseconds.
// Source: Prometheus promql/functions.go (isStartTimestampReset, checkStartTimeOverlap).

import type { SampleWindow } from '../operators/operator.ts'

/** Whether the start of sample `index` tells of a reset since the sample before it. */
export function isStartReset(window: SampleWindow, index: number): boolean {
  const starts = window.startTimestampsMs
  if (starts === undefined) return false
  const start = starts[index]!
  const previousMs = window.timestampsMs[index - 1]!
  if (start === 0 || start >= window.timestampsMs[index]! || start < previousMs) return false
  if (start > previousMs) return true
  // The sample starts where the one before it ends: a series of deltas, unless that one's own start is unknown.
  const previousStart = starts[index - 1]!
  return previousStart !== 0 && previousStart < previousMs
}

/** Whether sample `index` began before the sample before it ended, and is not just the same count going on. */
export function overlapsStart(window: SampleWindow, index: number): boolean {
  const starts = window.startTimestampsMs
  if (starts === undefined) return false
  const start = starts[index]!
  return start !== 0 && start < window.timestampsMs[index - 1]! && start !== starts[index - 1]
}

// Label activity: what recent samples say of each value of a label, such as of each cluster: newest sample, series that
// are being written, samples per second.
// Units: Unix milliseconds. Invariants: series whose metric begins with one of `exceptMetrics` do not count; work is
// done in pieces of a few milliseconds, so that writes go on; where a series is in two windows it counts in one.

import { metricNameLabel } from '../../model/index.ts'
import type { Generation } from './generation.ts'

/** What is asked. */
export interface ActivityCall {
  readonly tenant: string
  readonly label: string
  /** A series is active when it has a sample at or after this. */
  readonly activeSinceMs: number
  /** Beginnings of names of metrics that do not count. */
  readonly exceptMetrics: readonly string[]
  /** Values beyond so many are left out. */
  readonly valuesMax: number
}

/** One value of the label. */
export interface LabelActivity {
  readonly newestMs: number
  readonly activeSeries: number
  /** From the time between the last two samples of each active series. */
  readonly samplesPerSecond: number
}

/** A piece of work takes about so long. */
const pieceMs = 2

/** Activity by value of the label. Generations of a head, of any order. */
export async function activityOf(
  generations: readonly Generation[],
  call: ActivityCall,
): Promise<Map<string, LabelActivity>> {
  const found = new Map<string, LabelActivity>()
  // Newest window first: a value that is found there is not looked for in older ones.
  for (const generation of [...generations].sort((a, b) => b.windowKey - a.windowKey)) {
    const pairs = generation.reader
      .nameStatistics(call.tenant)
      .find(({ name }) => name === call.label)?.pairs
    if (pairs === undefined) continue
    const excluded = excludedRefs(generation, call)
    let pieceEndMs = performance.now() + pieceMs
    for (const pair of pairs) {
      const value = generation.reader.valueOf(pair)
      if (found.has(value) || found.size >= call.valuesMax) continue
      const activity = activityOfPair(generation, pair, excluded, call.activeSinceMs)
      if (activity !== undefined) found.set(value, activity)
      if (performance.now() < pieceEndMs) continue
      await new Promise((resolve) => setImmediate(resolve))
      pieceEndMs = performance.now() + pieceMs
    }
  }
  return found
}

function excludedRefs(generation: Generation, call: ActivityCall): Uint8Array {
  const { view } = generation.memory
  const excluded = new Uint8Array(view.seriesCount)
  if (call.exceptMetrics.length === 0) return excluded
  const metrics = generation.reader
    .nameStatistics(call.tenant)
    .find(({ name }) => name === metricNameLabel)
  for (const pair of metrics?.pairs ?? []) {
    const metric = generation.reader.valueOf(pair)
    if (!call.exceptMetrics.some((start) => metric.startsWith(start))) continue
    for (const ref of refsOf(generation, pair)) excluded[ref] = 1
  }
  return excluded
}

function activityOfPair(
  generation: Generation,
  pair: number,
  excluded: Uint8Array,
  activeSinceMs: number,
): LabelActivity | undefined {
  const { view } = generation.memory
  let newestMs = Number.NEGATIVE_INFINITY
  let activeSeries = 0
  let samplesPerSecond = 0
  for (const ref of refsOf(generation, pair)) {
    if (excluded[ref] === 1) continue
    const timeMs = generation.newestMs(ref)
    if (timeMs > newestMs) newestMs = timeMs
    if (timeMs < activeSinceMs) continue
    activeSeries++
    const deltaMs = view.words[(view.stateOf(ref) >>> 2) + 5]!
    if (deltaMs > 0) samplesPerSecond += 1000 / deltaMs
  }
  return newestMs === Number.NEGATIVE_INFINITY
    ? undefined
    : { newestMs, activeSeries, samplesPerSecond }
}

function refsOf({ memory: { view } }: Generation, pair: number): Uint32Array {
  const refs = new Uint32Array(view.postingCount(pair))
  view.copyPostings(pair, refs, 0)
  return refs
}

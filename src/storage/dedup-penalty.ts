// The penalty algorithm: two replicas of one series become one, without doubling samples and without flapping.
// After a sample of one replica, the other has to wait for twice the gap before it may take over, so that samples of
// two scrapers with shifted clocks do not interleave.
// Units: timestamps in Unix milliseconds. Invariant: the output's timestamps strictly increase.
// Source: the rules of Thanos' query deduplication, but a replica that is read first never lifts the other one.

import { SampleBuffer } from '../chunk/index.ts'

// How long the other replica waits before there is a gap to judge by.
const initialPenaltyMs = 5000

/** One replica: its samples, the place in them, and how far its counter was lifted. */
class Replica {
  readonly samples: SampleBuffer
  index = 0
  penaltyMs = 0
  lift = 0

  constructor(samples: SampleBuffer) {
    this.samples = samples
  }

  get timestampMs(): number {
    return this.samples.timestampsMs[this.index]!
  }

  seek(timestampMs: number): boolean {
    const { timestampsMs, count } = this.samples
    while (this.index < count && timestampsMs[this.index]! < timestampMs) this.index++
    return this.index < count
  }

  get isFloat(): boolean {
    return this.samples.histograms?.[this.index] === undefined
  }

  // A counter may not seem to fall because the replica changed: from here on it is lifted to what was seen last.
  liftTo(last: number): void {
    if (this.index >= this.samples.count || !this.isFloat) return
    const value = this.samples.values[this.index]! + this.lift
    if (last > value) this.lift += last - value
  }
}

/**
 * Deduplicates replicas `a` and `b` into `out`, which is cleared first. `counter` tells that a function will look for
 * resets (rate, increase, irate, resets): then float values are lifted where the replica changes.
 */
export function dedupPenalty(
  a: SampleBuffer,
  b: SampleBuffer,
  counter: boolean,
  out: SampleBuffer,
): void {
  out.clear()
  if (a.hasStartTimestamps || b.hasStartTimestamps) out.beginStartTimestamps()
  const left = new Replica(a)
  const right = new Replica(b)
  let used: Replica | undefined
  let usedIndex = -1
  let lastMs = -Infinity
  let lastValue = -Infinity
  while (true) {
    const leftLive = left.seek(lastMs + 1 + left.penaltyMs)
    const rightLive = right.seek(lastMs + 1 + right.penaltyMs)
    if (!leftLive && !rightLive) return
    const takeLeft = leftLive && (!rightLive || left.timestampMs <= right.timestampMs)
    const taken = takeLeft ? left : right
    const other = takeLeft ? right : left
    const timestampMs = taken.timestampMs
    taken.penaltyMs = 0
    if (leftLive && rightLive)
      other.penaltyMs = lastMs === -Infinity ? initialPenaltyMs : 2 * (timestampMs - lastMs)
    if (counter && used !== undefined && used !== taken) {
      left.liftTo(lastValue)
      right.liftTo(lastValue)
    }
    const { index } = taken
    out.copyFrom(taken.samples, index, used === taken && index === usedIndex + 1)
    if (taken.isFloat) lastValue = lifted(out, taken.lift)
    used = taken
    usedIndex = index
    lastMs = timestampMs
  }
}

// Lifts the sample written last; a NaN keeps its bits. Returns its value.
function lifted(out: SampleBuffer, lift: number): number {
  const at = out.count - 1
  const value = out.values[at]!
  if (lift === 0 || Number.isNaN(value)) return value
  out.values[at] = value + lift
  return value + lift
}

/** Deduplicates any number of replicas, pairwise from the first on. The result may be one of them. */
export function dedupReplicas(replicas: readonly SampleBuffer[], counter: boolean): SampleBuffer {
  return replicas.reduce((merged, replica) => {
    const out = new SampleBuffer(Math.max(merged.count, replica.count))
    dedupPenalty(merged, replica, counter, out)
    return out
  })
}

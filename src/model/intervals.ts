// Intervals of time: when something held, as a column [from, to, from, to, …] of half-open intervals.
// Units: Unix milliseconds; Infinity as the last `to` = still holds.
// Invariants: bounds strictly increase, so intervals neither touch nor overlap; an empty column = never.

/** See the file's header. */
export type Intervals = Float64Array

/** Never. */
export const never: Intervals = new Float64Array(0)

/** At every time. */
export const always: Intervals = Float64Array.of(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)

/** Whether it held at a time. O(log intervals). */
export function holdsAt(intervals: Intervals, timeMs: number): boolean {
  return (boundsUpTo(intervals, timeMs) & 1) === 1
}

/** The intervals that reach into a range, both bounds inclusive; a view of the column. */
export function intervalsWithin(
  intervals: Intervals,
  range: { readonly minTimeMs: number; readonly maxTimeMs: number },
): Intervals {
  const first = boundsUpTo(intervals, range.minTimeMs) & ~1
  const last = boundsUpTo(intervals, range.maxTimeMs)
  return intervals.subarray(first, last + (last & 1))
}

/** Whether it held at every time of a range, both bounds inclusive. */
export function holdsThroughout(
  intervals: Intervals,
  range: { readonly minTimeMs: number; readonly maxTimeMs: number },
): boolean {
  const first = boundsUpTo(intervals, range.minTimeMs)
  return (first & 1) === 1 && boundsUpTo(intervals, range.maxTimeMs) === first
}

/** When any of them held. */
export function unionOf(columns: readonly Intervals[]): Intervals {
  if (columns.length === 1) return columns[0]!
  const pairs: [number, number][] = []
  for (const column of columns) {
    for (let i = 0; i < column.length; i += 2) pairs.push([column[i]!, column[i + 1]!])
  }
  pairs.sort((a, b) => a[0] - b[0])
  const out: number[] = []
  for (const [fromMs, toMs] of pairs) {
    if (out.length === 0 || fromMs > out.at(-1)!) out.push(fromMs, toMs)
    else if (toMs > out.at(-1)!) out[out.length - 1] = toMs
  }
  return Float64Array.from(out)
}

/** When it did not hold. */
export function complementOf(intervals: Intervals): Intervals {
  const out: number[] = []
  const startsAtOnce = intervals[0] === Number.NEGATIVE_INFINITY
  if (!startsAtOnce) out.push(Number.NEGATIVE_INFINITY)
  for (let i = startsAtOnce ? 1 : 0; i < intervals.length; i++) out.push(intervals[i]!)
  if (out.at(-1) === Number.POSITIVE_INFINITY) out.pop()
  else out.push(Number.POSITIVE_INFINITY)
  return Float64Array.from(out)
}

/** When both held. */
export function intersectionOf(one: Intervals, other: Intervals): Intervals {
  const out: number[] = []
  let i = 0
  let j = 0
  while (i < one.length && j < other.length) {
    const fromMs = Math.max(one[i]!, other[j]!)
    const toMs = Math.min(one[i + 1]!, other[j + 1]!)
    if (fromMs < toMs) out.push(fromMs, toMs)
    if (one[i + 1]! < other[j + 1]!) i += 2
    else j += 2
  }
  return Float64Array.from(out)
}

// How many bounds are at or before a time: odd inside of an interval.
function boundsUpTo(intervals: Intervals, timeMs: number): number {
  let low = 0
  let high = intervals.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (intervals[middle]! <= timeMs) low = middle + 1
    else high = middle
  }
  return low
}

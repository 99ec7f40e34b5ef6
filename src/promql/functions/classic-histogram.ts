// Quantiles and fractions of classic histograms: series of cumulative counts, one per bound of `le`.
// Source: Prometheus promql/quantile.go (BucketQuantile, BucketFraction).

import { formatShortest } from '../../model/index.ts'

/** Observations at or below a bound. */
export interface ClassicBucket {
  readonly upperBound: number
  readonly count: number
}

/** Where counts fell from one bound to the next and were raised. */
export interface ForcedMonotonicity {
  readonly minBound: number
  readonly maxBound: number
  /** The largest fall. */
  readonly maxDifference: number
}

/** A quantile, and what had to be repaired for it. */
export interface ClassicQuantile {
  readonly value: number
  readonly forced: ForcedMonotonicity | undefined
}

// Falls by a smaller share than this are rounding, and repaired in silence.
const smallDifference = 1e-12

/**
 * The bound that a label value of `le` stands for, or undefined. Go's number syntax: decimal, hexadecimal with
 * exponent, underscores not allowed.
 */
export function parseBound(text: string): number | undefined {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (special !== null) {
    if (special[2]!.toLowerCase() === 'nan') return special[1] === '' ? Number.NaN : undefined
    return special[1] === '-' ? -Infinity : Infinity
  }
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return inRange(Number(text))
  const hex = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)p([+-]?\d+)$/i.exec(text)
  if (hex === null || hex[2]! + hex[3]! === '') return undefined
  const digits = Number.parseInt(hex[2]! + hex[3]!, 16)
  const value = digits * 2 ** (Number(hex[4]) - 4 * hex[3]!.length)
  return inRange(hex[1] === '-' ? -value : value)
}

function inRange(value: number): number | undefined {
  return Math.abs(value) === Infinity ? undefined : value
}

/**
 * The φ-quantile by linear interpolation. NaN without a +Inf bucket, with fewer than two buckets, or where nothing
 * was observed; the second highest bound where the quantile lies in the +Inf bucket.
 */
export function classicQuantile(
  quantile: number,
  buckets: readonly ClassicBucket[],
): ClassicQuantile {
  if (Number.isNaN(quantile)) return { value: Number.NaN, forced: undefined }
  if (quantile < 0) return { value: -Infinity, forced: undefined }
  if (quantile > 1) return { value: Infinity, forced: undefined }
  const merged = mergeBuckets(buckets)
  if (merged === undefined) return { value: Number.NaN, forced: undefined }
  const forced = makeMonotonic(merged)
  return { value: valueAtQuantile(quantile, merged), forced }
}

interface MutableBucket {
  readonly upperBound: number
  count: number
}

// Sorted by bound with equal bounds added up; undefined where the highest bound is not +Inf.
function mergeBuckets(buckets: readonly ClassicBucket[]): MutableBucket[] | undefined {
  const sorted = buckets.toSorted((a, b) =>
    a.upperBound < b.upperBound ? -1 : a.upperBound > b.upperBound ? 1 : 0,
  )
  if (sorted.at(-1)?.upperBound !== Infinity) return undefined
  const merged: MutableBucket[] = []
  for (const { upperBound, count } of sorted) {
    const last = merged.at(-1)
    if (last !== undefined && last.upperBound === upperBound) last.count += count
    else merged.push({ upperBound, count })
  }
  return merged
}

function makeMonotonic(buckets: MutableBucket[]): ForcedMonotonicity | undefined {
  let forced: ForcedMonotonicity | undefined
  let previous = buckets[0]!.count
  for (const bucket of buckets.slice(1)) {
    const { count, upperBound } = bucket
    if (count === previous) continue
    const isRounding = isNear(previous, count)
    if (!isRounding && !(count < previous)) {
      previous = count
      continue
    }
    bucket.count = previous
    if (isRounding) continue
    forced = {
      minBound: Math.min(forced?.minBound ?? Infinity, upperBound),
      maxBound: Math.max(forced?.maxBound ?? -Infinity, upperBound),
      maxDifference: Math.max(forced?.maxDifference ?? 0, previous - count),
    }
  }
  return forced
}

function isNear(a: number, b: number): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true
  const size = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  const smallest = 2 ** -1022
  if (a === 0 || b === 0 || size < smallest) return difference < smallDifference * smallest
  return difference / Math.min(size, Number.MAX_VALUE) < smallDifference
}

function valueAtQuantile(quantile: number, buckets: readonly MutableBucket[]): number {
  const last = buckets.length - 1
  const total = buckets[last]!.count
  if (buckets.length < 2 || total === 0) return Number.NaN
  const rank = quantile * total
  let at = 0
  while (at < last && !(buckets[at]!.count >= rank)) at++
  if (at === last) return buckets[last - 1]!.upperBound
  const { upperBound, count } = buckets[at]!
  if (at === 0) return upperBound <= 0 ? upperBound : upperBound * (rank / count)
  const below = buckets[at - 1]!
  return (
    below.upperBound +
    (upperBound - below.upperBound) * ((rank - below.count) / (count - below.count))
  )
}

/** The fraction of observations between two bounds; NaN without a +Inf bucket or observations. */
export function classicFraction(
  lower: number,
  upper: number,
  buckets: readonly ClassicBucket[],
): number {
  const merged = mergeBuckets(buckets)
  if (merged === undefined) return Number.NaN
  const total = merged.at(-1)!.count
  if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN
  if (lower >= upper) return 0
  return (rankBelow(upper, merged, total) - rankBelow(lower, merged, total)) / total
}

function rankBelow(bound: number, buckets: readonly MutableBucket[], total: number): number {
  let rank = 0
  let low = buckets[0]!.upperBound > 0 ? 0 : -Infinity
  for (const { upperBound, count } of buckets) {
    if (low >= bound) return Math.min(rank, total)
    if (upperBound > bound) {
      // No way to interpolate in a bucket without a lower end: all of it counts as below.
      const inside =
        low === -Infinity ? count : rank + ((count - rank) * (bound - low)) / (upperBound - low)
      return Math.min(inside, total)
    }
    rank = count
    low = upperBound
  }
  return total
}

/** Falls of several steps and series, as one annotation tells them. */
export class MonotonicityTally {
  private minBound = Infinity
  private maxBound = -Infinity
  private maxDifference = 0
  private count = 0
  private minTimeMs = Infinity
  private maxTimeMs = -Infinity

  /** Takes in one repaired histogram at `timeMs`. */
  add(forced: ForcedMonotonicity, timeMs: number): void {
    this.minBound = Math.min(this.minBound, forced.minBound)
    this.maxBound = Math.max(this.maxBound, forced.maxBound)
    this.maxDifference = Math.max(this.maxDifference, forced.maxDifference)
    this.minTimeMs = Math.min(this.minTimeMs, timeMs)
    this.maxTimeMs = Math.max(this.maxTimeMs, timeMs)
    this.count++
  }

  /** `, from buckets 1 to 10, with a max diff of 0.5, over 3 samples from T1 to T2`: ends the annotation's text. */
  detail(): string {
    return (
      `, from buckets ${formatShortest(this.minBound)} to ${formatShortest(this.maxBound)}` +
      `, with a max diff of ${twoDigits(this.maxDifference)}, over ${this.count} samples ` +
      `from ${rfc3339(this.minTimeMs)} to ${rfc3339(this.maxTimeMs)}`
    )
  }
}

// Go's %.2g.
function twoDigits(value: number): string {
  const [mantissa, exponentText] = value.toExponential(1).split('e') as [string, string]
  const exponent = Number(exponentText)
  if (exponent >= -4 && exponent < 2) return String(Number(value.toPrecision(2)))
  const size = Math.abs(exponent)
  return `${Number(mantissa)}e${exponent < 0 ? '-' : '+'}${size < 10 ? `0${size}` : size}`
}

function rfc3339(timeMs: number): string {
  return new Date(Math.trunc(timeMs / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

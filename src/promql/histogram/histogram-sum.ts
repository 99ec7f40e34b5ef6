// Histogram sum: adding histograms of different shapes with compensated summation in every field.
// Shapes are reconciled while adding: the coarser schema wins, the zero bucket widens until it cuts no populated
// bucket of either, custom bounds shrink to those that both have.
// Invariants: both sides are at `schema`; no bucket lies within the zero bucket.
// Source: Prometheus model/histogram/float_histogram.go (KahanAdd, Add, Sub).

import type { CounterResetHint, FloatHistogram, Span } from '../../model/index.ts'
import { customBucketsSchema, usesCustomBuckets } from '../../model/index.ts'
import { exponentialBound } from './bounds.ts'
import { compensate } from './kahan.ts'
import type { Side } from './layout.ts'
import {
  addInPlace,
  addInto,
  addSides,
  appendBucket,
  coarserSide,
  emptySide,
  numbersEqual,
  sideOf,
  sidesOf,
  spansOf,
  withError,
} from './layout.ts'

/** What an addition met. */
export interface Reconciled {
  /** One histogram says that its counter was reset, the other that it was not. */
  readonly hintsCollide: boolean
  /** Custom bounds differed and only the common ones are left. */
  readonly boundsDiffer: boolean
}

/** The zero bucket of a histogram after widening. */
export interface ZeroBucket {
  readonly count: number
  readonly threshold: number
}

/** A running sum of histograms. */
export class HistogramSum {
  hint: CounterResetHint
  private schema: number
  private zeroThreshold: number
  private customValues: Float64Array
  private positive: Side
  private negative: Side
  // Sum and error of count, sum and zero count.
  private count: number
  private countError = 0
  private sum: number
  private sumError = 0
  private zeroCount: number
  private zeroError = 0

  constructor(first: FloatHistogram) {
    this.hint = first.counterResetHint
    this.schema = first.schema
    this.zeroThreshold = first.zeroThreshold
    this.customValues = first.customValues
    const { positive, negative } = sidesOf(first)
    this.positive = positive
    this.negative = negative
    this.count = first.count
    this.sum = first.sum
    this.zeroCount = first.zeroCount
  }

  /** Adds (`sign` 1) or subtracts (−1); undefined, and nothing changed, where custom meets exponential buckets. */
  add(other: FloatHistogram, sign: 1 | -1 = 1): Reconciled | undefined {
    const custom = this.schema === customBucketsSchema
    if (custom !== usesCustomBuckets(other)) return undefined
    const hints = combineHints(this.hint, other.counterResetHint)
    this.hint = hints.hint
    this.countError = compensate(this.count, sign * other.count, this.countError)
    this.count += sign * other.count
    this.sumError = compensate(this.sum, sign * other.sum, this.sumError)
    this.sum += sign * other.sum
    const boundsDiffer = custom && !numbersEqual(this.customValues, other.customValues)
    if (boundsDiffer) this.addOtherBounds(other, sign)
    else if (custom) this.addPositive(other, sign)
    else if (this.schema === other.schema && this.zeroThreshold === other.zeroThreshold) {
      this.addAtOneResolution(other, sign)
    } else this.addExponential(other, sign)
    return { hintsCollide: hints.collide, boundsDiffer }
  }

  /** Multiplies every count and the sum. A negative factor makes a gauge. */
  scale(factor: number): void {
    this.map((value) => value * factor)
    if (factor < 0) this.hint = 'gauge'
  }

  /** Divides every count and the sum. Dividing by zero leaves no buckets, a negative divisor makes a gauge. */
  divide(divisor: number): void {
    this.map((value) => value / divisor)
    if (divisor === 0) {
      this.positive = emptySide()
      this.negative = emptySide()
    } else if (divisor < 0) this.hint = 'gauge'
  }

  /** Whether a field has become infinite. */
  overflows(): boolean {
    const fields = [this.count, this.sum, this.zeroCount]
    const isInfinite = (value: number): boolean => value === Infinity || value === -Infinity
    return (
      fields.some(isInfinite) ||
      this.positive.counts.some(isInfinite) ||
      this.negative.counts.some(isInfinite)
    )
  }

  /** An independent copy. */
  clone(): HistogramSum {
    const copy = Object.assign(Object.create(HistogramSum.prototype), this) as HistogramSum
    copy.positive = copySide(this.positive)
    copy.negative = copySide(this.negative)
    return copy
  }

  /** The sum as a compact histogram, errors added in. */
  toHistogram(): FloatHistogram {
    const up = spansOf(this.positive)
    const down = spansOf(this.negative)
    return {
      counterResetHint: this.hint,
      schema: this.schema,
      zeroThreshold: this.zeroThreshold,
      zeroCount: withError(this.zeroCount, this.zeroError),
      count: withError(this.count, this.countError),
      sum: withError(this.sum, this.sumError),
      stale: false,
      positiveSpans: up.spans,
      negativeSpans: down.spans,
      positiveBuckets: up.buckets,
      negativeBuckets: down.buckets,
      customValues: this.customValues,
    }
  }

  private addPositive(other: FloatHistogram, sign: 1 | -1): void {
    const { positiveSpans, positiveBuckets } = other
    if (addInPlace(this.positive, positiveSpans, positiveBuckets, sign)) return
    this.positive = addSides(this.positive, sideOf(positiveSpans, positiveBuckets), sign)
  }

  private addAtOneResolution(other: FloatHistogram, sign: 1 | -1): void {
    if (reachesIntoZero(other)) {
      this.addExponential(other, sign)
      return
    }
    this.zeroError = compensate(this.zeroCount, sign * other.zeroCount, this.zeroError)
    this.zeroCount += sign * other.zeroCount
    this.addPositive(other, sign)
    const { negativeSpans, negativeBuckets } = other
    if (addInPlace(this.negative, negativeSpans, negativeBuckets, sign)) return
    this.negative = addSides(this.negative, sideOf(negativeSpans, negativeBuckets), sign)
  }

  private addExponential(other: FloatHistogram, sign: 1 | -1): void {
    const zeroCount = this.reconcileZeroBuckets(other)
    this.zeroError = compensate(this.zeroCount, sign * zeroCount, this.zeroError)
    this.zeroCount += sign * zeroCount
    const schema = Math.min(this.schema, other.schema)
    const steps = this.schema - schema
    const otherSteps = other.schema - schema
    const { positive, negative } = sidesOf(other)
    // What the zero count holds is left out before buckets are joined: a coarser one may reach beyond the threshold.
    const rest = (side: Side): Side =>
      coarserSide(above(side, other.schema, this.zeroThreshold), otherSteps)
    this.positive = addSides(coarserSide(this.positive, steps), rest(positive), sign)
    this.negative = addSides(coarserSide(this.negative, steps), rest(negative), sign)
    this.schema = schema
  }

  // Widens our zero bucket as far as needed and returns the zero count that `other` has at the common threshold.
  private reconcileZeroBuckets(other: FloatHistogram): number {
    const sides = sidesOf(other)
    let zero: ZeroBucket = { count: other.zeroCount, threshold: other.zeroThreshold }
    while (zero.threshold < this.zeroThreshold || zero.threshold > this.zeroThreshold) {
      if (this.zeroThreshold > zero.threshold) {
        zero = widenedZero(other.zeroCount, sides, other.schema, this.zeroThreshold)
      }
      if (zero.threshold > this.zeroThreshold) this.widen(zero.threshold)
    }
    return zero.count
  }

  private widen(threshold: number): void {
    const sides = { positive: this.positive, negative: this.negative }
    const zero = { indexes: [0], counts: [this.zeroCount], errors: [this.zeroError] }
    this.zeroThreshold = widenInto(zero, sides, this.schema, threshold)
    this.zeroCount = zero.counts[0]!
    this.zeroError = zero.errors[0]!
    this.positive = startingAt(this.positive, this.schema, this.zeroThreshold)
    this.negative = startingAt(this.negative, this.schema, this.zeroThreshold)
  }

  private addOtherBounds(other: FloatHistogram, sign: 1 | -1): void {
    const bounds = commonBounds(this.customValues, other.customValues)
    const side = sideOf(other.positiveSpans, other.positiveBuckets)
    this.positive = addSides(
      atBounds(this.positive, this.customValues, bounds),
      atBounds(side, other.customValues, bounds),
      sign,
    )
    this.customValues = bounds
  }

  private map(change: (value: number) => number): void {
    this.count = change(this.count)
    this.countError = change(this.countError)
    this.sum = change(this.sum)
    this.sumError = change(this.sumError)
    this.zeroCount = change(this.zeroCount)
    this.zeroError = change(this.zeroError)
    this.positive = mapSide(this.positive, change)
    this.negative = mapSide(this.negative, change)
  }
}

/** Whether a bucket lies within the zero bucket, as only ill-formed histograms have it. */
export function reachesIntoZero(histogram: FloatHistogram): boolean {
  const { positiveSpans, negativeSpans, zeroThreshold, schema } = histogram
  if (zeroThreshold === 0) return false
  const isWithin = (spans: readonly Span[]): boolean =>
    spans.length > 0 && exponentialBound(spans[0]!.offset, schema) <= zeroThreshold
  return isWithin(positiveSpans) || isWithin(negativeSpans)
}

function mapSide(side: Side, change: (value: number) => number): Side {
  return {
    indexes: side.indexes,
    counts: side.counts.map(change),
    errors: side.errors.map((error) => (error === 0 ? 0 : change(error))),
  }
}

function copySide(side: Side): Side {
  return {
    indexes: side.indexes.slice(),
    counts: side.counts.slice(),
    errors: side.errors.slice(),
  }
}

/** What is known about resets of a sum: gauges win, then the unknown; a reset beside a non-reset collides. */
export function combineHints(
  a: CounterResetHint,
  b: CounterResetHint,
): { readonly hint: CounterResetHint; readonly collide: boolean } {
  if (a === b) return { hint: a, collide: false }
  if (a === 'gauge' || b === 'gauge') return { hint: 'gauge', collide: false }
  return { hint: 'unknown', collide: a !== 'unknown' && b !== 'unknown' }
}

/**
 * The zero bucket of a histogram at a larger threshold. Where the threshold cuts a populated bucket, it moves out to
 * that bucket's end, and the bucket counts in.
 */
export function widenedZero(
  zeroCount: number,
  sides: { readonly positive: Side; readonly negative: Side },
  schema: number,
  threshold: number,
): ZeroBucket {
  const zero = { indexes: [0], counts: [zeroCount], errors: [0] }
  const widened = widenInto(zero, sides, schema, threshold)
  return { count: withError(zero.counts[0]!, zero.errors[0]!), threshold: widened }
}

// `zero` is a side with the zero bucket alone. Starts over after the threshold has moved, because buckets of the
// other sign may lie within it by then.
function widenInto(
  zero: Side,
  sides: { readonly positive: Side; readonly negative: Side },
  schema: number,
  threshold: number,
): number {
  let reached = threshold
  for (;;) {
    const moved = Math.max(
      cutBucketEnd(sides.positive, schema, reached),
      cutBucketEnd(sides.negative, schema, reached),
    )
    if (moved === reached) break
    reached = moved
  }
  for (const side of [sides.positive, sides.negative]) {
    for (let i = 0; i < side.indexes.length; i++) {
      if (exponentialBound(side.indexes[i]! - 1, schema) >= reached) break
      addInto(zero, 0, side.counts[i]!, side.errors[i]!)
    }
  }
  return reached
}

// The end of the populated bucket that `threshold` cuts, or the threshold.
function cutBucketEnd(side: Side, schema: number, threshold: number): number {
  for (let i = 0; i < side.indexes.length; i++) {
    const index = side.indexes[i]!
    if (exponentialBound(index - 1, schema) >= threshold) return threshold
    const end = exponentialBound(index, schema)
    if (end > threshold) return side.counts[i] === 0 ? threshold : end
  }
  return threshold
}

// Buckets that start at the threshold or beyond.
function startingAt(side: Side, schema: number, threshold: number): Side {
  const out = emptySide()
  for (let i = 0; i < side.indexes.length; i++) {
    if (exponentialBound(side.indexes[i]! - 1, schema) < threshold) continue
    appendBucket(out, side.indexes[i]!, side.counts[i]!, side.errors[i]!)
  }
  return out
}

/** Buckets that end beyond the threshold: the others are part of the zero count. */
export function above(side: Side, schema: number, threshold: number): Side {
  let skip = 0
  while (skip < side.indexes.length && exponentialBound(side.indexes[skip]!, schema) <= threshold) {
    skip++
  }
  if (skip === 0) return side
  return {
    indexes: side.indexes.slice(skip),
    counts: side.counts.slice(skip),
    errors: side.errors.slice(skip),
  }
}

/** The bounds that both lists have; both ascend. */
export function commonBounds(a: Float64Array, b: Float64Array): Float64Array {
  const out: number[] = []
  let j = 0
  for (const bound of a) {
    while (j < b.length && b[j]! < bound) j++
    if (j < b.length && b[j] === bound) out.push(bound)
  }
  return Float64Array.from(out)
}

/** Custom buckets moved to the first of `bounds` (a subset of `own`) that is not below their own bound. */
export function atBounds(side: Side, own: Float64Array, bounds: Float64Array): Side {
  const out = emptySide()
  let target = 0
  for (let i = 0; i < side.indexes.length; i++) {
    const index = side.indexes[i]!
    const bound = index < own.length ? own[index]! : Infinity
    while (target < bounds.length && bounds[target]! < bound) target++
    appendBucket(out, target, side.counts[i]!, side.errors[i]!)
  }
  return out
}

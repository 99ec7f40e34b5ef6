// Layout: one side of a histogram as parallel lists of bucket indexes and counts, and back to spans.
// Arithmetic works on these lists (two sorted lists merge in one pass); spans are how histograms are stored.
// Invariants: indexes strictly ascend; `errors` holds each count's summation error (kahan.ts), zeros elsewhere.

import type { FloatHistogram, Span } from '../../model/index.ts'
import { coarserIndex } from './bounds.ts'
import { compensate } from './kahan.ts'

/** The buckets of one side. */
export interface Side {
  readonly indexes: number[]
  readonly counts: number[]
  readonly errors: number[]
}

/** A side without buckets. */
export function emptySide(): Side {
  return { indexes: [], counts: [], errors: [] }
}

/** The buckets of spans, empty ones included. */
export function sideOf(spans: readonly Span[], buckets: Float64Array): Side {
  const side = emptySide()
  let index = 0
  let position = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length && position < buckets.length; i++) {
      appendBucket(side, index++, buckets[position++]!, 0)
    }
  }
  return side
}

/** Positive and negative buckets of a histogram. */
export function sidesOf(histogram: FloatHistogram): {
  readonly positive: Side
  readonly negative: Side
} {
  return {
    positive: sideOf(histogram.positiveSpans, histogram.positiveBuckets),
    negative: sideOf(histogram.negativeSpans, histogram.negativeBuckets),
  }
}

/** Adds a bucket behind the last one, or into it where the index is the same. */
export function appendBucket(side: Side, index: number, count: number, error: number): void {
  const last = side.indexes.length - 1
  if (last >= 0 && side.indexes[last] === index) {
    addInto(side, last, count, error)
    return
  }
  side.indexes.push(index)
  side.counts.push(count)
  side.errors.push(error)
}

/** Adds to the bucket at list position `at`, keeping the error of the sum. */
export function addInto(side: Side, at: number, count: number, error: number): void {
  side.errors[at] = compensate(side.counts[at]!, count, side.errors[at]!)
  side.counts[at]! += count
  if (error === 0) return
  side.errors[at] = compensate(side.counts[at]!, error, side.errors[at]!)
  side.counts[at]! += error
}

/** The side at a schema that is `steps` coarser; 0 gives the side itself. */
export function coarserSide(side: Side, steps: number): Side {
  if (steps === 0) return side
  const out = emptySide()
  for (let i = 0; i < side.indexes.length; i++) {
    appendBucket(out, coarserIndex(side.indexes[i]!, steps), side.counts[i]!, side.errors[i]!)
  }
  return out
}

/** Sum of two sides; `sign` −1 subtracts `b`. */
export function addSides(a: Side, b: Side, sign: 1 | -1): Side {
  const out = emptySide()
  let i = 0
  for (let j = 0; j < b.indexes.length; j++) {
    const index = b.indexes[j]!
    while (i < a.indexes.length && a.indexes[i]! <= index) {
      appendBucket(out, a.indexes[i]!, a.counts[i]!, a.errors[i]!)
      i++
    }
    appendBucket(out, index, sign * b.counts[j]!, sign * b.errors[j]!)
  }
  for (; i < a.indexes.length; i++) {
    appendBucket(out, a.indexes[i]!, a.counts[i]!, a.errors[i]!)
  }
  return out
}

/**
 * Adds buckets of spans into a side that has all of them, in place; does nothing and returns false where one is
 * missing. The common case of sums over one metric, and without an allocation.
 */
export function addInPlace(
  side: Side,
  spans: readonly Span[],
  buckets: Float64Array,
  sign: 1 | -1,
): boolean {
  if (!hasAllOf(side, spans)) return false
  const { indexes, counts, errors } = side
  let index = 0
  let position = 0
  let at = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++, index++) {
      while (indexes[at]! < index) at++
      const count = sign * buckets[position++]!
      errors[at] = compensate(counts[at]!, count, errors[at]!)
      counts[at]! += count
    }
  }
  return true
}

function hasAllOf({ indexes }: Side, spans: readonly Span[]): boolean {
  let index = 0
  let at = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++, index++) {
      while (at < indexes.length && indexes[at]! < index) at++
      if (at === indexes.length || indexes[at] !== index) return false
    }
  }
  return true
}

/** Spans and buckets of a side, errors added in; empty buckets are left out. */
export function spansOf(side: Side): { readonly spans: Span[]; readonly buckets: Float64Array } {
  const spans: { offset: number; length: number }[] = []
  const buckets: number[] = []
  let next = 0
  for (let i = 0; i < side.indexes.length; i++) {
    const count = withError(side.counts[i]!, side.errors[i]!)
    if (count === 0) continue
    const index = side.indexes[i]!
    const last = spans.at(-1)
    if (last !== undefined && index === next) last.length++
    else spans.push({ offset: index - next, length: 1 })
    next = index + 1
    buckets.push(count)
  }
  return { spans, buckets: Float64Array.from(buckets) }
}

/** A sum with its error added. */
export function withError(sum: number, error: number): number {
  return error === 0 ? sum : sum + error
}

/** The histogram without empty buckets, in as few spans as possible. */
export function compact(histogram: FloatHistogram): FloatHistogram {
  if (isCompact(histogram.positiveSpans, histogram.positiveBuckets)) {
    if (isCompact(histogram.negativeSpans, histogram.negativeBuckets)) return histogram
  }
  const { positive, negative } = sidesOf(histogram)
  const up = spansOf(positive)
  const down = spansOf(negative)
  return {
    ...histogram,
    positiveSpans: up.spans,
    positiveBuckets: up.buckets,
    negativeSpans: down.spans,
    negativeBuckets: down.buckets,
  }
}

function isCompact(spans: readonly Span[], buckets: Float64Array): boolean {
  for (let i = 0; i < buckets.length; i++) if (buckets[i] === 0) return false
  return spans.every((span, i) => span.length > 0 && (i === 0 || span.offset > 0))
}

/** Whether two histograms have the same buckets at the same places, span by span. */
export function sameLayout(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    numbersEqual(a.customValues, b.customValues) &&
    sameSpans(a.positiveSpans, b.positiveSpans) &&
    sameSpans(a.negativeSpans, b.negativeSpans)
  )
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i]!.offset !== b[i]!.offset || a[i]!.length !== b[i]!.length) return false
  }
  return true
}

/** Whether spans describe the same buckets, spans of length zero aside. */
export function spansEqual(a: readonly Span[], b: readonly Span[]): boolean {
  const left = joined(a)
  const right = joined(b)
  return (
    left.length === right.length &&
    left.every((span, i) => span.offset === right[i]!.offset && span.length === right[i]!.length)
  )
}

function joined(spans: readonly Span[]): Span[] {
  const out: Span[] = []
  let offset = 0
  for (const span of spans) {
    offset += span.offset
    if (span.length === 0) continue
    out.push({ offset, length: span.length })
    offset = 0
  }
  return out
}

/** Equality as data: every field to the bit, except the counter reset hint. */
export function histogramsEqual(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    Object.is(a.zeroCount, b.zeroCount) &&
    numbersEqual(a.customValues, b.customValues) &&
    spansEqual(a.negativeSpans, b.negativeSpans) &&
    numbersEqual(a.negativeBuckets, b.negativeBuckets) &&
    spansEqual(a.positiveSpans, b.positiveSpans) &&
    numbersEqual(a.positiveBuckets, b.positiveBuckets)
  )
}

/** Whether two lists hold the same numbers, told apart as by Object.is. */
export function numbersEqual(a: Float64Array, b: Float64Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}

// Buckets: OTLP's dense counts to the sparse spans of native histograms.
// OTLP's exponential bucket i covers (base^i, base^(i+1)]; the native bucket with the same bound is i + 1.

import type { Span } from '../../model/index.ts'
import type { BucketRow } from './write-request.ts'

/** Finest and coarsest exponential schema. */
export const exponentialSchemas = { min: -4, max: 8 } as const

// Shorter gaps cost less as empty buckets than as a span of their own.
const gapMax = 2

/** Exponential buckets that start at `offset`, merged by 2^`scaleDown` neighbours. */
export function exponentialBuckets(
  counts: readonly number[],
  offset: number,
  scaleDown: number,
): BucketRow {
  const width = 2 ** scaleDown
  const merged: number[] = []
  const first = Math.floor(offset / width)
  counts.forEach((count, index) => {
    const target = Math.floor((offset + index) / width) - first
    merged[target] = (merged[target] ?? 0) + count
  })
  return sparseBuckets(merged, first + 1)
}

/** Dense counts whose first one has index `firstIndex`, as spans and counts. */
export function sparseBuckets(counts: readonly number[], firstIndex: number): BucketRow {
  const spans: { offset: number; length: number }[] = []
  const kept: number[] = []
  let end = 0
  counts.forEach((count, position) => {
    if (count === 0) return
    const index = firstIndex + position
    const span = spans.at(-1)
    const gap = index - end
    if (span === undefined || gap > gapMax) {
      spans.push({ offset: gap, length: 1 })
    } else {
      for (let i = 0; i < gap; i++) kept.push(0)
      span.length += gap + 1
    }
    kept.push(count)
    end = index + 1
  })
  return { spans: spans satisfies readonly Span[], counts: kept }
}

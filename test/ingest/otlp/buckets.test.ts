import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exponentialBuckets, sparseBuckets } from '../../../src/ingest/otlp/buckets.ts'
import type { BucketRow } from '../../../src/ingest/otlp/write-request.ts'

/** Index to count, non-zero ones only. */
function byIndex({ spans, counts }: BucketRow): Map<number, number> {
  const out = new Map<number, number>()
  let index = 0
  let position = 0
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++) {
      const count = counts[position++]!
      if (count !== 0) out.set(index, count)
      index++
    }
  }
  expect(position).toBe(counts.length)
  return out
}

const counts = fc.array(fc.constantFrom(0, 0, 0, 1, 2, 7), { maxLength: 40 })

describe('sparse buckets', () => {
  it('hold every count at its index, and start a span only after a gap of more than two', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: -50, max: 50 }), (dense, first) => {
        const row = sparseBuckets(dense, first)
        const expected = dense.flatMap((count, i) =>
          count === 0 ? [] : [[first + i, count] as const],
        )
        expect(byIndex(row)).toEqual(new Map(expected))
        for (const { offset } of row.spans.slice(1)) expect(offset).toBeGreaterThan(2)
      }),
    )
  })
})

describe('exponential buckets', () => {
  it('are shifted by one and merged as the coarser schema places every observation', () => {
    fc.assert(
      fc.property(
        counts,
        fc.integer({ min: -60, max: 60 }),
        fc.integer({ min: 0, max: 3 }),
        (dense, offset, scaleDown) => {
          const expected = new Map<number, number>()
          dense.forEach((count, i) => {
            if (count === 0) return
            // Native bucket k covers (base^(k-1), base^k]: the upper bound decides.
            const index = Math.ceil((offset + i + 1) / 2 ** scaleDown)
            expected.set(index, (expected.get(index) ?? 0) + count)
          })
          expect(byIndex(exponentialBuckets(dense, offset, scaleDown))).toEqual(expected)
        },
      ),
    )
  })
})

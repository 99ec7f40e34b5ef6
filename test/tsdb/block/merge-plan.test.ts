import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BlockMeta, mergeRangesMs, planMerge } from '../../../src/tsdb/index.ts'

const hour = 3_600_000

function block(ulid: string, fromHours: number, toHours: number, parts = {}): BlockMeta {
  return {
    ulid,
    minTimeMs: fromHours * hour,
    maxTimeMs: toHours * hour,
    stats: {
      sampleCount: 1,
      floatSampleCount: 1,
      histogramSampleCount: 0,
      seriesCount: 99,
      chunkCount: 1,
      tombstoneCount: 0,
    },
    compaction: { level: 1, sources: [], parents: [], deletable: false, failed: false, hints: [] },
    ...parts,
  }
}

const ranges = mergeRangesMs(15 * 24 * hour)

test('block lengths are 2 h × 3^k up to a tenth of the retention, at most 31 days', () => {
  expect(ranges.map((ms) => ms / hour)).toEqual([2, 6, 18])
  expect(mergeRangesMs(hour).map((ms) => ms / hour)).toEqual([2])
  expect(mergeRangesMs(1e13).at(-1)! / hour).toBe(486)
})

describe('a merge plan', () => {
  test('is empty for nothing, for one block and for a window that may still fill', () => {
    expect(planMerge([], ranges)).toEqual([])
    expect(planMerge([block('a', 0, 2)], ranges)).toEqual([])
    expect(planMerge([block('a', 0, 2), block('b', 2, 4), block('c', 4, 6)], ranges)).toEqual([])
  })

  test('takes overlapping blocks first, the newest included', () => {
    const blocks = [
      block('a', 0, 2),
      block('b', 2, 4),
      block('c', 4, 6),
      block('d', 6, 8),
      block('e', 6, 8),
      block('f', 7, 9),
    ]
    expect(planMerge(blocks, ranges)).toEqual(['d', 'e', 'f'])
  })

  test('takes the blocks of a full window', () => {
    const blocks = [block('d', 6, 8), block('c', 4, 6), block('b', 2, 4), block('a', 0, 2)]
    expect(planMerge(blocks, ranges)).toEqual(['a', 'b', 'c'])
  })

  test('takes a window with a gap once newer blocks lie behind it', () => {
    expect(planMerge([block('a', 0, 2), block('c', 4, 6), block('d', 6, 8)], ranges)).toEqual([
      'a',
      'c',
    ])
    expect(planMerge([block('a', 0, 2), block('b', 2, 4), block('d', 4, 6)], ranges)).toEqual([])
  })

  test('passes over overlapping blocks whose merge has failed', () => {
    const failed = { compaction: { ...block('x', 0, 1).compaction, failed: true } }
    const blocks = [block('a', 0, 2, failed), block('b', 0, 2)]
    expect(planMerge(blocks, ranges)).toEqual([])
    const more = [block('c', 2, 4), block('d', 2, 4)]
    expect(planMerge([...blocks, ...more], ranges)).toEqual(['c', 'd'])
  })

  test('passes over a window whose merge has failed', () => {
    const failed = { compaction: { ...block('x', 0, 1).compaction, failed: true } }
    const blocks = [block('a', 0, 2, failed), block('b', 2, 4), block('c', 4, 6), block('d', 6, 8)]
    expect(planMerge(blocks, ranges)).toEqual([])
  })

  test('rewrites a long block of which more than a twentieth is deleted', () => {
    const stats = { ...block('x', 0, 1).stats, tombstoneCount: 6 }
    expect(planMerge([block('a', 0, 6, { stats }), block('b', 6, 8)], ranges)).toEqual(['a'])
    expect(planMerge([block('a', 0, 2, { stats }), block('b', 6, 8)], ranges)).toEqual([])
  })

  test('ends: merging what it names again and again leaves no block that overlaps another', () => {
    const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom(1, 2)), {
      maxLength: 25,
    })
    fc.assert(
      fc.property(times, (list) => {
        let blocks = list.map(([at, windows], i) => block(`b${i}`, 2 * at, 2 * (at + windows)))
        for (let round = 0; round < 100; round++) {
          const plan = planMerge(blocks, ranges)
          if (plan.length === 0) break
          expect(plan.length).toBeGreaterThan(1)
          const inputs = blocks.filter(({ ulid }) => plan.includes(ulid))
          const from = Math.min(...inputs.map(({ minTimeMs }) => minTimeMs)) / hour
          const to = Math.max(...inputs.map(({ maxTimeMs }) => maxTimeMs)) / hour
          blocks = blocks.filter(({ ulid }) => !plan.includes(ulid))
          blocks.push(block(`m${round}`, from, to))
        }
        expect(planMerge(blocks, ranges)).toEqual([])
        blocks.sort((a, b) => a.minTimeMs - b.minTimeMs)
        for (let i = 1; i < blocks.length; i++)
          expect(blocks[i]!.minTimeMs).toBeGreaterThanOrEqual(blocks[i - 1]!.maxTimeMs)
      }),
    )
  })
})

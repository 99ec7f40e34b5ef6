import { describe, expect, it } from 'vitest'
import { DedupQueryable } from '../../src/storage/index.ts'
import type { PlainSeries, Point } from './series-fixture.ts'
import { drain, queryableOf } from './series-fixture.ts'

const signal = { check: () => {} }
const request = { tenants: ['t'], matchers: [], minTimeMs: 0, maxTimeMs: 1e9 }
const select = { ...request, sorted: true, hints: {} }

function points(from: number, count: number, value: number): Point[] {
  return Array.from({ length: count }, (_, i) => [from + i * 15_000, value])
}

const series: PlainSeries[] = [
  { labels: { __name__: 'up', pod: 'b', replica: '1' }, chunks: [points(0, 10, 1)] },
  { labels: { __name__: 'up', pod: 'b', replica: '0' }, chunks: [points(5000, 10, 2)] },
  {
    labels: { __name__: 'up', pod: 'a', replica: '9' },
    chunks: [points(0, 3, 3), points(60_000, 3, 3)],
  },
  { labels: { __name__: 'up', pod: 'c' }, chunks: [points(0, 2, 4)] },
]
const dedup = new DedupQueryable(queryableOf(series, ['late']), ['replica'])

describe('deduplication', () => {
  it('makes one series of those that differ only in replica labels, sorted by what is left', async () => {
    const cursor = dedup.select(select, signal)
    expect(await drain(cursor)).toEqual([
      ['up{pod="a"}', [...points(0, 3, 3), ...points(60_000, 3, 3)]],
      // Replica 1 comes first in time; replica 0 outlives it by less than the penalty.
      ['up{pod="b"}', points(0, 10, 1)],
      ['up{pod="c"}', points(0, 2, 4)],
    ])
    expect(cursor.warnings).toEqual(['late'])
  })

  it('gives rows the hash of the labels that are left', async () => {
    const stripped = queryableOf(
      series.map(({ labels: { replica: _, ...labels }, chunks }) => ({ labels, chunks })),
    )
    const hashes = async (queryable: typeof stripped): Promise<string[]> => {
      const batch = (await queryable.select({ ...select, sorted: false }, signal).next())!
      return Array.from({ length: batch.rowCount }, (_, row) =>
        batch.hashes.slice(4 * row, 4 * row + 4).join(),
      ).sort()
    }
    expect(new Set(await hashes(dedup))).toEqual(new Set(await hashes(stripped)))
  })

  it('hands out each series to one shard only', async () => {
    const shards = await Promise.all(
      [0, 1, 2].map((index) =>
        drain(dedup.select({ ...select, hints: { shard: { index, count: 3 } } }, signal)),
      ),
    )
    expect(
      shards
        .flat()
        .map(([labels]) => labels)
        .sort(),
    ).toEqual(['up{pod="a"}', 'up{pod="b"}', 'up{pod="c"}'])
  })

  it('hides replica labels from the names, not their values from who asks', async () => {
    expect((await dedup.labelNames(request, signal)).values).toEqual(['__name__', 'pod'])
    expect((await dedup.labelValues('replica', request, signal)).values).toEqual(['0', '1', '9'])
  })

  it('stops when the caller has gone', async () => {
    const cursor = dedup.select(select, {
      check: () => {
        throw new Error('gone')
      },
    })
    await expect(cursor.next()).rejects.toThrow('gone')
  })
})

// What a query holds is counted where it is held, given back where it is let go, and refused above the account's bound.

import { beforeAll, describe, expect, it } from 'vitest'
import { labelsOf } from '../../src/model/index.ts'
import type { QueryRange } from '../../src/promql/index.ts'
import { allParserFeatures, ChunkStorage, createEngine } from '../../src/promql/index.ts'
import { DedupQueryable, FanOut, MemoryAccount } from '../../src/storage/index.ts'

const engine = createEngine({ features: allParserFeatures })
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
const seriesCount = 200
const hour: QueryRange = { kind: 'range', startMs: 0, endMs: 3_600_000, stepMs: 60_000 }

beforeAll(async () => {
  await storage.append(
    Array.from({ length: seriesCount }, (_, i) => ({
      labels: labelsOf({ __name__: 'up_total', pod: `pod-${i}`, zone: `z${i % 10}` }),
      samples: Array.from({ length: 61 }, (_, k) => ({
        timestampMs: k * 60_000,
        startTimestampMs: 0,
        value: { kind: 'float' as const, value: k * (i + 1) },
      })),
    })),
  )
})

async function heldBy(
  query: string,
  sizeBytesMax = 2 ** 30,
  source = storage as FanOut | DedupQueryable | ChunkStorage,
) {
  const memory = new MemoryAccount(sizeBytesMax)
  const result = await engine.prepare(query, hour).run(source, ['t'], { check() {}, memory })
  return { result, memory }
}

const cells = seriesCount * 61 * 9

describe('the memory of a query', () => {
  it('is refused above its bound, whatever would hold it', async () => {
    const queries = [
      'up_total',
      'up_total + 1',
      'up_total + on (pod) up_total',
      'topk(150, up_total)',
      'max_over_time(rate(up_total[5m])[30m:1m])',
      'quantile by (pod) (0.5, up_total)',
      'up_total or up_total offset 1m',
      'sum by (pod) (up_total)',
    ]
    for (const query of queries) {
      await expect(heldBy(query, cells / 2), query).rejects.toMatchObject({ code: 'execution' })
      await heldBy(query)
    }
  })

  it('of a join is given back when the join is done', async () => {
    const plain = await heldBy('up_total')
    const joined = await heldBy('sum(up_total + on (pod) up_total)')
    expect(joined.memory.peakBytes).toBeGreaterThan(2 * cells)
    expect(joined.memory.heldBytes).toBeLessThan(plain.memory.heldBytes)
  })

  it('of an aggregation is its groups, not its input', async () => {
    const { memory } = await heldBy('sum by (zone) (up_total)')
    expect(memory.peakBytes).toBeLessThan(cells + 150_000)
  })

  it('is not counted twice where a source hands its batches on', async () => {
    const alone = await heldBy('sum(up_total)')
    const fanOut = new FanOut(() => [{ queryable: storage }])
    const merged = await heldBy('sum(up_total)', 2 ** 30, fanOut)
    expect(merged.memory.heldBytes).toBe(alone.memory.heldBytes)
    const dedup = new DedupQueryable(fanOut, ['pod'])
    const { memory } = await heldBy('sum(up_total)', 2 ** 30, dedup)
    expect(memory.heldBytes).toBeLessThan(alone.memory.heldBytes)
    expect(memory.peakBytes).toBeGreaterThan(memory.heldBytes)
  })
})

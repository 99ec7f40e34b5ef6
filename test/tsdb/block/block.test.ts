import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError, formatLabels, labelsOf, type Matcher } from '../../../src/model/index.ts'
import { type LabelRequest, neverCancelled } from '../../../src/storage/index.ts'
import { IndexBudget } from '../../../src/tsdb/block/index-budget.ts'
import { type Block, openBlock } from '../../../src/tsdb/index.ts'
import {
  blockOf,
  blockOptions,
  compileMatcher,
  type ModelSeries,
  readBlock,
  readCursor,
  type Sample,
  seed,
  selectAll,
} from './block-fixtures.ts'
import { indexV1, type V1Series } from './index-v1.ts'

const one: readonly (readonly Sample[])[] = [[[1000, 1]]]

const fleet: readonly ModelSeries[] = Array.from({ length: 3000 }, (_, i) => ({
  labels: {
    __name__: i % 3 === 0 ? 'up' : 'requests_total',
    pod: `pod-${i}`,
    ...(i % 2 === 0 ? { zone: `z${i % 5}` } : {}),
  },
  chunks: [[[1000, i] as Sample], [[5000, i] as Sample]],
}))

function allLabels(matchers: readonly Matcher[] = [], limit?: number): LabelRequest {
  const range = { minTimeMs: 0, maxTimeMs: 7_200_000 }
  return { tenants: ['t'], matchers, ...range, ...(limit === undefined ? {} : { limit }) }
}

describe('selecting', () => {
  test('by any matchers gives the series that satisfy them, an absent label being empty', async () => {
    const block = await blockOf(fleet.slice(0, 200))
    const matcher = fc.record({
      type: fc.constantFrom<Matcher['type'][]>('=', '!=', '=~', '!~'),
      name: fc.constantFrom('__name__', 'pod', 'zone', 'absent'),
      value: fc.constantFrom(
        '',
        'up',
        'z0',
        'pod-7',
        'z0|z2',
        'pod-1.*',
        '.*',
        '.+',
        'z1|',
        '(a)?',
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(matcher, { minLength: 1, maxLength: 3 }), async (matchers) => {
        const compiled = matchers.map(compileMatcher)
        const expected = fleet.slice(0, 200).filter(({ labels }) => {
          const values: Readonly<Record<string, string>> = labels
          return compiled.every((item) => item.matches(values[item.matcher.name] ?? ''))
        })
        const found = await readBlock(block, matchers)
        expect([...found.keys()].sort()).toEqual(
          expected.map(({ labels }) => formatLabels(labelsOf(labels))).sort(),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('goes through many batches, in memory or by ranges, in the order of labels', async () => {
    for (const wholeIndexSizeBytesMax of [0, 1 << 24]) {
      const block = await blockOf(fleet, undefined, { open: { wholeIndexSizeBytesMax } })
      const found = await readBlock(block)
      expect(found.size).toBe(3000)
      expect(found.get('up{pod="pod-3"}')).toEqual([
        [1000, 3],
        [5000, 3],
      ])
      block.close()
    }
  })

  test('leaves out chunks outside the range and series without any inside', async () => {
    const block = await blockOf([
      { labels: { a: '1' }, chunks: [[[1000, 1]], [[5000, 2]]] },
      { labels: { a: '2' }, chunks: [[[1000, 1]]] },
    ])
    const request = { ...selectAll(), minTimeMs: 1001, maxTimeMs: 5000 }
    const found = await readCursor(block.select(request, neverCancelled))
    expect([...found]).toEqual([['{a="1"}', [[5000, 2]]]])
  })

  test('hands over labels only for a series listing', async () => {
    const block = await blockOf(fleet.slice(0, 10))
    const request = { ...selectAll(), hints: { func: 'series' } }
    const batch = await block.select(request, neverCancelled).next()
    expect(batch).toMatchObject({ rowCount: 10, chunks: { chunkCount: 0 } })
    expect([...batch!.chunkStarts]).toEqual(new Array(11).fill(0))
  })

  test('stops at the limit', async () => {
    const block = await blockOf(fleet.slice(0, 10))
    const request = { ...selectAll(), hints: { limit: 4 } }
    expect((await readCursor(block.select(request, neverCancelled))).size).toBe(4)
  })

  test('by shards gives every series to exactly one of them', async () => {
    const block = await blockOf(fleet.slice(0, 200))
    const seen: string[] = []
    for (let index = 0; index < 3; index++) {
      const request = { ...selectAll(), hints: { shard: { index, count: 3 } } }
      const found = await readCursor(block.select(request, neverCancelled))
      expect(found.size).toBeGreaterThan(30)
      seen.push(...found.keys())
    }
    expect(seen.sort()).toEqual([...(await readBlock(block)).keys()].sort())
  })

  test('stops when the caller must stop', async () => {
    const block = await blockOf(fleet.slice(0, 10))
    let asked = 0
    const signal = {
      check() {
        if (asked++ > 0) throw new Error('gone')
      },
    }
    const cursor = block.select(selectAll(), signal)
    await expect(cursor.next()).rejects.toThrow('gone')
    cursor.close()
  })
})

describe('labels', () => {
  test('are listed sorted, of all series or of the matching ones, up to the limit', async () => {
    const block = await blockOf(fleet.slice(0, 100))
    const names = await block.labelNames(allLabels(), neverCancelled)
    expect(names.values).toEqual(['__name__', 'pod', 'zone'])
    const odd = [{ type: '=', name: 'zone', value: '' }] as const
    expect((await block.labelNames(allLabels(odd), neverCancelled)).values).toEqual([
      '__name__',
      'pod',
    ])
    const values = await block.labelValues('zone', allLabels(), neverCancelled)
    expect(values.values).toEqual(['z0', 'z1', 'z2', 'z3', 'z4'])
    const pod = [{ type: '=', name: 'pod', value: 'pod-6' }] as const
    expect((await block.labelValues('zone', allLabels(pod), neverCancelled)).values).toEqual(['z1'])
    expect((await block.labelValues('zone', allLabels([], 2), neverCancelled)).values).toEqual([
      'z0',
      'z1',
    ])
    const before = { ...allLabels(), minTimeMs: -10, maxTimeMs: -1 }
    expect((await block.labelNames(before, neverCancelled)).values).toEqual([])
  })
})

describe('corrupt files', () => {
  async function contentOrError(block: Block): Promise<unknown> {
    try {
      return [...(await readBlock(await openBlock(block.directory, blockOptions)))]
    } catch (error) {
      if (error instanceof CorruptionError) return 'corrupt'
      throw error
    }
  }

  for (const name of ['index', 'chunks/000001', 'tombstones']) {
    test(`${name}: no changed byte changes an answer unnoticed`, async () => {
      const block = await blockOf([
        { labels: { a: '1', b: 'x' }, chunks: one },
        { labels: { a: '2' }, chunks: [[[1000, 1]], [[5000, 2]]] },
      ])
      block.deleteSeries(
        [{ type: '=', name: 'a', value: '2' }],
        { minTimeMs: 0, maxTimeMs: 2000 },
        neverCancelled,
      )
      const path = join(block.directory, name)
      const good = readFileSync(path)
      const expected = await contentOrError(block)
      let noticed = 0
      for (let offset = 0; offset < good.length; offset++) {
        const bad = Buffer.from(good)
        bad[offset]! ^= 0x41
        writeFileSync(path, bad)
        const found = await contentOrError(block)
        if (found === 'corrupt') noticed++
        else expect(found, `byte ${offset}`).toEqual(expected)
      }
      expect(noticed).toBeGreaterThan(good.length / 3)
    })

    test(`${name}: a file cut short is corrupt`, async () => {
      const block = await blockOf([{ labels: { a: '1' }, chunks: one }])
      const path = join(block.directory, name)
      const good = readFileSync(path)
      for (let size = 0; size < good.length; size++) {
        writeFileSync(path, good.subarray(0, size))
        expect(await contentOrError(block), `${size} bytes`).toBe('corrupt')
      }
    })
  }

  test('an index of version 3 is refused by name', async () => {
    const block = await blockOf([{ labels: { a: '1' }, chunks: one }])
    const path = join(block.directory, 'index')
    const bytes = readFileSync(path)
    bytes[4] = 3
    writeFileSync(path, bytes)
    await expect(readBlock(block)).rejects.toThrow('expected index version 1 or 2, found 3')
  })

  test('a missing segment is corrupt', async () => {
    const block = await blockOf([{ labels: { a: '1' }, chunks: one }])
    const { rmSync } = await import('node:fs')
    rmSync(join(block.directory, 'chunks/000001'))
    await expect(readBlock(await openBlock(block.directory, blockOptions))).rejects.toThrow(
      'expected segment 1, found 0 segments',
    )
  })
})

test('an index of version 1 is read', async () => {
  const block = await blockOf([
    { labels: { a: '1', b: 'x' }, chunks: [[[1000, 1]], [[5000, 2]]] },
    { labels: { a: '2' }, chunks: [[[1000, 3]]] },
  ])
  const before = await readBlock(block)
  const sizes = readFileSync(join(block.directory, 'chunks/000001'))
  // Three chunks back to back: length, encoding, data, checksum.
  const refs = [8]
  for (let i = 0; i < 2; i++) refs.push(refs[i]! + sizes[refs[i]!]! + 6)
  const at = (minTimeMs: number, ref: number) => ({ minTimeMs, maxTimeMs: minTimeMs, ref })
  const series: V1Series[] = [
    {
      labels: [
        ['a', '1'],
        ['b', 'x'],
      ],
      chunks: [at(1000, refs[0]!), at(5000, refs[1]!)],
    },
    { labels: [['a', '2']], chunks: [at(1000, refs[2]!)] },
  ]
  writeFileSync(join(block.directory, 'index'), indexV1(series))
  for (const wholeIndexSizeBytesMax of [0, 1 << 20]) {
    const old = await openBlock(block.directory, { ...blockOptions, wholeIndexSizeBytesMax })
    expect([...(await readBlock(old))]).toEqual([...before])
    expect((await readBlock(old, [{ type: '!=', name: 'b', value: '' }])).size).toBe(1)
    expect((await old.labelValues('a', allLabels(), neverCancelled)).values).toEqual(['1', '2'])
    old.close()
  }
})

describe('deleting', () => {
  test('hides samples of the matching series at once and after opening again', async () => {
    const samples = Array.from({ length: 10 }, (_, i): Sample => [i * 100, i])
    const block = await blockOf([
      { labels: { a: '1' }, chunks: [samples.slice(0, 5), samples.slice(5)] },
      { labels: { a: '2' }, chunks: [samples] },
    ])
    const matchers: Matcher[] = [{ type: '=', name: 'a', value: '1' }]
    const range = { minTimeMs: 150, maxTimeMs: 300 }
    expect(block.deleteSeries(matchers, range, neverCancelled)).toBe(1)
    expect(block.deleteSeries(matchers, { minTimeMs: 500, maxTimeMs: 1e9 }, neverCancelled)).toBe(1)
    const expected = [
      ['{a="1"}', [samples[0], samples[1], samples[4]]],
      ['{a="2"}', samples],
    ]
    expect([...(await readBlock(block))]).toEqual(expected)
    const again = await openBlock(block.directory, blockOptions)
    expect([...(await readBlock(again))]).toEqual(expected)
    expect(again.meta.stats.tombstoneCount).toBe(2)
  })
})

test('indexes beyond the budget are closed, the longest unused first, but never while read', async () => {
  const indexBudget = new IndexBudget(40_000)
  const make = () => blockOf(fleet.slice(0, 200), undefined, { open: { indexBudget } })
  const [first, second, third] = [await make(), await make(), await make()]
  await readBlock(first)
  const single = indexBudget.sizeBytes
  expect(single).toBeGreaterThan(14_000)
  const reading = first.select(selectAll(), neverCancelled)
  for (const block of [second, third, second, third]) {
    expect((await readBlock(block)).size).toBe(200)
    expect(indexBudget.sizeBytes).toBeLessThanOrEqual(Math.max(40_000, 2 * single))
  }
  expect((await readCursor(reading)).size).toBe(200)
  for (const block of [first, second, third]) block.close()
  expect(indexBudget.sizeBytes).toBe(0)
})

describe('retiring', () => {
  test('removes the directory after the last reader has finished', async () => {
    const block = await blockOf(fleet)
    const cursor = block.select(selectAll(), neverCancelled)
    await cursor.next()
    block.retire()
    expect(existsSync(block.directory)).toBe(true)
    let rows = 0
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next())
      rows += batch.rowCount
    expect(rows).toBe(3000 - 1024)
    expect(existsSync(block.directory)).toBe(false)
    expect(() => block.select(selectAll(), neverCancelled)).toThrow('closed')
  })
})

test('rows have the hash of their labels, whichever block they come from', async () => {
  const block = await blockOf(fleet.slice(0, 10))
  const other = await blockOf(fleet.slice(5, 10))
  const first = await block.select(selectAll(), neverCancelled).next()
  const second = await other.select(selectAll(), neverCancelled).next()
  const keys = (hashes: Uint32Array): string[] =>
    Array.from({ length: hashes.length / 4 }, (_, i) => hashes.slice(4 * i, 4 * i + 4).join())
  expect(new Set(keys(first!.hashes)).size).toBe(10)
  expect(keys(first!.hashes)).toEqual(expect.arrayContaining(keys(second!.hashes)))
  expect(seed.length).toBe(4)
})

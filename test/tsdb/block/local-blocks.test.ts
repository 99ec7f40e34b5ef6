import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatLabels, labelsOf, type Matcher } from '../../../src/model/index.ts'
import { neverCancelled, type SelectRequest } from '../../../src/storage/index.ts'
import { createLogger } from '../../../src/telemetry/index.ts'
import { createUlidFactory, LocalBlocks, mergeRangesMs } from '../../../src/tsdb/index.ts'
import {
  blockOptions,
  cursorOf,
  type ModelSeries,
  readCursor,
  type Sample,
  selectAll,
  temporaryDirectory,
} from './block-fixtures.ts'

const nextUlid = createUlidFactory(() => 1000)
const log = createLogger('silent')
const hour = 3_600_000
const ranges = mergeRangesMs(15 * 24 * hour)

function open(directory: string): Promise<LocalBlocks> {
  return LocalBlocks.open({ ...blockOptions, directory, nextUlid, log })
}

async function write(
  store: LocalBlocks,
  tenant: string,
  windowHours: number,
  series: readonly ModelSeries[],
): Promise<void> {
  await store.write(tenant, {
    minTimeMs: windowHours * hour,
    maxTimeMs: (windowHours + 2) * hour,
    level: 1,
    series: () => cursorOf(series),
  })
}

function seriesAt(windowHours: number, value: number, name = 'up'): ModelSeries {
  const start = windowHours * hour
  return {
    labels: { __name__: name },
    chunks: [
      [
        [start, value],
        [start + 1000, value],
      ],
    ],
  }
}

function request(tenants: readonly string[], matchers: readonly Matcher[] = []): SelectRequest {
  return { ...selectAll(matchers), tenants }
}

async function read(store: LocalBlocks, tenant = 't'): Promise<[string, Sample[]][]> {
  return [...(await readCursor(store.select(request([tenant]), neverCancelled)))]
}

const up: Matcher[] = [{ type: '=', name: '__name__', value: 'up' }]

describe('local blocks', () => {
  test('answer for the asked tenants only, over all their blocks', async () => {
    const store = await open(temporaryDirectory())
    await write(store, 'a', 0, [seriesAt(0, 1)])
    await write(store, 'a', 2, [seriesAt(2, 2), seriesAt(2, 3, 'down')])
    await write(store, 'b', 0, [seriesAt(0, 9, 'other')])
    expect((await read(store, 'a')).map(([name, samples]) => [name, samples.length])).toEqual([
      ['down', 2],
      ['up', 4],
    ])
    expect((await read(store, 'b')).map(([name]) => name)).toEqual(['other'])
    expect(await read(store, 'c')).toEqual([])
    const range = { minTimeMs: 0, maxTimeMs: 10 * hour }
    const labels = { tenants: ['a', 'b'], matchers: [], ...range }
    const values = await store.labelValues('__name__', labels, neverCancelled)
    expect(values.values).toEqual(['down', 'other', 'up'])
    await store.close()
  })

  test('are there again after opening anew; what was left unfinished is removed', async () => {
    const directory = temporaryDirectory()
    const store = await open(directory)
    await write(store, 't', 0, [seriesAt(0, 1)])
    const written = store.blocksOf('t')[0]!.directory
    const before = await read(store)
    const sizeBytes = store.sizeBytes()
    await store.close()
    const left = join(directory, 't', `${nextUlid()}.tmp-for-creation`)
    mkdirSync(left)
    const noMeta = join(directory, 't', nextUlid())
    mkdirSync(noMeta)
    const broken = join(directory, 't', nextUlid())
    mkdirSync(broken)
    writeFileSync(join(broken, 'meta.json'), '{')
    writeFileSync(join(directory, 'stray'), '')
    const renamed = join(directory, 't', nextUlid())
    cpSync(written, renamed, { recursive: true })
    const again = await open(directory)
    expect(again.tenants()).toEqual(['t'])
    expect(await read(again)).toEqual(before)
    expect(again.sizeBytes()).toBe(sizeBytes)
    expect(existsSync(left)).toBe(false)
    expect(existsSync(broken)).toBe(true)
    await again.close()
  })

  test('are neither merged nor deleted before they are shipped', async () => {
    const shipped = new Set<string>()
    const store = await LocalBlocks.open({
      ...blockOptions,
      directory: temporaryDirectory(),
      nextUlid,
      log,
      isShipped: (_, { ulid }) => shipped.has(ulid),
    })
    for (const window of [0, 2, 4, 6]) await write(store, 't', window, [seriesAt(window, window)])
    const bounds = { retentionMs: hour, sizeBytesMax: 1, otherSizeBytes: 0 }
    expect(await store.mergeNext('t', ranges, neverCancelled)).toBe(false)
    expect(await store.applyRetention(bounds, 1000 * hour)).toBe(0)
    const [first, ...rest] = store.blocksOf('t').map(({ meta }) => meta.ulid)
    for (const ulid of rest) shipped.add(ulid)
    expect(await store.applyRetention(bounds, 1000 * hour)).toBe(3)
    expect(store.blocksOf('t').map(({ meta }) => meta.ulid)).toEqual([first])
    await store.close()
  })

  test('that were merged when the process died are dropped in favour of the merged one', async () => {
    const directory = temporaryDirectory()
    const store = await open(directory)
    for (const window of [0, 2, 4, 6]) await write(store, 't', window, [seriesAt(window, window)])
    const before = await read(store)
    const copy = temporaryDirectory()
    await store.snapshot(copy)
    await store.mergeNext('t', ranges, neverCancelled)
    await store.close()
    for (const ulid of readdirSync(join(copy, 't'))) {
      const target = join(directory, 't', ulid)
      if (!existsSync(target)) renameSync(join(copy, 't', ulid), target)
    }
    expect(readdirSync(join(directory, 't')).length).toBe(5)
    const again = await open(directory)
    expect(again.blocksOf('t').length).toBe(2)
    expect(readdirSync(join(directory, 't')).length).toBe(2)
    expect(await read(again)).toEqual(before)
    await again.close()
  })
})

describe('merging', () => {
  test('of a full window keeps every sample and says where they came from', async () => {
    const store = await open(temporaryDirectory())
    for (const window of [0, 2, 4, 6]) await write(store, 't', window, [seriesAt(window, window)])
    const before = await read(store)
    const parents = store.blocksOf('t').slice(0, 3)
    const reading = store.select(request(['t']), neverCancelled)
    expect(await store.mergeNext('t', ranges, neverCancelled)).toBe(true)
    expect(await store.mergeNext('t', ranges, neverCancelled)).toBe(false)
    expect(await read(store)).toEqual(before)
    const [merged, newest] = store.blocksOf('t').map((block) => block.meta)
    expect(newest!.compaction.level).toBe(1)
    expect(merged!.compaction).toMatchObject({ level: 2 })
    expect(merged!.compaction.sources).toEqual(parents.map((block) => block.meta.ulid).sort())
    expect(merged!.compaction.parents.length).toBe(3)
    expect(merged).toMatchObject({ minTimeMs: 0, maxTimeMs: 6 * hour })
    // A reader from before still sees its blocks; then they go.
    expect(existsSync(parents[0]!.directory)).toBe(true)
    expect([...(await readCursor(reading))]).toEqual(before)
    expect(existsSync(parents[0]!.directory)).toBe(false)
    await store.close()
  })

  test('leaves corrupt blocks as they are, for good, and goes on with the others', async () => {
    const directory = temporaryDirectory()
    const store = await open(directory)
    for (const window of [0, 2, 4, 6, 8, 10, 12])
      await write(store, 't', window, [seriesAt(window, window)])
    const path = join(store.blocksOf('t')[1]!.directory, 'chunks', '000001')
    const bytes = readFileSync(path)
    bytes[15]! ^= 1
    writeFileSync(path, bytes)
    while (await store.mergeNext('t', ranges, neverCancelled));
    await store.close()
    const again = await open(directory)
    expect(await again.mergeNext('t', ranges, neverCancelled)).toBe(false)
    const levels = again.blocksOf('t').map((block) => block.meta.compaction.level)
    expect(levels).toEqual([1, 1, 1, 2, 1])
    await again.close()
  })

  test('of overlapping blocks equals a map of all samples', async () => {
    const samples = fc.array(
      fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 200 })),
      { minLength: 1, maxLength: 60 },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(samples, { minLength: 2, maxLength: 4 }), async (blocks) => {
        const store = await open(temporaryDirectory())
        const model = new Map<string, Map<number, number>>()
        for (const list of blocks) {
          const byName = new Map<string, number[]>()
          for (const [name, time] of list) byName.set(name, [...(byName.get(name) ?? []), time])
          const series = [...byName].map(([name, times]): ModelSeries => {
            const ascending = [...new Set(times)].sort((a, b) => a - b)
            const all = model.get(name) ?? new Map<number, number>()
            // The value is the time's, so that it does not matter which block wins.
            for (const time of ascending) all.set(time, time * 3)
            model.set(name, all)
            const chunk = ascending.map((time): Sample => [time, time * 3])
            return { labels: { __name__: name }, chunks: [chunk] }
          })
          await write(store, 't', 0, series)
        }
        await store.mergeNext('t', ranges, neverCancelled)
        expect(store.blocksOf('t').length).toBe(1)
        expect(await read(store)).toEqual(
          [...model]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, all]) => [
              formatLabels(labelsOf({ __name__: name })),
              [...all].sort(([a], [b]) => a - b),
            ]),
        )
        await store.close()
      }),
      { numRuns: 15 },
    )
  })
})

describe('deleting', () => {
  test('hides samples at once, and cleaning removes them for good', async () => {
    const directory = temporaryDirectory()
    const store = await open(directory)
    await write(store, 't', 0, [seriesAt(0, 1), seriesAt(0, 2, 'down')])
    await write(store, 't', 2, [seriesAt(2, 1)])
    const range = { minTimeMs: 500, maxTimeMs: 4 * hour }
    expect(await store.deleteSeries('t', up, range, neverCancelled)).toBe(2)
    const expected = [
      [
        'down',
        [
          [0, 2],
          [1000, 2],
        ],
      ],
      ['up', [[0, 1]]],
    ]
    expect(await read(store)).toEqual(expected)
    expect(await store.cleanTombstones('t', neverCancelled)).toBe(2)
    expect(await read(store)).toEqual(expected)
    // The second block held nothing else.
    const metas = store.blocksOf('t').map((block) => block.meta)
    expect(metas.map((meta) => meta.stats.tombstoneCount)).toEqual([0])
    expect(metas[0]!.compaction.level).toBe(1)
    expect(readdirSync(join(directory, 't')).length).toBe(1)
    await store.close()
  })

  test('does not reach a snapshot that was taken before', async () => {
    const store = await open(temporaryDirectory())
    await write(store, 't', 0, [seriesAt(0, 1)])
    const before = await read(store)
    const copy = temporaryDirectory()
    await store.snapshot(copy)
    await store.deleteSeries('t', up, { minTimeMs: 0, maxTimeMs: hour }, neverCancelled)
    expect(await read(store)).toEqual([])
    const restored = await open(copy)
    expect(await read(restored)).toEqual(before)
    await Promise.all([store.close(), restored.close()])
  })
})

test('retention removes old blocks of every tenant, and the oldest beyond the size', async () => {
  const store = await open(temporaryDirectory())
  for (const window of [0, 2]) {
    await write(store, 'a', window, [seriesAt(window, 1)])
    await write(store, 'b', window, [seriesAt(window, 1)])
  }
  const bounds = { retentionMs: 8 * hour, sizeBytesMax: 0, otherSizeBytes: 0 }
  expect(await store.applyRetention(bounds, 9 * hour)).toBe(0)
  expect(await store.applyRetention(bounds, 10 * hour)).toBe(2)
  expect(store.blocksOf('a').map((block) => block.meta.minTimeMs)).toEqual([2 * hour])
  const full = { retentionMs: 0, sizeBytesMax: store.sizeBytes() - 1, otherSizeBytes: 0 }
  expect(await store.applyRetention(full, 0)).toBe(1)
  expect(store.blocksOf('a').length + store.blocksOf('b').length).toBe(1)
  await store.close()
})

test('blocks whose indexes are too large to merge in the memory there is stay apart', async () => {
  const directory = temporaryDirectory()
  const openBounded = (mergeIndexSizeBytesMax: number): Promise<LocalBlocks> =>
    LocalBlocks.open({ ...blockOptions, directory, nextUlid, log, mergeIndexSizeBytesMax })
  const small = await openBounded(1 << 20)
  await write(small, 'a', 0, [seriesAt(0, 1)])
  await write(small, 'a', 0, [seriesAt(0, 2, 'other')])
  await small.close()
  const bounded = await openBounded(64)
  expect(await bounded.mergeNext('a', ranges, neverCancelled)).toBe(false)
  expect(bounded.blocksOf('a')).toHaveLength(2)
  await bounded.close()
  const free = await openBounded(1 << 20)
  expect(await free.mergeNext('a', ranges, neverCancelled)).toBe(true)
  expect(free.blocksOf('a')).toHaveLength(1)
  await free.close()
})

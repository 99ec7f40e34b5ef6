// Our blocks read by Debian's promtool and prometheus, theirs read by us.
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SampleBuffer } from '../../src/chunk/index.ts'
import {
  type FloatHistogram,
  formatMatcher,
  isStaleAt,
  type Matcher,
  windowMs,
} from '../../src/model/index.ts'
import { decodeRow, neverCancelled, pairName, pairValue } from '../../src/storage/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { createUlidFactory, dumpSamples, LocalBlocks, mergeRangesMs } from '../../src/tsdb/index.ts'
import {
  blockOptions,
  cursorOfEncoded,
  selectAll,
  temporaryDirectory,
} from '../tsdb/block/block-fixtures.ts'
import { seriesOfWindow, startMs } from './block-content.ts'
import {
  promtool,
  promtoolDump,
  type RunningPrometheus,
  startPrometheus,
} from './debian-prometheus.ts'

const windowCount = 4
const nextUlid = createUlidFactory(Date.now)

async function openStore(directory: string): Promise<LocalBlocks> {
  const log = createLogger('silent')
  return LocalBlocks.open({ ...blockOptions, directory, nextUlid, log })
}

async function fleetStore(): Promise<LocalBlocks> {
  const store = await openStore(temporaryDirectory())
  for (let window = 0; window < windowCount; window++) {
    await store.write('t', {
      minTimeMs: startMs + window * windowMs,
      maxTimeMs: startMs + (window + 1) * windowMs,
      level: 1,
      series: () => cursorOfEncoded(seriesOfWindow(window)),
      thanos: { labels: { cluster: 'hub' }, source: 'receive' },
    })
  }
  return store
}

async function ourDump(store: LocalBlocks, matchers: readonly Matcher[] = []): Promise<string[]> {
  const { minTimeMs, maxTimeMs } = selectAll()
  let text = ''
  const select = { tenants: ['t'], matchers, minTimeMs, maxTimeMs }
  const request = { source: store, select, signal: neverCancelled, formatHistogram: () => 'h' }
  for await (const part of dumpSamples(request)) text += part
  return text.split('\n').filter((line) => line !== '')
}

type Point = readonly [timestampMs: number, value: unknown]

// Samples by labels as JSON; stale markers left out, as range selectors leave them out.
async function ourPoints(
  store: LocalBlocks,
  matchers: readonly Matcher[],
): Promise<Map<string, Point[]>> {
  const out = new Map<string, Point[]>()
  const cursor = store.select({ ...selectAll(matchers), tenants: ['t'] }, neverCancelled)
  const buffer = new SampleBuffer()
  for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
    for (let row = 0; row < batch.rowCount; row++) {
      const ids = batch.pairIds.subarray(batch.pairStarts[row], batch.pairStarts[row + 1])
      const pairs = Array.from(ids, (id) => [pairName(batch.pairs, id), pairValue(batch.pairs, id)])
      decodeRow(batch, row, -Infinity, Infinity, buffer)
      const points: Point[] = []
      for (let i = 0; i < buffer.count; i++) {
        const histogram = buffer.histograms?.[i]
        if (histogram !== undefined) points.push([buffer.timestampsMs[i]!, shown(histogram)])
        else if (!isStaleAt(buffer.words, i))
          points.push([buffer.timestampsMs[i]!, buffer.values[i]!])
      }
      out.set(keyOf(Object.fromEntries(pairs)), points)
    }
  }
  return out
}

function shown(histogram: FloatHistogram): unknown {
  const { count, sum, zeroCount, positiveBuckets, negativeBuckets } = histogram
  const buckets = [...negativeBuckets.toReversed(), zeroCount, ...positiveBuckets]
  return { count, sum, buckets: buckets.filter((bucket) => bucket !== 0) }
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

interface MatrixRow {
  readonly metric: Record<string, string>
  readonly values?: readonly (readonly [number, string])[]
  readonly histograms?: readonly (readonly [
    number,
    {
      readonly count: string
      readonly sum: string
      readonly buckets?: readonly (readonly [number, string, string, string])[]
    },
  ])[]
}

function theirPoints(
  prometheus: RunningPrometheus,
  matchers: readonly Matcher[],
): Promise<Map<string, Point[]>> {
  const endMs = startMs + (windowCount + 0.5) * windowMs
  return theirRange(prometheus, matchers, `${2 * windowCount + 2}h`, endMs)
}

// Prometheus 2.42 gives every histogram of a range the buckets of the last one, so they are asked for one by one.
async function theirHistograms(prometheus: RunningPrometheus): Promise<Map<string, Point[]>> {
  const out = new Map<string, Point[]>()
  for (const timestampMs of histogramTimesMs) {
    const found = await theirRange(prometheus, histograms, '1ms', timestampMs)
    for (const [labels, points] of found) out.set(labels, [...(out.get(labels) ?? []), ...points])
  }
  return out
}

async function ourHistograms(store: LocalBlocks): Promise<Map<string, Point[]>> {
  const out = new Map<string, Point[]>()
  const times = new Set(histogramTimesMs)
  for (const [labels, points] of await ourPoints(store, histograms))
    out.set(
      labels,
      points.filter(([timestampMs]) => times.has(timestampMs)),
    )
  return out
}

async function theirRange(
  prometheus: RunningPrometheus,
  matchers: readonly Matcher[],
  range: string,
  endMs: number,
): Promise<Map<string, Point[]>> {
  const selector = `{${matchers.map(formatMatcher).join(',')}}`
  const answer = await prometheus.call('POST', '/api/v1/query', {
    query: `${selector}[${range}]`,
    time: String(endMs / 1000),
  })
  const { result } = (answer as { readonly data: { readonly result: readonly MatrixRow[] } }).data
  return new Map(
    result.map(({ metric, values = [], histograms = [] }) => {
      const floats = values.map(
        ([time, value]): Point => [Math.round(time * 1000), toNumber(value)],
      )
      const native = histograms.map(([time, { count, sum, buckets = [] }]): Point => {
        const counts = buckets.map((bucket) => Number(bucket[3]))
        return [
          Math.round(time * 1000),
          { count: Number(count), sum: Number(sum), buckets: counts },
        ]
      })
      return [keyOf(metric), [...floats, ...native].sort(([a], [b]) => a - b)]
    }),
  )
}

function toNumber(text: string): number {
  if (text === '+Inf') return Infinity
  return text === '-Inf' ? -Infinity : Number(text)
}

const upMatcher: Matcher = { type: '=', name: '__name__', value: 'up' }

const histograms: readonly Matcher[] = [{ type: '=', name: '__name__', value: 'histogram_seconds' }]

// A step without a common divisor with the content's own periods.
const histogramTimesMs = Array.from(
  { length: 160 },
  (_, i) => startMs + ((i * 13) % (480 * windowCount)) * 15_000,
).sort((a, b) => a - b)

const selectors: readonly (readonly Matcher[])[] = [
  [upMatcher],
  [{ type: '=', name: '__name__', value: 'awkward' }],
  [{ type: '=', name: '__name__', value: 'vanishing' }],
  [{ type: '=~', name: 'pod', value: 'pod-1.*' }],
  [
    { type: '=~', name: '__name__', value: 'up|requests_total' },
    { type: '=', name: 'zone', value: '' },
    { type: '!=', name: 'cluster', value: 'c1' },
  ],
  [
    { type: '!~', name: 'pod', value: 'pod-(1|2).*' },
    { type: '!=', name: 'cluster', value: '' },
  ],
  [
    { type: '!~', name: '__name__', value: 'histogram_seconds|' },
    { type: '=~', name: 'zone', value: 'z|' },
  ],
]

describe('promtool on our blocks', () => {
  test('analyses each of them and dumps every float sample as we do', async () => {
    const store = await fleetStore()
    const directory = store.directoryOf('t')
    for (const block of store.blocksOf('t')) {
      const text = await promtool('tsdb', 'analyze', directory, block.meta.ulid)
      expect(text).toContain(`Block ID: ${block.meta.ulid}`)
      expect(text).toContain('Series: 46')
    }
    // promtool 2.42 dumps no native histograms.
    const floats: Matcher[] = [{ type: '!=', name: '__name__', value: 'histogram_seconds' }]
    const expected = await ourDump(store, floats)
    expect(expected.length).toBe(42 * 480 * windowCount)
    expect((await promtoolDump(directory)).sort()).toEqual(expected.sort())
    await store.close()
  })

  test('dumps our merged block as it dumped the parts', async () => {
    const store = await fleetStore()
    const directory = store.directoryOf('t')
    const before = await promtoolDump(directory)
    while (await store.mergeNext('t', mergeRangesMs(30 * 86_400_000), neverCancelled));
    expect(store.blocksOf('t').length).toBe(2)
    const merged = store.blocksOf('t')[0]!.meta
    expect(await promtool('tsdb', 'analyze', directory, merged.ulid)).toContain('Series: 46')
    expect((await promtoolDump(directory)).sort()).toEqual(before.sort())
    await store.close()
  })
})

describe('a prometheus on our blocks', () => {
  let store: LocalBlocks
  let prometheus: RunningPrometheus

  beforeAll(async () => {
    store = await fleetStore()
    const pod = [{ type: '=', name: 'pod', value: 'pod-3' }] as const
    const range = { minTimeMs: startMs + 100_000, maxTimeMs: startMs + 1.5 * windowMs }
    expect(await store.deleteSeries('t', pod, range, neverCancelled)).toBe(2)
    const copy = temporaryDirectory()
    await store.snapshot(copy)
    prometheus = await startPrometheus(join(copy, 't'))
  })

  afterAll(async () => {
    await prometheus.stop()
    await store.close()
  })

  for (const matchers of selectors) {
    test(`answers {${matchers.map(formatMatcher).join(',')}} as we do`, async () => {
      const ours = await ourPoints(store, matchers)
      expect(ours.size).toBeGreaterThan(0)
      const theirs = await theirPoints(prometheus, matchers)
      expect([...theirs.keys()].sort()).toEqual([...ours.keys()].sort())
      for (const [labels, points] of ours) expect(theirs.get(labels), labels).toEqual(points)
    })
  }

  test('answers with the native histograms that we wrote, integer and float', async () => {
    const ours = await ourHistograms(store)
    expect(ours.size).toBe(4)
    expect([...(await theirHistograms(prometheus))].sort()).toEqual([...ours].sort())
  })
})

test('what prometheus deleted from a block, and what it rewrote, we read as it does', async () => {
  const store = await fleetStore()
  const copy = temporaryDirectory()
  await store.snapshot(copy)
  await store.close()
  const matchers = [upMatcher]
  const prometheus = await startPrometheus(join(copy, 't'))
  try {
    const from = String((startMs + 1_000_000) / 1000)
    const to = String((startMs + 1.2 * windowMs) / 1000)
    const query = new URLSearchParams({ 'match[]': '{cluster="c1"}', start: from, end: to })
    // Prometheus 2.42 cannot encode a chunk of gauge histograms again.
    query.append('match[]', 'histogram_seconds{gauge="false"}')
    await prometheus.call('POST', `/api/v1/admin/tsdb/delete_series?${query}`)
    const theirs = await theirPoints(prometheus, matchers)
    const native = [...(await theirHistograms(prometheus))].sort()
    const marked = await openStore(copy)
    expect(marked.blocksOf('t').some(({ meta }) => meta.stats.tombstoneCount > 0)).toBe(true)
    expect([...(await ourPoints(marked, matchers))].sort()).toEqual([...theirs].sort())
    expect([...(await ourHistograms(marked))].sort()).toEqual(native)
    await marked.close()
    await prometheus.call('POST', '/api/v1/admin/tsdb/clean_tombstones')
    const cleaned = await openStore(copy)
    expect(cleaned.blocksOf('t').every(({ meta }) => meta.stats.tombstoneCount === 0)).toBe(true)
    expect([...(await ourPoints(cleaned, matchers))].sort()).toEqual([...theirs].sort())
    expect([...(await ourHistograms(cleaned))].sort()).toEqual(native)
    await cleaned.close()
  } finally {
    await prometheus.stop()
  }
})

test('a block that prometheus cut of what it scraped is read by us as prometheus answers', async () => {
  const directory = temporaryDirectory()
  const prometheus = await startPrometheus(directory, true)
  try {
    // Discovery hands out targets some seconds after the start.
    const matchers: Matcher[] = [{ type: '=', name: 'job', value: 'self' }]
    for (let samples = 0; samples < 15; await sleep(300)) {
      const up = await theirRange(prometheus, [...matchers, upMatcher], '1m', Date.now())
      samples = [...up.values()][0]?.length ?? 0
    }
    const snapshot = await prometheus.call('POST', '/api/v1/admin/tsdb/snapshot')
    const { name } = (snapshot as { readonly data: { readonly name: string } }).data
    const root = temporaryDirectory()
    renameSync(join(directory, 'snapshots', name), join(root, 't'))
    const store = await openStore(root)
    const ours = await ourPoints(store, matchers)
    expect(ours.size).toBeGreaterThan(300)
    const { maxTimeMs } = store.blocksOf('t').at(-1)!.meta
    const theirs = await theirRange(prometheus, matchers, '1h', maxTimeMs - 1)
    expect([...theirs.keys()].sort()).toEqual([...ours.keys()].sort())
    // Its own native histograms come garbled in a range; those of the other tests are asked for one by one.
    const floats = [...ours].filter(([, points]) => typeof points[0]![1] === 'number')
    expect(floats.length).toBeGreaterThan(250)
    for (const [labels, points] of floats) expect(theirs.get(labels), labels).toEqual(points)
    await store.close()
  } finally {
    await prometheus.stop()
  }
})

describe('back-filled blocks', () => {
  const lines: string[] = ['# TYPE requests counter', '# HELP requests What "came" in.']
  for (let series = 0; series < 50; series++) {
    for (let i = 0; i < 400; i++) {
      const value = i % 97 === 0 ? 'NaN' : String((series + 1) * i * 1.5e-3)
      const labels = `{path="/a\\"b\\\\c\\n${series}",code="${200 + (series % 3)}"}`
      lines.push(`requests_total${labels} ${value} ${startMs / 1000 + i * 60 + 0.25}`)
    }
  }
  lines.push('# EOF', '')

  test('by promtool are read by us, by us are read by promtool, all equal', async () => {
    const path = join(temporaryDirectory(), 'metrics.txt')
    writeFileSync(path, lines.join('\n'))
    const theirs = temporaryDirectory()
    await promtool('tsdb', 'create-blocks-from', 'openmetrics', path, theirs)
    const dumped = (await promtoolDump(theirs)).sort()
    expect(dumped.length).toBe(50 * 400)

    const root = temporaryDirectory()
    mkdirSync(join(root, 't'))
    for (const name of readdirSync(theirs)) {
      if (name !== 'wal') renameSync(join(theirs, name), join(root, 't', name))
    }
    const store = await openStore(root)
    expect(store.blocksOf('t').length).toBe(4)
    expect((await ourDump(store)).sort()).toEqual(dumped)
    await store.close()

    const ours = temporaryDirectory()
    const created = await crowsnest(
      'tools',
      'tsdb',
      'create-blocks-from',
      'openmetrics',
      path,
      ours,
    )
    expect(created.split('\n').filter((line) => line.endsWith('samples of 50 series')).length).toBe(
      4,
    )
    expect((await promtoolDump(ours)).sort()).toEqual(dumped)
    const text = await crowsnest('tools', 'tsdb', 'dump', ours)
    expect(
      text
        .split('\n')
        .filter((line) => line !== '')
        .sort(),
    ).toEqual(dumped)
    const some = await crowsnest('tools', 'tsdb', 'dump', ours, '--match', '{code="201"}')
    expect(some.split('\n').length - 1).toBe(17 * 400)
  })

  test('are refused with the line at fault, and an empty directory with a hint', async () => {
    const path = join(temporaryDirectory(), 'metrics.txt')
    writeFileSync(path, 'a 1 1\nb 2\n# EOF\n')
    const made = crowsnest('tools', 'tsdb', 'create-blocks-from', 'openmetrics', path)
    await expect(made).rejects.toThrow('the sample has no timestamp (line 2)')
    const dumped = crowsnest('tools', 'tsdb', 'dump', temporaryDirectory())
    await expect(dumped).rejects.toThrow('there are no blocks in')
  })
})

// Our own command line, run from the source tree.
function crowsnest(...args: readonly string[]): Promise<string> {
  const main = join(import.meta.dirname, '../../src/main.ts')
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 512 * 1024 * 1024 }
    execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(stderr, { cause: error }))
    })
  })
}

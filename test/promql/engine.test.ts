// The engine's contract beyond values: kinds of results, order, limits, cancelling, figures, EXPLAIN.

import { beforeAll, expect, test } from 'vitest'
import { formatLabels, labelsOf, UserError } from '../../src/model/index.ts'
import type { PreparedQuery, QueryRange, QueryResult } from '../../src/promql/index.ts'
import {
  allParserFeatures,
  ChunkStorage,
  createEngine,
  formatExplain,
} from '../../src/promql/index.ts'
import type { SelectRequest } from '../../src/storage/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'

const engine = createEngine({ features: allParserFeatures })
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
const hour: QueryRange = { kind: 'range', startMs: 0, endMs: 3_600_000, stepMs: 60_000 }
const at10m: QueryRange = { kind: 'instant', timeMs: 600_000 }

beforeAll(async () => {
  await storage.append(
    ['c', 'a', 'b'].map((pod, i) => ({
      labels: labelsOf({ __name__: 'up_total', pod }),
      samples: Array.from({ length: 61 }, (_, k) => ({
        timestampMs: k * 60_000,
        startTimestampMs: 0,
        value: { kind: 'float' as const, value: k * (i + 1) },
      })),
    })),
  )
})

function run(query: string, range: QueryRange, options = {}): Promise<QueryResult> {
  const configured = createEngine({ features: allParserFeatures, ...options })
  return configured.prepare(query, range).run(storage, ['t'], neverCancelled)
}

function seriesOf(result: QueryResult): string[] {
  return Array.from({ length: result.starts.length - 1 }, (_, row) =>
    formatLabels(result.labelsOfRow(row)),
  )
}

test('the kind of a result is the type of the expression, and matrix for ranges', async () => {
  expect((await run('up_total', at10m)).kind).toBe('vector')
  expect((await run('up_total[5m]', at10m)).kind).toBe('matrix')
  expect((await run('1', at10m)).kind).toBe('scalar')
  expect(await run('"text"', at10m)).toMatchObject({ kind: 'string', text: 'text' })
  const range = await run('1', hour)
  expect(range.kind).toBe('matrix')
  expect(range.values.length).toBe(61)
})

test('range results are ordered by labels, whatever the order of the source', async () => {
  expect(seriesOf(await run('up_total', hour))).toEqual([
    'up_total{pod="a"}',
    'up_total{pod="b"}',
    'up_total{pod="c"}',
  ])
})

test('an instant result keeps the order that sort and topk gave it', async () => {
  const result = await run('sort_desc(up_total)', at10m)
  expect(seriesOf(result).map((series) => series.at(-3))).toEqual(['b', 'a', 'c'])
  expect([...(await run('bottomk(2, up_total)', at10m)).values]).toEqual([10, 20])
})

test('a subquery at the top yields its own steps', async () => {
  const result = await run('sum(up_total)[2m:1m]', at10m)
  expect([...result.timestampsMs]).toEqual([540_000, 600_000])
  expect([...result.values]).toEqual([54, 60])
})

test('ranges and strings are refused as range queries', () => {
  expect(() => engine.prepare('up_total[5m]', hour)).toThrow(
    'invalid expression type "range vector" for range query, must be Scalar or instant Vector',
  )
  expect(() => engine.prepare('"text"', hour)).toThrow('invalid expression type "string"')
})

test('a range needs a step', () => {
  const flat: QueryRange = { kind: 'range', startMs: 0, endMs: 1000, stepMs: 0 }
  expect(() => engine.prepare('up_total', flat)).toThrow('zero or negative query resolution step')
})

test('a signal is read inside the windows of one row', async () => {
  const query = 'sum_over_time(vector(time())[1h:1s])'
  let checks = 0
  const signal = { check: () => void checks++ }
  const minutes: QueryRange = { kind: 'range', startMs: 0, endMs: 6_000_000, stepMs: 10_000 }
  await engine.prepare(query, minutes).run(storage, ['t'], signal)
  expect(checks).toBeGreaterThan(15)
})

test('more samples than allowed fail the query with a clear text', async () => {
  await expect(run('up_total', hour, { maxSamples: 100 })).rejects.toThrow(
    'query processing would load too many samples into memory in query execution',
  )
  await expect(run('sum(up_total)', hour, { maxSamples: 100 })).resolves.toBeDefined()
})

test('samples that were given back do not count', async () => {
  const chain = `${'sum('.repeat(20)}up_total${')'.repeat(20)}`
  await expect(run(chain, hour, { maxSamples: 300 })).resolves.toBeDefined()
})

test('a cancelled query stops with the error of its signal', async () => {
  let checks = 0
  const signal = {
    check() {
      if (++checks > 2) throw new UserError('canceled', { what: 'the caller has gone' })
    },
  }
  const prepared = engine.prepare('rate(up_total[5m])', hour)
  await expect(prepared.run(storage, ['t'], signal)).rejects.toMatchObject({ code: 'canceled' })
})

test('an error of the source is the error of the query', async () => {
  const broken = {
    ...storage,
    select: () => ({
      next: async () => {
        throw new UserError('unavailable', { what: 'the store is gone' })
      },
      close: () => undefined,
      warnings: [],
    }),
    labelNames: storage.labelNames.bind(storage),
    labelValues: storage.labelValues.bind(storage),
  }
  const prepared = engine.prepare('a + b', at10m)
  await expect(prepared.run(broken, ['t'], neverCancelled)).rejects.toThrow('the store is gone')
})

test('warnings of the source come with the answer', async () => {
  const partial = {
    select: () => ({
      next: async () => undefined,
      close: () => undefined,
      warnings: ['store x did not answer'],
    }),
    labelNames: storage.labelNames.bind(storage),
    labelValues: storage.labelValues.bind(storage),
  }
  const result = await engine.prepare('a', at10m).run(partial, ['t'], neverCancelled)
  expect(result.annotations.warnings).toEqual(['store x did not answer'])
})

function requestsOf(prepared: PreparedQuery): Promise<SelectRequest[]> {
  const requests: SelectRequest[] = []
  const recording = {
    select(request: SelectRequest) {
      requests.push(request)
      return storage.select(request)
    },
    labelNames: storage.labelNames.bind(storage),
    labelValues: storage.labelValues.bind(storage),
  }
  return prepared.run(recording, ['t1', 't2'], neverCancelled).then(() => requests)
}

test('selectors ask for exactly the times they look at, with hints', async () => {
  const query = 'sum by (pod) (rate(up_total[5m] offset 1m))'
  const [request] = await requestsOf(engine.prepare(query, hour))
  expect(request).toMatchObject({
    tenants: ['t1', 't2'],
    minTimeMs: -360_000 + 1,
    maxTimeMs: 3_540_000,
    hints: { func: 'rate', rangeMs: 300_000, stepMs: 60_000 },
  })
})

test('equal selectors whose times touch ask once', async () => {
  expect(await requestsOf(engine.prepare('up_total / on (pod) up_total', at10m))).toHaveLength(1)
  expect(await requestsOf(engine.prepare('up_total / up_total offset 1h', at10m))).toHaveLength(2)
  const different = 'up_total{pod="a"} / on () up_total{pod="b"}'
  expect(await requestsOf(engine.prepare(different, at10m))).toHaveLength(2)
})

test('an expression fixed by @ is evaluated once and repeated', async () => {
  const result = await run('sum(up_total @ 600)', hour)
  expect(new Set(result.values)).toEqual(new Set([60]))
  expect(result.values.length).toBe(61)
  expect(result.stats.samplesRead).toBeLessThan(40)
})

test('figures tell how many samples were looked at, read and held', async () => {
  const { stats } = await run('sum(up_total)', at10m)
  expect(stats.totalQueryableSamples).toBe(3)
  expect(stats.samplesRead).toBe(3)
  expect(stats.peakSamples).toBeGreaterThanOrEqual(1)
  expect(stats.evaluationMs).toBeGreaterThan(0)
})

test('EXPLAIN shows the operators as a tree', () => {
  const prepared = engine.prepare('topk(3, sum by (pod) (rate(up_total[5m]))) > 1', hour)
  expect(formatExplain(prepared.explain(storage, ['t'])).split('\n')).toEqual([
    '>',
    '  topk',
    '    3',
    '    sum by (pod)',
    '      rate over up_total[5m]',
    '  1',
  ])
})

test('ANALYZE tells what each operator did', async () => {
  const prepared = engine.prepare('sum(up_total)', hour)
  const { result, tree } = await prepared.analyze(storage, ['t'], neverCancelled)
  expect(result.values.length).toBe(61)
  expect(tree.measurement).toMatchObject({ rowCount: 1, sampleCount: 61 })
  expect(tree.inputs[0]!.measurement).toMatchObject({ rowCount: 3, sampleCount: 183 })
})

test('annotations tell line and byte column of what caused them', async () => {
  const { annotations } = await run('"é" and\nvector(1) + quantile(2, up_total)'.slice(8), at10m)
  expect(annotations.warnings).toEqual([
    'PromQL warning: quantile value should be between 0 and 1, got 2 (1:22)',
  ])
})

test("a lookback of the query overrides the engine's", async () => {
  const late: QueryRange = { kind: 'instant', timeMs: 3_600_000 + 120_000 }
  expect((await run('up_total', late)).starts.length - 1).toBe(3)
  expect((await run('up_total', { ...late, lookbackMs: 60_000 })).starts.length - 1).toBe(0)
})

// Answers as bytes: what the HTTP API says for every kind of result, number and annotation.
import { beforeAll, describe, expect, it } from 'vitest'
import type { CallParts } from '../../src/api/index.ts'
import { JsonNumbers } from '../../src/kernel/index.ts'
import { type FloatHistogram, labelsOf } from '../../src/model/index.ts'
import { ChunkStorage, createEngine, type Engine } from '../../src/promql/index.ts'
import { type CallRunner, createCallRunner, type QueryCall } from '../../src/query/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'

const engine = createEngine({})
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
const runnerOver = (over: Engine, source: ChunkStorage) =>
  createCallRunner({
    engine: over,
    replicas: source,
    deduplicated: (source) => source,
    numbers: JsonNumbers.create(),
  })
const runner = runnerOver(engine, storage)

async function answer(
  parts: CallParts,
  run: CallRunner = runner,
): Promise<{ text: string; headers: Record<string, string> }> {
  const pieces: Uint8Array[] = []
  let headers = {}
  const call = {
    ...parts,
    tenants: ['t'],
    scope: 'all',
    reader: '',
    deadlineMs: Infinity,
  } as QueryCall
  await run(call, neverCancelled, {
    head: (given) => {
      headers = given
    },
    write: async (bytes) => void pieces.push(bytes),
  })
  return { text: Buffer.concat(pieces).toString(), headers }
}

const evaluation = { lookbackMs: undefined, limit: 0, stats: 'none', explain: 'none' } as const

const instant = async (query: string, more: object = {}, timeMs = 60_500) =>
  (await answer({ kind: 'instant', query, timeMs, ...evaluation, ...more })).text

const range = async (query: string, more: object = {}) => {
  const bounds = { startMs: 0, endMs: 60_000, stepMs: 30_000, useCache: true }
  return (await answer({ kind: 'range', query, ...bounds, ...evaluation, ...more })).text
}

const histogram: FloatHistogram = {
  counterResetHint: 'unknown',
  schema: 0,
  zeroThreshold: 0.5,
  zeroCount: 1,
  count: 6,
  sum: 12.5,
  stale: false,
  positiveSpans: [{ offset: 0, length: 2 }],
  negativeSpans: [{ offset: 1, length: 1 }],
  positiveBuckets: Float64Array.of(2, 0),
  negativeBuckets: Float64Array.of(3),
  customValues: new Float64Array(0),
}

beforeAll(async () => {
  const float = (timestampMs: number, value: number) => ({
    timestampMs,
    startTimestampMs: 0,
    value: { kind: 'float', value, stale: false } as const,
  })
  await storage.append([
    {
      labels: labelsOf({ __name__: 'a', job: 'x"\n' }),
      samples: [float(0, 1), float(30_000, 1e-7), float(60_000, Infinity)],
    },
    { labels: labelsOf({ __name__: 'b', job: 'y' }), samples: [float(60_000, 1e21)] },
    {
      labels: labelsOf({ __name__: 'h' }),
      samples: [
        float(0, 7),
        {
          timestampMs: 30_000,
          startTimestampMs: 0,
          value: { kind: 'histogram', histogram, hintGiven: false },
        },
      ],
    },
  ])
})

describe('answers to queries', () => {
  it('prints a vector with times of three decimals and numbers as Go does', async () => {
    expect(await instant('{job=~".+"}')).toBe(
      '{"status":"success","data":{"resultType":"vector","result":[' +
        '{"metric":{"__name__":"a","job":"x\\"\\n"},"value":[60.500,"+Inf"]},' +
        '{"metric":{"__name__":"b","job":"y"},"value":[60.500,"1e+21"]}]}}',
    )
  })

  it('prints a matrix, times without decimals where they are whole', async () => {
    expect(await range('a')).toBe(
      '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"a","job":"x\\"\\n"},' +
        '"values":[[0,"1"],[30,"1e-07"],[60,"+Inf"]]}]}}',
    )
  })

  it('prints a scalar without exponent and its time as the shortest float', async () => {
    expect(await instant('1e21')).toBe(
      '{"status":"success","data":{"resultType":"scalar","result":[60.5,"1000000000000000000000"]}}',
    )
    expect(await instant('"a\\"b"')).toBe(
      '{"status":"success","data":{"resultType":"string","result":[60.5,"a\\"b"]}}',
    )
  })

  it('prints floats and histograms of one series side by side, buckets from the most negative up', async () => {
    const buckets = '[[1,"-2","-1","3"],[3,"-0.5","0.5","1"],[0,"0.5","1","2"]]'
    expect(await range('h')).toBe(
      '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"h"},"values":[[0,"7"]],' +
        `"histograms":[[30,{"count":"6","sum":"12.5","buckets":${buckets}}],[60,{"count":"6","sum":"12.5","buckets":${buckets}}]]}]}}`,
    )
    expect(await instant('h', {}, 30_000)).toContain(
      `"histogram":[30,{"count":"6","sum":"12.5","buckets":${buckets}}]`,
    )
  })

  it('cuts to the limit and says so', async () => {
    const text = await instant('{job=~".+"}', { limit: 1 })
    expect(JSON.parse(text)).toMatchObject({
      data: { result: [{ metric: { __name__: 'a' } }] },
      warnings: ['results truncated due to limit'],
    })
  })

  it('carries annotations with positions, at most ten', async () => {
    expect(JSON.parse(await instant('quantile_over_time(2, a[1m])')).warnings).toEqual([
      'PromQL warning: quantile value should be between 0 and 1, got 2 (1:20)',
    ])
    expect(JSON.parse(await range('rate(a[1m])')).infos[0]).toContain(
      'metric might not be a counter',
    )
  })

  it('adds stats, the plan or the figures of each operator when asked', async () => {
    const { data } = JSON.parse(
      await range('sum(rate(a[1m]))', { stats: 'totals', explain: 'analyze' }),
    )
    expect(data.stats.samples.totalQueryableSamples).toBeGreaterThan(0)
    expect(data.analysis).toMatchObject({
      name: expect.stringContaining('sum'),
      children: [{ series: 1 }],
    })
    const planned = JSON.parse(await range('sum(a)', { explain: 'plan' }))
    expect(planned.data.explain.children).toHaveLength(1)
  })

  it('tells with stats=all what each step looked at and read, as Prometheus 3.14 does', async () => {
    const expected: Record<string, [looked: number[], read: number[]]> = {
      c: [
        [3, 3, 3, 3],
        [3, 3, 3, 3],
      ],
      'sum(rate(c[1m]))': [
        [12, 12, 12, 12],
        [12, 3, 3, 6],
      ],
      'c @ 300': [
        [3, 3, 3, 3],
        [3, 0, 0, 0],
      ],
      'sum(c) + on() sum(rate(c[1m] @ 300))': [
        [15, 15, 15, 15],
        [15, 3, 3, 3],
      ],
      'max_over_time(c[1m:10s])': [
        [18, 18, 18, 18],
        [18, 6, 6, 6],
      ],
      'max_over_time(rate(c[1m])[1m:10s])': [
        [18, 18, 18, 18],
        [24, 3, 3, 6],
      ],
      'max_over_time((c @ 300)[1m:10s])': [
        [18, 18, 18, 18],
        [3, 0, 0, 0],
      ],
    }
    const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
    await storage.append(
      [0, 1, 2].map((pod) => ({
        labels: labelsOf({ __name__: 'c', pod: String(pod) }),
        samples: Array.from({ length: 60 }, (_, i) => ({
          timestampMs: 15_000 * i,
          startTimestampMs: 0,
          value: { kind: 'float', value: i, stale: false } as const,
        })),
      })),
    )
    const stepwise = createEngine({ ...engine.options, perStepStats: true })
    const run = runnerOver(stepwise, storage)
    for (const [query, [looked, read]] of Object.entries(expected)) {
      const bounds = { startMs: 300_000, endMs: 360_000, stepMs: 20_000, useCache: true }
      const asked = { kind: 'range', query, ...bounds, ...evaluation } as const
      const samples = async (stats: 'all' | 'totals') =>
        JSON.parse((await answer({ ...asked, stats }, run)).text).data.stats.samples
      const all = await samples('all')
      const figures = (steps: [number, number][]) => steps.map(([, count]) => count)
      expect(figures(all.totalQueryableSamplesPerStep), query).toEqual(looked)
      expect(figures(all.samplesReadPerStep), query).toEqual(read)
      expect(all.totalQueryableSamplesPerStep[1][0]).toBe(320)
      const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0)
      const totals = { totalQueryableSamples: sum(looked), samplesRead: sum(read) }
      expect(all, query).toMatchObject(totals)
      const short = await samples('totals')
      expect(short, query).toMatchObject(totals)
      expect(short.totalQueryableSamplesPerStep).toBeUndefined()
    }
  })

  it('refuses what does not parse, naming the parameter', async () => {
    await expect(instant('sum(')).rejects.toThrow(
      /^invalid parameter "query": 1:\d+: parse error: /,
    )
    await expect(range('a[1m]')).rejects.toThrow('must be Scalar or instant Vector')
  })
})

describe('listings', () => {
  const all = { minTimeMs: -1e15, maxTimeMs: 1e15, limit: 0 }

  it('lists label sets sorted, each once', async () => {
    const selectors = ['{job=~".+"}', 'a', 'h']
    expect(JSON.parse((await answer({ kind: 'series', selectors, ...all })).text).data).toEqual([
      { __name__: 'a', job: 'x"\n' },
      { __name__: 'b', job: 'y' },
      { __name__: 'h' },
    ])
  })

  it('lists names and values, limited with a warning', async () => {
    const names = await answer({ kind: 'labelNames', selectors: ['a'], ...all })
    expect(JSON.parse(names.text)).toEqual({ status: 'success', data: ['__name__', 'job'] })
    const values = await answer({
      kind: 'labelValues',
      name: '__name__',
      selectors: [],
      ...all,
      limit: 2,
    })
    expect(JSON.parse(values.text)).toEqual({
      status: 'success',
      data: ['a', 'b'],
      warnings: ['results truncated due to limit'],
    })
  })

  it('says what is to be said about the request itself', async () => {
    const text = await instant('1', { warnings: ['the request is old-fashioned'] })
    expect(JSON.parse(text)).toMatchObject({ warnings: ['the request is old-fashioned'] })
  })
})

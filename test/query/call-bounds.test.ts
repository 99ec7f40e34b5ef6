// What the bounds of a call stop, whatever the expression.

import { beforeAll, describe, expect, it } from 'vitest'
import { prometheus } from '../../src/encoding/index.ts'
import { JsonNumbers } from '../../src/kernel/index.ts'
import { labelsOf } from '../../src/model/index.ts'
import { ChunkStorage, createEngine } from '../../src/promql/index.ts'
import { type CallBounds, createCallRunner, type QueryCall } from '../../src/query/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'

const minuteMs = 60_000
const engine = createEngine()
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
const runner = createCallRunner({
  engine,
  replicas: storage,
  deduplicated: (source) => source,
  numbers: JsonNumbers.create(),
})

beforeAll(async () => {
  const samples = Array.from({ length: 200 }, (_, i) => ({
    timestampMs: i * minuteMs,
    startTimestampMs: 0,
    value: { kind: 'float', value: i, stale: false } as const,
  }))
  await storage.append([{ labels: labelsOf({ __name__: 'up' }), samples }])
})

async function outcome(parts: object, bounds: CallBounds): Promise<string> {
  const base = { tenants: ['t'], scope: 'all', reader: 'a', deadlineMs: Infinity, limit: 0 }
  const evaluation = { lookbackMs: undefined, stats: 'none', explain: 'none', useCache: false }
  const call = { ...base, ...evaluation, ...parts, bounds } as unknown as QueryCall
  const sink = { head: () => undefined, write: async () => undefined }
  return runner(call, neverCancelled, sink).then(
    () => 'answered',
    (error: Error) => error.message,
  )
}

const range: CallBounds = { range: { maxMs: 10 * minuteMs, option: 'access.limits.queryRange' } }
const far =
  'the query reads samples further away than 10m; shorten ranges, subqueries and offsets, or raise access.limits.queryRange'

describe('a bound on time', () => {
  const instant = (query: string) =>
    outcome({ kind: 'instant', query, timeMs: 150 * minuteMs }, range)

  it('lets selectors look as far back as it says, beside the lookback', async () => {
    for (const query of ['up', 'rate(up[10m])', 'up offset 10m', 'max_over_time(up[10m:1m])', '1'])
      expect([query, await instant(query)]).toEqual([query, 'answered'])
  })

  it('stops ranges, subqueries, offsets and fixed times beyond it, wherever they stand', async () => {
    for (const query of [
      'rate(up[16m])',
      'max_over_time(up[16m:1m])',
      'up offset 16m',
      'up offset -11m',
      'up @ 60',
      'sum(up) or absent_over_time(up[1h])',
      'max_over_time(rate(up[5m])[12m:1m])',
    ])
      expect([query, await instant(query)]).toEqual([query, far])
  })

  it('is counted from the first step of a range and from its last', async () => {
    const times = { startMs: 100 * minuteMs, endMs: 110 * minuteMs, stepMs: minuteMs }
    const asked = (query: string) => outcome({ kind: 'range', query, ...times }, range)
    expect(await asked('rate(up[10m])')).toBe('answered')
    expect(await asked('rate(up[16m])')).toBe(far)
    expect(await asked('up @ 6000 - up')).toBe('answered')
  })

  it('holds for each query of a remote read', async () => {
    const read = (endTimestampMs: number) => {
      const matchers = [{ type: 0, name: '__name__', value: 'up' }]
      const queries = [{ startTimestampMs: 0, endTimestampMs, matchers }]
      const request = prometheus.ReadRequest.encode({ queries }).finish()
      return outcome({ kind: 'remoteRead', request, externalLabels: {} }, range)
    }
    expect(await read(10 * minuteMs)).toBe('answered')
    expect(await read(11 * minuteMs)).toBe(far)
  })
})

describe('a bound on samples', () => {
  const bounds = (max: number): CallBounds => ({ samples: { max, option: 'query.limits.x' } })

  it('stops what would hold more, and says which option to raise', async () => {
    const ask = (max: number) => {
      const query = 'max_over_time(up[100m])'
      return outcome({ kind: 'instant', query, timeMs: 150 * minuteMs }, bounds(max))
    }
    expect(await ask(1000)).toBe('answered')
    expect(await ask(50)).toMatch(
      /too many samples.* \(more than 50\); select fewer series or a shorter range, or raise query\.limits\.x$/,
    )
  })

  it('holds for remote read', async () => {
    const queries = [{ startTimestampMs: 0, endTimestampMs: 150 * minuteMs, matchers: [] }]
    const request = prometheus.ReadRequest.encode({ queries }).finish()
    const read = (max: number) =>
      outcome({ kind: 'remoteRead', request, externalLabels: {} }, bounds(max))
    expect(await read(1000)).toBe('answered')
    expect(await read(50)).toMatch(/^exceeded sample limit \(50\).* raise query\.limits\.x$/)
  })
})

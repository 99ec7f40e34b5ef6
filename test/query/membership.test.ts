// Virtual labels outside of expressions, for readers who do not see everything, and beside the step cache.

import { deserialize } from 'node:v8'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CallParts } from '../../src/api/index.ts'
import { prometheus } from '../../src/encoding/index.ts'
import { JsonNumbers, snappyInflate } from '../../src/kernel/index.ts'
import {
  type ClusterScope,
  labelsOf,
  type MembershipHistory,
  membershipColumns,
  readMembership,
  type Scope,
} from '../../src/model/index.ts'
import { ChunkStorage, createEngine } from '../../src/promql/index.ts'
import { createCallRunner, type QueryCall, StepCache } from '../../src/query/index.ts'
import { neverCancelled, type Queryable } from '../../src/storage/index.ts'

const minuteMs = 60_000
const engine = createEngine()
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
for (const [i, cluster] of ['a', 'b', 'c', ''].entries()) {
  await storage.append([
    {
      labels: labelsOf({ __name__: 'up', pod: `p${i}`, ...(cluster === '' ? {} : { cluster }) }),
      samples: Array.from({ length: 61 }, (_, k) => ({
        timestampMs: k * minuteMs,
        startTimestampMs: 0,
        value: { kind: 'float' as const, value: i },
      })),
    },
  ])
}

type Bounds = Readonly<Record<string, readonly number[]>>
function historyOf(revision: number, p: Bounds): MembershipHistory {
  const members = (of: Bounds) =>
    new Map(Object.entries(of).map(([name, bounds]) => [name, Float64Array.from(bounds)]))
  const label = '__placement__' as const
  return readMembership(
    membershipColumns(
      [
        { label, name: 'n/p', revision, members: members(p) },
        { label, name: 'n/q', revision: 1000, members: members({ c: [0, 1e15] }) },
      ],
      { sinceMs: 0, intervalsMax: 100 },
    ),
  )
}

const early = { a: [0, 30 * minuteMs], b: [20 * minuteMs, Number.POSITIVE_INFINITY] }
let membership = historyOf(1, early)
const runner = createCallRunner({
  engine,
  replicas: storage,
  deduplicated: (source: Queryable) => source,
  numbers: JsonNumbers.create(),
  membership: () => membership,
  caching: {
    cache: new StepCache(1 << 20),
    changes: async () => ({ marks: [1], oldestMs: Number.POSITIVE_INFINITY }),
  },
})

async function answer(parts: CallParts, scope: Scope = 'all') {
  const pieces: Uint8Array[] = []
  const call = { ...parts, tenants: ['t'], scope, reader: '', deadlineMs: Infinity } as QueryCall
  const report = await runner(call, neverCancelled, {
    head: () => undefined,
    write: async (bytes) => void pieces.push(bytes),
  })
  return { bytes: Buffer.concat(pieces), report }
}

const evaluation = { lookbackMs: undefined, limit: 0, stats: 'none', explain: 'none' } as const
async function instant(query: string, scope?: Scope): Promise<string> {
  const parts = { kind: 'instant', query, timeMs: 40 * minuteMs, ...evaluation } as const
  return (await answer(parts, scope)).bytes.toString()
}
async function range(query: string) {
  const bounds = { startMs: 0, endMs: 60 * minuteMs, stepMs: 10 * minuteMs, useCache: true }
  const { bytes, report } = await answer({ kind: 'range', query, ...bounds, ...evaluation })
  return { text: bytes.toString(), ...report }
}
const listing = (selector: string, endMinute: number) => ({
  selectors: [selector],
  minTimeMs: 0,
  maxTimeMs: endMinute * minuteMs,
  limit: 0,
})
const of = async (parts: CallParts, scope?: Scope) =>
  JSON.parse((await answer(parts, scope)).bytes.toString())

beforeEach(() => {
  membership = historyOf(1, early)
})

describe('listings, federation and remote read with virtual labels', () => {
  it('know the members at the end of their range', async () => {
    const selector = 'up{__placement__="n/p"}'
    const series = async (endMinute: number) =>
      (await of({ kind: 'series', ...listing(selector, endMinute) })).data
    expect(await series(10)).toEqual([{ __name__: 'up', cluster: 'a', pod: 'p0' }])
    expect(await series(25)).toHaveLength(2)
    expect(await series(50)).toEqual([{ __name__: 'up', cluster: 'b', pod: 'p1' }])
    const values = await of({ kind: 'labelValues', name: 'pod', ...listing(selector, 50) })
    expect(values.data).toEqual(['p1'])
    const others = listing('up{__placement__!="n/p"}', 50)
    expect((await of({ kind: 'labelValues', name: 'pod', ...others })).data).toEqual([
      'p0',
      'p2',
      'p3',
    ])
    expect((await of({ kind: 'labelNames', ...listing(selector, 50) })).data).toEqual([
      '__name__',
      'cluster',
      'pod',
    ])
  })

  it('federate the members of now', async () => {
    const parts = {
      kind: 'federate',
      selectors: ['up{__placement__="n/p"}'],
      externalLabels: {},
    } as const
    const at = async (minute: number) =>
      (await answer({ ...parts, timeMs: minute * minuteMs })).bytes.toString()
    expect(await at(10)).toContain('pod="p0"')
    expect(await at(50)).not.toContain('pod="p0"')
    expect(await at(50)).toContain('pod="p1"')
  })

  it('read remotely the series of the members at the end', async () => {
    const request = prometheus.ReadRequest.encode({
      queries: [
        {
          startTimestampMs: 0,
          endTimestampMs: 50 * minuteMs,
          matchers: [
            { type: 0, name: '__name__', value: 'up' },
            { type: 0, name: '__placement__', value: 'n/p' },
          ],
        },
      ],
    }).finish()
    const { bytes } = await answer({ kind: 'remoteRead', request, externalLabels: {} })
    const { results } = prometheus.ReadResponse.decode(snappyInflate(bytes, 1 << 20))
    expect(results![0]!.timeseries).toHaveLength(1)
    expect(results![0]!.timeseries![0]!.labels![1]).toMatchObject({ name: 'cluster', value: 'b' })
  })

  it('list the names of placements as values of the virtual label, and warn of unknown ones', async () => {
    const all = { selectors: [], minTimeMs: 0, maxTimeMs: 1, limit: 0 }
    const names = await of({ kind: 'labelValues', name: '__placement__', ...all })
    expect(names.data).toEqual(['n/p', 'n/q'])
    const unknown = await of({ kind: 'series', ...listing('up{__placement__="n/z"}', 1) })
    expect(unknown).toMatchObject({ data: [], warnings: [expect.stringContaining('n/z')] })
  })
})

it('rules see the members at the time of their evaluation', async () => {
  const at = async (minute: number) => {
    const query = 'up{__placement__="n/p"}'
    const bounds = { timeMs: minute * minuteMs, lookbackMs: undefined, samplesMax: 10 }
    const { bytes } = await answer({ kind: 'vector', query, ...bounds })
    return (deserialize(bytes) as { value: number }[]).map(({ value }) => value)
  }
  expect(await at(10)).toEqual([0])
  expect(await at(50)).toEqual([1])
})

describe('a reader who does not see every cluster', () => {
  const scope: Scope = {
    clusters: new Map<string, ClusterScope>([
      ['a', 'all'],
      ['b', new Set(['shop'])],
    ]),
  }

  it('gets the same refusal for placements without a visible cluster, whether they exist or not', async () => {
    const refusal = (name: string) => instant(`up{__placement__="${name}"}`, scope).catch((e) => e)
    const [hidden, missing] = [await refusal('n/q'), await refusal('n/x')]
    expect(hidden).toMatchObject({ code: 'forbidden' })
    expect(missing).toMatchObject({ code: 'forbidden' })
    expect(hidden.message.replace('n/q', 'n/x')).toBe(missing.message)
    const negative = await instant('up{__placement__!="n/q"}', scope).catch((e) => e)
    expect(negative).toMatchObject({ code: 'forbidden' })
  })

  it('finds and lists only placements with a visible cluster', async () => {
    const text = await instant('count(up{__placement__=~"n/.*"} offset 15m)', scope)
    expect(JSON.parse(text).data.result[0].value[1]).toBe('1')
    const all = { selectors: [], minTimeMs: 0, maxTimeMs: 1, limit: 0 }
    const names = await of({ kind: 'labelValues', name: '__placement__', ...all }, scope)
    expect(names.data).toEqual(['n/p'])
  })
})

describe('the step cache beside virtual labels', () => {
  it('serves steps again as long as the memberships stay, and none once they change, however late', async () => {
    const query = 'sum(up{__placement__="n/p"} + 1)'
    const first = await range(query)
    const second = await range(query)
    expect(first.cachedSteps).toBe(0)
    expect(second.cachedSteps).toBe(7)
    expect(second.text).toBe(first.text)
    membership = historyOf(2, { ...early, a: [0, 10 * minuteMs] })
    const third = await range(query)
    expect(third.cachedSteps).toBe(0)
    expect(
      JSON.parse(third.text).data.result[0].values.map(([, value]: string[]) => value),
    ).toEqual([...['1', '2', '2', '2', '2', '2']])
  })
})

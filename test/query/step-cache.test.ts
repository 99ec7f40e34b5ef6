// Steps from the cache are the steps that an evaluation would give, whatever was written meanwhile and however late.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonNumbers } from '../../src/kernel/index.ts'
import { wordsOf, writeStaleAt } from '../../src/model/index.ts'
import { createEngine, defaultParserFeatures } from '../../src/promql/index.ts'
import {
  type AskChanges,
  createCallRunner,
  type RangeCall,
  StepCache,
} from '../../src/query/index.ts'
import { DedupQueryable, neverCancelled, type Queryable } from '../../src/storage/index.ts'
import { bodyOf, createHead, requestOf, seed } from '../tsdb/head/head-fixture.ts'

const numbers = JsonNumbers.create()
const features = { ...defaultParserFeatures, experimentalFunctions: true }
const engine = createEngine({ hashSeed: seed, features })

// A stale marker does not survive as a number, so a number that nobody means stands for it until it is bytes.
const staleStandIn = 1.2345e-300

function withStale(body: Uint8Array): Uint8Array {
  const marker = new Float64Array(1)
  writeStaleAt(wordsOf(marker), 0)
  const at = Buffer.from(body).indexOf(Buffer.from(new Float64Array([staleStandIn]).buffer))
  if (at >= 0) body.set(new Uint8Array(marker.buffer), at)
  return body
}

/** A head, and runners over it with and without a cache. */
function setUp(sizeBytesMax = 1 << 20, replicaLabels: readonly string[] = []) {
  const head = createHead([])
  let blocks = 1
  const changes: AskChanges = async (tenants, marks) => {
    const { mark, oldestMs } = head.changes(tenants, marks?.[0])
    return { marks: [mark, blocks], oldestMs: marks?.[1] === blocks ? oldestMs : -Infinity }
  }
  const cache = new StepCache(sizeBytesMax)
  const deduplicated = (source: Queryable): Queryable =>
    replicaLabels.length === 0 ? source : new DedupQueryable(source, replicaLabels)
  const base = { engine, replicas: head, deduplicated, numbers }
  const runner = createCallRunner({ ...base, caching: { cache, changes } })
  const ask = async (query: string, range: object, more: object = {}) => {
    const pieces: Uint8Array[] = []
    const call = {
      kind: 'range',
      tenants: ['t'],
      scope: 'all',
      deadlineMs: Infinity,
      query,
      lookbackMs: undefined,
      limit: 0,
      stats: 'none',
      explain: 'none',
      useCache: true,
      ...range,
      ...more,
    } as unknown as RangeCall
    const report = await runner(call, neverCancelled, {
      head: () => undefined,
      write: async (bytes) => void pieces.push(bytes),
    })
    return { text: Buffer.concat(pieces).toString(), ...report }
  }
  const write = (pod: string, timeMs: number, value: number, tenant = 't') => {
    const labels = { __name__: 'm_total', pod }
    const body = withStale(bodyOf([{ labels, samples: [[timeMs, value]] }]))
    head.append(requestOf(body, tenant), timeMs + 1)
  }
  const blocksChange = (): void => void blocks++
  return { ask, write, cache, blocksChange }
}

const minute = 60_000
const start = 1_700_000_000_000 - (1_700_000_000_000 % (120 * minute))

// In the middle of what late samples change.
const fixed = (start + 70 * minute) / 1000

const queries = [
  'm_total',
  'sum(rate(m_total[5m]))',
  'max by (pod) (m_total)',
  'm_total offset 7m',
  'm_total offset -3m',
  `m_total @ ${fixed}`,
  `sum(m_total @ ${fixed}) + on () sum(m_total)`,
  'avg_over_time(sum(m_total)[10m:1m])',
  'max_over_time((m_total offset -2m)[10m:1m] offset 4m)',
  'count(m_total) or vector(time())',
  'absent(m_total{pod="a"})',
  'm_total @ start()',
  'm_total - on (pod) m_total @ end()',
  'vector(step())',
  'sum_over_time(m_total[5m]) > 100',
  '{__name__="m_total"} and m_total > 50',
]

const action = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ live: fc.constantFrom('a', 'b', 'c'), value: fc.nat(200) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      late: fc.constantFrom('a', 'b', 'c', 'd'),
      agoMinutes: fc.nat(40),
      value: fc.nat(200),
    }),
  },
  { weight: 3, arbitrary: fc.record({ stale: fc.constantFrom('a', 'b', 'c') }) },
  { weight: 1, arbitrary: fc.record({ blocks: fc.constant(true) }) },
  {
    weight: 15,
    arbitrary: fc.record({
      steps: fc.integer({ min: 1, max: 40 }),
      backSteps: fc.nat(3),
    }),
  },
)

describe('the step cache', () => {
  it('never changes an answer, whatever is written between two of them', async () => {
    let hits = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...queries),
        fc.constantFrom(1, 2),
        fc.array(action, { minLength: 10, maxLength: 50 }),
        async (query, stepMinutes, actions) => {
          const { ask, write, blocksChange } = setUp()
          const stepMs = stepMinutes * minute
          let nowMs = start + 60 * minute
          for (const one of actions) {
            nowMs += 30_000
            if ('live' in one) write(one.live, nowMs - 1000, one.value)
            else if ('stale' in one) write(one.stale, nowMs - 500, staleStandIn)
            else if ('late' in one) write(one.late, nowMs - one.agoMinutes * minute - 7, one.value)
            else if ('blocks' in one) blocksChange()
            else {
              const endMs = Math.floor(nowMs / stepMs) * stepMs - one.backSteps * stepMs
              const range = { startMs: endMs - one.steps * stepMs, endMs: endMs + 17, stepMs }
              const cached = await ask(query, range)
              const { text } = await ask(query, range, { useCache: false })
              expect(cached.text, query).toBe(text)
              hits += cached.cachedSteps > 0 ? 1 : 0
            }
          }
        },
      ),
      { numRuns: 150 },
    )
    expect(hits).toBeGreaterThan(100)
  })

  const range = { startMs: start, endMs: start + 30 * minute, stepMs: minute }
  const later = { startMs: start + minute, endMs: start + 31 * minute, stepMs: minute }

  it('computes only the new steps of a range that moved', async () => {
    const { ask, write } = setUp()
    for (let i = 0; i <= 31; i++) write('a', start + i * minute, i)
    expect((await ask('m_total', range)).cachedSteps).toBe(0)
    const { cachedSteps, samplesRead } = await ask('m_total', later)
    expect(cachedSteps).toBe(30)
    expect(samplesRead).toBeLessThanOrEqual(6)
    expect((await ask('m_total', later)).cachedSteps).toBe(31)
  })

  it('computes the steps again that a late sample may have changed, and no others', async () => {
    const { ask, write } = setUp()
    for (let i = 0; i <= 31; i++) write('a', start + i * minute, i)
    await ask('m_total', range)
    write('b', start + 20 * minute + 1, 5)
    expect((await ask('m_total', range)).cachedSteps).toBe(21)
    write('b', start + 20 * minute, 5, 'another tenant')
    expect((await ask('m_total', range)).cachedSteps).toBe(31)
  })

  it('shows under deduplication what one of the replicas shows, at every step once, and sees late samples', async () => {
    const { ask, write } = setUp(1 << 20, ['pod'])
    const from = start + 60 * minute
    // Two replicas whose samples lie seven seconds apart and never have equal values; the first one pauses.
    const pauses = (i: number): boolean => i > 50 && i < 65
    const writeAt = (i: number): void => {
      if (!pauses(i)) write('a', from + i * 15_000, 2 * i)
      write('b', from + i * 15_000 + 7000, 2 * i + 1)
    }
    for (let i = 0; i < 160; i++) writeAt(i)
    const rangeAt = (step: number) => ({
      startMs: from + step * minute,
      endMs: from + (step + 10) * minute,
      stepMs: minute,
    })
    for (let step = 0; step < 25; step++) {
      const { text, cachedSteps } = await ask('m_total', rangeAt(step))
      expect(cachedSteps).toBe(step === 0 ? 0 : 10)
      const { result } = JSON.parse(text).data
      expect(result).toHaveLength(1)
      expect(result[0].metric).toEqual({ __name__: 'm_total' })
      const values: [number, string][] = result[0].values
      expect(values.map(([seconds]) => seconds * 1000)).toEqual(
        Array.from({ length: 11 }, (_, i) => from + (step + i) * minute),
      )
      for (const [seconds, value] of values) {
        const newest = Math.floor((seconds * 1000 - from) / 15_000)
        // The newest of the first replica, or of the second, whose own newest is seven seconds older; while the
        // reader waits for the first one to stay away it shows its last.
        const shown = [2 * newest, 2 * (newest - 1) + 1]
        if (pauses(newest)) shown.push(2 * 50)
        expect(shown, `step ${seconds}`).toContain(Number(value))
      }
    }
    write('b', from + 30 * minute - 1, 7777)
    const { text } = await ask('m_total', rangeAt(25))
    const fresh = await ask('m_total', rangeAt(25), { useCache: false })
    expect(text).toBe(fresh.text)
  })

  it('keeps nothing over a change of blocks, of lookback, of phase or of tenants', async () => {
    const { ask, write, blocksChange } = setUp()
    write('a', start, 1)
    await ask('m_total', range)
    expect((await ask('m_total', range, { lookbackMs: minute })).cachedSteps).toBe(0)
    expect((await ask('m_total', range, { tenants: ['t', 'u'] })).cachedSteps).toBe(0)
    expect((await ask('m_total', { ...range, startMs: start + 1 })).cachedSteps).toBe(0)
    expect((await ask('m_total', range, { stats: 'totals' })).cachedSteps).toBe(0)
    expect((await ask('m_total', range)).cachedSteps).toBe(31)
    blocksChange()
    expect((await ask('m_total', range)).cachedSteps).toBe(0)
  })

  it('keeps no answer with remarks, for they belong to some of its steps', async () => {
    const { ask, write } = setUp()
    write('a', start, 1)
    const query = 'rate({__name__=~"m_tot.*", pod="a"}[5m]) + quantile(2, m_total)'
    await ask(query, range)
    expect((await ask(query, range)).cachedSteps).toBe(0)
  })

  it('stays within its size', async () => {
    const { ask, write, cache } = setUp(20_000)
    for (let i = 0; i <= 31; i++) write('a', start + i * minute, i)
    for (let i = 0; i < 100; i++) await ask(`m_total + ${i}`, range)
    expect(cache.sizeBytes).toBeLessThanOrEqual(20_000)
    expect((await ask('m_total + 99', range)).cachedSteps).toBe(31)
    expect((await ask('m_total + 0', range)).cachedSteps).toBe(0)
  })
})

// Virtual labels in expressions, against the definition: at each step, the same expression over the clusters decided then.

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  formatLabels,
  type Intervals,
  labelsOf,
  type MembershipHistory,
  membershipColumns,
  noMembership,
  readMembership,
  type SnapshotGroup,
  UserError,
} from '../../src/model/index.ts'
import type { QueryRange, QueryResult } from '../../src/promql/index.ts'
import {
  allParserFeatures,
  ChunkStorage,
  createEngine,
  formatExplain,
} from '../../src/promql/index.ts'
import { neverCancelled, type SelectRequest } from '../../src/storage/index.ts'

const minuteMs = 60_000
const clusters = ['a', 'b', 'c.d', 'e']
const engine = createEngine({ features: allParserFeatures })
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)

beforeAll(async () => {
  const series = [...clusters, ''].flatMap((cluster, i) =>
    ['x_total', 'y'].map((name) => ({
      labels: labelsOf({
        __name__: name,
        job: 'j',
        instance: `of-${cluster}`,
        ...(cluster === '' ? {} : { cluster }),
      }),
      samples: Array.from({ length: 121 }, (_, k) => ({
        timestampMs: k * 30_000,
        startTimestampMs: 0,
        value: { kind: 'float' as const, value: k * (i + 1) + (name === 'y' ? 7 : 0) },
      })),
    })),
  )
  const info = clusters.map((cluster) => ({
    labels: labelsOf({
      __name__: 'target_info',
      job: 'j',
      instance: `of-${cluster}`,
      cluster,
      version: cluster,
    }),
    samples: [
      { timestampMs: 600_000, startTimestampMs: 0, value: { kind: 'float' as const, value: 1 } },
    ],
  }))
  await storage.append([...series, ...info])
})

type Members = Readonly<Record<string, readonly number[]>>

function historyOf(
  groups: Readonly<Record<string, Members>>,
  limits = { sinceMs: Number.NEGATIVE_INFINITY, intervalsMax: 1000 },
): MembershipHistory {
  const entries = Object.entries(groups).map(([name, members], index): SnapshotGroup => {
    const columns = Object.entries(members).map(([cluster, bounds]): [string, Intervals] => [
      cluster,
      Float64Array.from(bounds),
    ])
    const label = name.includes('/') ? '__placement__' : '__clusterset__'
    return { label, name, revision: index, members: new Map(columns) }
  })
  return readMembership(membershipColumns(entries, limits))
}

function run(query: string, range: QueryRange, history: MembershipHistory): Promise<QueryResult> {
  return engine.prepare(query, range, history).run(storage, ['t'], neverCancelled)
}

/** `LABELS @TIME` to value. */
function cellsOf(result: QueryResult, timeMs?: number): Map<string, number> {
  const cells = new Map<string, number>()
  for (let row = 0; row < result.table.rowCount; row++) {
    for (let i = result.starts[row]!; i < result.starts[row + 1]!; i++) {
      const labels = formatLabels(result.labelsOfRow(row))
      cells.set(`${labels} @${timeMs ?? result.timestampsMs[i]!}`, result.values[i]!)
    }
  }
  return cells
}

const at = (timeMs: number): QueryRange => ({ kind: 'instant', timeMs })
const hour: QueryRange = { kind: 'range', startMs: 0, endMs: 60 * minuteMs, stepMs: 90_000 }

const intervals = fc
  .uniqueArray(fc.integer({ min: -1, max: 130 }), { maxLength: 5 })
  .map((times) => times.sort((a, b) => a - b).map((time) => time * 30_000))
  .map((bounds) => (bounds.length % 2 === 0 ? bounds : [...bounds, Number.POSITIVE_INFINITY]))
const members = fc.record(Object.fromEntries(clusters.map((cluster) => [cluster, intervals])))
const groups = fc.record({ 'n/p': members, 'n/q': members, s: members })

const conditions = [
  '__placement__="n/p"',
  '__placement__!="n/p"',
  '__placement__=~"n/.*"',
  '__placement__!~"n/(p|q)"',
  '__placement__="n/p",__clusterset__!="s"',
  '__placement__=~".+",__clusterset__="s"',
]

/** Which clusters pass a condition at a time, by the definition. */
function decided(condition: string, given: Record<string, Members>, timeMs: number): string {
  const isIn = (group: string, cluster: string): boolean => {
    const bounds = given[group]![cluster]!
    return bounds.some((fromMs, i) => i % 2 === 0 && fromMs <= timeMs && timeMs < bounds[i + 1]!)
  }
  const passes = (cluster: string): boolean => {
    const p = isIn('n/p', cluster)
    const q = isIn('n/q', cluster)
    const s = isIn('s', cluster)
    return [p, !p, p || q, !p && !q, p && !s, (p || q) && s][conditions.indexOf(condition)]!
  }
  const names = clusters.filter(passes).map((cluster) => cluster.replace('.', '\\\\.'))
  if (condition.startsWith('__placement__!')) {
    const out = clusters.filter((cluster) => !passes(cluster))
    return `cluster!~"${out.map((cluster) => cluster.replace('.', '\\\\.')).join('|') || 'none'}"`
  }
  return `cluster=~"${names.join('|') || 'none'}"`
}

const shapes: readonly ((selector: string) => string)[] = [
  (s) => `x_total{${s}}`,
  (s) => `sum by (job) (x_total{${s}})`,
  (s) => `rate(x_total{${s}}[4m])`,
  (s) => `count(max_over_time(y{${s}}[4m]))`,
  (s) => `absent(x_total{${s}})`,
  (s) => `absent_over_time(x_total{${s},cluster!=""}[3m])`,
  (s) => `timestamp(x_total{${s}})`,
  (s) => `x_total{${s}} * on (cluster) group_left y`,
  (s) => `x_total{${s}} smoothed`,
  (s) => `topk(1, y{${s}})`,
  (s) => `info(y, {${s},version=~".+"})`,
]

describe('a selector with conditions on virtual labels', () => {
  it('is at every step the selector over the clusters decided then', async () => {
    const property = fc.asyncProperty(
      groups,
      fc.constantFrom(...conditions),
      fc.constantFrom(...shapes),
      async (given, condition, shape) => {
        const history = historyOf(given)
        const range = cellsOf(await run(shape(condition), hour, history))
        const expected = new Map<string, number>()
        for (let timeMs = 0; timeMs <= 60 * minuteMs; timeMs += 90_000) {
          const query = shape(decided(condition, given, timeMs))
          const step = await run(query, at(timeMs), noMembership)
          for (const [cell, value] of cellsOf(step, timeMs)) expected.set(cell, value)
          const instant = await run(shape(condition), at(timeMs), history)
          expect(cellsOf(instant, timeMs)).toEqual(cellsOf(step, timeMs))
        }
        expect(range).toEqual(expected)
      },
    )
    await fc.assert(property, { numRuns: 25 })
  })

  it('with an offset at t is the selector at t minus the offset, and @ fixes the time of membership too', async () => {
    const property = fc.asyncProperty(
      groups,
      fc.constantFrom(...conditions),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 30 }),
      async (given, condition, minute, offset) => {
        const history = historyOf(given)
        const selector = `x_total{${condition}}`
        const timeMs = minute * minuteMs
        const shifted = await run(`${selector} offset ${offset}m`, at(timeMs), history)
        const before = await run(selector, at(timeMs - offset * minuteMs), history)
        const fixed = await run(`${selector} @ ${minute * 60} offset ${offset}m`, hour, history)
        expect(cellsOf(shifted, 0)).toEqual(cellsOf(before, 0))
        expect(cellsOf(fixed, 0)).toEqual(cellsOf(before, 0))
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })

  it('inside a subquery is decided at the own steps of the subquery', async () => {
    const property = fc.asyncProperty(
      groups,
      fc.constantFrom(...conditions),
      async (given, condition) => {
        const history = historyOf(given)
        const inner = await run(
          `x_total{${condition}}[20m:1m] offset 5m`,
          at(40 * minuteMs),
          history,
        )
        const expected = new Map<string, number>()
        for (let minute = 16; minute <= 35; minute++) {
          const query = `x_total{${decided(condition, given, minute * minuteMs)}}`
          const step = await run(query, at(minute * minuteMs), noMembership)
          for (const [cell, value] of cellsOf(step)) expected.set(cell, value)
        }
        expect(cellsOf(inner)).toEqual(expected)
        const ranged = await run(`x_total{${condition}}[7m]`, at(40 * minuteMs), history)
        const query = `x_total{${decided(condition, given, 40 * minuteMs)}}[7m]`
        expect(cellsOf(ranged)).toEqual(cellsOf(await run(query, at(40 * minuteMs), noMembership)))
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })

  it('asks sources for the clusters that are members at any step, and for nothing where there are none', async () => {
    const asked: SelectRequest[] = []
    const spy = {
      ...storage,
      select: (...args: Parameters<ChunkStorage['select']>) => {
        asked.push(args[0])
        return storage.select(...args)
      },
    } as unknown as ChunkStorage
    const history = historyOf({
      'n/p': {
        a: [0, 10 * minuteMs],
        'c.d': [20 * minuteMs, Number.POSITIVE_INFINITY],
        e: [7e6, 8e6],
      },
      'n/late': { a: [7e6, 8e6] },
    })
    const ask = (query: string) =>
      engine.prepare(query, hour, history).run(spy, ['t'], neverCancelled)
    await ask('x_total{__placement__="n/p"}')
    await ask('x_total{__placement__!="n/p"}')
    await ask('x_total{__placement__="n/late"}')
    expect(asked.map(({ matchers }) => matchers.filter(({ name }) => name === 'cluster'))).toEqual([
      [{ type: '=~', name: 'cluster', value: 'a|c\\.d' }],
      [],
    ])
  })
})

describe('what is said about virtual labels', () => {
  const history = historyOf({ 'n/p': { a: [0, 600_000, 1_200_000, Number.POSITIVE_INFINITY] } })

  it('is a warning at its place where nobody has heard of the name, and an empty result', async () => {
    const result = await run('x_total{__placement__="n/none"}', at(minuteMs), history)
    expect(result.table.rowCount).toBe(0)
    expect(result.annotations.warnings).toEqual([
      'PromQL warning: no placement is known by __placement__="n/none" (1:1)',
    ])
    const without = await run('x_total{__clusterset__=~"s.*"}', at(minuteMs), noMembership)
    expect(without.annotations.warnings[0]).toContain('no cluster set is known')
  })

  it('is a warning where the range begins before the history', async () => {
    const young = historyOf(
      { 'n/p': { a: [600_000, 700_000] } },
      { sinceMs: 600_000, intervalsMax: 9 },
    )
    const { annotations } = await run('x_total{__placement__="n/p"}', at(minuteMs), young)
    expect(annotations.warnings[0]).toContain(
      'memberships are known since 1970-01-01T00:10:00.000Z only',
    )
    const later = await run('x_total{__placement__="n/p"}', at(650_000), young)
    expect(later.annotations.warnings).toEqual([])
    expect(later.table.rowCount).toBe(1)
  })

  it('is in EXPLAIN', () => {
    const prepared = engine.prepare('rate(x_total{__placement__="n/p"}[5m])', hour, history)
    expect(formatExplain(prepared.explain(storage, ['t']))).toContain(
      'members by __placement__="n/p": 1 clusters, 2 changes\n',
    )
  })

  it('is an error where there are more clusters times changes than are allowed', async () => {
    const small = historyOf(
      { 'n/p': { a: [0, 1000, 2000, 3000], b: [0, 5000] } },
      { sinceMs: 0, intervalsMax: 2 },
    )
    const asked = run('x_total{__placement__="n/p"}', hour, small)
    await expect(asked).rejects.toThrow(/more than 2 membership intervals/)
    await expect(asked).rejects.toBeInstanceOf(UserError)
    expect((await run('x_total{__placement__="n/p"}', at(4000), small)).table.rowCount).toBe(1)
  })

  it('is no part of labels: absent() answers without them', async () => {
    const result = await run(
      'absent(x_total{__placement__="n/none",job="k"})',
      at(minuteMs),
      history,
    )
    expect(formatLabels(result.labelsOfRow(0))).toBe('{job="k"}')
  })

  it('has another key once a membership that is asked for is another, and none without virtual labels', () => {
    const keyOf = (query: string, of: MembershipHistory) =>
      engine.prepare(query, hour, of).membershipKey()
    const query = 'sum(x_total{__placement__=~"n/.*"})'
    expect(keyOf('x_total', history)).toBe('')
    expect(keyOf(query, history)).toBe(keyOf(query, history))
    const other = historyOf({ s: {}, 'n/p': { a: [0, 600_000] } })
    expect(keyOf(query, other)).not.toBe(keyOf(query, history))
    expect(keyOf('x_total{__clusterset__="s"}', other)).not.toBe('')
  })
})

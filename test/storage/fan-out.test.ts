import { describe, expect, it } from 'vitest'
import type { LabelRequest, Queryable } from '../../src/storage/index.ts'
import { FanOut } from '../../src/storage/index.ts'
import { drain, queryableOf } from './series-fixture.ts'

const signal = { check: () => {} }
const request: LabelRequest = { tenants: ['t'], matchers: [], minTimeMs: 0, maxTimeMs: 100 }
const select = { ...request, sorted: true, hints: {} }

const head = queryableOf([
  { labels: { __name__: 'up', pod: 'b' }, chunks: [[[60, 2]]] },
  { labels: { __name__: 'up', pod: 'c' }, chunks: [[[60, 3]]] },
])
const block = queryableOf([{ labels: { __name__: 'up', pod: 'b' }, chunks: [[[10, 1]]] }], ['late'])

describe('a fan-out', () => {
  it('answers a select with the series of all sources, each once', async () => {
    const fanOut = new FanOut(() => [{ queryable: head }, { queryable: block }])
    const cursor = fanOut.select(select, signal)
    expect(await drain(cursor)).toEqual([
      [
        'up{pod="b"}',
        [
          [10, 1],
          [60, 2],
        ],
      ],
      ['up{pod="c"}', [[60, 3]]],
    ])
    expect(cursor.warnings).toEqual(['late'])
  })

  it('leaves out sources whose times do not overlap, both bounds included', async () => {
    const held = (minTimeMs: number, maxTimeMs: number) => ({
      queryable: block,
      timeRange: () => ({ minTimeMs, maxTimeMs }),
    })
    const rows = async (range: ReturnType<typeof held>) =>
      (await drain(new FanOut(() => [range]).select(select, signal))).length
    expect(await rows(held(-10, 0))).toBe(1)
    expect(await rows(held(100, 200))).toBe(1)
    expect(await rows(held(-10, -1))).toBe(0)
    expect(await rows(held(101, 200))).toBe(0)
  })

  it('merges label listings in byte order, within the limit', async () => {
    const fanOut = new FanOut(() => [{ queryable: head }, { queryable: block }])
    expect(await fanOut.labelNames(request, signal)).toEqual({
      values: ['__name__', 'pod'],
      warnings: ['late'],
    })
    const values = await fanOut.labelValues('pod', { ...request, limit: 1 }, signal)
    expect(values.values).toEqual(['b'])
  })

  it('fails as its source fails, and closes the cursors it had opened', () => {
    let closed = 0
    const open: Queryable = {
      ...head,
      select: (...args) => ({
        ...head.select(...args),
        next: () => Promise.resolve(undefined),
        close: () => {
          closed++
        },
      }),
    }
    const broken: Queryable = {
      ...head,
      select: () => {
        throw new Error('gone')
      },
    }
    const fanOut = new FanOut(() => [{ queryable: open }, { queryable: broken }])
    expect(() => fanOut.select(select, signal)).toThrow('gone')
    expect(closed).toBe(1)
  })
})

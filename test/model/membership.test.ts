// Intervals against a model of single times; snapshots against what was put into them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  always,
  complementOf,
  holdsAt,
  holdsThroughout,
  type Intervals,
  intersectionOf,
  intervalsWithin,
  membershipColumns,
  never,
  readMembership,
  unionOf,
} from '../../src/model/index.ts'

const times = Array.from({ length: 23 }, (_, i) => i - 1)

const intervals = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { maxLength: 6 }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([bounds, sinceEver, stillHolds]) => {
    const sorted = bounds.sort((a, b) => a - b)
    if (sinceEver) sorted.unshift(Number.NEGATIVE_INFINITY)
    if (sorted.length % 2 === 1) {
      if (stillHolds) sorted.push(Number.POSITIVE_INFINITY)
      else sorted.pop()
    }
    return Float64Array.from(sorted)
  })

const holding = (column: Intervals): boolean[] => times.map((time) => holdsAt(column, time))

describe('intervals', () => {
  it('begin with their first time and end before their last', () => {
    const column = Float64Array.of(1, 3, 5, Number.POSITIVE_INFINITY)
    const held = [0, 1, 2, 3, 4, 5, 1e9].filter((time) => holdsAt(column, time))
    expect(held).toEqual([1, 2, 5, 1e9])
    expect(holding(always)).not.toContain(false)
    expect(holding(never)).not.toContain(true)
  })

  it('unite, intersect and turn round as their times do', () => {
    fc.assert(
      fc.property(intervals, intervals, (one, other) => {
        const [a, b] = [holding(one), holding(other)]
        expect(holding(unionOf([one, other]))).toEqual(a.map((held, i) => held || b[i]!))
        expect(holding(intersectionOf(one, other))).toEqual(a.map((held, i) => held && b[i]!))
        expect(holding(complementOf(one))).toEqual(a.map((held) => !held))
        for (const column of [unionOf([one, other]), intersectionOf(one, other), complementOf(one)])
          expect([...column]).toEqual([...new Set(column)].sort((x, y) => x - y))
      }),
    )
  })

  it('within a range are those that reach into it, and hold throughout where each time does', () => {
    const range = fc.tuple(fc.integer({ min: -1, max: 10 }), fc.nat(11))
    fc.assert(
      fc.property(intervals, range, (column, [minTimeMs, length]) => {
        const bounds = { minTimeMs, maxTimeMs: minTimeMs + length }
        const inRange = times.filter((time) => time >= minTimeMs && time <= minTimeMs + length)
        const held = inRange.filter((time) => holdsAt(column, time))
        const within = intervalsWithin(column, bounds)
        expect(inRange.filter((time) => holdsAt(within, time))).toEqual(held)
        expect(within.length > 0).toBe(held.length > 0)
        expect(holdsThroughout(column, bounds)).toBe(held.length === inRange.length)
      }),
    )
  })
})

describe('a snapshot of memberships', () => {
  const columns = membershipColumns(
    [
      {
        label: '__placement__',
        name: 'n/q',
        revision: 7,
        members: new Map([['b', Float64Array.of(1, 2)]]),
      },
      { label: '__clusterset__', name: 'é', revision: 3, members: new Map() },
      {
        label: '__placement__',
        name: 'n/p',
        revision: 9,
        members: new Map([
          ['c', Float64Array.of(5, 6, 7, Number.POSITIVE_INFINITY)],
          ['a', Float64Array.of(0, 4)],
        ]),
      },
    ],
    { sinceMs: 5, intervalsMax: 8 },
  )

  it('holds what was put into it, also after it crossed threads', () => {
    const history = readMembership(structuredClone(columns))
    expect(history.names('__placement__')).toEqual(['n/p', 'n/q'])
    expect(history.names('__clusterset__')).toEqual(['é'])
    expect(history).toMatchObject({ sinceMs: 5, intervalsMax: 8 })
    const group = history.group('__placement__', 'n/p')!
    expect(group.revision).toBe(9)
    expect([...group.members].map(([cluster, bounds]) => [cluster, ...bounds])).toEqual([
      ['c', 5, 6, 7, Number.POSITIVE_INFINITY],
      ['a', 0, 4],
    ])
    expect(history.group('__clusterset__', 'é')!.members.size).toBe(0)
    expect(history.group('__clusterset__', 'n/p')).toBeUndefined()
  })

  it('shares its memory', () => {
    for (const column of [columns.names, columns.boundsMs, columns.memberClusters])
      expect(column.buffer).toBeInstanceOf(SharedArrayBuffer)
  })
})

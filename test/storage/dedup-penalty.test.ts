import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SampleBuffer } from '../../src/chunk/index.ts'
import { isStaleAt, writeStaleAt } from '../../src/model/index.ts'
import { dedupPenalty, dedupReplicas } from '../../src/storage/index.ts'
import type { Point } from './series-fixture.ts'

function bufferOf(points: readonly Point[]): SampleBuffer {
  const buffer = new SampleBuffer(1)
  for (const [timestampMs, value] of points) {
    buffer.reserve(1)
    buffer.timestampsMs[buffer.count] = timestampMs
    buffer.values[buffer.count++] = value
  }
  return buffer
}

function pointsOf(buffer: SampleBuffer): Point[] {
  return Array.from({ length: buffer.count }, (_, i) => [
    buffer.timestampsMs[i]!,
    buffer.values[i]!,
  ])
}

function dedup(a: readonly Point[], b: readonly Point[], counter = false): Point[] {
  const out = new SampleBuffer(1)
  dedupPenalty(bufferOf(a), bufferOf(b), counter, out)
  return pointsOf(out)
}

/** Samples every 15 s from `from` to `to`, both included, valued by `valueAt`. */
function every15s(from: number, to: number, valueAt: (t: number) => number): Point[] {
  const points: Point[] = []
  for (let t = from; t <= to; t += 15_000) points.push([t, valueAt(t)])
  return points
}

const replica = fc
  .uniqueArray(fc.integer({ min: 0, max: 500 }), { maxLength: 40 })
  .map((times) => times.sort((x, y) => x - y).map((t) => t * 1000))
const counterReplica = fc
  .tuple(
    replica,
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 40, maxLength: 40 }),
    fc.nat(99),
  )
  .map(([times, steps, start]) => {
    let value = start
    return times.map((t, i): Point => {
      value += steps[i]!
      return [t, value]
    })
  })

describe('the penalty algorithm', () => {
  it('stays with the first replica while it is alive, however the clocks are shifted', () => {
    const a = every15s(0, 300_000, () => 1)
    const b = every15s(5000, 305_000, () => 2)
    expect(dedup(a, b)).toEqual(a)
  })

  it('takes the other over after twice the gap, and stays with it', () => {
    const a = [...every15s(0, 45_000, () => 1), ...every15s(135_000, 300_000, () => 1)]
    const b = every15s(5000, 305_000, () => 2)
    expect(dedup(a, b)).toEqual([
      ...every15s(0, 45_000, () => 1),
      ...every15s(80_000, 305_000, () => 2),
    ])
  })

  it('starts with the earlier replica, which keeps the other waiting for five seconds', () => {
    expect(dedup([[1000, 1]], [[0, 2]])).toEqual([[0, 2]])
    expect(dedup([[5001, 1]], [[0, 2]])).toEqual([
      [0, 2],
      [5001, 1],
    ])
  })

  it('gives either of two equal replicas, and the one where the other is empty', () => {
    const a = every15s(0, 90_000, (t) => t)
    expect(dedup(a, a)).toEqual(a)
    expect(dedup(a, [])).toEqual(a)
    expect(dedup([], a)).toEqual(a)
    expect(dedup([], [])).toEqual([])
  })

  it('emits only samples of the replicas, in strictly increasing time', () => {
    fc.assert(
      fc.property(replica, replica, (timesA, timesB) => {
        const a = timesA.map((t): Point => [t, t])
        const b = timesB.map((t): Point => [t, -t])
        const out = dedup(a, b)
        const known = new Set([...a, ...b].map(String))
        out.forEach((point, i) => {
          expect(known.has(String(point))).toBe(true)
          if (i > 0) expect(point[0]).toBeGreaterThan(out[i - 1]![0])
        })
        expect(out.length > 0).toBe(a.length + b.length > 0)
      }),
    )
  })

  it('never lets a counter fall because the replica changed', () => {
    fc.assert(
      fc.property(counterReplica, counterReplica, (a, b) => {
        const out = dedup(a, b, true)
        for (let i = 1; i < out.length; i++)
          expect(out[i]![1]).toBeGreaterThanOrEqual(out[i - 1]![1])
      }),
    )
  })

  it('lifts the other replica of a counter by what was missing, for good', () => {
    const a = every15s(0, 45_000, () => 100)
    const b = every15s(5000, 110_000, (t) => (t >= 95_000 ? 60 : 50))
    expect(dedup(a, b, true).slice(-3)).toEqual([
      [80_000, 100],
      [95_000, 110],
      [110_000, 110],
    ])
    expect(dedup(a, b, false).slice(-3)).toEqual([
      [80_000, 50],
      [95_000, 60],
      [110_000, 60],
    ])
  })

  it('does not lift a replica by the other one that was never emitted', () => {
    expect(
      dedup(
        [[1000, 500]],
        [
          [0, 1],
          [15_000, 2],
        ],
        true,
      ),
    ).toEqual([
      [0, 1],
      [15_000, 2],
    ])
  })

  it('keeps stale markers, and their bits', () => {
    const a = bufferOf(every15s(0, 30_000, () => 7))
    writeStaleAt(a.words, 2)
    const out = new SampleBuffer()
    dedupPenalty(bufferOf([[-10_000, 9]]), a, true, out)
    expect(out.timestampsMs[out.count - 1]).toBe(30_000)
    expect(isStaleAt(out.words, out.count - 1)).toBe(true)
  })

  it('folds three replicas from the first on', () => {
    const parts = [
      every15s(0, 30_000, () => 1),
      every15s(90_000, 120_000, () => 2),
      every15s(240_000, 270_000, () => 3),
    ]
    expect(pointsOf(dedupReplicas(parts.map(bufferOf), false))).toEqual(parts.flat())
  })
})

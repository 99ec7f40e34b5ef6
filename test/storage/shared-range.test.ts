import { expect, it } from 'vitest'
import { everything, SharedTimeRange, spanOf } from '../../src/storage/index.ts'

it('a shared range is all times until it is set, and then what was set, in every thread', () => {
  const owner = new SharedTimeRange()
  const seen = new SharedTimeRange(owner.words)
  const holds = (timeMs: number): boolean =>
    seen.get().minTimeMs <= timeMs && seen.get().maxTimeMs >= timeMs
  for (const timeMs of [-9e15, 0, 9e15]) expect(holds(timeMs)).toBe(true)
  owner.set({ minTimeMs: -5, maxTimeMs: 1_700_000_000_000 })
  expect(seen.get()).toEqual({ minTimeMs: -5, maxTimeMs: 1_700_000_000_000 })
  owner.set(spanOf([]))
  for (const timeMs of [-9e15, 0, 9e15]) expect(holds(timeMs)).toBe(false)
  owner.set(everything)
  expect(holds(9e15)).toBe(true)
})

it('the span of ranges reaches from the first time to the last', () => {
  const ranges = [
    { minTimeMs: 5, maxTimeMs: 9 },
    { minTimeMs: 1, maxTimeMs: 7 },
  ]
  expect(spanOf(ranges)).toEqual({ minTimeMs: 1, maxTimeMs: 9 })
})

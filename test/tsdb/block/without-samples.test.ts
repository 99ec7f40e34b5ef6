import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withoutSamplesOf } from '../../../src/tsdb/block/without-samples.ts'
import {
  cursorOf,
  expectedOf,
  type ModelSeries,
  readCursor,
  type Sample,
} from './block-fixtures.ts'

const samples = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer()), {
    minLength: 1,
    maxLength: 20,
    selector: ([t]) => t,
  })
  .map((chunk): Sample[] => chunk.sort(([a], [b]) => a - b))

/** Some of nine series, each with its chunks. */
const seriesList = fc
  .uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 8 }), fc.array(samples, { minLength: 1, maxLength: 3 })),
    { maxLength: 9, selector: ([pod]) => pod },
  )
  .map((list) =>
    list.map(([pod, chunks]): ModelSeries => {
      const byTime = [...chunks].sort((a, b) => a[0]![0] - b[0]![0])
      return { labels: { __name__: 'up', pod: `${pod}` }, chunks: byTime }
    }),
  )

describe('the rows of one cursor without the samples of another', () => {
  test('keep exactly the samples at times at which the same series has none there', async () => {
    await fc.assert(
      fc.asyncProperty(seriesList, seriesList, async (series, known) => {
        const rest = withoutSamplesOf(cursorOf(series), cursorOf(known, 2))
        const found = await readCursor(rest)
        const expected = expectedOf(series, 0, 100)
        for (const [labels, gone] of expectedOf(known, 0, 100)) {
          const times = new Set(gone.map(([time]) => time))
          const left = expected.get(labels)?.filter(([time]) => !times.has(time))
          if (left !== undefined) expected.set(labels, left)
        }
        expect([...found]).toEqual([...expected])
      }),
    )
  })

  test('close both cursors with them', () => {
    const closed: string[] = []
    const named = (name: string) => ({ ...cursorOf([]), close: () => void closed.push(name) })
    withoutSamplesOf(named('samples'), named('known')).close()
    expect(closed).toEqual(['samples', 'known'])
  })
})

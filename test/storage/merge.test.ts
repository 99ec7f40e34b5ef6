import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareLabels, formatLabels, labelsOf } from '../../src/model/index.ts'
import { mergeCursors } from '../../src/storage/index.ts'
import type { PlainSeries, Point } from './series-fixture.ts'
import { ArrayCursor, batchOf, drain } from './series-fixture.ts'

const labelSet = fc.dictionary(
  fc.constantFrom('__name__', 'a', 'b', 'é'),
  fc.constantFrom('x', 'y', 'xy', '\u{1f600}', '\ue000'),
  { maxKeys: 3 },
)
const chunk = fc
  .uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 6 })
  .map((times) => times.sort((a, b) => a - b).map((t): Point => [t, t * 10]))
const series = fc.record({
  labels: labelSet,
  chunks: fc
    .array(chunk, { maxLength: 3 })
    .map((chunks) => chunks.sort((a, b) => a[0]![0] - b[0]![0])),
})

function sortedSeries(list: readonly PlainSeries[]): PlainSeries[] {
  return [...list].sort((a, b) => compareLabels(labelsOf(a.labels), labelsOf(b.labels)))
}

/** What merging must give: each label set once, each timestamp once. */
function model(sources: readonly (readonly PlainSeries[])[]): Map<string, Point[]> {
  const merged = new Map<string, Map<number, number>>()
  for (const { labels, chunks } of sources.flat()) {
    const key = formatLabels(labelsOf(labels))
    const points = merged.get(key) ?? new Map<number, number>()
    merged.set(key, points)
    for (const [t, value] of chunks.flat()) points.set(t, value)
  }
  return new Map([...merged].map(([key, points]) => [key, [...points].sort((a, b) => a[0] - b[0])]))
}

describe('merging cursors', () => {
  it('gives every series of any source once, with the samples of all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(series, { maxLength: 6 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (sources, rowCountMax) => {
          const cursors = sources.map((list) => new ArrayCursor(list.map((one) => batchOf([one]))))
          const rows = await drain(mergeCursors(cursors, { sorted: false, rowCountMax }))
          expect(rows.length).toBe(new Map(rows).size)
          expect(new Map(rows)).toEqual(model(sources))
        },
      ),
    )
  })

  it('keeps the order of labels, by bytes, where the sources have it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(series, { maxLength: 6 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (sources, rowCountMax) => {
          const cursors = sources.map((list) => {
            const sorted = sortedSeries(list)
            const half = sorted.length >> 1
            return new ArrayCursor([batchOf(sorted.slice(0, half)), batchOf(sorted.slice(half))])
          })
          const rows = await drain(mergeCursors(cursors, { sorted: true, rowCountMax }))
          const expected = model(sources)
          expect(new Map(rows)).toEqual(expected)
          const order = sortedSeries(sources.flat()).map(({ labels }) =>
            formatLabels(labelsOf(labels)),
          )
          expect(rows.map(([labels]) => labels)).toEqual([...new Set(order)])
        },
      ),
    )
  })

  it('prefers the earlier cursor where both have a timestamp', async () => {
    const cursor = (value: number) =>
      new ArrayCursor([batchOf([{ labels: { a: 'x' }, chunks: [[[5, value]]] }])])
    for (const sorted of [false, true]) {
      const rows = await drain(mergeCursors([cursor(1), cursor(2)], { sorted }))
      expect(rows).toEqual([['{a="x"}', [[5, 1]]]])
    }
  })

  it('bounds batches by rows and by bytes', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => ({
      labels: { a: String(i) },
      chunks: [[[1, i]] as Point[]],
    }))
    for (const sorted of [false, true]) {
      const byRows = mergeCursors([new ArrayCursor([batchOf(rows)])], { sorted, rowCountMax: 3 })
      expect((await byRows.next())!.rowCount).toBe(3)
      const byBytes = mergeCursors([new ArrayCursor([batchOf(rows)])], { sorted, chunkBytesMax: 1 })
      expect((await byBytes.next())!.rowCount).toBe(1)
    }
  })

  it('hands on a batch whose series no other source has, and copies one that shares any', async () => {
    const rows = (prefix: string): PlainSeries[] =>
      Array.from({ length: 100 }, (_, i) => ({
        labels: { a: `${prefix}${i}` },
        chunks: [[[1, i]] as Point[]],
      }))
    const alone = batchOf(rows('x'))
    const shared = batchOf(rows('y'))
    const overlapping = batchOf([...rows('z'), { labels: { a: 'y7' }, chunks: [[[2, 7]]] }])
    const cursors = [new ArrayCursor([shared, alone]), new ArrayCursor([overlapping])]
    const merged = mergeCursors(cursors, { sorted: false })
    const batches = [await merged.next(), await merged.next(), await merged.next()]
    expect(batches.map((batch) => batch!.rowCount)).toEqual([100, 100, 100])
    expect(batches[0]).not.toBe(shared)
    expect(batches[1]).toBe(alone)
    expect(await merged.next()).toBeUndefined()
    const all = await drain(new ArrayCursor(batches.map((batch) => batch!)))
    expect(new Map(all).get('{a="y7"}')).toEqual([
      [1, 7],
      [2, 7],
    ])
    expect(new Map(all).size).toBe(300)
  })

  it('tells each warning once and closes what it reads from', async () => {
    for (const sorted of [false, true]) {
      const cursors = [new ArrayCursor([], ['slow', 'gone']), new ArrayCursor([], ['slow'])]
      const merged = mergeCursors(cursors, { sorted })
      expect(await merged.next()).toBeUndefined()
      expect(merged.warnings).toEqual(['slow', 'gone'])
      merged.close()
      expect(cursors.every((cursor) => cursor.closed)).toBe(true)
      expect(await merged.next()).toBeUndefined()
    }
  })

  it('hands on the batches of the last source as they are, but joins a series that comes again', async () => {
    const many = (from: number, count: number, time: number): PlainSeries[] =>
      Array.from({ length: count }, (_, i) => ({
        labels: { pod: String(1000 + from + i) },
        chunks: [[[time, from + i]]],
      }))
    const first = batchOf(many(0, 100, 1))
    const second = batchOf(many(100, 100, 1))
    const again = batchOf(many(199, 100, 2))
    const other = new ArrayCursor([batchOf(many(0, 1, 0))])
    const cursor = mergeCursors([new ArrayCursor([first, second, again]), other], { sorted: true })
    const rows = await drain(cursor)
    expect(rows.map(([labels]) => labels)).toEqual(
      Array.from({ length: 299 }, (_, i) => `{pod="${1000 + i}"}`),
    )
    expect(rows[0]![1]).toEqual([
      [0, 0],
      [1, 0],
    ])
    expect(rows[199]![1]).toEqual([
      [1, 199],
      [2, 199],
    ])
    const alone = mergeCursors([new ArrayCursor([first, second])], { sorted: true })
    expect(await alone.next()).toBe(first)
    expect(await alone.next()).toBe(second)
    expect(await alone.next()).toBeUndefined()
  })
})

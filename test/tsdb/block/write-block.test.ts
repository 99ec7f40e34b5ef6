import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { writeBlock } from '../../../src/tsdb/index.ts'
import {
  blockOf,
  cursorOf,
  expectedOf,
  type ModelSeries,
  readBlock,
  type Sample,
  temporaryDirectory,
  ulidA,
} from './block-fixtures.ts'

const sample = fc.tuple(
  fc.integer({ min: -100, max: 400 }),
  fc.oneof(fc.integer({ min: 0, max: 9 }), fc.double({ noNaN: true })),
)
const chunk = fc
  .uniqueArray(sample, { minLength: 1, maxLength: 40, selector: ([t]) => t })
  .map((samples): Sample[] => samples.sort(([a], [b]) => a - b))
const labelValue = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', 'é', '\ue000', '😀'),
  fc.string({ maxLength: 6 }),
)
const labels = fc.dictionary(fc.constantFrom('__name__', 'job', 'pod', 'zone', 'ü'), labelValue)
const seriesSet = fc
  .array(fc.record({ labels, chunks: fc.array(chunk, { minLength: 1, maxLength: 4 }) }), {
    maxLength: 12,
  })
  .map((set): ModelSeries[] => {
    const unique = new Map<string, ModelSeries>()
    for (const { labels: raw, chunks } of set) {
      const filled = Object.entries(raw).filter(([, value]) => value !== '')
      const key = JSON.stringify(filled.sort(([a], [b]) => (a < b ? -1 : 1)))
      const byTime = [...chunks].sort((a, b) => a[0]![0] - b[0]![0])
      unique.set(key, { labels: Object.fromEntries(filled), chunks: byTime })
    }
    return [...unique.values()]
  })

describe('a block', () => {
  test('gives back the samples within its bounds, of any set of series, merged where chunks overlap', async () => {
    await fc.assert(
      fc.asyncProperty(seriesSet, fc.boolean(), async (series, whole) => {
        const directory = temporaryDirectory()
        const expected = expectedOf(series, 0, 300)
        const meta = await writeBlock({
          directory,
          ulid: ulidA,
          minTimeMs: 0,
          maxTimeMs: 300,
          level: 1,
          series: () => cursorOf(series),
          segmentSizeBytesMax: 600,
        })
        if (expected.size === 0) {
          expect(meta).toBeUndefined()
          expect(readdirSync(directory)).toEqual([])
          return
        }
        const wholeIndexSizeBytesMax = whole ? 1 << 20 : 0
        const block = await blockOf(series, temporaryDirectory(), {
          maxTimeMs: 300,
          segmentSizeBytesMax: 600,
          open: { wholeIndexSizeBytesMax },
        })
        const found = await readBlock(block)
        expect([...found]).toEqual([...expected])
        const sampleCount = [...expected.values()].reduce((sum, list) => sum + list.length, 0)
        expect(meta!.stats).toMatchObject({ sampleCount, seriesCount: expected.size })
        block.close()
      }),
      { numRuns: 60 },
    )
  })

  test('is laid out byte for byte as the format says', async () => {
    const directory = temporaryDirectory()
    const series = [{ labels: { __name__: 'a', b: 'c' }, chunks: [[[1000, 1] as Sample]] }]
    const block = await blockOf(series, directory)
    const index = readFileSync(join(block.directory, 'index'))
    const hex = (from: number, to: number): string => index.subarray(from, to).toString('hex')
    expect(hex(0, 5)).toBe('baaad70002')
    // Symbols: length, count, "", "__name__", "a", "b", "c".
    expect(hex(5, 13)).toBe('0000001400000005')
    expect(index.subarray(13, 29).toString('latin1')).toBe('\0\x08__name__\x01a\x01b\x01c')
    // The first series at the next multiple of 16: 2 labels, 1 chunk at byte 8 of segment 0.
    expect(hex(48, 58)).toBe('0a020102030401d00f0008'.slice(0, 20))
    const toc = index.length - 52
    const entry = (i: number): number => Number(index.readBigUInt64BE(toc + 8 * i))
    expect(entry(0)).toBe(5)
    expect(entry(1)).toBe(33)
    expect(entry(3)).toBe(entry(5))
    expect(entry(4) % 4).toBe(0)
    // The list of all series: length 8, one id, 48 / 16.
    expect(index.subarray(entry(4), entry(4) + 12).toString('hex')).toBe('000000080000000100000003')
    const segment = readFileSync(join(block.directory, 'chunks/000001'))
    expect(segment.subarray(0, 8).toString('hex')).toBe('85bd40dd01000000')
    expect(segment[8]).toBe(segment.length - 8 - 1 - 1 - 4)
    expect(segment[9]).toBe(1)
    const tombstones = readFileSync(join(block.directory, 'tombstones'))
    expect(tombstones.toString('hex')).toBe('0130ba300100000000')
  })

  test('copies chunks that need no change as they are', async () => {
    const samples = Array.from({ length: 500 }, (_, i): Sample => [i * 10, i])
    const block = await blockOf([{ labels: { a: 'b' }, chunks: [samples] }])
    expect(block.meta.stats).toMatchObject({ chunkCount: 1, sampleCount: 500 })
  })

  test('encodes 120 samples a chunk where it must encode', async () => {
    const samples = Array.from({ length: 500 }, (_, i): Sample => [i * 10, i])
    const block = await blockOf([{ labels: { a: 'b' }, chunks: [samples] }], undefined, {
      minTimeMs: 10,
    })
    expect(block.meta.stats).toMatchObject({ chunkCount: 5, sampleCount: 499 })
  })

  test('is not there at all when the series fail midway', async () => {
    const directory = temporaryDirectory()
    const failing = {
      warnings: [],
      close() {},
      next: () => Promise.reject(new Error('lost')),
    }
    const request = { directory, ulid: ulidA, minTimeMs: 0, maxTimeMs: 10, level: 1 }
    await expect(writeBlock({ ...request, series: () => failing })).rejects.toThrow('lost')
    expect(readdirSync(directory)).toEqual([])
  })

  test('refuses series that do not ascend', async () => {
    const directory = temporaryDirectory()
    const chunks = [[[1, 1] as Sample]]
    const twice = [
      { labels: { a: 'b' }, chunks },
      { labels: { a: 'b' }, chunks },
    ]
    await expect(blockOf(twice, directory)).rejects.toThrow('ascending')
    expect(existsSync(join(directory, ulidA))).toBe(false)
  })

  test("lists its files and largest entries in Thanos' section", async () => {
    const chunks = [[[1, 1] as Sample]]
    const block = await blockOf([{ labels: { a: 'b' }, chunks }], undefined, {
      thanos: { labels: { cluster: 'x' }, source: 'receive' },
    })
    expect(block.meta.thanos).toMatchObject({
      labels: { cluster: 'x' },
      segmentFiles: ['000001'],
      files: [{ relPath: 'chunks/000001' }, { relPath: 'index' }, { relPath: 'meta.json' }],
      indexStats: { seriesSizeBytesMax: 16 },
    })
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chunkEncoding,
  decodeChunk,
  firstChunkHeader,
  HistogramAppender,
  type HistogramSample,
  SampleBuffer,
  Xor2Encoder,
} from '../../../src/chunk/index.ts'
import { type ChunkSlice, type EncodedChunk, rechunk } from '../../../src/tsdb/block/rechunk.ts'
import { encodeXor, type Sample } from './block-fixtures.ts'

const always = { minTimeMs: -Infinity, maxTimeMs: Infinity }

function floatSlice(samples: readonly Sample[]): ChunkSlice {
  const bytes = encodeXor(samples)
  return { encoding: chunkEncoding.xor, bytes, offset: 0, sizeBytes: bytes.length }
}

function integerHistogram(count: bigint, buckets: number): HistogramSample {
  return {
    kind: 'integer',
    counterResetHint: 'unknown',
    schema: 1,
    zeroThreshold: 0.001,
    positiveSpans: [{ offset: 0, length: buckets }],
    negativeSpans: [],
    customValues: new Float64Array(0),
    sumLow: 0,
    sumHigh: 0x40080000,
    count,
    zeroCount: 0n,
    positiveDeltas: new BigInt64Array(buckets).fill(0n).with(0, count / BigInt(buckets)),
    negativeDeltas: new BigInt64Array(0),
  }
}

function histogramSlices(times: readonly number[], counts: readonly bigint[]): ChunkSlice[] {
  const slices: ChunkSlice[] = []
  let appender: HistogramAppender | undefined
  const finish = (): void => {
    const bytes = appender!.finish()
    slices.push({ encoding: appender!.encoding, bytes, offset: 0, sizeBytes: bytes.length })
  }
  for (const [i, time] of times.entries()) {
    const sample = integerHistogram(counts[i]!, 2)
    const result = appender?.append(time, sample) ?? { newChunk: firstChunkHeader(sample) }
    if (typeof result !== 'object') continue
    if (appender !== undefined) finish()
    const start = { header: result.newChunk, startTimestamps: false }
    appender = new HistogramAppender(start, time, sample)
  }
  finish()
  return slices
}

function decodeAll(chunks: readonly EncodedChunk[]): SampleBuffer {
  const out = new SampleBuffer()
  for (const { encoding, bytes } of chunks) decodeChunk(encoding, bytes, 0, bytes.length, out)
  return out
}

describe('rechunking', () => {
  test('equals a map in which the first chunk wins, less what is deleted', () => {
    const chunk = fc
      .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer()), {
        minLength: 1,
        maxLength: 200,
        selector: ([t]) => t,
      })
      .map((samples): Sample[] => samples.sort(([a], [b]) => a - b))
    const interval = fc
      .tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 50 }))
      .map(([minTimeMs, length]) => ({ minTimeMs, maxTimeMs: minTimeMs + length }))
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 4 }),
        fc.array(interval, { maxLength: 3 }),
        (chunks, deleted) => {
          const model = new Map<number, number>()
          for (const [time, value] of chunks.flat()) {
            const gone = deleted.some((gap) => gap.minTimeMs <= time && time <= gap.maxTimeMs)
            if (!gone && !model.has(time)) model.set(time, value)
          }
          const made = rechunk(chunks.map(floatSlice), always, deleted)
          const found = decodeAll(made)
          const pairs = Array.from({ length: found.count }, (_, i) => [
            found.timestampsMs[i]!,
            found.values[i]!,
          ])
          expect(pairs).toEqual([...model].sort(([a], [b]) => a - b))
          for (const { minTimeMs, maxTimeMs } of made)
            expect(minTimeMs).toBeLessThanOrEqual(maxTimeMs)
          for (let i = 1; i < made.length; i++)
            expect(made[i]!.minTimeMs).toBeGreaterThan(made[i - 1]!.maxTimeMs)
        },
      ),
    )
  })

  test('keeps integer histograms exact and starts chunks anew where a counter was reset', () => {
    const large = 9_007_199_254_740_993n * 2n
    const times = [0, 1, 2, 3, 4, 5]
    const slices = histogramSlices(times, [2n, 4n, 6n, large, 2n, 4n])
    expect(slices.length).toBe(2)
    const late = histogramSlices([10, 11], [8n, 10n])
    const made = rechunk([...slices, ...late], { minTimeMs: 1, maxTimeMs: 10 })
    expect(made.map(({ encoding }) => encoding)).toEqual([2, 2])
    expect(made.map(({ minTimeMs, maxTimeMs }) => [minTimeMs, maxTimeMs])).toEqual([
      [1, 3],
      [4, 10],
    ])
    // The counter reset header of the second chunk: 10 in the two highest bits.
    expect(made[1]!.bytes[2]! >>> 6).toBe(0b10)
    const found = decodeAll(made)
    expect(found.histograms!.map((item) => item!.count)).toEqual([4, 6, Number(large), 2, 4, 8])
  })

  test('mixes floats and histograms by time, each in chunks of its own', () => {
    const made = rechunk(
      [
        ...histogramSlices([5, 15], [2n, 4n]),
        floatSlice([
          [0, 1],
          [10, 2],
        ]),
      ],
      always,
    )
    expect(made.map(({ encoding, minTimeMs }) => [encoding, minTimeMs])).toEqual([
      [1, 0],
      [2, 5],
      [1, 10],
      [2, 15],
    ])
  })

  test('keeps start timestamps of floats and histograms, and that others have none', () => {
    const encoder = new Xor2Encoder()
    for (const time of [20, 30, 40]) encoder.append(time, 0, time, time - 5)
    const xor2 = encoder.finish()
    const start = { header: 'unknown', startTimestamps: true } as const
    const appender = new HistogramAppender(start, 50, integerHistogram(2n, 2), 45)
    const histograms = appender.finish()
    const slice = (encoding: number, bytes: Uint8Array): ChunkSlice => {
      return { encoding, bytes, offset: 0, sizeBytes: bytes.length }
    }
    const made = rechunk(
      [
        floatSlice([
          [10, 1],
          [30, 2],
        ]),
        slice(chunkEncoding.xor2, xor2),
        slice(chunkEncoding.histogramSt, histograms),
      ],
      always,
    )
    expect(made.map(({ encoding }) => encoding)).toEqual([4, 5])
    const found = decodeAll(made)
    expect([...found.timestampsMs.subarray(0, found.count)]).toEqual([10, 20, 30, 40, 50])
    expect([...found.startTimestampsMs.subarray(0, found.count)]).toEqual([0, 15, 0, 35, 45])
  })

  test('cuts histogram chunks near a KiB', () => {
    const times = Array.from({ length: 4000 }, (_, i) => i * 977 + (i % 7) * 13)
    const counts = times.map((_, i) => BigInt(i * i))
    const made = rechunk(histogramSlices(times, counts), always)
    expect(made.length).toBeGreaterThan(5)
    for (const { bytes } of made.slice(0, -1)) expect(bytes.length).toBeLessThan(1100)
    expect(decodeAll(made).count).toBe(4000)
  })
})

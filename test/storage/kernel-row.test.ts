import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeSamples, SampleBuffer } from '../../src/chunk/index.ts'
import { RowKernel } from '../../src/kernel/index.ts'
import { isStaleAt, writeStaleAt } from '../../src/model/index.ts'
import { rateRow } from '../../src/promql/functions/rate-row.ts'
import { decodeRow, holdRow, type SeriesBatch } from '../../src/storage/index.ts'
import { batchOf, type Point } from './series-fixture.ts'

const kernel = new RowKernel()
const all = { minTimeMs: -Infinity, maxTimeMs: Infinity, dropStale: false }

/** Samples of a counter with jitter, resets, gaps and stale markers, in chunks of some samples. */
const rowArbitrary = fc.array(
  fc.array(
    fc.tuple(
      fc.constantFrom(1, 15_000, 15_001, 30_000, 700_000),
      fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 1000 }) },
        { weight: 2, arbitrary: fc.constantFrom(0, 0.5, -3, Number.NaN, Infinity, 1e300) },
        { weight: 1, arbitrary: fc.constant('stale' as const) },
      ),
    ),
    { minLength: 1, maxLength: 40 },
  ),
  { minLength: 1, maxLength: 5 },
)

type Step = readonly [number, number | 'stale']

/** A batch whose row 1 holds the chunks; rows around it make the table larger than the row. */
function batchWith(parts: readonly (readonly Step[])[]): SeriesBatch {
  let timeMs = 1_000_000
  const chunks = parts.map((steps) =>
    steps.map(([gapMs, value]): Point => {
      timeMs += gapMs
      return [timeMs, value === 'stale' ? 77_777.25 : value]
    }),
  )
  const other: Point[][] = [[[5, 1]], [[6, 2]]]
  return batchOf([
    { labels: { a: '0' }, chunks: other },
    { labels: { a: '1' }, chunks },
    { labels: { a: '2' }, chunks: other },
  ])
}

function samplesOf(batch: SeriesBatch, kept: typeof all): SampleBuffer {
  const samples = new SampleBuffer(1)
  decodeRow(batch, 1, kept.minTimeMs, kept.maxTimeMs, samples)
  return samples
}

/** Samples by the kernel; undefined where it does not take the row. */
function held(batch: SeriesBatch, kept: typeof all): SampleBuffer | undefined {
  const count = holdRow(kernel, batch, 1, kept)
  if (count === undefined) return undefined
  const samples = new SampleBuffer(count + 1)
  kernel.copyTo(samples.timestampsMs, samples.words)
  samples.count = count
  return samples
}

const columns = ({ timestampsMs, words, count }: SampleBuffer) => [
  [...timestampsMs.subarray(0, count)],
  [...words.subarray(0, 2 * count)],
]

describe('a row in the kernel', () => {
  it('holds the samples of the range that its twin decodes, bit for bit', () => {
    fc.assert(
      fc.property(rowArbitrary, fc.nat(3_000_000), fc.nat(2_000_000), (parts, from, length) => {
        const batch = batchWith(parts)
        const minTimeMs = 900_000 + from
        for (const kept of [all, { ...all, minTimeMs, maxTimeMs: minTimeMs + length }])
          expect(columns(held(batch, kept)!)).toEqual(columns(samplesOf(batch, kept)))
      }),
      { numRuns: 150 },
    )
  })

  it('leaves stale markers out where that is asked', () => {
    const samples = new SampleBuffer(8)
    const times = [10, 20, 30, 40, 50]
    for (const [i, timeMs] of times.entries()) {
      samples.timestampsMs[i] = timeMs
      samples.values[i] = i
    }
    samples.count = times.length
    writeStaleAt(samples.words, 1)
    writeStaleAt(samples.words, 4)
    const [chunk] = encodeSamples(samples)
    const base = batchOf([{ labels: { a: '0' }, chunks: [[[1, 1]]] }])
    const batch: SeriesBatch = {
      ...base,
      chunks: {
        ...base.chunks,
        minTimesMs: Float64Array.of(10),
        maxTimesMs: Float64Array.of(50),
        offsets: Uint32Array.of(0),
        sizes: Uint32Array.of(chunk!.bytes.length),
        bytes: chunk!.bytes,
      },
    }
    const out = new SampleBuffer(8)
    const take = (dropStale: boolean) => {
      out.count = holdRow(kernel, batch, 0, { ...all, dropStale })!
      kernel.copyTo(out.timestampsMs, out.words)
      return [...out.timestampsMs.subarray(0, out.count)]
    }
    expect(take(false)).toEqual(times)
    expect(isStaleAt(out.words, 1)).toBe(true)
    expect(take(true)).toEqual([10, 30, 40])
    expect([...out.values.subarray(0, 3)]).toEqual([0, 2, 3])
  })

  it('gives the rates that its twin gives, bit for bit', () => {
    const kinds = [
      { isCounter: true, isRate: true },
      { isCounter: true, isRate: false },
      { isCounter: false, isRate: false },
    ]
    fc.assert(
      fc.property(
        rowArbitrary,
        fc.constantFrom(60_000, 300_000, 2_000_000),
        fc.constantFrom(15_000, 60_000, 0),
        fc.constantFrom(...kinds),
        (parts, rangeMs, endStepMs, kind) => {
          const batch = batchWith(parts)
          const samples = samplesOf(batch, all)
          const dropCounts = new Uint32Array(samples.count)
          for (let i = 1; i < samples.count; i++)
            dropCounts[i] =
              dropCounts[i - 1]! + (samples.values[i]! < samples.values[i - 1]! ? 1 : 0)
          const grid = { firstEndMs: 1_020_000, endStepMs, rangeMs, stepCount: 40 }
          const { timestampsMs, values, count } = samples
          const row = { timestampsMs, values, count, dropCounts, ...grid, check: () => undefined }
          const run = (fill: (out: Float64Array, present: Uint8Array) => number | undefined) => {
            const out = new Float64Array(42)
            const present = new Uint8Array(42)
            const looked = fill(out, present)
            const words = new BigUint64Array(out.buffer)
            return { looked, present, bits: [...words].map((bits, i) => present[i] && bits) }
          }
          expect(holdRow(kernel, batch, 1, all)).toBe(samples.count)
          expect(run((out, present) => kernel.rate(grid, kind, out, present, 1))).toEqual(
            run((out, present) => rateRow(kind)(row, out, present, 1)),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  it('does not take rows whose chunks overlap, or are corrupt', () => {
    const overlapping = batchOf([
      {
        labels: { a: '0' },
        chunks: [
          [
            [10, 1],
            [30, 1],
          ],
          [
            [20, 1],
            [40, 1],
          ],
        ],
      },
    ])
    expect(holdRow(kernel, overlapping, 0, all)).toBeUndefined()
    const batch = batchWith([[[15_000, 1]]])
    const { chunks } = batch
    for (const broken of [
      { sizes: chunks.sizes.map((size) => size - 9) },
      { offsets: chunks.offsets.map(() => chunks.bytes.length - 1) },
      { offsets: chunks.offsets.map(() => 2 ** 32 - 2) },
      { sizes: chunks.sizes.map(() => 2 ** 32 - 1) },
      // A count of samples that are not there.
      { bytes: chunks.bytes.map((byte, i) => (i === chunks.offsets[2] ? 255 : byte)) },
    ]) {
      // Bytes of their own, as a table is known by them.
      const table = { ...chunks, bytes: chunks.bytes.slice(), ...broken }
      expect(holdRow(kernel, { ...batch, chunks: table }, 1, all)).toBeUndefined()
    }
    expect(holdRow(kernel, batch, 1, all)).toBe(1)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type {
  FloatCountHistogram,
  HistogramSample,
  IntegerHistogram,
} from '../../src/chunk/index.ts'
import {
  chunkEncoding,
  decodeChunk,
  firstChunkHeader,
  HistogramAppender,
  isStaleHistogram,
  readHistogramSamples,
  SampleBuffer,
  staleHistogram,
} from '../../src/chunk/index.ts'
import type { Span } from '../../src/model/index.ts'
import { CorruptionError } from '../../src/model/index.ts'

const plain = { header: 'unknown', startTimestamps: false } as const

function integer(parts: Partial<IntegerHistogram> = {}): IntegerHistogram {
  return {
    kind: 'integer',
    counterResetHint: 'unknown',
    schema: 1,
    zeroThreshold: 2 ** -128,
    positiveSpans: [
      { offset: 0, length: 2 },
      { offset: 1, length: 1 },
    ],
    negativeSpans: [{ offset: -1, length: 1 }],
    customValues: new Float64Array(0),
    sumLow: 0,
    sumHigh: 0x40300000,
    count: 9n,
    zeroCount: 2n,
    positiveDeltas: BigInt64Array.of(3n, -2n, 1n),
    negativeDeltas: BigInt64Array.of(1n),
    ...parts,
  }
}

function float(parts: Partial<FloatCountHistogram> = {}): FloatCountHistogram {
  const { positiveDeltas: _p, negativeDeltas: _n, ...shape } = integer()
  return {
    ...shape,
    kind: 'float',
    count: 9.5,
    zeroCount: 2,
    positiveBuckets: Float64Array.of(3, 1, 2.5),
    negativeBuckets: Float64Array.of(1),
    ...parts,
  }
}

type Point = readonly [timestampMs: number, startTimestampMs: number, sample: HistogramSample]

function readAll(appender: HistogramAppender): Point[] {
  const points: Point[] = []
  const bytes = appender.finish()
  readHistogramSamples(appender.encoding, bytes, 0, bytes.length, (t, st, sample) => {
    points.push([t, st, sample])
  })
  return points
}

/** Populated buckets by index, whatever the spans. */
function bucketsOf(sample: HistogramSample): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  const collect = (side: string, spans: readonly Span[], counts: readonly (bigint | number)[]) => {
    let index = 0
    let at = 0
    for (const span of spans) {
      index += span.offset
      for (let i = 0; i < span.length; i++, index++, at++)
        if (Number(counts[at]) !== 0) out[`${side}${index}`] = counts[at]
    }
    expect(at).toBe(counts.length)
  }
  const absolute = (deltas: BigInt64Array) => {
    let count = 0n
    return [...deltas].map((delta) => {
      count += delta
      return count
    })
  }
  if (sample.kind === 'integer') {
    collect('+', sample.positiveSpans, absolute(sample.positiveDeltas))
    collect('-', sample.negativeSpans, absolute(sample.negativeDeltas))
  } else {
    collect('+', sample.positiveSpans, [...sample.positiveBuckets])
    collect('-', sample.negativeSpans, [...sample.negativeBuckets])
  }
  return out
}

const summary = (sample: HistogramSample) => ({
  buckets: bucketsOf(sample),
  count: sample.count,
  zeroCount: sample.zeroCount,
  sum: [sample.sumLow >>> 0, sample.sumHigh >>> 0],
  schema: sample.schema,
  zeroThreshold: sample.zeroThreshold,
  customValues: [...sample.customValues],
})

const word = fc.integer({ min: 0, max: 0xffffffff })
const spans = fc.array(
  fc.record({ offset: fc.integer({ min: 1, max: 5 }), length: fc.integer({ min: 1, max: 4 }) }),
  { maxLength: 4 },
)
const countOf = (list: readonly Span[]) => list.reduce((sum, span) => sum + span.length, 0)

function deltasOf(counts: readonly bigint[]): BigInt64Array {
  return BigInt64Array.from(counts, (count, i) => count - (counts[i - 1] ?? 0n))
}

const gaugeArbitrary = (kind: 'integer' | 'float') =>
  fc
    .record({ positiveSpans: spans, negativeSpans: spans, sumLow: word, sumHigh: word })
    .chain((shape) => {
      const countArbitrary = fc.bigInt({ min: 0n, max: 2n ** 62n })
      const numberArbitrary = fc.double({ noNaN: true, min: 0 })
      const positive = countOf(shape.positiveSpans)
      const negative = countOf(shape.negativeSpans)
      const sized = <T>(of: fc.Arbitrary<T>, length: number) =>
        fc.array(of, { minLength: length, maxLength: length })
      if (kind === 'integer')
        return fc
          .record({
            count: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
            zeroCount: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
            positive: sized(countArbitrary, positive),
            negative: sized(countArbitrary, negative),
          })
          .map(
            ({ count, zeroCount, ...buckets }): HistogramSample =>
              integer({
                ...shape,
                counterResetHint: 'gauge',
                count,
                zeroCount,
                positiveDeltas: deltasOf(buckets.positive),
                negativeDeltas: deltasOf(buckets.negative),
              }),
          )
      return fc
        .record({
          count: numberArbitrary,
          zeroCount: numberArbitrary,
          positive: sized(numberArbitrary, positive),
          negative: sized(numberArbitrary, negative),
        })
        .map(
          ({ count, zeroCount, ...buckets }): HistogramSample =>
            float({
              ...shape,
              counterResetHint: 'gauge',
              count,
              zeroCount,
              positiveBuckets: Float64Array.from(buckets.positive),
              negativeBuckets: Float64Array.from(buckets.negative),
            }),
        )
    })

const step = fc.record({
  deltaMs: fc.oneof(fc.constant(15_000), fc.integer({ min: 1, max: 2 ** 40 })),
  startMs: fc.oneof(fc.constant(0), fc.constant(777), fc.integer({ min: 0, max: 2 ** 41 })),
})

describe('a histogram chunk', () => {
  it.each(['integer', 'float'] as const)(
    'of %s counts gives back every sample, whatever buckets come and go',
    (kind) => {
      const sequence = fc.array(fc.tuple(gaugeArbitrary(kind), step), {
        minLength: 1,
        maxLength: 12,
      })
      fc.assert(
        fc.property(sequence, fc.boolean(), (samples, startTimestamps) => {
          let timestampMs = 1000
          let appender: HistogramAppender | undefined
          const expected: unknown[] = []
          for (const [sample, { deltaMs, startMs }] of samples) {
            timestampMs += deltaMs
            if (appender === undefined)
              appender = new HistogramAppender(
                { header: 'gauge', startTimestamps },
                timestampMs,
                sample,
                startMs,
              )
            else expect(appender.append(timestampMs, sample, startMs)).toBeTypeOf('string')
            expected.push([timestampMs, startTimestamps ? startMs : 0, summary(sample)])
          }
          const read = readAll(appender!)
          expect(read.map(([t, st, sample]) => [t, st, summary(sample)])).toEqual(expected)
          expect(read.every(([, , sample]) => sample.counterResetHint === 'gauge')).toBe(true)
        }),
        { numRuns: 150 },
      )
    },
  )

  it('is laid out as Prometheus lays it out', () => {
    const appender = new HistogramAppender(
      plain,
      1000,
      integer({
        positiveSpans: [{ offset: 0, length: 1 }],
        negativeSpans: [],
        positiveDeltas: BigInt64Array.of(3n),
        negativeDeltas: new BigInt64Array(0),
        zeroThreshold: 0.001,
        schema: 0,
        count: 5n,
        sumHigh: 0,
        sumLow: 0,
      }),
    )
    // Count 1, flags 0; threshold raw; schema 0; one span (1, 0); no spans; t 1000; count 5; zero count 2; sum; 3.
    const bits = [
      '00000000 00000001 00000000 11111111',
      '0011111101010000011000100100110111010010111100011010100111111100',
      '0 10001 10001 0 0',
      '11110001111101000 10101 10010',
      '0'.repeat(64),
      '10011',
    ]
      .join('')
      .replaceAll(' ', '')
    const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0')
    const shown = [...appender.finish()].map((byte) => byte.toString(2).padStart(8, '0')).join('')
    expect(shown).toBe(padded)
  })

  it('keeps thresholds, schemas and custom bounds of every form', () => {
    const cases: Partial<IntegerHistogram>[] = [
      { zeroThreshold: 0 },
      { zeroThreshold: 1 },
      { zeroThreshold: 2 ** -243 },
      { zeroThreshold: 2 ** -244 },
      { zeroThreshold: 2 ** 10 },
      { zeroThreshold: 2 ** 11 },
      { zeroThreshold: 0.3 },
      { schema: -4 },
      { schema: 8 },
      { schema: -53, customValues: Float64Array.of(-1.5, 0, 0.005, 1, 1.0005, 33_554.43, 1e9) },
      { schema: -53, customValues: new Float64Array(0) },
    ]
    for (const parts of cases) {
      const sample = integer(parts)
      const [point] = readAll(new HistogramAppender(plain, 5, sample))
      expect(summary(point![2])).toEqual(summary(sample))
    }
  })

  it('gives the first sample of a counter chunk hint unknown, whatever the header says, and the rest not_reset', () => {
    const appender = new HistogramAppender({ ...plain, header: 'reset' }, 1, integer())
    appender.append(2, integer({ count: 10n }))
    expect(readAll(appender).map(([, , sample]) => sample.counterResetHint)).toEqual([
      'unknown',
      'not_reset',
    ])
    expect(appender.finish()[2]).toBe(0x80)
  })

  it('reads a stale marker back as an empty histogram, and takes only stale markers after it', () => {
    for (const sample of [integer(), float()]) {
      const appender = new HistogramAppender(plain, 1, sample)
      expect(appender.append(2, staleHistogram(sample.kind))).toBe('appended')
      expect(appender.append(3, staleHistogram(sample.kind))).toBe('appended')
      expect(appender.append(4, sample)).toEqual({ newChunk: 'unknown' })
      const read = readAll(appender)
      expect(read.map(([, , read]) => isStaleHistogram(read))).toEqual([false, true, true])
      expect(read[1]![2]).toEqual(staleHistogram(sample.kind))
      const first = new HistogramAppender(plain, 1, staleHistogram(sample.kind))
      expect(readAll(first)).toEqual([[1, 0, staleHistogram(sample.kind)]])
    }
  })
})

describe('a histogram appender', () => {
  const one = [{ offset: 0, length: 1 }]
  const none = new BigInt64Array(0)
  const base = integer({
    positiveSpans: one,
    negativeSpans: [],
    positiveDeltas: BigInt64Array.of(3n),
    negativeDeltas: none,
  })
  const resultOf = (sample: HistogramSample, first: HistogramSample = base) =>
    new HistogramAppender({ ...plain, header: firstChunkHeader(first) }, 1, first).append(2, sample)

  it('asks for a new chunk after a reset, told or seen', () => {
    expect(resultOf({ ...base, counterResetHint: 'reset' })).toEqual({ newChunk: 'reset' })
    expect(resultOf({ ...base, count: 8n })).toEqual({ newChunk: 'reset' })
    expect(resultOf({ ...base, zeroCount: 1n })).toEqual({ newChunk: 'reset' })
    expect(resultOf({ ...base, positiveDeltas: BigInt64Array.of(2n) })).toEqual({
      newChunk: 'reset',
    })
    expect(resultOf({ ...base, positiveSpans: [], positiveDeltas: none })).toEqual({
      newChunk: 'reset',
    })
  })

  it('asks for a new chunk when schema, threshold or bounds change', () => {
    expect(resultOf({ ...base, schema: 2 })).toEqual({ newChunk: 'unknown' })
    expect(resultOf({ ...base, zeroThreshold: 0.5 })).toEqual({ newChunk: 'unknown' })
    const custom = { ...base, schema: -53, customValues: Float64Array.of(1, 2) }
    const other = { ...custom, customValues: Float64Array.of(1, 3) }
    expect(resultOf(other, custom)).toEqual({ newChunk: 'reset' })
  })

  it('keeps gauges and counters in chunks of their own', () => {
    const gauge = { ...base, counterResetHint: 'gauge' } as const
    expect(resultOf(gauge)).toEqual({ newChunk: 'gauge' })
    expect(resultOf(base, gauge)).toEqual({ newChunk: 'not_reset' })
    expect(resultOf({ ...gauge, count: 1n }, gauge)).toBe('appended')
    expect(resultOf({ ...gauge, schema: 3 }, gauge)).toEqual({ newChunk: 'gauge' })
  })

  it('writes the chunk anew when a bucket appears', () => {
    const wider = integer({
      positiveSpans: [{ offset: -2, length: 4 }],
      negativeSpans: one,
      positiveDeltas: BigInt64Array.of(1n, 0n, 3n, -4n),
      negativeDeltas: BigInt64Array.of(7n),
    })
    const appender = new HistogramAppender(plain, 1, base)
    expect(appender.append(2, wider)).toBe('recoded')
    expect(appender.append(3, wider)).toBe('appended')
    const read = readAll(appender)
    expect(read.map(([, , sample]) => summary(sample))).toEqual([base, wider, wider].map(summary))
  })

  it('takes a sample that lacks an empty bucket of the chunk', () => {
    const first = integer({
      ...base,
      positiveSpans: [{ offset: 0, length: 2 }],
      positiveDeltas: BigInt64Array.of(3n, -3n),
    })
    expect(resultOf(base, first)).toBe('appended')
  })

  it('names the header of a chunk that is cut for size or time', () => {
    const appender = new HistogramAppender(plain, 1, base)
    expect(appender.nextHeader({ ...base, count: 20n })).toBe('not_reset')
    expect(appender.nextHeader({ ...base, count: 1n })).toBe('reset')
    expect(firstChunkHeader(base)).toBe('unknown')
    expect(firstChunkHeader({ ...base, counterResetHint: 'reset' })).toBe('reset')
  })

  it('keeps counts above 2^53 exactly', () => {
    const big = { ...base, count: 2n ** 64n - 1n, zeroCount: 2n ** 63n + 1n }
    const appender = new HistogramAppender(plain, 1, { ...big, zeroCount: 1n, count: 3n })
    appender.append(2, big)
    appender.append(3, big)
    expect(readAll(appender).map(([, , s]) => [s.count, s.zeroCount])).toEqual([
      [3n, 1n],
      [2n ** 64n - 1n, 2n ** 63n + 1n],
      [2n ** 64n - 1n, 2n ** 63n + 1n],
    ])
  })
})

describe('decoding histogram chunks to columns', () => {
  it('gives histograms with absolute counts, and floats beside them', () => {
    const appender = new HistogramAppender(plain, 10, integer())
    appender.append(20, staleHistogram('integer'))
    const bytes = appender.finish()
    const buffer = new SampleBuffer(1)
    decodeChunk(appender.encoding, bytes, 0, bytes.length, buffer)
    expect([...buffer.timestampsMs.subarray(0, 2)]).toEqual([10, 20])
    expect(buffer.histograms![0]).toMatchObject({
      count: 9,
      zeroCount: 2,
      sum: 16,
      stale: false,
      positiveBuckets: Float64Array.of(3, 1, 2),
      negativeBuckets: Float64Array.of(1),
    })
    expect(buffer.histograms![1]).toMatchObject({ stale: true, count: 0 })
  })

  it('reports cut and arbitrary bytes as corrupt and keeps what the buffer held', () => {
    const chunks = [integer(), float()].flatMap((sample) =>
      [false, true].map((startTimestamps) => {
        const appender = new HistogramAppender({ ...plain, startTimestamps }, 10, sample, 3)
        for (let i = 1; i < 20; i++) appender.append(10 + i * 10, sample, i % 3)
        return { encoding: appender.encoding, bytes: appender.finish() }
      }),
    )
    const buffer = new SampleBuffer()
    decodeChunk(chunks[0]!.encoding, chunks[0]!.bytes, 0, chunks[0]!.bytes.length, buffer)
    for (const { encoding, bytes } of chunks)
      for (let size = 0; size < bytes.length; size++) {
        expect(() => decodeChunk(encoding, bytes, 0, size, buffer)).toThrow(CorruptionError)
        expect([buffer.count, buffer.histograms!.length, buffer.hasStartTimestamps]).toEqual([
          20,
          20,
          false,
        ])
      }
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...Object.values(chunkEncoding)),
        (bytes, encoding) => {
          try {
            decodeChunk(encoding, bytes, 0, bytes.length, new SampleBuffer())
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptionError)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })
})

// Integer histograms of 40 buckets: decoding a chunk to columns, and appending to one.
// Run: node bench/chunk/histogram-chunk.bench.ts

import type { IntegerHistogram } from '../../src/chunk/index.ts'
import { decodeChunk, HistogramAppender, SampleBuffer } from '../../src/chunk/index.ts'
import { measure } from '../measure.ts'

const bucketCount = 40
const sampleCount = 60

function histogram(i: number): IntegerHistogram {
  const countOf = (bucket: number): number => ((bucket * 7919) % 100) * (i + 1) + ((bucket * i) % 3)
  const deltas = Array.from({ length: bucketCount }, (_, bucket) =>
    BigInt(bucket === 0 ? countOf(0) : countOf(bucket) - countOf(bucket - 1)),
  )
  return {
    kind: 'integer',
    counterResetHint: 'gauge',
    schema: 3,
    zeroThreshold: 0,
    positiveSpans: [{ offset: 0, length: bucketCount }],
    negativeSpans: [],
    customValues: new Float64Array(0),
    sumLow: i,
    sumHigh: 0x40300000 + i,
    count: BigInt(10_000 * (i + 1)),
    zeroCount: 0n,
    positiveDeltas: BigInt64Array.from(deltas),
    negativeDeltas: new BigInt64Array(0),
  }
}

const samples = Array.from({ length: sampleCount }, (_, i) => histogram(i))

function chunk(): HistogramAppender {
  const start = { header: 'gauge', startTimestamps: false } as const
  const appender = new HistogramAppender(start, 0, samples[0]!)
  for (let i = 1; i < sampleCount; i++) appender.append(i * 15_000, samples[i]!)
  return appender
}

const { encoding } = chunk()
const bytes = chunk().finish()
const buffer = new SampleBuffer()

measure([
  {
    name: 'append',
    unit: 'ns/histogram',
    budget: 15_000,
    run: () => chunk().count,
  },
  {
    name: 'decode',
    unit: 'ns/histogram',
    budget: 15_000,
    run: () => {
      buffer.clear()
      decodeChunk(encoding, bytes, 0, bytes.length, buffer)
      return buffer.count
    },
  },
])

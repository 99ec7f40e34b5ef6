// Deterministic content for blocks: floats with every awkward value, and native histograms of both kinds.
import {
  chunkEncoding,
  firstChunkHeader,
  HistogramAppender,
  type HistogramSample,
  XorEncoder,
} from '../../src/chunk/index.ts'
import {
  normalNanHigh,
  normalNanLow,
  staleHigh,
  staleLow,
  windowMs,
  wordsOf,
} from '../../src/model/index.ts'
import type { EncodedSeries, ModelChunk } from '../tsdb/block/block-fixtures.ts'

/** The start of the first window, which is also the start of a six-hour one. */
export const startMs = Math.floor(1_700_000_000_000 / (3 * windowMs)) * 3 * windowMs
const intervalMs = 15_000
const samplesPerWindow = windowMs / intervalMs

const column = new Float64Array(1)
const words = wordsOf(column)

function floatChunks(window: number, valueAt: (i: number) => number | 'stale'): ModelChunk[] {
  const chunks: ModelChunk[] = []
  for (let from = 0; from < samplesPerWindow; from += 120) {
    const encoder = new XorEncoder()
    const timeOf = (i: number): number => startMs + window * windowMs + i * intervalMs + (i % 3)
    for (let i = from; i < from + 120; i++) {
      const value = valueAt(window * samplesPerWindow + i)
      if (value === 'stale') words.set([staleLow, staleHigh])
      else if (Number.isNaN(value)) words.set([normalNanLow, normalNanHigh])
      else column[0] = value
      encoder.append(timeOf(i), words[0]!, words[1]!)
    }
    const [minTimeMs, maxTimeMs] = [timeOf(from), timeOf(from + 119)]
    chunks.push({ encoding: chunkEncoding.xor, minTimeMs, maxTimeMs, bytes: encoder.finish() })
  }
  return chunks
}

function histogramAt(kind: HistogramSample['kind'], gauge: boolean, i: number): HistogramSample {
  // Grows, widens its buckets, and is reset now and then.
  const age = i % 150
  const positive = 2 + Math.floor(age / 40)
  const negative = age > 60 ? 1 : 0
  const each = age + 1
  column[0] = each * 1.5
  const shape = {
    counterResetHint: gauge ? 'gauge' : 'unknown',
    schema: 2,
    zeroThreshold: 2 ** -10,
    positiveSpans: [
      { offset: -1, length: 1 },
      { offset: 2, length: positive - 1 },
    ],
    negativeSpans: negative === 0 ? [] : [{ offset: 3, length: 1 }],
    customValues: new Float64Array(0),
    sumLow: words[0]!,
    sumHigh: words[1]!,
  } as const
  if (kind === 'float') {
    return {
      ...shape,
      kind,
      count: each * (positive + negative) + age,
      zeroCount: age,
      positiveBuckets: new Float64Array(positive).fill(each),
      negativeBuckets: new Float64Array(negative).fill(each),
    }
  }
  return {
    ...shape,
    kind,
    count: BigInt(each * (positive + negative) + age),
    zeroCount: BigInt(age),
    positiveDeltas: new BigInt64Array(positive).with(0, BigInt(each)),
    negativeDeltas: new BigInt64Array(negative).fill(BigInt(each)),
  }
}

function histogramChunks(window: number, at: (i: number) => HistogramSample): ModelChunk[] {
  const chunks: ModelChunk[] = []
  let appender: HistogramAppender | undefined
  let minTimeMs = 0
  const finish = (): void => {
    if (appender === undefined) return
    const { encoding, lastTimestampMs: maxTimeMs } = appender
    chunks.push({ encoding, minTimeMs, maxTimeMs, bytes: appender.finish() })
  }
  for (let i = 0; i < samplesPerWindow; i++) {
    const timestampMs = startMs + window * windowMs + i * intervalMs
    const sample = at(window * samplesPerWindow + i)
    const result = appender?.append(timestampMs, sample) ?? { newChunk: firstChunkHeader(sample) }
    if (typeof result !== 'object') continue
    finish()
    const start = { header: result.newChunk, startTimestamps: false }
    appender = new HistogramAppender(start, timestampMs, sample)
    minTimeMs = timestampMs
  }
  finish()
  return chunks
}

const awkward = [0, -0, 1, 0.1, 1e-320, 1.7976931348623157e308, Infinity, -Infinity, Number.NaN]

/** All series of one window, counted from 0. */
export function seriesOfWindow(window: number): EncodedSeries[] {
  const series: EncodedSeries[] = [
    {
      labels: { __name__: 'awkward', kind: 'every value' },
      chunks: floatChunks(window, (i) => awkward[i % awkward.length]!),
    },
    {
      labels: { __name__: 'vanishing', note: 'a "quoted"\\slash\nline é😀' },
      chunks: floatChunks(window, (i) => (i % 50 === 49 ? 'stale' : Math.sin(i))),
    },
  ]
  for (let pod = 0; pod < 40; pod++) {
    series.push({
      labels: {
        __name__: pod % 2 === 0 ? 'requests_total' : 'up',
        pod: `pod-${pod}`,
        cluster: `c${pod % 4}`,
        ...(pod % 5 === 0 ? { zone: 'z' } : {}),
      },
      chunks: floatChunks(window, (i) => (pod % 2 === 0 ? i * pod : pod / 7)),
    })
  }
  for (const kind of ['integer', 'float'] as const) {
    for (const gauge of [false, true]) {
      series.push({
        labels: { __name__: 'histogram_seconds', kind, gauge: String(gauge) },
        chunks: histogramChunks(window, (i) => histogramAt(kind, gauge, i)),
      })
    }
  }
  return series
}

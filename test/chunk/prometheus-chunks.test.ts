// Chunks that Prometheus 2.42 wrote: histograms from its head (sent by remote write, read as streamed chunks), floats
// from a block of `promtool tsdb create-blocks-from openmetrics`.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  decodeChunk,
  HistogramAppender,
  isHistogramEncoding,
  readHistogramSamples,
  SampleBuffer,
  XorEncoder,
} from '../../src/chunk/index.ts'
import { CodecKernel } from '../../src/kernel/index.ts'

interface GoldenChunk {
  readonly name: string
  readonly encoding: number
  readonly sampleCount: number
  readonly hex: string
}

const golden = JSON.parse(
  readFileSync(new URL('prometheus-chunks.golden.json', import.meta.url), 'utf8'),
) as GoldenChunk[]
const headers = ['unknown', 'not_reset', 'reset', 'gauge'] as const

function bytesOf(chunk: GoldenChunk): Uint8Array {
  return new Uint8Array(Buffer.from(chunk.hex, 'hex'))
}

function decoded(chunk: GoldenChunk): SampleBuffer {
  const bytes = bytesOf(chunk)
  const buffer = new SampleBuffer()
  decodeChunk(chunk.encoding, bytes, 0, bytes.length, buffer)
  return buffer
}

function writtenAgain(chunk: GoldenChunk): Uint8Array {
  if (!isHistogramEncoding(chunk.encoding)) {
    const { timestampsMs, words, count } = decoded(chunk)
    const encoder = new XorEncoder()
    for (let i = 0; i < count; i++)
      encoder.append(timestampsMs[i]!, words[2 * i]!, words[2 * i + 1]!)
    return encoder.finish()
  }
  const bytes = bytesOf(chunk)
  const start = { header: headers[bytes[2]! >>> 6]!, startTimestamps: false }
  let appender: HistogramAppender | undefined
  readHistogramSamples(chunk.encoding, bytes, 0, bytes.length, (timestampMs, _start, sample) => {
    if (appender === undefined) appender = new HistogramAppender(start, timestampMs, sample)
    else expect(appender.append(timestampMs, sample)).toBe('appended')
  })
  return appender!.finish()
}

describe('a chunk that Prometheus wrote', () => {
  it.each(golden)('is read and written again to the same bytes: $name', (chunk) => {
    const buffer = decoded(chunk)
    expect(buffer.count).toBe(chunk.sampleCount)
    expect(Buffer.from(writtenAgain(chunk)).toString('hex')).toBe(chunk.hex)
  })

  it('is read by the kernel bit for bit', () => {
    const kernel = CodecKernel.create()
    const floats = golden.filter((chunk) => !isHistogramEncoding(chunk.encoding))
    expect(floats.length).toBeGreaterThan(2)
    for (const chunk of floats) {
      const bytes = bytesOf(chunk)
      const buffer = decoded(chunk)
      const timestampsMs = new Float64Array(buffer.count)
      const words = new Uint32Array(2 * buffer.count)
      kernel.decodeXor(
        { bytes, offsets: Uint32Array.of(0), sizes: Uint32Array.of(bytes.length), from: 0, to: 1 },
        { timestampsMs, words, at: 0 },
      )
      expect(timestampsMs).toEqual(buffer.timestampsMs.slice(0, buffer.count))
      expect(words).toEqual(buffer.words.slice(0, 2 * buffer.count))
    }
  })

  it('holds the histograms that were sent', () => {
    const grow = decoded(golden.find(({ name }) => name === 'grow 0')!)
    const first = grow.histograms![0]!
    expect(first).toMatchObject({ schema: 1, zeroThreshold: 0.001, stale: false })
    const total = (counts: Float64Array): number => counts.reduce((sum, count) => sum + count, 0)
    for (const histogram of grow.histograms!)
      expect(total(histogram!.positiveBuckets) + total(histogram!.negativeBuckets)).toBe(
        histogram!.count - histogram!.zeroCount,
      )
    const stale = decoded(golden.find(({ name }) => name === 'stale 0')!)
    expect(stale.histograms!.map((histogram) => histogram!.stale).slice(-3)).toEqual([
      false,
      true,
      true,
    ])
  })
})

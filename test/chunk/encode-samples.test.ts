import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunkEncoding, decodeChunk, encodeSamples, SampleBuffer } from '../../src/chunk/index.ts'
import type { FloatHistogram } from '../../src/model/index.ts'

function histogram(count: number, stale = false): FloatHistogram {
  return {
    counterResetHint: 'gauge',
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count,
    sum: stale ? Number.NaN : count * 2,
    stale,
    positiveSpans: [{ offset: 0, length: 1 }],
    negativeSpans: [],
    positiveBuckets: Float64Array.of(count),
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
  }
}

type Kind = 'float' | 'histogram' | 'stale'

function bufferOf(kinds: readonly Kind[], startTimestamps: boolean): SampleBuffer {
  const buffer = new SampleBuffer(1)
  if (startTimestamps) buffer.beginStartTimestamps()
  kinds.forEach((kind, i) => {
    if (kind === 'float') {
      buffer.reserve(1)
      buffer.timestampsMs[i] = i * 1000
      buffer.values[i] = i / 3
      if (startTimestamps) buffer.startTimestampsMs[i] = i
      buffer.count++
    } else buffer.appendHistogram(i * 1000, startTimestamps ? i : 0, histogram(i, kind === 'stale'))
  })
  return buffer
}

describe('encoding samples', () => {
  it('keeps every sample of any mixture, in chunks of one kind', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<Kind>('float', 'float', 'histogram', 'stale'), { maxLength: 300 }),
        fc.boolean(),
        (kinds, startTimestamps) => {
          const samples = bufferOf(kinds, startTimestamps)
          const decoded = new SampleBuffer(1)
          for (const chunk of encodeSamples(samples)) {
            expect(chunk.minTimeMs).toBe(decoded.count * 1000)
            decodeChunk(chunk.encoding, chunk.bytes, 0, chunk.bytes.length, decoded)
            expect(chunk.maxTimeMs).toBe((decoded.count - 1) * 1000)
          }
          expect(decoded.count).toBe(samples.count)
          kinds.forEach((kind, i) => {
            if (kind === 'float') expect(decoded.values[i]).toBe(samples.values[i])
            else expect(decoded.histograms![i]!.stale).toBe(kind === 'stale')
            if (kind === 'histogram') expect(decoded.histograms![i]!.count).toBe(i)
            if (startTimestamps && i > 0) expect(decoded.startTimestampsMs[i]).toBe(i)
          })
        },
      ),
    )
  })

  it('cuts floats at 120 samples', () => {
    const chunks = encodeSamples(
      bufferOf(
        Array.from({ length: 250 }, () => 'float'),
        false,
      ),
    )
    expect(chunks.map(({ encoding }) => encoding)).toEqual([1, 1, 1].fill(chunkEncoding.xor))
    expect(chunks.map(({ maxTimeMs }) => maxTimeMs)).toEqual([119_000, 239_000, 249_000])
  })
})

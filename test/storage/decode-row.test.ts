import { describe, expect, it } from 'vitest'
import { SampleBuffer, XorEncoder } from '../../src/chunk/index.ts'
import { CodecKernel } from '../../src/kernel/index.ts'
import type { SeriesBatch } from '../../src/storage/index.ts'
import { decodeRow } from '../../src/storage/index.ts'

type Point = readonly [timestampMs: number, value: number]

/** A batch of one row whose chunks hold the given points. */
function rowOf(...chunks: Point[][]): SeriesBatch {
  const encoded = chunks.map((points) => {
    const encoder = new XorEncoder()
    for (const [timestampMs, value] of points) {
      const words = new Uint32Array(new Float64Array([value]).buffer)
      encoder.append(timestampMs, words[0]!, words[1]!)
    }
    return encoder.finish()
  })
  const offsets = encoded.map((_, i) => encoded.slice(0, i).reduce((sum, c) => sum + c.length, 0))
  return {
    rowCount: 1,
    hashes: new Uint32Array(4),
    pairStarts: new Uint32Array(2),
    pairIds: new Uint32Array(0),
    pairs: {
      pairCount: 0,
      bytes: new Uint8Array(0),
      offsets: new Uint32Array(1),
      hashes: new Uint32Array(0),
    },
    chunkStarts: Uint32Array.of(0, chunks.length),
    chunks: {
      chunkCount: chunks.length,
      encodings: new Uint8Array(chunks.length).fill(1),
      minTimesMs: Float64Array.from(chunks, (points) => points[0]![0]),
      maxTimesMs: Float64Array.from(chunks, (points) => points.at(-1)![0]),
      offsets: Uint32Array.from(offsets),
      sizes: Uint32Array.from(encoded, (chunk) => chunk.length),
      bytes: Buffer.concat(encoded),
    },
  }
}

function decoded(batch: SeriesBatch, minTimeMs = -Infinity, maxTimeMs = Infinity): Point[] {
  const buffer = new SampleBuffer(1)
  decodeRow(batch, 0, minTimeMs, maxTimeMs, buffer)
  return Array.from({ length: buffer.count }, (_, i) => [
    buffer.timestampsMs[i]!,
    buffer.values[i]!,
  ])
}

describe('decoding a row', () => {
  const first: Point[] = [
    [10, 1],
    [20, 2],
    [30, 3],
  ]
  const second: Point[] = [
    [40, 4],
    [50, 5],
  ]

  it('joins chunks that follow each other', () => {
    expect(decoded(rowOf(first, second))).toEqual([...first, ...second])
  })

  it('keeps only samples of the range, both bounds included', () => {
    expect(decoded(rowOf(first, second), 20, 40)).toEqual([
      [20, 2],
      [30, 3],
      [40, 4],
    ])
    expect(decoded(rowOf(first, second), 51, 99)).toEqual([])
    expect(decoded(rowOf(first, second), 31, 39)).toEqual([])
  })

  it('merges overlapping chunks by time, the first descriptor wins at equal timestamps', () => {
    const late: Point[] = [
      [20, 99],
      [25, 7],
      [60, 6],
    ]
    expect(decoded(rowOf(first, late, second))).toEqual([
      [10, 1],
      [20, 2],
      [25, 7],
      [30, 3],
      [40, 4],
      [50, 5],
      [60, 6],
    ])
  })

  it('decodes a chunk that came twice once', () => {
    expect(decoded(rowOf(first, first, second))).toEqual([...first, ...second])
  })

  it('gives the same samples through the kernel', () => {
    const kernel = CodecKernel.create()
    const late: Point[] = [[25, 7]]
    const batch = rowOf(first, late, second, second)
    const buffer = new SampleBuffer(1)
    decodeRow(batch, 0, 20, 40, buffer, kernel)
    expect([...buffer.values.subarray(0, buffer.count)]).toEqual([2, 7, 3, 4])
  })

  it('replaces what the buffer held', () => {
    const buffer = new SampleBuffer()
    decodeRow(rowOf(first), 0, 0, 100, buffer)
    decodeRow(rowOf(second), 0, 0, 100, buffer)
    expect(buffer.count).toBe(2)
  })
})

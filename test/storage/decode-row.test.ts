import { describe, expect, it } from 'vitest'
import { SampleBuffer } from '../../src/chunk/index.ts'
import { CodecKernel } from '../../src/kernel/index.ts'
import type { SeriesBatch } from '../../src/storage/index.ts'
import { decodeRow } from '../../src/storage/index.ts'
import type { Point } from './series-fixture.ts'
import { batchOf } from './series-fixture.ts'

/** A batch of one row whose chunks hold the given points. */
function rowOf(...chunks: Point[][]): SeriesBatch {
  return batchOf([{ labels: {}, chunks }])
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

// A source of synthetic series for benchmarks: one batch of XOR chunks, handed out whole.

import { XorEncoder } from '../../src/chunk/index.ts'
import { labelsOf, wordsOf } from '../../src/model/index.ts'
import type { EncodedChunk, EncodedSeries } from '../../src/promql/promqltest/series-batch-of.ts'
import { seriesBatchOf } from '../../src/promql/promqltest/series-batch-of.ts'
import type { Queryable, SeriesBatch } from '../../src/storage/index.ts'

/** Counters with resets in every fifth series, 120 samples a chunk, a scrape each `stepMs`. */
export function counterBatch(
  seriesCount: number,
  sampleCount: number,
  stepMs: number,
): SeriesBatch {
  const series: EncodedSeries[] = []
  const value = new Float64Array(1)
  const words = wordsOf(value)
  for (let row = 0; row < seriesCount; row++) {
    const chunks: EncodedChunk[] = []
    value[0] = row
    for (let from = 0; from < sampleCount; from += 120) {
      const encoder = new XorEncoder()
      const to = Math.min(sampleCount, from + 120)
      for (let i = from; i < to; i++) {
        value[0]! += (row * 7 + i * 13) % 10
        if (row % 5 === 0 && i % 50 === 49) value[0] = 0
        encoder.append(i * stepMs + (row % 100), words[0]!, words[1]!)
      }
      const offsetMs = row % 100
      chunks.push({
        encoding: 1,
        minTimeMs: from * stepMs + offsetMs,
        maxTimeMs: (to - 1) * stepMs + offsetMs,
        bytes: encoder.finish(),
      })
    }
    series.push({
      labels: labelsOf({
        __name__: 'requests_total',
        cluster: `c${row % 50}`,
        namespace: `ns${row % 200}`,
        pod: `pod-${row}`,
        code: String(200 + (row % 5)),
      }),
      chunks,
    })
  }
  return seriesBatchOf(series, new Uint32Array([1, 2, 3, 4]))
}

/** Answers every select with `batch`. */
export function sourceOf(batch: SeriesBatch): Queryable {
  return {
    select: () => {
      let left: SeriesBatch | undefined = batch
      return {
        next: async () => {
          const next = left
          left = undefined
          return next
        },
        close: () => undefined,
        warnings: [],
      }
    },
    labelNames: async () => ({ values: [], warnings: [] }),
    labelValues: async () => ({ values: [], warnings: [] }),
  }
}

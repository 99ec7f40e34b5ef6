// Rows for the row kernel: which rows it takes, those of plain float chunks that follow each other in time, and handing
// them over. All others go through decode-row.ts.

import { chunkEncoding } from '../chunk/index.ts'
import type { KeptSamples, RowKernel } from '../kernel/index.ts'
import type { SeriesBatch } from './series-batch.ts'

/** Has the kernel hold the kept samples of a row; returns their count, undefined where the row is not for the kernel. */
export function holdRow(
  kernel: RowKernel,
  batch: SeriesBatch,
  row: number,
  kept: KeptSamples,
): number | undefined {
  const { chunks, chunkStarts } = batch
  const { encodings, minTimesMs, maxTimesMs, bytes, offsets, sizes } = chunks
  const end = chunkStarts[row + 1]!
  let from = chunkStarts[row]!
  while (from < end && maxTimesMs[from]! < kept.minTimeMs) from++
  let lastMs = -Infinity
  let to = from
  for (; to < end && minTimesMs[to]! <= kept.maxTimeMs; to++) {
    if (encodings[to] !== chunkEncoding.xor || minTimesMs[to]! <= lastMs) return undefined
    lastMs = maxTimesMs[to]!
  }
  return kernel.decode({ bytes, offsets, sizes, from, to }, kept)
}

// Decoding one row of a series batch: its chunks in the asked range, one sample per timestamp.
// Units: Unix milliseconds, bounds inclusive. Invariants: where chunks overlap, the first in descriptor order wins.

import { decodeChunk, SampleBuffer } from '../chunk/index.ts'
import type { ChunkTable, SeriesBatch } from './series-batch.ts'

/**
 * Replaces what `into` holds by the samples of row `row` within [minTimeMs, maxTimeMs]: timestamps strictly increase.
 * Only chunks that overlap the range are decoded. Throws CorruptionError.
 */
export function decodeRow(
  batch: SeriesBatch,
  row: number,
  minTimeMs: number,
  maxTimeMs: number,
  into: SampleBuffer,
): void {
  into.clear()
  const { chunks } = batch
  const end = batch.chunkStarts[row + 1]!
  let disjoint = true
  let lastMaxMs = -Infinity
  let lastChunk = -1
  for (let chunk = batch.chunkStarts[row]!; chunk < end; chunk++) {
    if (chunks.maxTimesMs[chunk]! < minTimeMs || chunks.minTimesMs[chunk]! > maxTimeMs) continue
    // Replicas and a head that meets its block hand over the very same chunk twice.
    if (lastChunk >= 0 && sameChunk(chunks, lastChunk, chunk)) continue
    if (chunks.minTimesMs[chunk]! <= lastMaxMs) disjoint = false
    lastMaxMs = Math.max(lastMaxMs, chunks.maxTimesMs[chunk]!)
    lastChunk = chunk
    const offset = chunks.offsets[chunk]!
    decodeChunk(chunks.encodings[chunk]!, chunks.bytes, offset, chunks.sizes[chunk]!, into)
  }
  if (!disjoint) mergeByTime(into)
  clip(into, minTimeMs, maxTimeMs)
}

function sameChunk(chunks: ChunkTable, a: number, b: number): boolean {
  if (
    chunks.minTimesMs[a] !== chunks.minTimesMs[b] ||
    chunks.maxTimesMs[a] !== chunks.maxTimesMs[b] ||
    chunks.sizes[a] !== chunks.sizes[b] ||
    chunks.encodings[a] !== chunks.encodings[b]
  )
    return false
  const { bytes } = chunks
  const offsetA = chunks.offsets[a]!
  const offsetB = chunks.offsets[b]!
  for (let i = 0; i < chunks.sizes[a]!; i++)
    if (bytes[offsetA + i] !== bytes[offsetB + i]) return false
  return true
}

// Entries stand chunk after chunk, so among equal timestamps the lowest index is the first descriptor's.
function mergeByTime(samples: SampleBuffer): void {
  const { count, timestampsMs } = samples
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  order.sort((a, b) => timestampsMs[a]! - timestampsMs[b]! || a - b)
  const merged = new SampleBuffer(count)
  if (samples.hasStartTimestamps) merged.beginStartTimestamps()
  let previous = -1
  for (const index of order) {
    if (previous >= 0 && timestampsMs[index] === timestampsMs[previous]) continue
    merged.copyFrom(samples, index, index === previous + 1)
    previous = index
  }
  samples.clear()
  samples.take(merged)
}

function clip(samples: SampleBuffer, minTimeMs: number, maxTimeMs: number): void {
  const { timestampsMs } = samples
  let from = 0
  while (from < samples.count && timestampsMs[from]! < minTimeMs) from++
  while (samples.count > from && timestampsMs[samples.count - 1]! > maxTimeMs) samples.count--
  if (from > 0) samples.dropFirst(from)
}

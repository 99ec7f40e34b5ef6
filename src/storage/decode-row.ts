// Decoding one row of a series batch: its chunks in the asked range, one sample per timestamp.
// Units: Unix milliseconds, bounds inclusive. Invariants: where chunks overlap, the first in descriptor order wins.

import { chunkEncoding, decodeChunk, SampleBuffer } from '../chunk/index.ts'
import type { XorDecoder } from '../kernel/index.ts'
import { chunkSampleCount, xorDecoderTwin } from '../kernel/index.ts'
import type { ChunkTable, SeriesBatch } from './series-batch.ts'

/**
 * Replaces what `into` holds by the samples of row `row` within [minTimeMs, maxTimeMs]: timestamps strictly increase.
 * Only chunks that overlap the range are decoded, float chunks by `decoder`. Throws CorruptionError.
 */
export function decodeRow(
  batch: SeriesBatch,
  row: number,
  minTimeMs: number,
  maxTimeMs: number,
  into: SampleBuffer,
  decoder: XorDecoder = xorDecoderTwin,
): void {
  into.clear()
  const { chunks } = batch
  const end = batch.chunkStarts[row + 1]!
  let disjoint = true
  let lastMaxMs = -Infinity
  // Chunks that wait to be decoded stand at [from, to), so that neighbours cross into the kernel together.
  let from = batch.chunkStarts[row]!
  let to = from
  for (let chunk = from; chunk < end; chunk++) {
    if (chunks.maxTimesMs[chunk]! < minTimeMs || chunks.minTimesMs[chunk]! > maxTimeMs) continue
    // Replicas and a head that meets its block hand over the very same chunk twice.
    if (to > from && sameChunk(chunks, to - 1, chunk)) continue
    if (chunks.minTimesMs[chunk]! <= lastMaxMs) disjoint = false
    lastMaxMs = Math.max(lastMaxMs, chunks.maxTimesMs[chunk]!)
    if (chunk > to) {
      decodeRange(chunks, from, to, into, decoder)
      from = chunk
    }
    to = chunk + 1
  }
  decodeRange(chunks, from, to, into, decoder)
  if (!disjoint) mergeByTime(into)
  clip(into, minTimeMs, maxTimeMs)
}

function decodeRange(
  chunks: ChunkTable,
  start: number,
  end: number,
  into: SampleBuffer,
  decoder: XorDecoder,
): void {
  const { bytes, encodings, offsets, sizes } = chunks
  let from = start
  while (from < end) {
    if (encodings[from] !== chunkEncoding.xor) {
      decodeChunk(encodings[from]!, bytes, offsets[from]!, sizes[from]!, into)
      from++
      continue
    }
    let to = from
    let sampleCount = 0
    for (; to < end && encodings[to] === chunkEncoding.xor; to++)
      sampleCount += chunkSampleCount(bytes, offsets[to]!, sizes[to]!)
    into.reserve(sampleCount)
    const { timestampsMs, words, count } = into
    const target = { timestampsMs, words, at: count }
    into.count += decoder.decodeXor({ bytes, offsets, sizes, from, to }, target)
    if (into.hasStartTimestamps) into.startTimestampsMs.fill(0, count, into.count)
    from = to
  }
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

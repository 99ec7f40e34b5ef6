// Rechunk: decodes chunks of one series, keeps what is wanted, and encodes it again. For overlapping chunks (vertical
// merge), chunks that a block's bounds cut, and chunks with deleted samples.
// Units: Unix milliseconds, intervals inclusive at both ends.
// Invariants: one sample per timestamp, the first chunk's where several have one; integer histograms stay integers.

import { chunkEncoding, decodeChunk, SampleBuffer, XorEncoder } from '../../chunk/index.ts'
import type { TimeRange } from '../../model/index.ts'

/** One compressed chunk within a buffer: data without the encoding byte. */
export interface ChunkSlice {
  readonly encoding: number
  readonly bytes: Uint8Array
  readonly offset: number
  readonly sizeBytes: number
}

/** A chunk made here. */
export interface EncodedChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly bytes: Uint8Array
}

/** Float samples per chunk, as Prometheus cuts them. */
const samplesPerChunk = 120

/**
 * The samples of `slices` within `range` and outside all of `deleted`, in chunks of 120 float samples. Slices are in
 * order of precedence. Empty when nothing is left.
 */
export function rechunk(
  slices: readonly ChunkSlice[],
  range: TimeRange,
  deleted: readonly TimeRange[] = [],
): EncodedChunk[] {
  const samples = new SampleBuffer()
  for (const { encoding, bytes, offset, sizeBytes } of slices)
    decodeChunk(encoding, bytes, offset, sizeBytes, samples)
  return encodeFloats(samples.timestampsMs, samples.words, orderOf(samples, range, deleted))
}

// Indexes of the kept samples in time order; entries stand slice after slice, so the lowest index takes precedence.
function orderOf(
  samples: SampleBuffer,
  range: TimeRange,
  deleted: readonly TimeRange[],
): Uint32Array {
  const { count, timestampsMs } = samples
  const order = new Uint32Array(count)
  let kept = 0
  for (let i = 0; i < count; i++) {
    const timestampMs = timestampsMs[i]!
    if (timestampMs < range.minTimeMs || timestampMs > range.maxTimeMs) continue
    if (deleted.some((gap) => gap.minTimeMs <= timestampMs && timestampMs <= gap.maxTimeMs))
      continue
    order[kept++] = i
  }
  const wanted = order.subarray(0, kept)
  wanted.sort((a, b) => timestampsMs[a]! - timestampsMs[b]! || a - b)
  let unique = 0
  for (let i = 0; i < kept; i++) {
    if (i > 0 && timestampsMs[wanted[i]!] === timestampsMs[wanted[unique - 1]!]) continue
    wanted[unique++] = wanted[i]!
  }
  return wanted.subarray(0, unique)
}

/** Float samples as XOR chunks of 120; `words` are the bits of the values. */
export function encodeSamples(
  timestampsMs: Float64Array,
  words: Uint32Array,
  count: number,
): EncodedChunk[] {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  return encodeFloats(timestampsMs, words, order)
}

function encodeFloats(
  timestampsMs: Float64Array,
  words: Uint32Array,
  order: Uint32Array,
): EncodedChunk[] {
  const out: EncodedChunk[] = []
  for (let from = 0; from < order.length; from += samplesPerChunk) {
    const to = Math.min(from + samplesPerChunk, order.length)
    const encoder = new XorEncoder()
    for (let i = from; i < to; i++) {
      const index = order[i]!
      encoder.append(timestampsMs[index]!, words[2 * index]!, words[2 * index + 1]!)
    }
    out.push({
      encoding: chunkEncoding.xor,
      minTimeMs: timestampsMs[order[from]!]!,
      maxTimeMs: timestampsMs[order[to - 1]!]!,
      bytes: encoder.finish(),
    })
  }
  return out
}

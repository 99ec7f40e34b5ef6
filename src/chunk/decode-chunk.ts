// Decoding a chunk of any encoding to columns.

import { chunkSampleCount, decodeXorColumns } from '../kernel/index.ts'
import { CorruptionError } from '../model/index.ts'
import { chunkEncoding, isHistogramEncoding } from './chunk-encoding.ts'
import { readHistogramSamples } from './histogram-chunk.ts'
import { toFloatHistogram } from './histogram-sample.ts'
import type { SampleBuffer } from './sample-buffer.ts'
import { decodeXor2 } from './xor2-chunk.ts'

/**
 * Appends all samples of the chunk `bytes[offset, offset + sizeBytes)` (data without the encoding byte) to `into`,
 * bit for bit. Throws CorruptionError, and then `into` holds what it held before.
 */
export function decodeChunk(
  encoding: number,
  bytes: Uint8Array,
  offset: number,
  sizeBytes: number,
  into: SampleBuffer,
): void {
  const { count, hasStartTimestamps } = into
  try {
    decode(encoding, bytes, offset, sizeBytes, into)
  } catch (error) {
    into.count = count
    into.hasStartTimestamps = hasStartTimestamps
    if (into.histograms !== undefined)
      into.histograms.length = Math.min(count, into.histograms.length)
    throw error
  }
}

function decode(
  encoding: number,
  bytes: Uint8Array,
  offset: number,
  sizeBytes: number,
  into: SampleBuffer,
): void {
  if (encoding === chunkEncoding.xor) {
    into.reserve(chunkSampleCount(bytes, offset, sizeBytes))
    const { timestampsMs, words, count } = into
    into.count += decodeXorColumns(bytes, offset, sizeBytes, timestampsMs, words, count)
    if (into.hasStartTimestamps) into.startTimestampsMs.fill(0, count, into.count)
  } else if (encoding === chunkEncoding.xor2) decodeXor2(bytes, offset, sizeBytes, into)
  else if (isHistogramEncoding(encoding)) {
    readHistogramSamples(encoding, bytes, offset, sizeBytes, (timestampMs, startMs, sample) => {
      into.appendHistogram(timestampMs, startMs, toFloatHistogram(sample))
    })
  } else
    throw new CorruptionError({
      file: 'chunk',
      offset,
      expected: 'an encoding from 1 to 6',
      found: String(encoding),
    })
}

// Decoding a chunk of any encoding to columns.

import { chunkSampleCount, decodeXorColumns } from '../kernel/index.ts'
import { CorruptionError } from '../model/index.ts'
import { chunkEncoding } from './chunk-encoding.ts'
import type { SampleBuffer } from './sample-buffer.ts'

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
  if (encoding === chunkEncoding.xor) {
    into.reserve(chunkSampleCount(bytes, offset, sizeBytes))
    const { timestampsMs, words, count } = into
    into.count += decodeXorColumns(bytes, offset, sizeBytes, timestampsMs, words, count)
    if (into.hasStartTimestamps) into.startTimestampsMs.fill(0, count, into.count)
    return
  }
  throw new CorruptionError({
    file: 'chunk',
    offset,
    expected: 'an encoding from 1 to 6',
    found: String(encoding),
  })
}

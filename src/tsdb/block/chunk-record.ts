// What can be read of a chunk without decoding it.

import { chunkEncoding } from '../../chunk/index.ts'

/** The sample count in the header of a chunk whose data starts at `offset`. */
export function chunkSampleCountOf(encoding: number, bytes: Uint8Array, offset: number): number {
  const count = (bytes[offset]! << 8) | bytes[offset + 1]!
  // Histograms with start timestamps keep the counter reset bits above the count.
  const narrow =
    encoding === chunkEncoding.histogramSt || encoding === chunkEncoding.floatHistogramSt
  return narrow ? count & 0x3fff : count
}

// Chunk record: a chunk as it stands in a segment file: length, encoding, data, checksum; what can be read of it without
// decoding it. Units: offsets and sizes in bytes; a ref is segment index × 2^32 + offset.

import { chunkEncoding } from '../../chunk/index.ts'
import { crc32c } from '../../kernel/index.ts'
import { type ByteReader, readU32 } from './byte-reader.ts'

/** A chunk as it was found: data without the encoding byte, valid until the visitor returns. */
export type ChunkVisitor = (
  index: number,
  encoding: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void

/** Where chunks come from. Visits those of `refs` in any order; `index` is the position in `refs`. */
export interface ChunkSource {
  read(refs: Float64Array, visit: ChunkVisitor): void | Promise<void>
}

/** The position of a chunk's segment among the segments of its block. */
export function segmentOf(ref: number): number {
  return Math.floor(ref / 0x1_0000_0000)
}

/** Where the record at the reader's offset ends; may lie beyond what is loaded. Throws CorruptionError. */
export function recordEnd(reader: ByteReader): number {
  const size = reader.uvarint()
  return reader.offset + 1 + size + 4
}

/** Checks the record at the reader's offset, which ends at `end`, and hands it over. Throws CorruptionError. */
export function visitRecord(
  reader: ByteReader,
  end: number,
  index: number,
  visit: ChunkVisitor,
): void {
  const size = reader.uvarint()
  reader.need(1 + size + 4)
  const { bytes, offset } = reader
  const expected = readU32(bytes, end - 4)
  const found = crc32c(bytes, offset, end - 4)
  if (expected !== found) {
    throw reader.corrupt(
      `a chunk with checksum 0x${expected.toString(16)}`,
      `checksum 0x${found.toString(16)}`,
    )
  }
  // Every encoding starts with the sample count.
  if (size < 2) throw reader.corrupt('a chunk of at least two bytes', `${size} bytes`)
  visit(index, bytes[offset]!, bytes, offset + 1, end - 4)
}

/** The sample count in the header of a chunk whose data starts at `offset`. */
export function chunkSampleCountOf(encoding: number, bytes: Uint8Array, offset: number): number {
  const count = (bytes[offset]! << 8) | bytes[offset + 1]!
  // Histograms with start timestamps keep the counter reset bits above the count.
  const narrow =
    encoding === chunkEncoding.histogramSt || encoding === chunkEncoding.floatHistogramSt
  return narrow ? count & 0x3fff : count
}

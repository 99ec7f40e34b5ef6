// Series batch: what every source of series hands over: labels as pair ids, chunks as compressed bytes.
// Invariants: the pair ids of a row are sorted by label name (UTF-8 bytes); the chunks of a row are sorted by
// minTimeMs and may overlap; every buffer belongs to the batch, so a batch can be transferred between threads.
// A row's hash is the sum of its pairs' hashes, word by word modulo 2^32 (kernel/pair-hash.ts): equal label sets
// have equal hashes in every source of one process, and taking a label away is a subtraction.

/** The distinct label pairs of a batch: no strings, only UTF-8 bytes. */
export interface PairDictionary {
  readonly pairCount: number
  /** Names and values, back to back: pair p is string 2p (name) and string 2p + 1 (value). */
  readonly bytes: Uint8Array
  /** [2 × pairCount + 1] offsets into `bytes`. */
  readonly offsets: Uint32Array
  /** [4 × pairCount] the 128-bit hash of each pair. */
  readonly hashes: Uint32Array
}

/** The chunks of all rows, as columns. */
export interface ChunkTable {
  readonly chunkCount: number
  /** Encoding byte, as in a block's segment files (1 XOR, 2 histogram, 3 float histogram, 4 XOR2, …). */
  readonly encodings: Uint8Array
  /** Inclusive times of the first and last sample. */
  readonly minTimesMs: Float64Array
  readonly maxTimesMs: Float64Array
  /** Chunk data in `bytes`, without the encoding byte: it starts with the u16 sample count. */
  readonly offsets: Uint32Array
  readonly sizes: Uint32Array
  readonly bytes: Uint8Array
}

/** Some series with their chunks. */
export interface SeriesBatch {
  readonly rowCount: number
  /** [4 × rowCount] the 128-bit hash of each row's full labels. */
  readonly hashes: Uint32Array
  /** [rowCount + 1] where each row's pairs start in `pairIds`. */
  readonly pairStarts: Uint32Array
  readonly pairIds: Uint32Array
  readonly pairs: PairDictionary
  /** [rowCount + 1] where each row's chunks start in `chunks`. */
  readonly chunkStarts: Uint32Array
  readonly chunks: ChunkTable
}

/** Bytes of a batch's buffers. */
export function batchSizeBytes(batch: SeriesBatch): number {
  let sizeBytes = 0
  for (const { byteLength } of viewsOf(batch)) sizeBytes += byteLength
  return sizeBytes
}

const decoder = new TextDecoder()

/** Name of a pair, as a string. For encoders and tests. */
export function pairName(pairs: PairDictionary, pairId: number): string {
  return decoder.decode(
    pairs.bytes.subarray(pairs.offsets[2 * pairId]!, pairs.offsets[2 * pairId + 1]!),
  )
}

/** Value of a pair, as a string. For encoders and tests. */
export function pairValue(pairs: PairDictionary, pairId: number): string {
  return decoder.decode(
    pairs.bytes.subarray(pairs.offsets[2 * pairId + 1]!, pairs.offsets[2 * pairId + 2]!),
  )
}

/** The buffers to transfer with `postMessage`; the batch is unusable here afterwards. */
export function transferablesOf(batch: SeriesBatch): ArrayBuffer[] {
  return [...new Set(viewsOf(batch).map((view) => view.buffer as ArrayBuffer))]
}

function viewsOf(batch: SeriesBatch): readonly ArrayBufferView[] {
  return [
    batch.hashes,
    batch.pairStarts,
    batch.pairIds,
    batch.pairs.bytes,
    batch.pairs.offsets,
    batch.pairs.hashes,
    batch.chunkStarts,
    batch.chunks.encodings,
    batch.chunks.minTimesMs,
    batch.chunks.maxTimesMs,
    batch.chunks.offsets,
    batch.chunks.sizes,
    batch.chunks.bytes,
  ]
}

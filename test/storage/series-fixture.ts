// Batches and sources from plain series, and back, for tests of the storage seam.

import { SampleBuffer, XorEncoder } from '../../src/chunk/index.ts'
import { hashPair } from '../../src/kernel/index.ts'
import type { Labels } from '../../src/model/index.ts'
import { compareLabels, formatLabels, labelsOf } from '../../src/model/index.ts'
import type {
  LabelAnswer,
  LabelRequest,
  Queryable,
  SelectRequest,
  SeriesBatch,
  SeriesCursor,
} from '../../src/storage/index.ts'
import { decodeRow, pairName, pairValue } from '../../src/storage/index.ts'

/** Timestamp and value. */
export type Point = readonly [timestampMs: number, value: number]

/** A series with the points of each chunk. */
export interface PlainSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly chunks: readonly (readonly Point[])[]
}

const seed = Uint32Array.of(1, 2, 3, 4)

/** Encodes points to one XOR chunk. */
export function xorChunk(points: readonly Point[]): Uint8Array {
  const encoder = new XorEncoder()
  for (const [timestampMs, value] of points) {
    const words = new Uint32Array(new Float64Array([value]).buffer)
    encoder.append(timestampMs, words[0]!, words[1]!)
  }
  return encoder.finish()
}

/** A batch of the series, in their order. */
export function batchOf(series: readonly PlainSeries[]): SeriesBatch {
  const strings: string[] = []
  const pairIds: number[] = []
  const pairStarts = [0]
  const hashes = new Uint32Array(4 * series.length)
  const pairHashes: number[] = []
  const out = new Uint32Array(4)
  series.forEach(({ labels }, row) => {
    for (const { name, value } of labelsOf(labels)) {
      pairIds.push(strings.length / 2)
      strings.push(name, value)
      const nameBytes = Buffer.from(name)
      const bytes = new Uint8Array(Buffer.concat([nameBytes, Buffer.from(value)]))
      hashPair(seed, bytes, 0, nameBytes.length, bytes.length, out, 0)
      pairHashes.push(...out)
      for (let i = 0; i < 4; i++) hashes[4 * row + i]! += out[i]!
    }
    pairStarts.push(pairIds.length)
  })
  const bytes = Buffer.from(strings.join(''))
  const offsets = [0]
  for (const text of strings) offsets.push(offsets.at(-1)! + Buffer.byteLength(text))
  const points = series.flatMap(({ chunks }) => chunks)
  const encoded = points.map(xorChunk)
  const chunkStarts = [0]
  for (const { chunks } of series) chunkStarts.push(chunkStarts.at(-1)! + chunks.length)
  const chunkOffsets = encoded.map((_, i) => encoded.slice(0, i).reduce((n, c) => n + c.length, 0))
  return {
    rowCount: series.length,
    hashes,
    pairStarts: Uint32Array.from(pairStarts),
    pairIds: Uint32Array.from(pairIds),
    pairs: {
      pairCount: strings.length / 2,
      bytes: new Uint8Array(bytes),
      offsets: Uint32Array.from(offsets),
      hashes: Uint32Array.from(pairHashes),
    },
    chunkStarts: Uint32Array.from(chunkStarts),
    chunks: {
      chunkCount: encoded.length,
      encodings: new Uint8Array(encoded.length).fill(1),
      minTimesMs: Float64Array.from(points, (chunk) => chunk[0]![0]),
      maxTimesMs: Float64Array.from(points, (chunk) => chunk.at(-1)![0]),
      offsets: Uint32Array.from(chunkOffsets),
      sizes: Uint32Array.from(encoded, (chunk) => chunk.length),
      bytes: new Uint8Array(Buffer.concat(encoded)),
    },
  }
}

/** The labels of a row. */
export function rowLabels(batch: SeriesBatch, row: number): Labels {
  return [...batch.pairIds.subarray(batch.pairStarts[row]!, batch.pairStarts[row + 1]!)].map(
    (pairId) => ({ name: pairName(batch.pairs, pairId), value: pairValue(batch.pairs, pairId) }),
  )
}

/** A cursor over given batches; `closed` tells whether it was closed. */
export class ArrayCursor implements SeriesCursor {
  closed = false
  readonly warnings: readonly string[]
  readonly #batches: SeriesBatch[]

  constructor(batches: readonly SeriesBatch[], warnings: readonly string[] = []) {
    this.#batches = [...batches]
    this.warnings = warnings
  }

  next(): Promise<SeriesBatch | undefined> {
    return Promise.resolve(this.#batches.shift())
  }

  close(): void {
    this.closed = true
  }
}

/** A source of fixed series that ignores matchers; sorted selects come sorted. */
export function queryableOf(series: readonly PlainSeries[], warnings: string[] = []): Queryable {
  const listing = (values: readonly string[], request: LabelRequest): Promise<LabelAnswer> => {
    const sorted = [...new Set(values)].sort()
    return Promise.resolve({ values: sorted.slice(0, request.limit ?? sorted.length), warnings })
  }
  return {
    select: (request: SelectRequest) => {
      const rows = request.sorted
        ? [...series].sort((a, b) => compareLabels(labelsOf(a.labels), labelsOf(b.labels)))
        : series
      return new ArrayCursor([batchOf(rows)], warnings)
    },
    labelNames: (request) =>
      listing(
        series.flatMap(({ labels }) => Object.keys(labels)),
        request,
      ),
    labelValues: (name, request) =>
      listing(
        series.flatMap(({ labels }) => labels[name] ?? []),
        request,
      ),
  }
}

/** Everything a cursor yields: labels as printed, and points, in the order of the rows. */
export async function drain(cursor: SeriesCursor): Promise<[string, Point[]][]> {
  const out: [string, Point[]][] = []
  const buffer = new SampleBuffer()
  for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next())
    for (let row = 0; row < batch.rowCount; row++) {
      decodeRow(batch, row, -Infinity, Infinity, buffer)
      const points = Array.from(
        { length: buffer.count },
        (_, i): Point => [buffer.timestampsMs[i]!, buffer.values[i]!],
      )
      out.push([formatLabels(rowLabels(batch, row)), points])
    }
  return out
}

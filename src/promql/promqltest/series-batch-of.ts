// Builds a series batch from labels as strings and encoded chunks.

import type { HashSeed } from '../../kernel/index.ts'
import { hashPair } from '../../kernel/index.ts'
import type { Labels } from '../../model/index.ts'
import type { ChunkTable, PairDictionary, SeriesBatch } from '../../storage/index.ts'

/** A chunk: `bytes` is its data without the encoding byte, times are those of its first and last sample. */
export interface EncodedChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly bytes: Uint8Array
}

/** A series, ready to be handed out. */
export interface EncodedSeries {
  readonly labels: Labels
  readonly chunks: readonly EncodedChunk[]
}

/** One batch with all series, in their order. */
export function seriesBatchOf(series: readonly EncodedSeries[], hashSeed: HashSeed): SeriesBatch {
  const idByPair = new Map<string, number>()
  const texts: string[] = []
  const pairStarts = new Uint32Array(series.length + 1)
  const pairIds: number[] = []
  for (const [row, { labels }] of series.entries()) {
    for (const { name, value } of labels) {
      const key = JSON.stringify([name, value])
      let id = idByPair.get(key)
      if (id === undefined) {
        id = idByPair.size
        idByPair.set(key, id)
        texts.push(name, value)
      }
      pairIds.push(id)
    }
    pairStarts[row + 1] = pairIds.length
  }
  const pairs = dictionaryOf(texts, hashSeed)
  const hashes = new Uint32Array(4 * series.length)
  for (let row = 0; row < series.length; row++) {
    for (let i = pairStarts[row]!; i < pairStarts[row + 1]!; i++) {
      for (let word = 0; word < 4; word++) {
        hashes[4 * row + word]! += pairs.hashes[4 * pairIds[i]! + word]!
      }
    }
  }
  const chunkStarts = new Uint32Array(series.length + 1)
  for (const [row, { chunks }] of series.entries()) {
    chunkStarts[row + 1] = chunkStarts[row]! + chunks.length
  }
  return {
    rowCount: series.length,
    hashes,
    pairStarts,
    pairIds: Uint32Array.from(pairIds),
    pairs,
    chunkStarts,
    chunks: chunkTableOf(series.flatMap(({ chunks }) => chunks)),
  }
}

// `texts` alternates names and values.
function dictionaryOf(texts: readonly string[], hashSeed: HashSeed): PairDictionary {
  const bytes = Buffer.from(texts.join(''))
  const offsets = new Uint32Array(texts.length + 1)
  for (const [i, text] of texts.entries()) {
    offsets[i + 1] = offsets[i]! + Buffer.byteLength(text)
  }
  const pairCount = texts.length / 2
  const hashes = new Uint32Array(4 * pairCount)
  for (let pair = 0; pair < pairCount; pair++) {
    const [nameStart, valueStart, end] = offsets.subarray(2 * pair, 2 * pair + 3)
    hashPair(hashSeed, bytes, nameStart!, valueStart!, end!, hashes, 4 * pair)
  }
  return { pairCount, bytes, offsets, hashes }
}

function chunkTableOf(chunks: readonly EncodedChunk[]): ChunkTable {
  const offsets = new Uint32Array(chunks.length)
  let sizeBytes = 0
  for (const [i, chunk] of chunks.entries()) {
    offsets[i] = sizeBytes
    sizeBytes += chunk.bytes.length
  }
  const bytes = new Uint8Array(sizeBytes)
  for (const [i, chunk] of chunks.entries()) bytes.set(chunk.bytes, offsets[i])
  return {
    chunkCount: chunks.length,
    encodings: Uint8Array.from(chunks, (chunk) => chunk.encoding),
    minTimesMs: Float64Array.from(chunks, (chunk) => chunk.minTimeMs),
    maxTimesMs: Float64Array.from(chunks, (chunk) => chunk.maxTimeMs),
    offsets,
    sizes: Uint32Array.from(chunks, (chunk) => chunk.bytes.length),
    bytes,
  }
}

// Decoding rows of two chunks (an hour at 15 s), through the twin and through the kernel; merging sources by hash.
// Run: node bench/storage/decode-row.bench.ts

import { SampleBuffer, XorEncoder } from '../../src/chunk/index.ts'
import { CodecKernel, hashPair, xorDecoderTwin } from '../../src/kernel/index.ts'
import type { SeriesBatch, SeriesCursor } from '../../src/storage/index.ts'
import { decodeRow, mergeCursors, RowCollector } from '../../src/storage/index.ts'
import { cpuMs, measure } from '../measure.ts'

const rowCount = 500
const samplesPerChunk = 120
const seed = Uint32Array.of(1, 2, 3, 4)

function chunkFrom(start: number) {
  const words = new Uint32Array(2)
  const value = new Float64Array(words.buffer)
  const encoder = new XorEncoder()
  const timeMs = (i: number): number => 1_700_000_000_000 + i * 15_000 + ((i * 7919) % 11)
  for (let i = start; i < start + samplesPerChunk; i++) {
    value[0] = 1000 + i * 3 + (i % 5)
    encoder.append(timeMs(i), words[0]!, words[1]!)
  }
  const maxTimeMs = timeMs(start + samplesPerChunk - 1)
  return { encoding: 1, minTimeMs: timeMs(start), maxTimeMs, bytes: encoder.finish() }
}

// One pair a row, so that all hashes differ.
function batch(): SeriesBatch {
  const names = Array.from({ length: rowCount }, (_, i) => `pod${String(i).padStart(6, '0')}`)
  const bytes = new Uint8Array(Buffer.from(names.join('')))
  const hashes = new Uint32Array(4 * rowCount)
  for (let i = 0; i < rowCount; i++)
    hashPair(seed, bytes, 9 * i, 9 * i + 3, 9 * i + 9, hashes, 4 * i)
  const offsets = Uint32Array.from(
    { length: 2 * rowCount + 1 },
    (_, i) => 9 * (i >> 1) + 3 * (i & 1),
  )
  const pairs = { pairCount: rowCount, bytes, offsets, hashes }
  const starts = Uint32Array.from({ length: rowCount + 1 }, (_, i) => i)
  const source = { hashes, pairs, pairIds: starts, pairStarts: starts } as unknown as SeriesBatch
  const builder = new RowCollector()
  for (let row = 0; row < rowCount; row++) {
    builder.startRow(hashes, 4 * row, source, row)
    builder.addChunk(chunkFrom(0))
    builder.addChunk(chunkFrom(samplesPerChunk))
  }
  return builder.build()
}

const series = batch()
const buffer = new SampleBuffer()

function decodeAll(decoder = xorDecoderTwin): number {
  let samples = 0
  for (let row = 0; row < rowCount; row++) {
    decodeRow(series, row, 0, Infinity, buffer, decoder)
    samples += buffer.count
  }
  return samples
}

const kernel = CodecKernel.create()
measure([
  { name: 'decode row, twin', unit: 'ns/sample', budget: 150, run: () => decodeAll() },
  { name: 'decode row, kernel', unit: 'ns/sample', budget: 40, run: () => decodeAll(kernel) },
])

function cursorOf(one: SeriesBatch): SeriesCursor {
  let left = 1
  const next = () => Promise.resolve(left-- > 0 ? one : undefined)
  return { next, close: () => {}, warnings: [] }
}

for (const sorted of [false, true]) {
  const rounds: number[] = []
  for (let round = 0; round < 30; round++) {
    const start = cpuMs()
    const merged = mergeCursors([cursorOf(series), cursorOf(series)], { sorted })
    while ((await merged.next()) !== undefined);
    rounds.push(((cpuMs() - start) * 1e6) / (2 * rowCount))
  }
  const median = rounds.sort((a, b) => a - b)[15]!
  const budget = 8000
  console.log(`merge, sorted ${sorted}: ${median.toFixed(0)} ns/row (budget ${budget})`)
  if (median > budget) process.exitCode = 1
}

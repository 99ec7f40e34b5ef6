// Series as plain data, as cursors of the storage seam and back, for the tests of blocks.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RE2JS } from 're2js'
import { afterAll } from 'vitest'
import { chunkEncoding, SampleBuffer, XorEncoder } from '../../../src/chunk/index.ts'
import {
  compareLabels,
  formatLabels,
  labelsOf,
  type Matcher,
  wordsOf,
} from '../../../src/model/index.ts'
import {
  type CompiledMatcher,
  decodeRow,
  neverCancelled,
  pairName,
  pairValue,
  type SelectRequest,
  type SeriesBatch,
  type SeriesCursor,
} from '../../../src/storage/index.ts'
import { BatchBuilder } from '../../../src/tsdb/block/batch-builder.ts'
import {
  type Block,
  type BlockOptions,
  openBlock,
  type WriteBlockRequest,
  writeBlock,
} from '../../../src/tsdb/index.ts'

export type Sample = readonly [timestampMs: number, value: number]

/** One series with its samples chunk by chunk. */
export interface ModelSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly chunks: readonly (readonly Sample[])[]
}

export const seed = Uint32Array.of(1, 2, 3, 4)

/** A matcher over RE2 syntax, without any shortcut but the exact value. */
export function compileMatcher(matcher: Matcher): CompiledMatcher {
  const { type, value } = matcher
  const pattern = type === '=~' || type === '!~' ? RE2JS.compile(value, RE2JS.DOTALL) : undefined
  const matches = (candidate: string): boolean => {
    if (type === '=') return candidate === value
    if (type === '!=') return candidate !== value
    return pattern!.matches(candidate) === (type === '=~')
  }
  const setValues =
    type === '=' ? [value] : type === '=~' && /^[a-z|]+$/.test(value) ? value.split('|') : undefined
  return { matcher, matches, matchesEmpty: matches(''), ...(setValues ? { setValues } : {}) }
}

export const blockOptions: BlockOptions = { seed, compileMatcher }

const temporaryDirectories: string[] = []

/** A directory that goes when the tests of the file are done. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'block-test-'))
  temporaryDirectories.push(directory)
  return directory
}

afterAll(() => {
  for (const directory of temporaryDirectories) rmSync(directory, { recursive: true, force: true })
})

export function encodeXor(samples: readonly Sample[]): Uint8Array {
  const encoder = new XorEncoder()
  const column = new Float64Array(1)
  const words = wordsOf(column)
  for (const [timestampMs, value] of samples) {
    column[0] = value
    encoder.append(timestampMs, words[0]!, words[1]!)
  }
  return encoder.finish()
}

/** A chunk of any encoding as a test made it. */
export interface ModelChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly bytes: Uint8Array
}

/** One series with its chunks encoded. */
export interface EncodedSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly chunks: readonly ModelChunk[]
}

/** A cursor over the series in order of their labels, `rowsPerBatch` at a time. */
export function cursorOf(series: readonly ModelSeries[], rowsPerBatch = 3): SeriesCursor {
  const encoded = series.map(({ labels, chunks }): EncodedSeries => {
    return {
      labels,
      chunks: chunks.map((samples) => {
        const [minTimeMs, maxTimeMs] = [samples[0]![0], samples.at(-1)![0]]
        return { encoding: chunkEncoding.xor, minTimeMs, maxTimeMs, bytes: encodeXor(samples) }
      }),
    }
  })
  return cursorOfEncoded(encoded, rowsPerBatch)
}

/** The same for series whose chunks are encoded already. */
export function cursorOfEncoded(series: readonly EncodedSeries[], rowsPerBatch = 3): SeriesCursor {
  const sorted = [...series].sort((a, b) => compareLabels(labelsOf(a.labels), labelsOf(b.labels)))
  let at = 0
  return {
    warnings: [],
    close() {},
    async next() {
      if (at >= sorted.length) return undefined
      const rows = sorted.slice(at, at + rowsPerBatch)
      at += rowsPerBatch
      return batchOf(rows)
    },
  }
}

function batchOf(rows: readonly EncodedSeries[]): SeriesBatch {
  const builder = new BatchBuilder(seed)
  const ids = new Map<string, number>()
  for (const row of rows) {
    builder.beginRow()
    for (const { name, value } of labelsOf(row.labels)) {
      const key = JSON.stringify([name, value])
      const bytes = Buffer.from(name + value)
      const nameEnd = Buffer.byteLength(name)
      const id = ids.get(key) ?? builder.makePair(bytes, 0, nameEnd, nameEnd, bytes.length)
      ids.set(key, id)
      builder.addPair(id)
    }
  }
  for (const { chunks } of rows) {
    for (const { encoding, minTimeMs, maxTimeMs, bytes } of chunks)
      builder.addChunk(encoding, minTimeMs, maxTimeMs, bytes, 0, bytes.length)
    builder.endChunks()
  }
  return builder.finish()
}

/** Samples by series as the cursor gives them, in its order. */
export async function readCursor(
  cursor: SeriesCursor,
  minTimeMs = -Infinity,
  maxTimeMs = Infinity,
): Promise<Map<string, Sample[]>> {
  const out = new Map<string, Sample[]>()
  const buffer = new SampleBuffer()
  for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
    for (let row = 0; row < batch.rowCount; row++) {
      const pairIds = batch.pairIds.subarray(batch.pairStarts[row], batch.pairStarts[row + 1])
      const labels = Array.from(pairIds, (id) => ({
        name: pairName(batch.pairs, id),
        value: pairValue(batch.pairs, id),
      }))
      decodeRow(batch, row, minTimeMs, maxTimeMs, buffer)
      const samples = Array.from({ length: buffer.count }, (_, i): Sample => {
        return [buffer.timestampsMs[i]!, buffer.values[i]!]
      })
      out.set(formatLabels(labels), samples)
    }
  }
  cursor.close()
  return out
}

export function selectAll(matchers: readonly Matcher[] = []): SelectRequest {
  return {
    tenants: ['t'],
    matchers,
    minTimeMs: -Infinity,
    maxTimeMs: Infinity,
    sorted: true,
    hints: {},
  }
}

export async function readBlock(
  block: Block,
  matchers: readonly Matcher[] = [],
): Promise<Map<string, Sample[]>> {
  return readCursor(block.select(selectAll(matchers), neverCancelled))
}

/** What a block made of the series must hold, by a plain map: the first chunk wins where two have a sample. */
export function expectedOf(
  series: readonly ModelSeries[],
  minTimeMs: number,
  maxTimeMs: number,
): Map<string, Sample[]> {
  const sorted = [...series].sort((a, b) => compareLabels(labelsOf(a.labels), labelsOf(b.labels)))
  const out = new Map<string, Sample[]>()
  for (const { labels, chunks } of sorted) {
    const samples = new Map<number, number>()
    for (const [timestampMs, value] of chunks.flat()) {
      const inside = timestampMs >= minTimeMs && timestampMs < maxTimeMs
      if (inside && !samples.has(timestampMs)) samples.set(timestampMs, value)
    }
    const ascending = [...samples].sort(([a], [b]) => a - b)
    if (ascending.length > 0) out.set(formatLabels(labelsOf(labels)), ascending)
  }
  return out
}

export const ulidA = '01ARYZ6S41TSV4RRFFQ69G5FAA'

/** Writes a block of the series into `directory` and opens it. */
export async function blockOf(
  series: readonly ModelSeries[],
  directory = temporaryDirectory(),
  options: Partial<WriteBlockRequest> & { readonly open?: Partial<BlockOptions> } = {},
): Promise<Block> {
  const { open, ...parts } = options
  const meta = await writeBlock({
    directory,
    ulid: ulidA,
    minTimeMs: 0,
    maxTimeMs: 7_200_000,
    level: 1,
    series: () => cursorOf(series),
    ...parts,
  })
  return openBlock(join(directory, meta!.ulid), { ...blockOptions, ...open })
}

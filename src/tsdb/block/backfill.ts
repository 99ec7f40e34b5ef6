// Back-filling: an OpenMetrics file becomes blocks, one per aligned window that has samples.
// The file is read once to check it and to count samples by window, then again for as many windows at a time as fit
// the bound on samples in memory. Units: Unix milliseconds.
// Invariants: nothing is written when any line is faulty; a series may stand in the file in any order.

import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { chunkEncoding } from '../../chunk/index.ts'
import type { HashSeed } from '../../kernel/index.ts'
import {
  compareLabels,
  formatLabels,
  formatTime,
  type Label,
  normalNanHigh,
  normalNanLow,
  UserError,
  windowMs,
  wordsOf,
} from '../../model/index.ts'
import type { SeriesBatch, SeriesCursor } from '../../storage/index.ts'
import { BatchBuilder } from './batch-builder.ts'
import type { BlockMeta } from './block-meta.ts'
import { OpenMetricsParser, type TextSample } from './openmetrics.ts'
import { encodeSamples } from './rechunk.ts'
import type { UlidFactory } from './ulid.ts'
import { writeBlock } from './write-block.ts'

/** What to back-fill and where. */
export interface BackfillRequest {
  /** The OpenMetrics file. */
  readonly path: string
  /** Where the blocks go. */
  readonly directory: string
  readonly nextUlid: UlidFactory
  /** The longest time one block may span: a multiple of two hours; two hours where absent. */
  readonly blockDurationMs?: number
  /** Samples held at a time, unless one window has more; 4 million where absent. */
  readonly samplesInMemoryMax?: number
  /** Labels that every series gets, unless the file sets them. */
  readonly labels?: readonly Label[]
}

/** Samples of one series, in the order of the file. */
interface SeriesColumns {
  readonly labels: readonly Label[]
  readonly timestampsMs: number[]
  readonly values: number[]
}

const rowsPerBatch = 256
const defaultSamplesInMemoryMax = 4_000_000

/** Writes the blocks and returns their metas, oldest first. Rejects with UserError bad_data naming the faulty line. */
export async function createBlocksFromOpenMetrics(request: BackfillRequest): Promise<BlockMeta[]> {
  const durationMs = request.blockDurationMs ?? windowMs
  if (!(durationMs >= windowMs && durationMs % windowMs === 0)) {
    throw new UserError('bad_config', {
      what: `blocks cannot span ${durationMs} ms`,
      fix: 'choose a multiple of two hours',
    })
  }
  const startOf = (timestampMs: number): number => Math.floor(timestampMs / durationMs) * durationMs
  const counts = new Map<number, number>()
  await forEachSample(request.path, ({ timestampMs }) => {
    const start = startOf(timestampMs)
    counts.set(start, (counts.get(start) ?? 0) + 1)
  })
  const metas: BlockMeta[] = []
  for (const starts of groupsOf(counts, request.samplesInMemoryMax ?? defaultSamplesInMemoryMax)) {
    const windows = await collect(request, startOf, starts)
    for (const start of starts) metas.push(await writeWindow(request, windows.get(start)!))
  }
  return metas
}

async function forEachSample(path: string, visit: (sample: TextSample) => void): Promise<void> {
  const parser = new OpenMetricsParser()
  // createInterface takes \r\n as one break, which OpenMetrics has no use for but tools on Windows write.
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  for await (const text of lines) {
    const sample = parser.line(text)
    if (sample !== undefined) visit(sample)
  }
  parser.end()
}

// Consecutive windows that fit the bound together; a window that does not fit stands alone.
function groupsOf(counts: ReadonlyMap<number, number>, countMax: number): number[][] {
  const groups: number[][] = []
  let count = Infinity
  for (const start of [...counts.keys()].sort((a, b) => a - b)) {
    count += counts.get(start)!
    if (count > countMax) {
      groups.push([])
      count = counts.get(start)!
    }
    groups.at(-1)!.push(start)
  }
  return groups
}

async function collect(
  request: BackfillRequest,
  startOf: (timestampMs: number) => number,
  starts: readonly number[],
): Promise<Map<number, Map<string, SeriesColumns>>> {
  const windows = new Map(starts.map((start) => [start, new Map<string, SeriesColumns>()]))
  await forEachSample(request.path, ({ labels, timestampMs, value }) => {
    const window = windows.get(startOf(timestampMs))
    if (window === undefined) return
    const all = withDefaults(labels, request.labels ?? [])
    const key = JSON.stringify(all)
    let columns = window.get(key)
    if (columns === undefined) {
      columns = { labels: all, timestampsMs: [], values: [] }
      window.set(key, columns)
    }
    columns.timestampsMs.push(timestampMs)
    columns.values.push(value)
  })
  return windows
}

function withDefaults(labels: readonly Label[], defaults: readonly Label[]): readonly Label[] {
  if (defaults.length === 0) return labels
  const missing = defaults.filter(({ name }) => !labels.some((label) => label.name === name))
  return [...labels, ...missing].sort((a, b) => compareLabels([a], [b]))
}

async function writeWindow(
  request: BackfillRequest,
  window: ReadonlyMap<string, SeriesColumns>,
): Promise<BlockMeta> {
  const series = [...window.values()]
  series.sort((a, b) => compareLabels(a.labels, b.labels))
  let minTimeMs = Infinity
  let maxTimeMs = -Infinity
  for (const { timestampsMs } of series) {
    for (const timestampMs of timestampsMs) {
      minTimeMs = Math.min(minTimeMs, timestampMs)
      maxTimeMs = Math.max(maxTimeMs, timestampMs)
    }
  }
  const seed = Uint32Array.from({ length: 4 }, () => randomBytes(4).readUInt32LE())
  const meta = await writeBlock({
    directory: request.directory,
    ulid: request.nextUlid(),
    minTimeMs,
    maxTimeMs: maxTimeMs + 1,
    level: 1,
    series: () => cursorOver(series, seed),
  })
  return meta!
}

function cursorOver(series: readonly SeriesColumns[], seed: HashSeed): SeriesCursor {
  let at = 0
  return {
    warnings: [],
    close(): void {},
    async next() {
      if (at === series.length) return undefined
      const rows = series.slice(at, at + rowsPerBatch)
      at += rows.length
      return batchOf(rows, seed)
    },
  }
}

function batchOf(rows: readonly SeriesColumns[], seed: HashSeed): SeriesBatch {
  const builder = new BatchBuilder(seed)
  const ids = new Map<string, number>()
  for (const { labels } of rows) {
    builder.beginRow()
    for (const { name, value } of labels) {
      const key = `${name}\0${value}`
      let id = ids.get(key)
      if (id === undefined) {
        const bytes = Buffer.from(name + value)
        const nameEnd = Buffer.byteLength(name)
        id = builder.makePair(bytes, 0, nameEnd, nameEnd, bytes.length)
        ids.set(key, id)
      }
      builder.addPair(id)
    }
  }
  for (const row of rows) {
    addSamples(builder, row)
    builder.endChunks()
  }
  return builder.finish()
}

function addSamples(builder: BatchBuilder, row: SeriesColumns): void {
  const { timestampsMs, values } = row
  const order = Uint32Array.from(timestampsMs.keys())
  order.sort((a, b) => timestampsMs[a]! - timestampsMs[b]! || a - b)
  const times = new Float64Array(order.length)
  const column = new Float64Array(order.length)
  let count = 0
  for (const index of order) {
    if (count > 0 && times[count - 1] === timestampsMs[index]) {
      if (!Object.is(column[count - 1], values[index])) throw duplicate(row, index)
      continue
    }
    times[count] = timestampsMs[index]!
    column[count++] = values[index]!
  }
  const words = wordsOf(column)
  for (let i = 0; i < count; i++) {
    // The bits that Prometheus' parser gives a NaN, not those that this machine does.
    if (!Number.isNaN(column[i])) continue
    words[2 * i] = normalNanLow
    words[2 * i + 1] = normalNanHigh
  }
  for (const chunk of encodeSamples(times, words, count)) {
    const { bytes, minTimeMs, maxTimeMs } = chunk
    builder.addChunk(chunkEncoding.xor, minTimeMs, maxTimeMs, bytes, 0, bytes.length)
  }
}

function duplicate(row: SeriesColumns, index: number): UserError {
  return new UserError('bad_data', {
    what: `two values of ${formatLabels(row.labels)} at ${formatTime(row.timestampsMs[index]!)}`,
    fix: 'keep one of them',
  })
}

// Blocks: what it costs to cut one, to open it and to select from it.
// Units: microseconds of CPU time per series.
// Run: node bench/tsdb/block.bench.ts [series count, 200000 where absent]

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chunkEncoding, XorEncoder } from '../../src/chunk/index.ts'
import { type Label, windowMs } from '../../src/model/index.ts'
import {
  type MatcherCompiler,
  neverCancelled,
  type SelectRequest,
  type SeriesBatch,
  type SeriesCursor,
} from '../../src/storage/index.ts'
import { BatchBuilder } from '../../src/tsdb/block/batch-builder.ts'
import { createUlidFactory, openBlock, writeBlock } from '../../src/tsdb/index.ts'
import { cpuMs } from '../measure.ts'

const seriesCount = Number(process.argv[2] ?? 200_000)
const rowsPerBatch = 1024
const seed = new Uint32Array(4)

// Budgets per series, generous: hosts differ and are shared.
const budgetsUs = { write: 60, open: 10, selectAll: 30, selectTenth: 60, match: 15 }

// Two chunks of a counter at 30 s, shared by all series: what is measured is the block, not the encoder.
function chunksOfWindow(): readonly Uint8Array[] {
  const words = new Uint32Array(2)
  const value = new Float64Array(words.buffer)
  return [0, 120].map((from) => {
    const encoder = new XorEncoder()
    for (let i = from; i < from + 120; i++) {
      value[0] = 1000 + i * 3 + (i % 5)
      encoder.append(i * 30_000 + ((i * 7919) % 11), words[0]!, words[1]!)
    }
    return encoder.finish()
  })
}

const chunks = chunksOfWindow()

// 14 labels: twelve that many series share, a pod of its own for each, and the name. In order of names.
function labelsOf(series: number): readonly Label[] {
  const name = `container_metric_${String(Math.floor(series / (seriesCount / 50))).padStart(3, '0')}_total`
  const labels: Label[] = [{ name: '__name__', value: name }]
  for (let i = 0; i < 11; i++)
    labels.push({
      name: `label_${String(i).padStart(2, '0')}`,
      value: `value-${series % (i + 2)}-of-this-label`,
    })
  labels.push({ name: 'namespace', value: `namespace-${series % 97}` })
  labels.push({ name: 'pod', value: `workload-${String(series).padStart(9, '0')}-7d9f8` })
  return labels
}

function batchFrom(first: number, end: number): SeriesBatch {
  const builder = new BatchBuilder(seed)
  const ids = new Map<string, number>()
  for (let series = first; series < end; series++) {
    builder.beginRow()
    for (const { name, value } of labelsOf(order[series]!)) {
      let id = ids.get(name + value)
      if (id === undefined) {
        const bytes = Buffer.from(name + value)
        id = builder.makePair(bytes, 0, name.length, name.length, bytes.length)
        ids.set(name + value, id)
      }
      builder.addPair(id)
    }
  }
  for (let series = first; series < end; series++) {
    chunks.forEach((bytes, i) => {
      const minTimeMs = i * 120 * 30_000
      builder.addChunk(
        chunkEncoding.xor,
        minTimeMs,
        minTimeMs + 119 * 30_000,
        bytes,
        0,
        bytes.length,
      )
    })
    builder.endChunks()
  }
  return builder.finish()
}

const keys = Array.from({ length: seriesCount }, (_, i) => {
  return labelsOf(i)
    .map(({ name, value }) => `${name}\0${value}`)
    .join('\0')
})
const order = Uint32Array.from(keys.keys()).sort((a, b) => (keys[a]! < keys[b]! ? -1 : 1))
keys.length = 0

let spentMs = 0
function cursor(): SeriesCursor {
  let at = 0
  return {
    warnings: [],
    close() {},
    async next() {
      if (at >= seriesCount) return undefined
      const start = cpuMs()
      const batch = batchFrom(at, Math.min(seriesCount, at + rowsPerBatch))
      at += rowsPerBatch
      spentMs += cpuMs() - start
      return batch
    },
  }
}

function report(name: string, ms: number, count: number, budgetUs: number): void {
  const us = (ms * 1000) / count
  const verdict = us <= budgetUs ? 'ok' : 'OVER BUDGET'
  const rss = (process.memoryUsage().rss / 2 ** 20).toFixed(0)
  const shown = `${us.toFixed(2)} µs/series (${(ms / 1000).toFixed(2)} s, budget ${budgetUs})`
  console.log(`${name}: ${shown} ${verdict}; RSS ${rss} MiB`)
  if (us > budgetUs) process.exitCode = 1
}

// The bench selects by exact values and by a prefix only.
const compileMatcher: MatcherCompiler = (matcher) => ({
  matcher,
  matches: (value) => value.startsWith(matcher.value),
  matchesEmpty: false,
  ...(matcher.type === '=' ? { setValues: [matcher.value] } : { prefix: matcher.value }),
})

async function drain(source: SeriesCursor): Promise<number> {
  let rows = 0
  for (let batch = await source.next(); batch !== undefined; batch = await source.next())
    rows += batch.rowCount
  source.close()
  return rows
}

const directory = mkdtempSync(join(tmpdir(), 'block-bench-'))
const ulid = createUlidFactory(Date.now)()
const startMs = cpuMs()
await writeBlock({ directory, ulid, minTimeMs: 0, maxTimeMs: windowMs, level: 1, series: cursor })
report('cut a block', cpuMs() - startMs - spentMs, seriesCount, budgetsUs.write)

const path = join(directory, ulid)
let sizeBytes = statSync(join(path, 'index')).size
for (const name of readdirSync(join(path, 'chunks')))
  sizeBytes += statSync(join(path, 'chunks', name)).size
console.log(`size: ${(sizeBytes / seriesCount / 240).toFixed(3)} bytes/sample, index included`)

const openMs = cpuMs()
const block = await openBlock(path, { seed, compileMatcher })
const base: SelectRequest = {
  tenants: ['t'],
  matchers: [{ type: '=', name: 'pod', value: 'nobody' }],
  minTimeMs: 0,
  maxTimeMs: windowMs,
  sorted: false,
  hints: {},
}
await drain(block.select(base, neverCancelled))
report('open and look up', cpuMs() - openMs, seriesCount, budgetsUs.open)

const allMs = cpuMs()
const all = await drain(block.select({ ...base, matchers: [] }, neverCancelled))
report(`select all ${all}`, cpuMs() - allMs, all, budgetsUs.selectAll)

const someMs = cpuMs()
const some = await drain(
  block.select(
    { ...base, matchers: [{ type: '=', name: 'namespace', value: 'namespace-7' }] },
    neverCancelled,
  ),
)
report(`select a namespace of ${some}`, cpuMs() - someMs, some, budgetsUs.selectTenth)

const prefixMs = cpuMs()
const prefixed = await drain(
  block.select(
    {
      ...base,
      matchers: [{ type: '=~', name: 'pod', value: 'workload-' }],
      hints: { func: 'series', limit: 1 },
    },
    neverCancelled,
  ),
)
report(
  `match ${seriesCount} values of a label, take ${prefixed}`,
  cpuMs() - prefixMs,
  seriesCount,
  budgetsUs.match,
)
block.close()
rmSync(directory, { recursive: true })

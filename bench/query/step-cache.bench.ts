// A dashboard that refreshes: the same range moved by one step, over 2,000 series × 3 h at 15 s in a head, live samples
// written before each refresh. With the step cache against without, interleaved.
// Run: node bench/query/step-cache.bench.ts. Unit: ms of CPU time per refresh, encoding of the answer included; medians.
// Budget: the cached refresh costs at most the given share of the evaluated one. Exit code 1 over budget.

import { XorEncoder } from '../../src/chunk/index.ts'
import { CodecKernel, JsonNumbers } from '../../src/kernel/index.ts'
import { labelsOf, wordsOf } from '../../src/model/index.ts'
import { createEngine } from '../../src/promql/index.ts'
import { type EncodedSeries, seriesBatchOf } from '../../src/promql/promqltest/series-batch-of.ts'
import { createCallRunner, type RangeCall, StepCache } from '../../src/query/index.ts'
import { neverCancelled, type Queryable, type SeriesBatch } from '../../src/storage/index.ts'
import { cpuMs } from '../measure.ts'
import { sourceOf } from '../promql/series-source.ts'

const seriesCount = 2000
const scrapeMs = 15_000
const hourMs = 3_600_000
const stepMs = 60_000
const refreshCount = 15
const seed = new Uint32Array([1, 2, 3, 4])

const cases: readonly (readonly [query: string, rangeMs: number, share: number])[] = [
  ['sum by (cluster) (rate(requests_total[5m]))', hourMs, 0.7],
  ['sum by (cluster) (rate(requests_total[5m]))', 2 * hourMs, 0.35],
  ['max(max_over_time(requests_total[10m]))', 2 * hourMs, 0.4],
  ['topk(5, sum by (pod) (rate(requests_total[5m])))', 2 * hourMs, 0.6],
  // A quarter of a million points: encoding them is what it costs.
  ['requests_total', 2 * hourMs, 1],
]

const source = sourceOf(batchOf(3 * hourMs))
// As lanes say it where each refresh is a minute after the last and live samples are at most 90 s late.
let nowMs = 0
const changes = async () => ({ marks: [0], oldestMs: nowMs - 90_000 })
const base = {
  engine: createEngine({ xorDecoder: CodecKernel.create(), hashSeed: seed }),
  replicas: source,
  deduplicated: (source: Queryable) => source,
  numbers: JsonNumbers.create(),
}
const evaluating = createCallRunner(base)
const caching = createCallRunner({ ...base, caching: { cache: new StepCache(64 << 20), changes } })

for (const [query, rangeMs, share] of cases) {
  const evaluated: number[] = []
  const cached: number[] = []
  for (let refresh = 0; refresh < refreshCount; refresh++) {
    nowMs = 3 * hourMs - (refreshCount - refresh) * stepMs
    const range = { startMs: nowMs - rangeMs, endMs: nowMs, stepMs }
    const withCache = await timed(caching, callOf(query, range))
    const without = await timed(evaluating, callOf(query, range))
    // The first fills the cache, the next few warm both up.
    if (refresh < 5) continue
    cached.push(withCache)
    evaluated.push(without)
  }
  const ratio = median(cached) / median(evaluated)
  const verdict = ratio <= share ? 'ok' : 'OVER BUDGET'
  console.log(
    `${query} over ${rangeMs / hourMs} h: ${median(cached).toFixed(2)} ms of ${median(evaluated).toFixed(2)} ms, ratio ${ratio.toFixed(2)} (budget ${share}) ${verdict}`,
  )
  if (ratio > share) process.exitCode = 1
}

function callOf(query: string, range: Pick<RangeCall, 'startMs' | 'endMs' | 'stepMs'>): RangeCall {
  const evaluation = { lookbackMs: undefined, limit: 0, stats: 'none', explain: 'none' } as const
  const call = {
    kind: 'range',
    tenants: ['t'],
    scope: 'all',
    reader: '',
    deadlineMs: Infinity,
  } as const
  return { ...call, query, ...range, ...evaluation, useCache: true }
}

async function timed(runner: typeof evaluating, call: RangeCall): Promise<number> {
  const startMs = cpuMs()
  await runner(call, neverCancelled, { head: () => undefined, write: async () => undefined })
  return cpuMs() - startMs
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!
}

function batchOf(durationMs: number): SeriesBatch {
  const value = new Float64Array(1)
  const words = wordsOf(value)
  const series = Array.from({ length: seriesCount }, (_, row): EncodedSeries => {
    const chunks: EncodedSeries['chunks'][number][] = []
    const sampleCount = durationMs / scrapeMs
    for (let from = 0; from < sampleCount; from += 120) {
      const encoder = new XorEncoder()
      const to = Math.min(sampleCount, from + 120)
      for (let i = from; i < to; i++) {
        value[0]! += (row * 7 + i * 13) % 10
        encoder.append(i * scrapeMs, words[0]!, words[1]!)
      }
      const times = { minTimeMs: from * scrapeMs, maxTimeMs: (to - 1) * scrapeMs }
      chunks.push({ encoding: 1, ...times, bytes: encoder.finish() })
    }
    const cluster = `c${row % 50}`
    return {
      labels: labelsOf({ __name__: 'requests_total', cluster, pod: `pod-${row}` }),
      chunks,
    }
  })
  return seriesBatchOf(series, seed)
}

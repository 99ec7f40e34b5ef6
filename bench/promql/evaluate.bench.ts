// Evaluating dashboard queries over 10k series × 1 h at 15 s, source in memory: CPU per raw sample, decoding included.
// Run: node bench/promql/evaluate.bench.ts. Unit: ns of CPU time per sample; the least of the rounds counts, because
// hosts are shared. Exit code 1 over budget.

import { CodecKernel } from '../../src/kernel/index.ts'
import type { QueryRange } from '../../src/promql/index.ts'
import { createEngine } from '../../src/promql/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { counterBatch, sourceOf } from './series-source.ts'

const hour: QueryRange = { kind: 'range', startMs: 300_000, endMs: 3_600_000, stepMs: 60_000 }
const now: QueryRange = { kind: 'instant', timeMs: 3_600_000 }

// Samples are those the query decodes; budgets about twice what a shared host measured.
const cases: readonly (readonly [query: string, range: QueryRange, budget: number])[] = [
  ['sum by (cluster) (rate(requests_total[5m]))', hour, 60],
  ['sum(max_over_time(requests_total[5m]))', hour, 60],
  ['sum by (cluster) (requests_total)', hour, 40],
  ['topk(10, requests_total)', now, 250],
  ['count by (__name__) (requests_total)', now, 200],
  ['requests_total / on (cluster, pod) requests_total', now, 350],
]

const source = sourceOf(counterBatch(10_000, 240, 15_000))
const engine = createEngine({
  xorDecoder: CodecKernel.create(),
  hashSeed: new Uint32Array([1, 2, 3, 4]),
})

for (const [query, range, budget] of cases) {
  const prepared = engine.prepare(query, range)
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 12; round++) {
    const before = process.cpuUsage()
    const { stats } = await prepared.run(source, ['t'], neverCancelled)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, ((user + system) * 1000) / stats.samplesRead)
  }
  const verdict = least <= budget ? 'ok' : 'OVER BUDGET'
  console.log(`${query}: ${least.toFixed(1)} ns/sample (budget ${budget}) ${verdict}`)
  if (least > budget) process.exitCode = 1
}

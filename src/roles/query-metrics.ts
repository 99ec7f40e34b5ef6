// Own metrics of queries: how long they took, what they read, which steps came from the cache, why some failed.

import { UserError } from '../model/index.ts'
import type { CallObserver } from '../query/index.ts'
import type { Metrics } from '../telemetry/index.ts'

/** Counts finished calls of query threads. */
export function queryObserver(metrics: Metrics): CallObserver {
  const bounds = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120]
  const duration = metrics.histogram(
    'prometheus_engine_query_duration_seconds',
    'Evaluation time of calls, by kind.',
    bounds,
    ['slice'],
  )
  const samples = metrics.counter(
    'prometheus_engine_query_samples_total',
    'Samples that queries read.',
  )
  const steps = metrics.counter(
    'crowsnest_query_range_steps_total',
    'Steps of range queries, by where they came from.',
    ['source'],
  )
  const failures = metrics.counter('crowsnest_query_failures_total', 'Calls that failed.', ['code'])
  return (call, { report, error }) => {
    if (report !== undefined) {
      duration.observe({ slice: call.kind }, report.evaluationMs / 1000)
      samples.inc(report.samplesRead)
      if (call.kind === 'range') {
        steps.inc({ source: 'cache' }, report.cachedSteps)
        steps.inc({ source: 'evaluation' }, report.steps - report.cachedSteps)
      }
    }
    if (error !== undefined)
      failures.inc({ code: error instanceof UserError ? error.code : 'internal' })
  }
}

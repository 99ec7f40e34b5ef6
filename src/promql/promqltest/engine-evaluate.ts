// Evaluates script expressions with our engine, set up as scripts assume it: everything experimental is on.
// Source: Prometheus promql/promqltest/test.go (NewTestEngine).

import type { CancelSignal } from '../../storage/index.ts'
import type { Engine, EngineOptions } from '../engine.ts'
import { createEngine } from '../engine.ts'
import { allParserFeatures } from '../parse/features.ts'
import type { QueryResult } from '../query-result.ts'
import type { AnswerPoint, AnswerResult, AnswerSeries } from './answer.ts'
import type { Evaluate } from './run-script.ts'

/** The engine that scripts are written for, with the kernels that are given. */
export function createScriptEngine(
  kernels: Partial<Pick<EngineOptions, 'xorDecoder' | 'rowKernel'>> = {},
): Engine {
  return createEngine({
    ...kernels,
    features: allParserFeatures,
    maxSamples: 10_000,
    delayedNameRemoval: true,
    useStartTimestamps: true,
  })
}

/** Asks `engine` as `tenant`; `signal` bounds each query. */
export function evaluateWith(engine: Engine, tenant: string, signal: CancelSignal): Evaluate {
  return async (expr, { startMs, endMs, stepMs }, queryable) => {
    const range =
      stepMs === 0
        ? ({ kind: 'instant', timeMs: startMs } as const)
        : ({ kind: 'range', startMs, endMs, stepMs } as const)
    const result = await engine.prepare(expr, range).run(queryable, [tenant], signal)
    const { warnings, infos } = result.annotations
    return { result: answerOf(result), warnings, infos }
  }
}

function answerOf(result: QueryResult): AnswerResult {
  if (result.kind === 'string') return { kind: 'string', text: result.text }
  if (result.kind === 'scalar') return { kind: 'scalar', value: result.values[0]! }
  const series: AnswerSeries[] = []
  for (let row = 0; row + 1 < result.starts.length; row++) {
    const points: AnswerPoint[] = []
    for (let i = result.starts[row]!; i < result.starts[row + 1]!; i++) {
      points.push({
        timestampMs: result.timestampsMs[i]!,
        value: result.values[i]!,
        histogram: result.histograms?.[i],
      })
    }
    series.push({ labels: result.labelsOfRow(row), points })
  }
  return { kind: result.kind, series }
}

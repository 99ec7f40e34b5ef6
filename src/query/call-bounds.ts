// Bounds of one call, kept where its expression is known: samples by the engine, time at the storage seam, where every
// selector, subquery and offset passes.

import { formatDurationMs, UserError } from '../model/index.ts'
import { createEngine, type Engine } from '../promql/index.ts'
import type { CancelSignal, Queryable, SelectRequest, SeriesCursor } from '../storage/index.ts'
import type { QueryCall } from './call.ts'

/** The engine with the call's bound on samples, where that is the narrower one. */
export function boundedEngine(engine: Engine, { bounds }: QueryCall): Engine {
  const samples = bounds?.samples
  if (samples === undefined || samples.max >= engine.options.maxSamples) return engine
  const { max: maxSamples, option: maxSamplesOption } = samples
  return createEngine({ ...engine.options, maxSamples, maxSamplesOption })
}

/** The source within the call's bound on time; the source itself where there is none. */
export function boundedInTime(source: Queryable, call: QueryCall, lookbackMs: number): Queryable {
  const range = call.bounds?.range
  if (range === undefined) return source
  const { maxMs, option } = range
  const isTooFar = farTest(call, maxMs, lookbackMs)
  return {
    select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
      if (isTooFar === undefined || !isTooFar(request)) return source.select(request, signal)
      throw new UserError('execution', {
        what: `the query reads samples further away than ${formatDurationMs(maxMs)}`,
        fix: `shorten ranges, subqueries and offsets, or raise ${option}`,
      })
    },
    labelNames: (request, signal) => source.labelNames(request, signal),
    labelValues: (name, request, signal) => source.labelValues(name, request, signal),
  }
}

function farTest(
  call: QueryCall,
  maxMs: number,
  engineLookbackMs: number,
): ((request: SelectRequest) => boolean) | undefined {
  if (call.kind === 'remoteRead') return ({ minTimeMs, maxTimeMs }) => maxTimeMs - minTimeMs > maxMs
  if (call.kind !== 'instant' && call.kind !== 'range') return undefined
  const [fromMs, toMs] =
    call.kind === 'instant' ? [call.timeMs, call.timeMs] : [call.startMs, call.endMs]
  // Every selector looks back that far; it is not what anybody asked for.
  const slackMs = call.lookbackMs ?? engineLookbackMs
  return ({ minTimeMs, maxTimeMs }) =>
    minTimeMs < fromMs - maxMs - slackMs || maxTimeMs > toMs + maxMs
}

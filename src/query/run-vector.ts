// Vectors: an instant query whose answer stays a value, for rules: exact numbers and whole histograms, serialized by
// the runtime, which both threads share.

import { deserialize, serialize } from 'node:v8'
import {
  type FloatHistogram,
  type Labels,
  type MembershipHistory,
  UserError,
} from '../model/index.ts'
import type { Engine } from '../promql/index.ts'
import type { CancelSignal, Queryable } from '../storage/index.ts'
import type { VectorCall } from './call.ts'
import { type Answer, wholeBody } from './query-pool.ts'
import type { AnswerSink } from './query-thread.ts'
import type { CallReport } from './thread-messages.ts'

/** One sample of a vector. */
export interface VectorSample {
  readonly labels: Labels
  readonly value: number
  readonly histogram: FloatHistogram | undefined
}

/** Answers a vector call; a scalar is a sample without labels. Throws UserError. */
export async function runVector(
  call: VectorCall,
  parts: {
    readonly engine: Engine
    readonly queryable: Queryable
    readonly membership: MembershipHistory
  },
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<CallReport> {
  const { query, timeMs, lookbackMs, samplesMax } = call
  const lookback = lookbackMs === undefined ? {} : { lookbackMs }
  const range = { kind: 'instant', timeMs, ...lookback } as const
  const prepared = parts.engine.prepare(query, range, parts.membership)
  if (prepared.type !== 'vector' && prepared.type !== 'scalar')
    throw new UserError('execution', { what: 'rule result is not a vector or scalar' })
  const result = await prepared.run(parts.queryable, call.tenants, signal)
  const { rowCount } = result.table
  if (rowCount > samplesMax) {
    throw new UserError('limit_exceeded', {
      what: `the expression yields ${rowCount} series, ${samplesMax} are allowed to a rule`,
      fix: 'aggregate more, or raise rules.seriesPerRule',
    })
  }
  const samples: VectorSample[] = []
  for (let row = 0; row < rowCount; row++) {
    const sample = result.starts[row]!
    samples.push({
      labels: result.labelsOfRow(row),
      value: result.values[sample]!,
      histogram: result.histograms?.[sample],
    })
  }
  sink.head({})
  await sink.write(new Uint8Array(serialize(samples)))
  const { samplesRead, peakSamples, evaluationMs } = result.stats
  return { samplesRead, peakSamples, evaluationMs, steps: 1, cachedSteps: 0 }
}

/** The samples of an answer to a vector call. */
export async function readVector(answer: Answer): Promise<readonly VectorSample[]> {
  return deserialize(await wholeBody(answer)) as VectorSample[]
}

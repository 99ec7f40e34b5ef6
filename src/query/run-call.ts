// Any call, answered: which runner takes it, over which source.

import type { JsonNumbers } from '../kernel/index.ts'
import { type Matcher, type MembershipHistory, noMembership } from '../model/index.ts'
import type { Engine } from '../promql/index.ts'
import { type CancelSignal, MemberQueryable, type Queryable, scoped } from '../storage/index.ts'
import type { QueryCall } from './call.ts'
import { boundedEngine, boundedInTime } from './call-bounds.ts'
import type { StepCaching } from './evaluate-range.ts'
import { parseSelectors, selectorsIn } from './expressions.ts'
import { limitedWarning, refuseUnseenClusters } from './named-clusters.ts'
import type { AnswerSink, CallRunner } from './query-thread.ts'
import { runCardinality } from './run-cardinality.ts'
import { runEvaluation } from './run-evaluation.ts'
import { runFederate } from './run-federate.ts'
import { runLabels, runSeries } from './run-listing.ts'
import { runRemoteRead } from './run-remote-read.ts'
import { runVector } from './run-vector.ts'
import type { CallReport } from './thread-messages.ts'
import { visibleMembership } from './visible-membership.ts'

/** What calls are answered from. */
export interface CallSources {
  readonly engine: Engine
  /** All samples, each replica for itself. */
  readonly replicas: Queryable
  /** A source with its replicas deduplicated; the source itself where nothing is to be. */
  readonly deduplicated: (source: Queryable) => Queryable
  readonly numbers: JsonNumbers
  /** Absent where steps of range queries are not to be kept. */
  readonly caching?: StepCaching | undefined
  /** What is known of memberships now; absent where there is no fleet. */
  readonly membership?: () => MembershipHistory
}

/** A runner over fixed sources. */
export function createCallRunner(sources: CallSources): CallRunner {
  return async (call, signal, sink) => {
    const startMs = performance.now()
    const report = await run(call, sources, signal, sink)
    const evaluationMs = performance.now() - startMs
    return report ?? { samplesRead: 0, peakSamples: 0, evaluationMs, steps: 0, cachedSteps: 0 }
  }
}

async function run(
  call: QueryCall,
  sources: CallSources,
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<CallReport | undefined> {
  // One history for the whole call: what comes while it runs is for the next one.
  const membership = visibleMembership(sources.membership?.() ?? noMembership, call.scope)
  const { compileMatcher, lookbackMs } = sources.engine.options
  const members = (source: Queryable) => new MemberQueryable(source, membership, compileMatcher)
  const refuse = (selectors: readonly (readonly Matcher[])[]): void =>
    refuseUnseenClusters(selectors, call.scope, compileMatcher)
  if (call.scope !== 'all') {
    call = { ...call, warnings: [...(call.warnings ?? []), limitedWarning] }
    if ('query' in call) refuse(selectorsIn(call.query))
    if ('selectors' in call) refuse(parseSelectors(call.selectors))
  }
  const replicas = scoped(boundedInTime(sources.replicas, call, lookbackMs), call.scope)
  const queryable = sources.deduplicated(replicas)
  const engine = boundedEngine(sources.engine, call)
  switch (call.kind) {
    case 'instant':
    case 'range':
      return runEvaluation(call, { ...sources, engine, queryable, membership }, signal, sink)
    case 'vector':
      return runVector(call, { ...sources, queryable, membership }, signal, sink)
    case 'series':
      await runSeries(call, parseSelectors(call.selectors), members(queryable), signal, sink)
      return undefined
    case 'labelNames':
    case 'labelValues':
      await runLabels(call, parseSelectors(call.selectors), members(queryable), signal, sink)
      return undefined
    case 'federate': {
      const selectors = parseSelectors(call.selectors)
      const parts = { lookbackMs, queryable: members(queryable) }
      await runFederate(call, selectors, parts, signal, sink)
      return undefined
    }
    case 'cardinality':
      await runCardinality(call, queryable, signal, sink)
      return undefined
    default:
      // A remote reader deduplicates for itself; it gets every replica, as Prometheus would give it.
      await runRemoteRead(call, members(replicas), refuse, signal, sink)
      return undefined
  }
}

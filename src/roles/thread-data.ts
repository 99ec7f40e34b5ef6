// What each thread is started with.

import type { MessagePort } from 'node:worker_threads'
import type { HashSeed } from '../kernel/index.ts'
import type { EvaluationOptions, ParserFeatures } from '../promql/index.ts'

/** A query thread's start. */
export interface QueryThreadData {
  /** Calls come in here. */
  readonly port: MessagePort
  /** To every lane and to the block thread: each answers selects. */
  readonly sourcePorts: readonly MessagePort[]
  /** One word per query that may run here; shared with the front. */
  readonly cancelWords: Int32Array
  readonly engine: EvaluationOptions & {
    readonly features: ParserFeatures
    readonly hashSeed: HashSeed
  }
  readonly replicaLabels: readonly string[]
}

// What each thread is started with.

import type { MessagePort } from 'node:worker_threads'
import type { AdmissionConfig } from '../ingest/index.ts'
import type { HashSeed } from '../kernel/index.ts'
import type { EvaluationOptions, ParserFeatures } from '../promql/index.ts'
import type { QueryMemory } from '../query/index.ts'
import type { CutRules, HeadLimits } from '../tsdb/index.ts'

/** What a lane's head is made of. */
export interface LaneHeadData {
  readonly seed: HashSeed
  readonly limits: HeadLimits
  readonly startTimestamps: boolean
  readonly admission: AdmissionConfig
  readonly retentionMs: number
  readonly cutWindows: readonly number[]
}

/** A storage lane's start. */
export interface LaneThreadData extends LaneHeadData {
  readonly directory: string
  /** To the log thread. */
  readonly logPort: MessagePort
  /** The front and the block thread; query threads come later. */
  readonly clientPorts: readonly MessagePort[]
  readonly logLevel: string
}

/** The block thread's start. */
export interface BlockThreadData {
  readonly directory: string
  /** The front; query threads come later. */
  readonly clientPorts: readonly MessagePort[]
  readonly seed: HashSeed
  readonly logLevel: string
  /** Logs of lanes that are no more, and that of a lane that stays: their directories. */
  readonly rehome: {
    readonly from: readonly string[]
    readonly to: string
    readonly head: LaneHeadData
  }
  readonly rules: CutRules
  /** Memory of open indexes, and of those that are merged; see `LocalBlocks`. */
  readonly indexSizeBytesMax: number
  readonly mergeIndexSizeBytesMax: number
  readonly retentionMs: number
  readonly retentionSizeBytes: number
  readonly cutIntervalMs: number
  readonly dropDelayMs: number
  /** Thanos objstore YAML; '' = a FILESYSTEM bucket in `bucketDirectory`. */
  readonly objstoreConfigFile: string
  readonly bucketDirectory: string
  /** Metas and index headers of the bucket's blocks. */
  readonly cacheDirectory: string
  readonly externalLabels: Readonly<Record<string, string>>
  readonly tenantLabel: string
  readonly shipIntervalMs: number
  /** How long a block stays in the bucket after another has taken its place. */
  readonly deleteDelayMs: number
  readonly bucketCacheSizeBytes: number
  /** Where to publish the times of all blocks: words of a SharedTimeRange. */
  readonly range: BigInt64Array
  /** The most that one select reads of the bucket's blocks. */
  readonly bucketReadSizeBytesMax: number
}

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
  /** The times that the block thread, the last source, is asked for: words of a SharedTimeRange. */
  readonly blockRange: BigInt64Array
  readonly memory: QueryMemory
  /** Steps of answers kept by this thread; 0 = none. */
  readonly stepCacheSizeBytes: number
}

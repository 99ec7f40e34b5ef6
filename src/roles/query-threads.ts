// Query threads: starting one, and another one in its place when it dies. A query that exhausts its thread's heap costs
// that thread and the calls on it, never the process.

import { MessageChannel, type MessagePort, type ResourceLimits, Worker } from 'node:worker_threads'
import type { LaneConnection } from '../lane/index.ts'
import type { PoolThread, QueryMemory } from '../query/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import { engineOptions } from './options.ts'
import type { QueryThreadData } from './thread-data.ts'
import { threadUrl } from './thread-url.ts'

const cancelWordCount = 4096
/** A thread that dies sooner, and not for lack of memory, did not die of a query. */
const startMs = 5000

/** What a query thread is started with, again and again. */
export interface QueryThreadParts {
  readonly config: Config
  readonly seed: Uint32Array
  readonly memory: QueryMemory
  readonly stepCacheSizeBytes: number
  /** Bounds of the thread's JavaScript heap. */
  readonly resourceLimits: ResourceLimits
  /** Lanes and, last, blocks: each answers selects. */
  readonly sources: readonly LaneConnection[]
  readonly blockRange: BigInt64Array
  readonly log: Logger
  /** The workers that run, to be ended with the process. */
  readonly workers: Set<Worker>
  /** Hears of a thread that cannot even start: another one would fare no better. */
  readonly onDeath: (error: Error) => void
}

/** A query thread, which runs once it is asked for the first time. */
export function queryThread(parts: QueryThreadParts): PoolThread {
  const { port1, port2 } = new MessageChannel()
  const cancelWords = new Int32Array(new SharedArrayBuffer(4 * cancelWordCount))
  return {
    port: port1,
    cancelWords,
    start(died) {
      const { log, workers } = parts
      const startedMs = Date.now()
      const worker = run(parts, port2, cancelWords)
      workers.add(worker)
      worker.on('error', (error: NodeJS.ErrnoException) => {
        workers.delete(worker)
        const isFull = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        if (!isFull && Date.now() - startedMs < startMs) return parts.onDeath(error)
        log.error({ err: error }, 'a query thread has died and is replaced')
        died(queryThread(parts))
      })
    },
  }
}

function run(parts: QueryThreadParts, port: MessagePort, cancelWords: Int32Array): Worker {
  const { config, seed, sources, log, memory, resourceLimits } = parts
  const channels = sources.map(() => new MessageChannel())
  sources.forEach((source, i) => {
    const { port1: far } = channels[i]!
    source.call('serve', far, [far]).catch((error: unknown) => log.error({ err: error }, 'serve'))
  })
  const sourcePorts = channels.map((channel) => channel.port2)
  const data: QueryThreadData = {
    port,
    sourcePorts,
    cancelWords,
    engine: { ...engineOptions(config), hashSeed: seed },
    replicaLabels: config.query.replicaLabel,
    blockRange: parts.blockRange,
    memory,
    stepCacheSizeBytes: parts.stepCacheSizeBytes,
  }
  return new Worker(threadUrl('query-thread'), {
    name: 'query-thread',
    workerData: data,
    transferList: [port, ...sourcePorts],
    resourceLimits,
  })
}

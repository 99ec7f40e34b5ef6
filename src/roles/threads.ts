// Threads: starts the log, block, lane and query threads and the ports between them.

import { setFlagsFromString } from 'node:v8'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { connectLane, type LaneConnection } from '../lane/index.ts'
import { parseSizeBytes } from '../model/index.ts'
import type { PoolThread } from '../query/index.ts'
import { SharedTimeRange } from '../storage/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { DataDirectory } from '../tsdb/index.ts'
import type { Config } from './config-schema.ts'
import { queryHeapMebibytes, queryMemory } from './options.ts'
import { queryThread } from './query-threads.ts'
import type { BlockThreadData, LaneThreadData } from './thread-data.ts'
import { blockThreadData, laneThreadData, youngGenerationSizeMb } from './thread-options.ts'
import { type ThreadName, threadUrl } from './thread-url.ts'

/** Threads that run, as the front reaches them. */
export interface Threads {
  readonly lanes: readonly LaneConnection[]
  readonly blocks: LaneConnection
  readonly queries: readonly PoolThread[]
  /** Syncs and closes lanes and blocks, then ends all threads. */
  close(): Promise<void>
}

/** How many threads of each kind. */
export interface ThreadCounts {
  readonly lanes: number
  readonly queries: number
}

/**
 * Starts everything; resolves when the lanes have opened their logs. `onDeath` hears of a thread that ended by itself,
 * unless it was a query thread: another one takes its place.
 */
export async function startThreads(
  config: Config,
  directory: DataDirectory,
  counts: ThreadCounts,
  log: Logger,
  onDeath: (name: string, error: Error) => void,
): Promise<Threads> {
  // Buffers that pass between threads count as garbage of small heaps, which are then marked after every other query:
  // a third of a query's time. Threads started from here on wait for so many MiB before they mark the first time.
  setFlagsFromString('--initial-old-space-size=64')
  const seed = crypto.getRandomValues(
    new Uint32Array(new SharedArrayBuffer(16)) as never,
  ) as Uint32Array
  const resourceLimits = { maxYoungGenerationSizeMb: youngGenerationSizeMb(config) }
  const workers: Worker[] = []
  const spawn = (name: ThreadName, workerData: unknown, ports: readonly MessagePort[]): Worker => {
    const transferList = [...ports]
    const worker = new Worker(threadUrl(name), { name, workerData, transferList, resourceLimits })
    worker.on('error', (error) => onDeath(name, error as Error))
    workers.push(worker)
    return worker
  }
  const queryWorkers = new Set<Worker>()
  const serveLog = logThread(() => spawn('log-thread', undefined, []))
  const blockPorts = channels(1)
  const range = new SharedTimeRange().words
  const blockData: BlockThreadData = {
    ...blockThreadData(config, directory, counts.lanes, seed),
    range,
  }
  spawn('block-thread', { ...blockData, clientPorts: blockPorts.far }, blockPorts.far)
  const blocks = connectLane(blockPorts.near[0]!)
  const cutWindows = (await blocks.call('windowStarts')) as number[]
  const lanePorts: MessagePort[][] = []
  for (let lane = 0; lane < counts.lanes; lane++) {
    const clients = channels(2)
    const { port1: logPort, port2 } = new MessageChannel()
    const data: LaneThreadData = {
      ...laneThreadData(config, counts.lanes, seed),
      directory: directory.laneDirectory(lane),
      cutWindows,
      logPort,
      clientPorts: clients.far,
    }
    const worker = spawn('lane-thread', data, [logPort, ...clients.far])
    worker.once('message', () => serveLog(port2))
    lanePorts.push(clients.near)
  }
  const lanes = lanePorts.map((ports) => connectLane(ports[0]!))
  await blocks.call(
    'connectLanes',
    lanePorts.map((ports) => ports[1]!),
    lanePorts.map((ports) => ports[1]!),
  )
  const queries = Array.from({ length: counts.queries }, () =>
    queryThread({
      config,
      seed,
      memory: queryMemory(config, counts.queries),
      stepCacheSizeBytes: parseSizeBytes(config.query.stepCacheSize) / counts.queries,
      resourceLimits: {
        ...resourceLimits,
        maxOldGenerationSizeMb: queryHeapMebibytes(config, counts.queries),
      },
      sources: [...lanes, blocks],
      blockRange: range,
      log,
      workers: queryWorkers,
      onDeath: (error) => onDeath('query-thread', error),
    }),
  )
  log.debug({ threads: workers.length }, 'threads have started')
  return {
    lanes,
    blocks,
    queries,
    async close() {
      await blocks.call('close')
      await Promise.all(lanes.map((lane) => lane.call('close')))
      const all = [...workers, ...queryWorkers]
      await Promise.all(all.map((worker) => worker.terminate()))
    },
  }
}

// One for all lanes, started when the first of them has something to commit: who only reads does not pay for it.
function logThread(start: () => Worker): (port: MessagePort) => void {
  let worker: Worker | undefined
  return (port) => {
    worker ??= start()
    worker.postMessage({ port }, [port])
  }
}

function channels(count: number): { readonly near: MessagePort[]; readonly far: MessagePort[] } {
  const pairs = Array.from({ length: count }, () => new MessageChannel())
  return { near: pairs.map((pair) => pair.port1), far: pairs.map((pair) => pair.port2) }
}

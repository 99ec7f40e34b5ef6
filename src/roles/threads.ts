// Threads: starts the log, block, lane and query threads and the ports between them.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { connectLane, type LaneConnection } from '../lane/index.ts'
import type { PoolThread } from '../query/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { DataDirectory } from '../tsdb/index.ts'
import type { Config } from './config-schema.ts'
import { engineOptions } from './options.ts'
import type { BlockThreadData, LaneThreadData, QueryThreadData } from './thread-data.ts'
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

const cancelWordCount = 4096

/** How many threads of each kind. */
export interface ThreadCounts {
  readonly lanes: number
  readonly queries: number
}

/** Starts everything; resolves when the lanes have opened their logs. `onDeath` hears of a thread that ended by itself. */
export async function startThreads(
  config: Config,
  directory: DataDirectory,
  counts: ThreadCounts,
  log: Logger,
  onDeath: (name: string, error: Error) => void,
): Promise<Threads> {
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
  const logWorker = spawn('log-thread', undefined, [])
  const blockPorts = channels(counts.queries + 1)
  const blockData: BlockThreadData = blockThreadData(config, directory, counts.lanes, seed)
  spawn('block-thread', { ...blockData, clientPorts: blockPorts.far }, blockPorts.far)
  const blocks = connectLane(blockPorts.near[0]!)
  const cutWindows = (await blocks.call('windowStarts')) as number[]
  const lanePorts: MessagePort[][] = []
  for (let lane = 0; lane < counts.lanes; lane++) {
    const clients = channels(counts.queries + 2)
    const { port1: logPort, port2 } = new MessageChannel()
    logWorker.postMessage({ port: port2 }, [port2])
    const data: LaneThreadData = {
      ...laneThreadData(config, counts.lanes, seed),
      directory: directory.laneDirectory(lane),
      cutWindows,
      logPort,
      clientPorts: clients.far,
    }
    spawn('lane-thread', data, [logPort, ...clients.far])
    lanePorts.push(clients.near)
  }
  const lanes = lanePorts.map((ports) => connectLane(ports[0]!))
  await blocks.call(
    'connectLanes',
    lanePorts.map((ports) => ports[1]!),
    lanePorts.map((ports) => ports[1]!),
  )
  const queries = Array.from({ length: counts.queries }, (_, i) => {
    const { port1, port2: port } = new MessageChannel()
    const cancelWords = new Int32Array(new SharedArrayBuffer(4 * cancelWordCount))
    const sourcePorts = [...lanePorts.map((ports) => ports[i + 2]!), blockPorts.near[i + 1]!]
    const engine = { ...engineOptions(config), hashSeed: seed }
    const replicaLabels = config.query.replicaLabel
    const data: QueryThreadData = { port, sourcePorts, cancelWords, engine, replicaLabels }
    const start = (): void => void spawn('query-thread', data, [port, ...sourcePorts])
    return { port: port1, cancelWords, start }
  })
  log.debug({ threads: workers.length }, 'threads have started')
  return {
    lanes,
    blocks,
    queries,
    async close() {
      await blocks.call('close')
      await Promise.all(lanes.map((lane) => lane.call('close')))
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

function channels(count: number): { readonly near: MessagePort[]; readonly far: MessagePort[] } {
  const pairs = Array.from({ length: count }, () => new MessageChannel())
  return { near: pairs.map((pair) => pair.port1), far: pairs.map((pair) => pair.port2) }
}

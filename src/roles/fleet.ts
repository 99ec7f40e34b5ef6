// The fleet of this process as the front sees it: a thread that is started where the configuration names a source.

import { MessageChannel, Worker } from 'node:worker_threads'
import { type FleetDoor, streamDefaults } from '../api/index.ts'
import { connectFleet, registerSyncMetric } from '../fleet/index.ts'
import type { QueryPool } from '../query/index.ts'
import type { Appendable } from '../storage/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { Config } from './config-schema.ts'
import type { ClusterDataCollector } from './fleet-data.ts'
import { fleetThreadData } from './fleet-options.ts'
import { createScores } from './fleet-scores.ts'
import { youngGenerationSizeMb } from './thread-options.ts'
import { threadUrl } from './thread-url.ts'

/** The fleet and its thread. */
export interface RunningFleet {
  readonly door: FleetDoor
  /** Begins to compute scores of clusters, and to look at their data. */
  start(): void
  /** Writes what is known, and ends the thread. */
  close(): Promise<void>
}

/** Starts the thread; undefined where no source is configured. Throws UserError bad_config. */
export function startFleet(
  config: Config,
  parts: {
    readonly pool: QueryPool
    readonly target: Appendable
    readonly data: ClusterDataCollector
    readonly metrics: Metrics
    readonly log: Logger
    readonly onDeath: (name: string, error: Error) => void
  },
): RunningFleet | undefined {
  const { pool, target, data, metrics, log, onDeath } = parts
  const start = fleetThreadData(config)
  if (start.sources.length === 0) return undefined
  const { port1, port2 } = new MessageChannel()
  const name = 'fleet-thread'
  const worker = new Worker(threadUrl(name), {
    name,
    workerData: { ...start, port: port2 },
    transferList: [port2],
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationSizeMb(config) },
  })
  worker.on('error', (error) => onDeath(name, error as Error))
  const tenants = config.fleet.tenants.length > 0 ? config.fleet.tenants : [config.tenants.default]
  const port = connectFleet(port1, {
    async write(body) {
      for (const tenant of tenants) {
        const { rejectedCount, rejections } = await target.append({
          tenant,
          sender: { key: '', labels: {} },
          format: 'remote-write-1',
          compression: 'none',
          // A body is given away with the request.
          body: tenants.length > 1 ? body.slice() : body,
        })
        if (rejectedCount > 0)
          log.warn({ tenant, why: rejections[0]?.message }, 'samples of the fleet were refused')
      }
    },
    onMembership: (columns) => pool.setMembership(columns),
  })
  const scores = createScores(config, { pool, fleet: port, log })
  registerSyncMetric(metrics, () => port.sources())
  return {
    door: { fleet: port, stream: { ...streamDefaults, streamsMax: config.fleet.streams } },
    start() {
      scores.start()
      data.start(port)
    },
    async close() {
      data.close()
      await scores.close()
      await port.close()
      await worker.terminate()
      port1.close()
    },
  }
}

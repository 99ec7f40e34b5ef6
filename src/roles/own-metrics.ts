// Own metrics of the threads, under the names that Prometheus gives them; and the tenants seen so far.

import type { QueryPool } from '../query/index.ts'
import type { Appendable } from '../storage/index.ts'
import type { Metrics } from '../telemetry/index.ts'
import type { HeadStats } from '../tsdb/index.ts'
import type { Threads } from './threads.ts'

interface LaneStats extends HeadStats {
  readonly walSizeBytes: number
  readonly walSegments: number
  readonly diskFull: boolean
}

/** Registers gauges that ask the threads when they are scraped. */
export function registerThreadMetrics(metrics: Metrics, threads: Threads, pool: QueryPool): void {
  metrics.collectProcess()
  const series = metrics.gauge('prometheus_tsdb_head_series', 'Series in the head.', ['tenant'])
  const chunks = metrics.gauge('prometheus_tsdb_head_chunks', 'Chunks in the head.')
  const minTime = metrics.gauge(
    'prometheus_tsdb_head_min_time_seconds',
    'Oldest sample in the head.',
  )
  const maxTime = metrics.gauge(
    'prometheus_tsdb_head_max_time_seconds',
    'Newest sample in the head.',
  )
  const memory = metrics.gauge('crowsnest_head_memory_bytes', 'Linear memory of the head.')
  const walSize = metrics.gauge(
    'prometheus_tsdb_wal_storage_size_bytes',
    'Size of the write-ahead log.',
  )
  const diskFull = metrics.gauge(
    'crowsnest_wal_disk_full',
    '1 while writes are refused for lack of room.',
  )
  metrics.gauge('crowsnest_storage_lanes', 'Storage lanes that answer.', [], async (lanes) => {
    const all = (await Promise.all(threads.lanes.map((lane) => lane.call('stats')))) as LaneStats[]
    const sum = (of: (one: LaneStats) => number): number => all.reduce((n, one) => n + of(one), 0)
    lanes.set(all.length)
    series.reset()
    for (const { seriesByTenant } of all) {
      for (const [tenant, count] of Object.entries(seriesByTenant)) series.inc({ tenant }, count)
    }
    chunks.set(sum((one) => one.chunkCount))
    minTime.set(Math.min(...all.map((one) => one.minTimeMs)) / 1000)
    maxTime.set(Math.max(...all.map((one) => one.maxTimeMs)) / 1000)
    memory.set(sum((one) => one.memoryBytes))
    walSize.set(sum((one) => one.walSizeBytes))
    diskFull.set(all.some((one) => one.diskFull) ? 1 : 0)
  })
  metrics.gauge(
    'prometheus_tsdb_storage_blocks_bytes',
    'Size of local blocks.',
    [],
    async (gauge) => {
      gauge.set((await threads.blocks.call('sizeBytes')) as number)
    },
  )
  metrics.gauge('prometheus_engine_queries', 'Queries that wait or run.', [], (gauge) => {
    gauge.set(pool.active().length)
  })
}

/** The tenants that have data: those written to since the start, and those found in lanes and blocks. */
export class TenantsSeen {
  readonly #threads: Threads
  readonly #names = new Set<string>()

  constructor(threads: Threads) {
    this.#threads = threads
  }

  /** Every tenant seen so far. */
  names(): Iterable<string> {
    return this.#names
  }

  /** The same target, noting whose requests go through. */
  noting(target: Appendable): Appendable {
    return {
      append: (request) => {
        this.#names.add(request.tenant)
        return target.append(request)
      },
    }
  }

  /** Looks what is there already; what is found later comes through `noting`. */
  start(): void {
    const look = async (): Promise<void> => {
      for (const tenant of (await this.#threads.blocks.call('tenants')) as string[])
        this.#names.add(tenant)
      const stats = await Promise.all(this.#threads.lanes.map((lane) => lane.call('stats')))
      for (const { seriesByTenant } of stats as HeadStats[]) {
        for (const tenant of Object.keys(seriesByTenant)) this.#names.add(tenant)
      }
    }
    // Again once the replay is likely to have ended; a lane's tenants are known from then on.
    void look()
    setTimeout(() => void look(), 5000).unref()
  }
}

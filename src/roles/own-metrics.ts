// Own metrics of the threads, under the names that Prometheus gives them, so that existing mixins work; and the tenants
// seen so far.

import type { QueryPool } from '../query/index.ts'
import type { Appendable } from '../storage/index.ts'
import type { Metrics } from '../telemetry/index.ts'
import type { HeadStats } from '../tsdb/index.ts'
import type { Threads } from './threads.ts'
import { version } from './version.ts'

interface LaneStats extends HeadStats {
  readonly walSizeBytes: number
  readonly walSegments: number
  readonly diskFull: boolean
  readonly forgedSeries: Readonly<Record<string, number>>
}

/** Registers the gauges of the threads; call what is returned before each scrape. */
export function registerThreadMetrics(
  metrics: Metrics,
  threads: Threads,
  pool: QueryPool,
): () => Promise<void> {
  metrics.collectProcess()
  const build = metrics.gauge('crowsnest_build_info', 'Always 1.', ['version', 'nodeversion'])
  build.set({ version, nodeversion: process.version }, 1)
  const gauge = (name: string, help: string) => metrics.gauge(name, help)
  const series = metrics.gauge('prometheus_tsdb_head_series', 'Series in the head.', ['tenant'])
  const chunks = gauge('prometheus_tsdb_head_chunks', 'Chunks in the head.')
  const minTime = gauge('prometheus_tsdb_head_min_time_seconds', 'Oldest sample in the head.')
  const maxTime = gauge('prometheus_tsdb_head_max_time_seconds', 'Newest sample in the head.')
  const memory = gauge('crowsnest_head_memory_bytes', 'Linear memory of the head.')
  const walSize = gauge('prometheus_tsdb_wal_storage_size_bytes', 'Size of the write-ahead log.')
  const diskFull = gauge('crowsnest_wal_disk_full', '1 while writes are refused for lack of room.')
  const forged = metrics.gauge(
    'crowsnest_ingest_forged_series',
    'Series that came with labels of another identity and were stored under their own, since the start.',
    ['sender'],
  )
  const lanes = gauge('crowsnest_storage_lanes', 'Storage lanes.')
  const blockBytes = gauge('prometheus_tsdb_storage_blocks_bytes', 'Size of local blocks.')
  const queries = gauge('prometheus_engine_queries', 'Queries that wait or run.')
  return async () => {
    const all = (await Promise.all(threads.lanes.map((lane) => lane.call('stats')))) as LaneStats[]
    const sum = (of: (one: LaneStats) => number): number => all.reduce((n, one) => n + of(one), 0)
    series.reset()
    for (const { seriesByTenant } of all) {
      for (const [tenant, count] of Object.entries(seriesByTenant)) series.inc({ tenant }, count)
    }
    forged.reset()
    for (const { forgedSeries } of all)
      for (const [sender, count] of Object.entries(forgedSeries)) forged.inc({ sender }, count)
    chunks.set(sum((one) => one.chunkCount))
    minTime.set(Math.min(...all.map((one) => one.minTimeMs)) / 1000)
    maxTime.set(Math.max(...all.map((one) => one.maxTimeMs)) / 1000)
    memory.set(sum((one) => one.memoryBytes))
    walSize.set(sum((one) => one.walSizeBytes))
    diskFull.set(all.some((one) => one.diskFull) ? 1 : 0)
    lanes.set(all.length)
    blockBytes.set((await threads.blocks.call('sizeBytes')) as number)
    queries.set(pool.active().length)
  }
}

/** Registers what is known of configuration reloads. */
export function registerReloadMetrics(
  metrics: Metrics,
  lastReload: () => { readonly timeMs: number; readonly success: boolean },
): void {
  metrics.gauge(
    'prometheus_config_last_reload_successful',
    'Whether the last configuration reload went well.',
    [],
    (gauge) => gauge.set(lastReload().success ? 1 : 0),
  )
  metrics.gauge(
    'prometheus_config_last_reload_success_timestamp_seconds',
    'When the configuration was last read well.',
    [],
    (gauge) => gauge.set(lastReload().timeMs / 1000),
  )
}

/** The tenants that have data: those written to since the start, and those found in lanes and blocks. */
export class TenantsSeen {
  readonly #threads: Threads
  readonly #names = new Set<string>()
  readonly #appended: { inc(labels: { type: string }, count: number): void }

  constructor(threads: Threads, metrics: Metrics) {
    this.#threads = threads
    this.#appended = metrics.counter(
      'prometheus_tsdb_head_samples_appended_total',
      'Samples that were stored, by type.',
      ['type'],
    )
  }

  /** Every tenant seen so far. */
  names(): Iterable<string> {
    return this.#names
  }

  /** The same target, noting whose requests go through and what is stored. */
  noting(target: Appendable): Appendable {
    return {
      append: async (request) => {
        this.#names.add(request.tenant)
        const result = await target.append(request)
        this.#appended.inc({ type: 'float' }, result.samplesWritten)
        this.#appended.inc({ type: 'histogram' }, result.histogramsWritten)
        return result
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

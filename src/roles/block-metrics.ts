// What the block thread counts of its regular work. Names are Prometheus': cutting a window is a compaction there too.

import type { Metrics } from '../telemetry/index.ts'
import type { LocalBlocks } from '../tsdb/index.ts'

/** The metrics of block maintenance. */
export interface BlockMetrics {
  /** Counts and times one cut of windows or merge of blocks; false = there was nothing to do. */
  compaction<T>(work: () => Promise<T>, hasDone: (outcome: T) => boolean): Promise<T>
  /** Counts blocks that were deleted for their age or for room. */
  noteRetired(count: number): void
  /** Counts a round that failed. */
  noteFailure(): void
}

/** Registers the metrics; blocks are asked at every scrape. */
export function blockMetrics(
  metrics: Metrics,
  blocks: Pick<LocalBlocks, 'tenants' | 'blocksOf'>,
): BlockMetrics {
  const metas = () =>
    blocks.tenants().flatMap((tenant) => blocks.blocksOf(tenant).map(({ meta }) => meta))
  metrics.gauge('prometheus_tsdb_blocks_loaded', 'Local blocks.', [], (gauge) =>
    gauge.set(metas().length),
  )
  metrics.gauge(
    'prometheus_tsdb_lowest_timestamp_seconds',
    'Start of the oldest local block; 0 = there is none.',
    [],
    (gauge) => {
      const oldestMs = metas().reduce(
        (least, { minTimeMs }) => Math.min(least, minTimeMs),
        Infinity,
      )
      gauge.set(Number.isFinite(oldestMs) ? oldestMs / 1000 : 0)
    },
  )
  const done = metrics.counter(
    'prometheus_tsdb_compactions_total',
    'Cuts of windows into blocks, and merges of blocks.',
  )
  const failed = metrics.counter(
    'prometheus_tsdb_compactions_failed_total',
    'Rounds of cutting, merging and retention that failed; the next one tries again.',
  )
  const durations = metrics.histogram(
    'prometheus_tsdb_compaction_duration_seconds',
    'How long cuts and merges take.',
    [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800],
  )
  const retired = metrics.counter(
    'crowsnest_local_blocks_retired_total',
    'Local blocks that were deleted for their age or for room.',
  )
  return {
    async compaction(work, hasDone) {
      const startMs = performance.now()
      const outcome = await work()
      if (hasDone(outcome)) {
        done.inc()
        durations.observe((performance.now() - startMs) / 1000)
      }
      return outcome
    },
    noteRetired: (count) => retired.inc(count),
    noteFailure: () => failed.inc(),
  }
}

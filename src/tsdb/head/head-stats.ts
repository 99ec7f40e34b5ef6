// Head statistics: counts for metrics and for the status page.

import { metricNameLabel } from '../../model/index.ts'
import type { Generation } from './generation.ts'

/** Counts over the generations of a head. A series that is in several windows counts in the largest one. */
export interface HeadStats {
  readonly seriesCount: number
  readonly chunkCount: number
  readonly sampleCount: number
  readonly pairCount: number
  readonly memoryBytes: number
  /** Infinite where there is no sample. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly seriesByTenant: Readonly<Record<string, number>>
}

/** A name and a count. */
export interface NameCount {
  readonly name: string
  readonly count: number
}

/** What /api/v1/status/tsdb shows of the newest window of a tenant. */
export interface HeadCardinality {
  readonly seriesCount: number
  readonly pairCount: number
  readonly seriesCountByMetricName: readonly NameCount[]
  readonly labelValueCountByLabelName: readonly NameCount[]
  readonly memoryInBytesByLabelName: readonly NameCount[]
  readonly seriesCountByLabelValuePair: readonly NameCount[]
}

/** Sums of all generations. */
export function statsOf(generations: readonly Generation[]): HeadStats {
  const seriesByTenant: Record<string, number> = {}
  const total = {
    seriesCount: 0,
    chunkCount: 0,
    sampleCount: 0,
    pairCount: 0,
    memoryBytes: 0,
    minTimeMs: Number.POSITIVE_INFINITY,
    maxTimeMs: Number.NEGATIVE_INFINITY,
  }
  for (const generation of generations) {
    const stats = generation.stats()
    total.chunkCount += generation.memory.view.chunkCount
    total.sampleCount += stats.sampleCount
    total.pairCount = Math.max(total.pairCount, generation.memory.view.pairCount)
    total.memoryBytes += stats.memoryBytes
    total.minTimeMs = Math.min(total.minTimeMs, stats.minTimeMs)
    total.maxTimeMs = Math.max(total.maxTimeMs, stats.maxTimeMs)
    generation.tenants.forEach((tenant, id) => {
      const count = generation.seriesCounts[id]!
      seriesByTenant[tenant] = Math.max(seriesByTenant[tenant] ?? 0, count)
    })
  }
  for (const count of Object.values(seriesByTenant)) total.seriesCount += count
  return { ...total, seriesByTenant }
}

/** The largest `limit` of each kind in the newest window that has the tenant. */
export function cardinalityOf(
  generations: readonly Generation[],
  tenant: string,
  limit: number,
): HeadCardinality {
  const generation = generations.findLast((one) => one.tenants.includes(tenant))
  const values: NameCount[] = []
  const memory: NameCount[] = []
  const metrics: NameCount[] = []
  const pairs: NameCount[] = []
  let pairCount = 0
  const view = generation?.memory.view
  for (const { name, pairs: ids } of generation?.reader.nameStatistics(tenant) ?? []) {
    values.push({ name, count: ids.length })
    pairCount += ids.length
    let bytes = 0
    for (const pair of ids) {
      const count = view!.postingCount(pair)
      bytes += view!.valueOf(pair).length
      if (name === metricNameLabel) metrics.push({ name: generation!.reader.valueOf(pair), count })
      pairs.push({ name: String(pair), count })
      if (pairs.length > 4096) keepLargest(pairs, limit)
    }
    memory.push({ name, count: bytes })
  }
  keepLargest(pairs, limit)
  const reader = generation?.reader
  return {
    seriesCount: generation?.seriesCounts[generation.tenants.indexOf(tenant)] ?? 0,
    pairCount,
    seriesCountByMetricName: keepLargest(metrics, limit),
    labelValueCountByLabelName: keepLargest(values, limit),
    memoryInBytesByLabelName: keepLargest(memory, limit),
    seriesCountByLabelValuePair: pairs.map(({ name, count }) => ({
      name: `${reader!.nameOf(Number(name))}=${reader!.valueOf(Number(name))}`,
      count,
    })),
  }
}

function keepLargest(counts: NameCount[], limit: number): NameCount[] {
  counts.sort((a, b) => b.count - a.count)
  counts.length = Math.min(counts.length, limit)
  return counts
}

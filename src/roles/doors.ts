// Doors: what the HTTP routes ask of the threads, made from their connections.

import type { FastifyRequest } from 'fastify'
import { readTenants } from '../access/index.ts'
import {
  type AdminDoor,
  type FamilyMetadata,
  type HeadStatus,
  type ReadDoor,
  type SeriesExemplars,
  type StoredDoor,
  tenantSourcesOf,
} from '../api/index.ts'
import type { IngestOptions } from '../ingest/index.ts'
import { formatFloat } from '../kernel/index.ts'
import type { QueryPool } from '../query/index.ts'
import type {
  HeadCardinality,
  HeadStats,
  StoredExemplar,
  FamilyMetadata as StoredFamily,
} from '../tsdb/index.ts'
import type { Threads } from './threads.ts'

/** The read door. `known` lists the tenants that have data. */
export function readDoor(parts: {
  readonly pool: QueryPool
  readonly ingest: () => IngestOptions
  readonly known: () => Iterable<string>
  readonly timeoutMs: number
  readonly externalLabels: Readonly<Record<string, string>>
}): ReadDoor {
  const { pool, timeoutMs, externalLabels } = parts
  return {
    ask: (call, signal) => pool.ask(call, signal),
    tenantsOf(request: FastifyRequest) {
      const { naming } = parts.ingest()
      const headers = [naming.header.toLowerCase(), 'thanos-tenant']
      return readTenants(naming, request.caller, tenantSourcesOf(request, headers), parts.known)
    },
    scopeOf: (request) => request.caller.scope,
    timeoutMs,
    externalLabels,
  }
}

/** Metadata and exemplars from the lanes. */
export function storedDoor({ lanes }: Threads): StoredDoor {
  return {
    async metadata(tenants, metric) {
      const families = new Map<string, FamilyMetadata[]>()
      const asked = lanes.flatMap((lane) => tenants.map((tenant) => lane.call('metadata', tenant)))
      for (const { family, type, help, unit } of (
        await Promise.all(asked)
      ).flat() as StoredFamily[]) {
        if (metric !== '' && family !== metric) continue
        const known = families.get(family) ?? []
        const isNew = !known.some(
          (one) => one.type === type && one.help === help && one.unit === unit,
        )
        if (isNew) families.set(family, [...known, { type, unit, help }])
      }
      return families
    },
    async exemplars(tenants, selectors, range) {
      const asked = lanes.flatMap((lane) =>
        tenants.map((tenant) => lane.call('exemplars', { tenant, selectors, ...range })),
      )
      return groupExemplars((await Promise.all(asked)).flat() as StoredExemplar[])
    },
  }
}

function groupExemplars(found: readonly StoredExemplar[]): SeriesExemplars[] {
  const groups = Map.groupBy(found, ({ seriesLabels }) => JSON.stringify(seriesLabels))
  const plain = (labels: StoredExemplar['labels']) =>
    Object.fromEntries(labels.map(({ name, value }) => [name, value]))
  return [...groups.values()].map((exemplars) => ({
    seriesLabels: plain(exemplars[0]!.seriesLabels),
    exemplars: exemplars.map(({ labels, value, timestampMs }) => ({
      labels: plain(labels),
      value: formatFloat(value),
      timestamp: timestampMs / 1000,
    })),
  }))
}

/** The head of some tenants, as /status/tsdb shows it; tables of several tenants are added up. */
export async function headStatus(
  { lanes }: Threads,
  tenants: readonly string[],
  limit: number,
): Promise<HeadStatus> {
  const stats = (await Promise.all(lanes.map((lane) => lane.call('stats')))) as HeadStats[]
  const asked = lanes.flatMap((lane) =>
    tenants.map((tenant) => lane.call('cardinality', { tenant, limit })),
  )
  const tables = (await Promise.all(asked)) as HeadCardinality[]
  const sum = (of: (table: HeadCardinality) => number): number =>
    tables.reduce((n, table) => n + of(table), 0)
  const table = (of: (one: HeadCardinality) => readonly { name: string; count: number }[]) => {
    const counts = new Map<string, number>()
    for (const { name, count } of tables.flatMap(of))
      counts.set(name, (counts.get(name) ?? 0) + count)
    const entries = [...counts].map(([name, value]) => ({ name, value }))
    return entries.sort((a, b) => b.value - a.value).slice(0, limit)
  }
  const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
  return {
    headStats: {
      numSeries: sum((one) => one.seriesCount),
      numLabelPairs: sum((one) => one.pairCount),
      chunkCount: stats.reduce((n, one) => n + one.chunkCount, 0),
      minTime: finite(Math.min(...stats.map((one) => one.minTimeMs))),
      maxTime: finite(Math.max(...stats.map((one) => one.maxTimeMs))),
    },
    seriesCountByMetricName: table((one) => one.seriesCountByMetricName),
    labelValueCountByLabelName: table((one) => one.labelValueCountByLabelName),
    memoryInBytesByLabelName: table((one) => one.memoryInBytesByLabelName),
    seriesCountByLabelValuePair: table((one) => one.seriesCountByLabelValuePair),
  }
}

/** Deletion, clean-up and snapshots, carried out by the block thread. */
export function adminDoor(threads: Threads, enabled: boolean, snapshots: string): AdminDoor {
  const { blocks } = threads
  return {
    enabled,
    async deleteSeries(tenants, selectors, range) {
      for (const tenant of tenants) {
        for (const matchers of selectors)
          await blocks.call('deleteSeries', { tenant, matchers, range })
      }
    },
    async cleanTombstones(tenants) {
      for (const tenant of tenants) await blocks.call('cleanTombstones', tenant)
    },
    async snapshot(skipHead) {
      const time = new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15)
      const name = `${time}Z-${crypto.randomUUID().slice(0, 16).replaceAll('-', '')}`
      await blocks.call('snapshot', { directory: `${snapshots}/${name}`, skipHead })
      return name
    },
  }
}

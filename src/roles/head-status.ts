// The head as /status/tsdb shows it, cut to what the reader sees.

import type { HeadStatus } from '../api/index.ts'
import type { Scope } from '../model/index.ts'
import { type VisibleCardinality, wholeBody } from '../query/index.ts'
import type { HeadCardinality, HeadStats } from '../tsdb/index.ts'
import type { StoredParts } from './stored-doors.ts'

/** The head of some tenants, as /status/tsdb shows it; tables of several tenants are added up. */
export async function headStatus(
  parts: StoredParts,
  asked: {
    readonly tenants: readonly string[]
    readonly scope: Scope
    readonly reader: string
    readonly limit: number
  },
): Promise<HeadStatus> {
  const { lanes } = parts.threads
  const { tenants, limit } = asked
  const stats = (await Promise.all(lanes.map((lane) => lane.call('stats')))) as HeadStats[]
  const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
  const minTime = finite(Math.min(...stats.map((one) => one.minTimeMs)))
  const maxTime = finite(Math.max(...stats.map((one) => one.maxTimeMs)))
  if (asked.scope !== 'all') {
    const { seriesCount, pairCount, ...tables } = await visibleCardinality(parts, asked, {
      minTimeMs: minTime,
      maxTimeMs: maxTime,
    })
    const counts = { numSeries: seriesCount, numLabelPairs: pairCount, chunkCount: 0 }
    return { headStats: { ...counts, minTime, maxTime }, ...tables }
  }
  const tables = (await Promise.all(
    lanes.flatMap((lane) => tenants.map((tenant) => lane.call('cardinality', { tenant, limit }))),
  )) as HeadCardinality[]
  const sum = (of: (table: HeadCardinality) => number): number =>
    tables.reduce((n, table) => n + of(table), 0)
  const table = (of: (one: HeadCardinality) => readonly { name: string; count: number }[]) => {
    const counts = new Map<string, number>()
    for (const { name, count } of tables.flatMap(of))
      counts.set(name, (counts.get(name) ?? 0) + count)
    const entries = [...counts].map(([name, value]) => ({ name, value }))
    return entries.sort((a, b) => b.value - a.value).slice(0, limit)
  }
  return {
    headStats: {
      numSeries: sum((one) => one.seriesCount),
      numLabelPairs: sum((one) => one.pairCount),
      chunkCount: stats.reduce((n, one) => n + one.chunkCount, 0),
      minTime,
      maxTime,
    },
    seriesCountByMetricName: table((one) => one.seriesCountByMetricName),
    labelValueCountByLabelName: table((one) => one.labelValueCountByLabelName),
    memoryInBytesByLabelName: table((one) => one.memoryInBytesByLabelName),
    seriesCountByLabelValuePair: table((one) => one.seriesCountByLabelValuePair),
  }
}

async function visibleCardinality(
  { pool, timeoutMs }: StoredParts,
  { tenants, scope, reader, limit }: Parameters<typeof headStatus>[1],
  times: { readonly minTimeMs: number; readonly maxTimeMs: number },
): Promise<VisibleCardinality> {
  const call = { kind: 'cardinality', tenants, scope, reader, limit, ...times } as const
  const deadlineMs = Date.now() + timeoutMs
  const answer = await pool.ask({ ...call, deadlineMs }, new AbortController().signal)
  return JSON.parse(String(await wholeBody(answer))) as VisibleCardinality
}

// Doors to what lanes keep beside samples: metadata and exemplars, cut to what the reader sees.

import type { FamilyMetadata, Reader, SeriesExemplars, StoredDoor } from '../api/index.ts'
import { formatFloat } from '../kernel/index.ts'
import {
  anyOf,
  clusterLabel,
  formatMatcher,
  isMembershipMatcher,
  type Matcher,
  type Scope,
  sees,
  type TimeRange,
} from '../model/index.ts'
import { type QueryPool, wholeBody } from '../query/index.ts'
import type { StoredExemplar, FamilyMetadata as StoredFamily } from '../tsdb/index.ts'
import type { Threads } from './threads.ts'

/** What these doors ask. */
export interface StoredParts {
  readonly threads: Threads
  readonly pool: QueryPool
  readonly timeoutMs: number
}

// What a histogram's or a summary's series have behind the family's name.
const familySuffix = /_(bucket|sum|count|total|created|info)$/

/** Metadata and exemplars from the lanes. Limited readers get metadata of families of which they see a series. */
export function storedDoor(parts: StoredParts): StoredDoor {
  const { lanes } = parts.threads
  return {
    async metadata(tenants, metric, reader) {
      const visible =
        reader.scope === 'all' ? undefined : await visibleNames(parts, tenants, reader)
      const families = new Map<string, FamilyMetadata[]>()
      const asked = lanes.flatMap((lane) => tenants.map((tenant) => lane.call('metadata', tenant)))
      for (const { family, type, help, unit } of (
        await Promise.all(asked)
      ).flat() as StoredFamily[]) {
        if (metric !== '' && family !== metric) continue
        if (visible !== undefined && !visible.has(family)) continue
        const known = families.get(family) ?? []
        const isNew = !known.some(
          (one) => one.type === type && one.help === help && one.unit === unit,
        )
        if (isNew) families.set(family, [...known, { type, unit, help }])
      }
      return families
    },
    async exemplars(tenants, given, range, reader) {
      const selectors = await withClusters(parts, { tenants, selectors: given, range, reader })
      if (selectors.length === 0) return []
      const asked = lanes.flatMap((lane) =>
        tenants.map((tenant) => lane.call('exemplars', { tenant, selectors, ...range })),
      )
      const found = (await Promise.all(asked)).flat() as StoredExemplar[]
      return groupExemplars(
        found.filter(({ seriesLabels }) => seesSeries(reader.scope, seriesLabels)),
      )
    },
  }
}

interface ExemplarQuestion {
  readonly tenants: readonly string[]
  readonly selectors: readonly (readonly Matcher[])[]
  readonly range: TimeRange
  readonly reader: Reader
}

// Lanes know no virtual labels: selectors that have some get the clusters of their series at the end of the range.
async function withClusters(
  parts: StoredParts,
  { tenants, selectors, range, reader }: ExemplarQuestion,
): Promise<readonly (readonly Matcher[])[]> {
  const asked = selectors.map(async (matchers) => {
    if (!matchers.some(isMembershipMatcher)) return [matchers]
    const text = `{${matchers.map(formatMatcher).join()}}`
    const clusters = await valuesOf(parts, clusterLabel, { tenants, reader, ...range }, [text])
    const others = matchers.filter((matcher) => !isMembershipMatcher(matcher))
    return clusters.length === 0 ? [] : [[...others, anyOf(clusterLabel, clusters)]]
  })
  return (await Promise.all(asked)).flat()
}

// Names of metrics of which the reader sees a series, with and without what series have behind the family's name.
async function visibleNames(
  parts: StoredParts,
  tenants: readonly string[],
  reader: Reader,
): Promise<ReadonlySet<string>> {
  const everything = { minTimeMs: 0, maxTimeMs: Date.now() }
  const names = await valuesOf(parts, '__name__', { tenants, reader, ...everything }, [])
  return new Set(names.flatMap((metric) => [metric, metric.replace(familySuffix, '')]))
}

async function valuesOf(
  { pool, timeoutMs }: StoredParts,
  label: string,
  {
    reader,
    ...asked
  }: TimeRange & { readonly tenants: readonly string[]; readonly reader: Reader },
  selectors: readonly string[],
): Promise<readonly string[]> {
  const by = { scope: reader.scope, reader: reader.name, deadlineMs: Date.now() + timeoutMs }
  const call = { kind: 'labelValues', name: label, selectors, limit: 0, ...asked, ...by } as const
  const answer = await pool.ask(call, new AbortController().signal)
  const { data } = JSON.parse(String(await wholeBody(answer))) as { data: string[] }
  return data
}

function seesSeries(scope: Scope, labels: StoredExemplar['seriesLabels']): boolean {
  if (scope === 'all') return true
  const labelOf = (wanted: string) => labels.find(({ name }) => name === wanted)?.value ?? ''
  return sees(scope, labelOf('cluster'), labelOf('namespace'))
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

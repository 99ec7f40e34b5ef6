// Scoped: a source of which a reader sees the series of some clusters and namespaces only. Applied per series at the
// seam, below dedup, caches, stats and limits, so that no endpoint can miss it.
// Invariants: a row is handed on when its own labels `cluster` and `namespace` say so; the matcher that is pushed down
// only saves work. Names and values come from visible series alone.

import {
  anyOf,
  type ClusterScope,
  compareUtf8,
  type Matcher,
  type Scope,
  sees,
} from '../model/index.ts'
import { warningsOf } from './merge.ts'
import type {
  CancelSignal,
  LabelAnswer,
  LabelRequest,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from './queryable.ts'
import { RowCollector } from './row-collector.ts'
import { type PairDictionary, pairValue, type SeriesBatch } from './series-batch.ts'

type Limited = Exclude<Scope, 'all'>

/** What `scope` shows of `source`; `source` itself where it shows everything. */
export function scoped(source: Queryable, scope: Scope): Queryable {
  return scope === 'all' ? source : new ScopedQueryable(source, scope)
}

class ScopedQueryable implements Queryable {
  readonly #source: Queryable
  readonly #scope: Limited

  constructor(source: Queryable, scope: Limited) {
    this.#source = source
    this.#scope = scope
  }

  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    const clusters = [...this.#scope.clusters.keys()]
    if (clusters.length === 0) return nothing
    // Rows of other namespaces would use up a limit that is set below the filter.
    const { limit: _, ...hints } = request.hints
    const matchers = [...request.matchers, anyOf('cluster', clusters)]
    return visibleRows(this.#source.select({ ...request, matchers, hints }, signal), this.#scope)
  }

  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, (part) => this.#source.labelNames(part, signal))
  }

  labelValues(name: string, request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, (part) => this.#source.labelValues(name, part, signal))
  }

  async #list(
    request: LabelRequest,
    ask: (part: LabelRequest) => Promise<LabelAnswer>,
  ): Promise<LabelAnswer> {
    const values = new Set<string>()
    const answers: LabelAnswer[] = []
    for (const visible of matchersOf(this.#scope)) {
      const answer = await ask({ ...request, matchers: [...request.matchers, ...visible] })
      for (const value of answer.values) values.add(value)
      answers.push(answer)
    }
    const sorted = [...values].sort(compareUtf8)
    const { limit = 0 } = request
    return {
      values: limit > 0 ? sorted.slice(0, limit) : sorted,
      warnings: warningsOf(answers),
    }
  }
}

const nothing: SeriesCursor = {
  next: async () => undefined,
  close: () => undefined,
  warnings: [],
}

// The scope as selectors, one for all clusters that have the same namespaces.
function matchersOf({ clusters }: Limited): readonly (readonly Matcher[])[] {
  const keyOf = (namespaces: ClusterScope): string =>
    namespaces === 'all' ? '' : JSON.stringify([...namespaces].sort())
  const groups = Map.groupBy(clusters, ([, namespaces]) => keyOf(namespaces))
  return [...groups.values()].flatMap((group) => {
    const cluster = anyOf(
      'cluster',
      group.map(([name]) => name),
    )
    const namespaces = group[0]![1]
    if (namespaces === 'all') return [[cluster]]
    return namespaces.size === 0 ? [] : [[cluster, anyOf('namespace', [...namespaces])]]
  })
}

function visibleRows(cursor: SeriesCursor, scope: Limited): SeriesCursor {
  return {
    get warnings() {
      return cursor.warnings
    },
    close: () => cursor.close(),
    async next() {
      for (;;) {
        const batch = await cursor.next()
        if (batch === undefined) return undefined
        const visible = visibleOf(batch, scope)
        if (visible.rowCount > 0) return visible
      }
    },
  }
}

function visibleOf(batch: SeriesBatch, scope: Limited): SeriesBatch {
  const { pairStarts, pairIds, chunkStarts, chunks } = batch
  const clusterOf = valuesOf(batch.pairs, 'cluster')
  const namespaceOf = valuesOf(batch.pairs, 'namespace')
  const rows: number[] = []
  for (let row = 0; row < batch.rowCount; row++) {
    let cluster = ''
    let namespace = ''
    for (let i = pairStarts[row]!; i < pairStarts[row + 1]!; i++) {
      cluster = clusterOf.get(pairIds[i]!) ?? cluster
      namespace = namespaceOf.get(pairIds[i]!) ?? namespace
    }
    if (sees(scope, cluster, namespace)) rows.push(row)
  }
  if (rows.length === batch.rowCount) return batch
  const collector = new RowCollector()
  for (const row of rows) {
    collector.startRow(batch.hashes, 4 * row, batch, row)
    for (let i = chunkStarts[row]!; i < chunkStarts[row + 1]!; i++) collector.addChunkOf(chunks, i)
  }
  return collector.build()
}

// Values of one label by pair id.
function valuesOf(pairs: PairDictionary, name: string): ReadonlyMap<number, string> {
  const bytes = new TextEncoder().encode(name)
  const values = new Map<number, string>()
  for (let pair = 0; pair < pairs.pairCount; pair++) {
    const from = pairs.offsets[2 * pair]!
    if (pairs.offsets[2 * pair + 1]! - from !== bytes.length) continue
    if (bytes.every((byte, i) => pairs.bytes[from + i] === byte))
      values.set(pair, pairValue(pairs, pair))
  }
  return values
}

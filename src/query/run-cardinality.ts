// Cardinality: the tables of /status/tsdb, counted over the series that a reader sees. Costs a listing of all of them.

import { type CancelSignal, pairName, pairValue, type Queryable } from '../storage/index.ts'
import type { CardinalityCall } from './call.ts'
import type { AnswerSink } from './query-thread.ts'

interface Entry {
  readonly name: string
  readonly value: number
}

/** Tables of visible series, as /status/tsdb shows them; JSON without an envelope. */
export interface VisibleCardinality {
  readonly seriesCount: number
  readonly pairCount: number
  readonly seriesCountByMetricName: readonly Entry[]
  readonly labelValueCountByLabelName: readonly Entry[]
  readonly memoryInBytesByLabelName: readonly Entry[]
  readonly seriesCountByLabelValuePair: readonly Entry[]
}

// A map's entry and its key.
const pairSizeBytes = 150

/** Answers with a `VisibleCardinality`. */
export async function runCardinality(
  call: CardinalityCall,
  queryable: Queryable,
  signal: CancelSignal,
  sink: AnswerSink,
): Promise<void> {
  const { tenants, minTimeMs, maxTimeMs, limit } = call
  const hints = { func: 'series' }
  const request = { tenants, matchers: [], minTimeMs, maxTimeMs, sorted: false, hints }
  const cursor = queryable.select(request, signal)
  const pairs = new Map<string, { readonly name: string; readonly value: string; count: number }>()
  let seriesCount = 0
  try {
    for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
      signal.check()
      seriesCount += batch.rowCount
      const counts = new Uint32Array(batch.pairs.pairCount)
      for (const pairId of batch.pairIds.subarray(0, batch.pairStarts[batch.rowCount]))
        counts[pairId]!++
      for (let pairId = 0; pairId < counts.length; pairId++) {
        const [name, value] = [pairName(batch.pairs, pairId), pairValue(batch.pairs, pairId)]
        const key = `${name}=${value}`
        const known = pairs.get(key)
        if (known !== undefined) known.count += counts[pairId]!
        else {
          signal.memory?.hold(pairSizeBytes + 2 * key.length)
          pairs.set(key, { name, value, count: counts[pairId]! })
        }
      }
    }
  } finally {
    cursor.close()
  }
  sink.head({ 'content-type': 'application/json' })
  const tables = tablesOf([...pairs.values()], limit)
  const text = JSON.stringify({ seriesCount, pairCount: pairs.size, ...tables })
  await sink.write(new TextEncoder().encode(text))
}

function tablesOf(
  pairs: readonly { readonly name: string; readonly value: string; readonly count: number }[],
  limit: number,
) {
  const byName = new Map<string, { values: number; bytes: number }>()
  for (const { name, value } of pairs) {
    const sums = byName.get(name) ?? { values: 0, bytes: 0 }
    sums.values++
    sums.bytes += Buffer.byteLength(value)
    byName.set(name, sums)
  }
  const top = (entries: Entry[]): Entry[] =>
    entries.sort((a, b) => b.value - a.value).slice(0, limit)
  return {
    seriesCountByMetricName: top(
      pairs
        .filter(({ name }) => name === '__name__')
        .map(({ value, count }) => ({ name: value, value: count })),
    ),
    labelValueCountByLabelName: top(
      [...byName].map(([name, { values }]) => ({ name, value: values })),
    ),
    memoryInBytesByLabelName: top([...byName].map(([name, { bytes }]) => ({ name, value: bytes }))),
    seriesCountByLabelValuePair: top(
      pairs.map(({ name, value, count }) => ({ name: `${name}=${value}`, value: count })),
    ),
  }
}

// Reading whole series outside of PromQL: label sets of several selectors, each series once, sorted by labels.

import { compareLabels, type Label, type Labels, type Matcher } from '../model/index.ts'
import {
  type CancelSignal,
  pairName,
  pairValue,
  type Queryable,
  type SelectRequest,
  type SeriesBatch,
} from '../storage/index.ts'

/** What is read: tenants, times, and whether chunks are wanted. */
export interface ReadScope {
  readonly tenants: readonly string[]
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** 'series' = labels only. */
  readonly func: string
  readonly limit: number
}

/** Strings of a batch's pairs, made once per pair. */
export function pairLabelsOf(batch: SeriesBatch): (pairId: number) => Label {
  const known: (Label | undefined)[] = []
  return (pairId) => {
    known[pairId] ??= { name: pairName(batch.pairs, pairId), value: pairValue(batch.pairs, pairId) }
    return known[pairId]
  }
}

/** Labels of one row. */
export function rowLabelsOf(
  batch: SeriesBatch,
  row: number,
  labelOf: (pairId: number) => Label,
): Labels {
  const labels: Label[] = []
  for (let i = batch.pairStarts[row]!; i < batch.pairStarts[row + 1]!; i++) {
    labels.push(labelOf(batch.pairIds[i]!))
  }
  return labels
}

/** The key of a row's 128-bit hash. */
export function hashKeyOf(batch: SeriesBatch, row: number): string {
  const { hashes } = batch
  return `${hashes[4 * row]},${hashes[4 * row + 1]},${hashes[4 * row + 2]},${hashes[4 * row + 3]}`
}

// A set's key and array, and each of its entries; the strings are shared by a batch.
const setSizeBytes = 160
const labelSizeBytes = 16

/** Distinct label sets of all selectors, sorted; stops early once more than `limit` are known (0 = all). */
export async function labelSetsOf(
  queryable: Queryable,
  selectors: readonly (readonly Matcher[])[],
  scope: ReadScope,
  signal: CancelSignal,
): Promise<{ readonly sets: Labels[]; readonly warnings: string[] }> {
  const known = new Set<string>()
  const sets: Labels[] = []
  const warnings: string[] = []
  for (const matchers of selectors) {
    const cursor = queryable.select(requestOf(matchers, scope), signal)
    try {
      for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
        signal.check()
        signal.memory?.hold(2 * batch.pairs.bytes.length)
        const labelOf = pairLabelsOf(batch)
        for (let row = 0; row < batch.rowCount; row++) {
          const key = hashKeyOf(batch, row)
          if (known.has(key)) continue
          known.add(key)
          const labels = rowLabelsOf(batch, row, labelOf)
          signal.memory?.hold(setSizeBytes + labelSizeBytes * labels.length)
          sets.push(labels)
        }
        if (scope.limit > 0 && sets.length > scope.limit) break
      }
      warnings.push(...cursor.warnings)
    } finally {
      cursor.close()
    }
  }
  return { sets: sets.sort(compareLabels), warnings }
}

/** The select of one selector. */
export function requestOf(matchers: readonly Matcher[], scope: ReadScope): SelectRequest {
  return {
    tenants: scope.tenants,
    matchers,
    minTimeMs: scope.minTimeMs,
    maxTimeMs: scope.maxTimeMs,
    // With a limit the order decides which series are shown.
    sorted: scope.limit > 0,
    hints: { func: scope.func, ...(scope.limit > 0 ? { limit: scope.limit + 1 } : {}) },
  }
}

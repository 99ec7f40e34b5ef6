// Exemplars: the newest of each tenant, in a ring of bounded size.
// Units: Unix milliseconds. Invariant: per series, exemplars are stored in time order.
// Source: Prometheus tsdb/exemplar.go: an equal exemplar is a silent no-op, an older one is refused.

import { formatLabels, type Label, type Labels } from '../../model/index.ts'
import type { CompiledMatcher } from '../../storage/index.ts'

/** One exemplar with the series it belongs to. */
export interface StoredExemplar {
  readonly seriesLabels: Labels
  readonly labels: readonly Label[]
  readonly value: number
  readonly timestampMs: number
}

/** Longest exemplar labels, names and values together, in characters. */
export const exemplarLengthMax = 128

interface Ring {
  readonly items: StoredExemplar[]
  next: number
  readonly newest: Map<string, StoredExemplar>
}

/** What became of an exemplar. */
export type ExemplarOutcome = 'stored' | 'unchanged' | 'out_of_order' | 'too_long'

/** The exemplars of all tenants. */
export class Exemplars {
  readonly #countMax: number
  readonly #rings = new Map<string, Ring>()

  /** At most `countMax` per tenant. */
  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** Stores one, in place of the oldest where the ring is full. */
  add(tenant: string, exemplar: StoredExemplar): ExemplarOutcome {
    if (this.#countMax === 0) return 'unchanged'
    let length = 0
    for (const { name, value } of exemplar.labels) length += [...name].length + [...value].length
    if (length > exemplarLengthMax) return 'too_long'
    const ring = this.#ringOf(tenant)
    const series = formatLabels(exemplar.seriesLabels)
    const newest = ring.newest.get(series)
    if (newest !== undefined && isEqual(newest, exemplar)) return 'unchanged'
    if (newest !== undefined && exemplar.timestampMs <= newest.timestampMs) return 'out_of_order'
    const replaced = ring.items[ring.next]
    if (replaced !== undefined) {
      const key = formatLabels(replaced.seriesLabels)
      if (ring.newest.get(key) === replaced) ring.newest.delete(key)
    }
    ring.items[ring.next] = exemplar
    ring.next = (ring.next + 1) % this.#countMax
    ring.newest.set(series, exemplar)
    return 'stored'
  }

  /** Exemplars within inclusive bounds whose series satisfies one of the selectors, by series, then time. */
  select(
    tenant: string,
    selectors: readonly (readonly CompiledMatcher[])[],
    minTimeMs: number,
    maxTimeMs: number,
  ): StoredExemplar[] {
    const items = this.#rings.get(tenant)?.items ?? []
    return items
      .filter(({ timestampMs, seriesLabels }) => {
        if (timestampMs < minTimeMs || timestampMs > maxTimeMs) return false
        return selectors.some((matchers) => matchers.every((m) => holds(m, seriesLabels)))
      })
      .sort((a, b) => a.timestampMs - b.timestampMs)
  }

  /** All, oldest first, with their tenants. */
  *entries(): Generator<{ readonly tenant: string; readonly exemplar: StoredExemplar }> {
    for (const [tenant, ring] of this.#rings) {
      const ordered = [...ring.items.slice(ring.next), ...ring.items.slice(0, ring.next)]
      for (const exemplar of ordered) yield { tenant, exemplar }
    }
  }

  #ringOf(tenant: string): Ring {
    let ring = this.#rings.get(tenant)
    if (ring === undefined) {
      ring = { items: [], next: 0, newest: new Map() }
      this.#rings.set(tenant, ring)
    }
    return ring
  }
}

function holds(matcher: CompiledMatcher, labels: Labels): boolean {
  const { name } = matcher.matcher
  return matcher.matches(labels.find((label) => label.name === name)?.value ?? '')
}

function isEqual(a: StoredExemplar, b: StoredExemplar): boolean {
  return (
    a.timestampMs === b.timestampMs &&
    Object.is(a.value, b.value) &&
    formatLabels(a.labels) === formatLabels(b.labels)
  )
}

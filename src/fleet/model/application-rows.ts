// The rows of an application's status: words of Argo CD, reports, Karmada and KubeFed as five counters,
// the score that orders applications, and one health per cluster.
// Invariants: counters are summed over all deliveries of all clusters, so no cluster hides another.
// Source: facts/fleet.md §10 (how the console computes it, and its defect), §11, §12.

import { type Delivery, type RowState, rowStates } from './parts.ts'
import { addCounts, type Counts, countStates, type Health } from './state.ts'

/** The three rows of an application, or of an application on one cluster. */
export interface Rows {
  readonly health: Counts<RowState>
  readonly sync: Counts<RowState>
  readonly deployed: Counts<RowState>
}

/** Argo CD's health.status as a row state. */
export function rowOfHealth(word: string): RowState {
  if (word === 'Healthy') return 'healthy'
  if (word === 'Progressing') return 'progressing'
  if (word === 'Degraded') return 'danger'
  return word === 'Missing' || word === 'Suspended' ? 'warning' : 'unknown'
}

/** Argo CD's sync.status as a row state. */
export function rowOfSync(word: string): RowState {
  if (word === 'Synced') return 'healthy'
  if (word === 'OutOfSync') return 'warning'
  return word === 'Unknown' || word === '' ? 'unknown' : 'danger'
}

/** A subscription report's result as a row state. */
export function rowOfResult(word: string): RowState {
  if (word === 'deployed') return 'healthy'
  return word === 'failed' || word === 'propagationFailed' ? 'danger' : 'progressing'
}

// Of one delivery there are few rows, and most clusters have one delivery of an application: they share them.
const rowsOfOne = new Map<string, Rows>()

/** Counts the rows of some deliveries. */
export function rowsOf(deliveries: readonly Delivery[]): Rows {
  if (deliveries.length !== 1) return countRows(deliveries)
  const { health, sync, deployed } = deliveries[0]!
  const key = `${health} ${sync} ${deployed}`
  const known = rowsOfOne.get(key) ?? countRows(deliveries)
  rowsOfOne.set(key, known)
  return known
}

function countRows(deliveries: readonly Delivery[]): Rows {
  const row = (of: 'health' | 'sync' | 'deployed'): Counts<RowState> =>
    countStates(
      rowStates,
      deliveries.flatMap((delivery) => (delivery[of] === '' ? [] : delivery[of])),
    )
  return { health: row('health'), sync: row('sync'), deployed: row('deployed') }
}

/** The console's score over all rows: below 1000 nothing but healthy is there. */
export function scoreOf(rows: Rows): number {
  const sum = addCounts(rowStates, [rows.health, rows.sync, rows.deployed])
  return (
    sum.danger * 1e6 + sum.warning * 1e5 + sum.progressing * 1e4 + sum.unknown * 1e3 + sum.healthy
  )
}

/** One health for some rows: danger failed, warning pending. No counter set is unknown: no report is not healthy. */
export function healthOfRows(rows: Rows): Health {
  const sum = addCounts(rowStates, [rows.health, rows.sync, rows.deployed])
  if (sum.danger > 0) return 'failed'
  if (sum.unknown > 0) return 'unknown'
  if (sum.warning > 0) return 'pending'
  if (sum.progressing > 0) return 'progressing'
  return sum.healthy > 0 ? 'healthy' : 'unknown'
}

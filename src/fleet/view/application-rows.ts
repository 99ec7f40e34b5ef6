// Rows of applications.
// Invariants: lists carry counts, single applications a page of their clusters; where clusters are left out, by scope
// or filter, states and rows are those over the clusters that are seen.
// Source: facts/fleet.md §10.

import { type Rows, scoreOf } from '../model/application-rows.ts'
import type { Application, ApplicationOnCluster } from '../model/fleet.ts'
import { rowStates } from '../model/parts.ts'
import { type Counts, type Health, healths, worstOf } from '../model/state.ts'
import { countColumn } from './cluster-table.ts'
import type { Item } from './fields.ts'
import { type Context, countsAt, type Row, rowKey, staleItem } from './row.ts'

interface Tally {
  readonly state: Application['state']
  readonly counts: Counts<Health>
  readonly clusterCount: number
}

/** All applications that are seen. */
export function applicationRows(context: Context): readonly Row[] {
  return context.view.fleet.applications.flatMap((application) => {
    const tally = tallyOf(application, context)
    if (tally === undefined) return []
    const { hub, kind, namespace, name } = application
    const parts = { hub, namespace, name, type: kind, states: [tally.state] }
    const item = (): Item => applicationItem(application, tally, context)
    return [{ ...parts, key: rowKey(parts), item }]
  })
}

/** An application without its clusters, undefined where it is not seen. */
export function applicationObject(application: Application, context: Context): Item | undefined {
  const tally = tallyOf(application, context)
  return tally === undefined ? undefined : applicationItem(application, tally, context)
}

// Undefined where no cluster is seen that the application is on.
function tallyOf(application: Application, { sight }: Context): Tally | undefined {
  const { state, counts, clusters } = application
  if (sight.isWhole) return { state, counts, clusterCount: clusters.length }
  const seen = new Uint32Array(healths.length)
  const mask = sight.mask(application.namespace)
  const clusterCount = countColumn(sight.table.ofApplication(application), mask, seen)
  if (clusterCount === 0) return undefined
  const counted = countsAt(healths, seen)
  return { state: worstOf(counted), counts: counted, clusterCount }
}

function applicationItem(application: Application, tally: Tally, context: Context): Item {
  const { view, sight, flaps } = context
  const { hub, kind, namespace, name } = application
  const rows = sight.isWhole ? application.rows : rowsSeen(application, context)
  const flapper = { kind: 'application', hub, type: kind, namespace, name, cluster: '' } as const
  return {
    hub,
    kind,
    namespace,
    name,
    state: tally.state,
    // What is known of the application as a whole says nothing of some of its clusters.
    sinceMs: sight.isWhole ? flaps.sinceMs(flapper, tally.state) : undefined,
    message: sight.isWhole ? (application.failure ?? '') : '',
    by: { kind, namespace, name },
    clusterCount: tally.clusterCount,
    counts: tally.counts,
    rows,
    score: scoreOf(rows),
    // It names clusters that may not be seen.
    replicas: sight.scope === 'all' ? application.replicas : undefined,
    flaps: sight.isWhole ? flaps.countOf(flapper, view.nowMs) : undefined,
  }
}

const rowNames = ['health', 'sync', 'deployed'] as const

function rowsSeen(application: Application, { sight }: Context): Rows {
  const { ids } = sight.table.ofApplication(application)
  const mask = sight.mask(application.namespace)
  const sums = new Uint32Array(rowNames.length * rowStates.length)
  for (let i = 0; i < ids.length; i++) {
    if (mask !== undefined && mask[ids[i]!] !== 1) continue
    const { rows } = application.clusters[i]!
    let at = 0
    for (const name of rowNames) for (const state of rowStates) sums[at++]! += rows[name][state]
  }
  const row = (name: keyof Rows): Rows['health'] =>
    countsAt(rowStates, sums, rowNames.indexOf(name) * rowStates.length)
  return { health: row('health'), sync: row('sync'), deployed: row('deployed') }
}

/** An application on one cluster. */
export function applicationEntryItem(
  { hub, kind, namespace, name }: Application,
  entry: ApplicationOnCluster,
  { flaps, view }: Context,
): Item {
  const { cluster, state, rows, message } = entry
  const flapper = {
    kind: 'application_on_cluster',
    hub,
    type: kind,
    namespace,
    name,
    cluster,
  } as const
  return {
    cluster,
    state,
    sinceMs: entry.sinceMs ?? flaps.sinceMs(flapper, state),
    message,
    by: { kind, namespace, name },
    ...staleItem(entry.stale),
    rows,
    overrides: entry.overrides,
    flaps: flaps.countOf(flapper, view.nowMs),
  }
}

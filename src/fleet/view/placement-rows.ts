// Rows of placements and of sources.
// Invariants: a placement is seen where one of its clusters is, and shows only these; sources are seen by those who
// see everything.

import type { PlacementStatus } from '../model/fleet.ts'
import type { Item } from './fields.ts'
import type { SourceStatus } from './fleet-view.ts'
import { type Context, type Row, rowKey, saidItem } from './row.ts'

/** All placements that are seen. */
export function placementRows(context: Context): readonly Row[] {
  return context.view.fleet.placements.flatMap((placement) => {
    const clusterCount = clustersSeen(placement, context)?.length
    if (clusterCount === undefined) return []
    const { hub, kind, namespace, name, status } = placement
    const parts = { hub, namespace, name, type: kind, states: [status.state] }
    const item = (): Item => placementItem(placement, clusterCount, context)
    return [{ ...parts, key: rowKey(parts), item }]
  })
}

/** The decided clusters that are seen; undefined where the placement is not. */
export function clustersSeen(
  { hub, clusters }: PlacementStatus,
  { sight }: Context,
): readonly string[] | undefined {
  if (sight.isWhole) return clusters
  const seen = clusters.filter((cluster) => sight.hasCluster(hub, cluster))
  return seen.length === 0 ? undefined : seen
}

/** A placement without its clusters. */
export function placementItem(
  { hub, kind, namespace, name, status }: PlacementStatus,
  clusterCount: number,
  { view, flaps, sight }: Context,
): Item {
  const flapper = { kind: 'placement', hub, type: kind, namespace, name, cluster: '' } as const
  return {
    hub,
    kind,
    namespace,
    name,
    ...saidItem(status),
    // Messages count clusters, those that are not seen among them.
    message: sight.scope === 'all' ? status.message : '',
    sinceMs: status.sinceMs ?? flaps.sinceMs(flapper, status.state),
    clusterCount,
    flaps: flaps.countOf(flapper, view.nowMs),
  }
}

/** All sources. */
export function sourceRows({ view, sight }: Context): readonly Row[] {
  if (sight.scope !== 'all') return []
  return view.sources.map((source) => {
    const { name, kind, state } = source
    const parts = { hub: name, namespace: '', name, type: kind, states: [state] }
    return { ...parts, key: rowKey(parts), item: () => sourceItem(source) }
  })
}

function sourceItem({ parts, ...source }: SourceStatus): Item {
  return {
    ...source,
    objectCount: parts.reduce((sum, { objectCount }) => sum + objectCount, 0),
    partCount: parts.length,
    mistakeCount: parts.filter(({ mistake }) => mistake !== undefined).length,
  }
}

/** A source with its kinds or files. */
export function sourceObject(source: SourceStatus): Item {
  return { ...sourceItem(source), parts: source.parts }
}

// What every join needs of a hub's parts: parts by kind, clusters by name, decisions by placement.
// Invariants: names are unique within a hub, so plain maps by name do; lists come out in order of name.

import type { Stale } from './fleet.ts'
import type { ClusterPart, FleetPart } from './parts.ts'

/** Parts of one tag. */
export type PartsOf<T extends FleetPart['part']> = readonly Extract<FleetPart, { part: T }>[]

/** One hub's parts, looked up. */
export interface HubParts {
  readonly hub: string
  readonly of: <T extends FleetPart['part']>(tag: T) => PartsOf<T>
  readonly clusters: ReadonlyMap<string, ClusterPart>
}

/** Groups parts by tag, once. */
export function groupParts(hub: string, parts: readonly FleetPart[]): HubParts {
  const byTag = Map.groupBy(parts, ({ part }) => part)
  const of = <T extends FleetPart['part']>(tag: T): PartsOf<T> =>
    (byTag.get(tag) ?? []) as unknown as PartsOf<T>
  const clusters = of('cluster')
  return { hub, of, clusters: new Map(clusters.map((cluster) => [cluster.name, cluster])) }
}

/** Marks what a cluster reported as stale where it is not available now. Unknown names are not judged. */
export function staleness(hub: HubParts, cluster: string): { readonly stale?: Stale } {
  const status = hub.clusters.get(cluster)?.status
  if (status === undefined || status.state === 'available') return {}
  return { stale: status.sinceMs === undefined ? {} : { sinceMs: status.sinceMs } }
}

/** Sorts by a text, bytewise for the ASCII names of Kubernetes. */
export function sortedBy<T>(list: Iterable<T>, key: (item: T) => string): T[] {
  return [...list].sort((a, b) => {
    const [one, other] = [key(a), key(b)]
    return one < other ? -1 : one > other ? 1 : 0
  })
}

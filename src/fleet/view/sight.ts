// Which clusters an answer is about: those that the scope shows and the filter wants.
// Invariants: without scope and filter everything counts; a namespace of a cluster is seen where the scope says so; a
// thing that spans clusters is seen where one of them is, and counts only these.

import { type Scope, seesCluster, sees as seesIn, UserError } from '../../model/index.ts'
import { type LabelSelector, matchesSelector } from '../label-selector.ts'
import type { Cluster, Fleet } from '../model/fleet.ts'
import type { FleetFilter } from './call.ts'
import type { ClusterTable } from './cluster-table.ts'
import { parseSelector } from './selector-text.ts'

/** What an answer may look at. */
export class Sight {
  readonly scope: Scope
  readonly table: ClusterTable
  /** Whether the filter leaves clusters out. */
  readonly isFiltered: boolean
  readonly #wanted: Uint8Array | undefined
  readonly #masks = new Map<string, Uint8Array>()

  /** Throws UserError bad_data for a selector that is none. */
  constructor(table: ClusterTable, fleet: Fleet, scope: Scope, filter: FleetFilter) {
    table.note(fleet)
    this.scope = scope
    this.table = table
    this.#wanted = wantedClusters(table, fleet, filter)
    this.isFiltered = this.#wanted !== undefined
  }

  /** True where every cluster counts. */
  get isWhole(): boolean {
    return this.scope === 'all' && this.#wanted === undefined
  }

  /** Whether a cluster itself is seen. */
  hasCluster(hub: string, cluster: string): boolean {
    return seesCluster(this.scope, cluster) && this.wants(hub, cluster)
  }

  /** Whether something in a namespace of a cluster is seen ('' = it needs the whole cluster). */
  has(hub: string, cluster: string, namespace: string): boolean {
    return seesIn(this.scope, cluster, namespace) && this.wants(hub, cluster)
  }

  /** One byte a cluster: 1 where things of the namespace are seen; undefined = everywhere. */
  mask(namespace: string): Uint8Array | undefined {
    if (this.scope === 'all') return this.#wanted
    let mask = this.#masks.get(namespace)
    if (mask === undefined) {
      mask = new Uint8Array(this.table.size)
      for (const cluster of this.scope.clusters.keys()) {
        if (!seesIn(this.scope, cluster, namespace)) continue
        for (const id of this.table.idsOfName(cluster)) mask[id] = this.#wanted?.[id] ?? 1
      }
      this.#masks.set(namespace, mask)
    }
    return mask
  }

  /** Whether the filter wants a cluster, whatever the scope shows. */
  wants(hub: string, cluster: string): boolean {
    return this.#wanted === undefined || this.#wanted[this.table.idOf(hub, cluster)] === 1
  }
}

function wantedClusters(
  table: ClusterTable,
  fleet: Fleet,
  filter: FleetFilter,
): Uint8Array | undefined {
  const { selector, set, placement, cluster } = filter
  if ((selector ?? set ?? placement ?? cluster) === undefined) return undefined
  const mask = new Uint8Array(table.size)
  if ((selector ?? set ?? placement) === undefined) {
    for (const name of cluster!) for (const id of table.idsOfName(name)) mask[id] = 1
    return mask
  }
  const labels = selector === undefined ? undefined : checkedSelector(selector)
  const placed = placement === undefined ? undefined : decidedFor(fleet, placement)
  for (const one of fleet.clusters) {
    if (isWanted(one, labels, set, cluster) && placed?.has(`${one.hub}\0${one.name}`) !== false)
      mask[table.idOf(one.hub, one.name)] = 1
  }
  return mask
}

function isWanted(
  { name, labels, sets }: Cluster,
  selector: LabelSelector | undefined,
  wantedSets: readonly string[] | undefined,
  names: readonly string[] | undefined,
): boolean {
  if (names !== undefined && !names.includes(name)) return false
  if (wantedSets !== undefined && !wantedSets.some((set) => sets.includes(set))) return false
  return selector === undefined || matchesSelector(selector, labels)
}

function decidedFor({ placements }: Fleet, keys: readonly string[]): ReadonlySet<string> {
  const wanted = placements.filter(({ namespace, name }) => keys.includes(`${namespace}/${name}`))
  return new Set(
    wanted.flatMap(({ hub, clusters }) => clusters.map((cluster) => `${hub}\0${cluster}`)),
  )
}

function checkedSelector(text: string): LabelSelector {
  const parsed = parseSelector(text)
  if (!('mistake' in parsed)) return parsed.selector
  throw new UserError('bad_data', {
    what: `invalid parameter "selector": ${parsed.mistake}`,
    fix: 'write it as kubectl takes it, such as env=prod,region in (eu, us),!retired',
  })
}

// Membership log: from transitions of placement and set members to when each cluster was a member, as the columns that
// query threads read.
// Units: Unix milliseconds.
// Invariants: transitions come in order of time; a member of two hubs' placements of one name is one while it is either;
// what is dropped for want of room is the oldest, and the history then begins later. A change costs what its group costs.

import {
  type Intervals,
  joinPieces,
  type MembershipColumns,
  type MembershipLabel,
  type SnapshotPiece,
  snapshotPiece,
  unionOf,
} from '../../model/index.ts'
import type { FleetStates, Transition, TransitionKind } from '../model/transitions.ts'

/** Bounds of a log. */
export interface MembershipLogOptions {
  /** Most intervals kept over all groups; more drop the oldest quarter. */
  readonly intervalsKept: number
  /** Most intervals that one selector may look at. */
  readonly intervalsPerSelector: number
}

/** A million memberships, past ones included; 200,000 of them in one selector. */
export const membershipDefaults: MembershipLogOptions = {
  intervalsKept: 1_000_000,
  intervalsPerSelector: 200_000,
}

const labelOfKind: Partial<Record<TransitionKind, MembershipLabel>> = {
  placement_member: '__placement__',
  set_member: '__clusterset__',
}

type Named = Pick<Transition, 'kind' | 'hub' | 'type' | 'namespace' | 'name'>

/** Members of one object of one hub. */
interface Members {
  readonly named: Named
  readonly group: Group
  /** [from, to, …] by cluster; an odd count of bounds: it still is one. */
  readonly boundsMs: Map<string, number[]>
}

/** What one value of a virtual label means: the objects of that name, of all hubs. */
interface Group {
  readonly label: MembershipLabel
  readonly name: string
  readonly parts: Members[]
  revision: number
  piece: SnapshotPiece | undefined
}

/** A log as it is saved: JSON. Bounds by number of the cluster. */
export interface SavedMemberships {
  readonly sinceMs: number
  readonly clusters: readonly string[]
  readonly groups: readonly (readonly [
    kind: TransitionKind,
    hub: string,
    type: string,
    namespace: string,
    name: string,
    members: readonly (readonly [cluster: number, ...boundsMs: number[]])[],
  ])[]
}

/** Collects memberships. */
export class MembershipLog {
  readonly #options: MembershipLogOptions
  readonly #members = new Map<string, Members>()
  readonly #groups = new Map<string, Group>()
  readonly #clusters = new Map<string, number>()
  #sinceMs: number
  #revision = 0
  #boundCount = 0

  /** With what was saved, or a history that begins with the first that is seen. */
  constructor(options: MembershipLogOptions, saved?: SavedMemberships) {
    this.#options = options
    this.#sinceMs = saved?.sinceMs ?? Number.POSITIVE_INFINITY
    for (const [kind, hub, type, namespace, name, entries] of saved?.groups ?? []) {
      const members = this.#membersOf({ kind, hub, type, namespace, name })!
      for (const [cluster, ...boundsMs] of entries) {
        members.boundsMs.set(saved!.clusters[cluster]!, boundsMs)
        this.#boundCount += boundsMs.length
      }
      this.#changed(members.group)
    }
  }

  /** Everything, to begin with again. */
  save(): SavedMemberships {
    const groups = [...this.#members.values()].map(({ named, boundsMs }) => {
      const { kind, hub, type, namespace, name } = named
      const entries = [...boundsMs].map(
        ([cluster, bounds]) => [this.#numberOf(cluster), ...bounds] as const,
      )
      return [kind, hub, type, namespace, name, entries] as const
    })
    return { sinceMs: this.#sinceMs, clusters: [...this.#clusters.keys()], groups }
  }

  /** Takes in what changed; returns whether memberships did. */
  add(transitions: Iterable<Transition & { readonly atMs: number }>): boolean {
    const before = this.#revision
    for (const transition of transitions) {
      const { cluster, atMs } = transition
      this.#sinceMs = Math.min(this.#sinceMs, atMs)
      const members = this.#membersOf(transition)
      if (members === undefined) continue
      const isMember = transition.to !== undefined
      // The first that is heard of a member is that it left: it was one since the history begins.
      if (!isMember && !members.boundsMs.has(cluster)) this.#push(members, cluster, this.#sinceMs)
      if (isMember === isOpen(members.boundsMs.get(cluster))) continue
      this.#push(members, cluster, atMs)
      this.#changed(members.group)
    }
    if (this.#boundCount > 2 * this.#options.intervalsKept) this.#dropOldest()
    return this.#revision !== before
  }

  /**
   * Takes in a hub's fleet as it is seen at a time, where nobody tells what changed: at first sight, and after a start.
   * Returns whether memberships did.
   */
  agree(hub: string, fleet: Pick<FleetStates, 'placements' | 'sets'>, atMs: number): boolean {
    const before = this.#revision
    this.#sinceMs = Math.min(this.#sinceMs, atMs)
    const seen = new Set<Members>()
    for (const { named, clusters } of membersIn(hub, fleet)) {
      const members = this.#membersOf(named)!
      seen.add(members)
      this.#replace(members, clusters, atMs)
    }
    for (const members of this.#members.values())
      if (members.named.hub === hub && !seen.has(members)) this.#replace(members, [], atMs)
    return this.#revision !== before
  }

  /** Everything that is known, for query threads. */
  columns(): MembershipColumns {
    const pieces = [...this.#groups.values()].map((group) => {
      group.piece ??= snapshotPiece({ ...group, members: unitedMembers(group) }, (cluster) =>
        this.#numberOf(cluster),
      )
      return group.piece
    })
    const { intervalsPerSelector: intervalsMax } = this.#options
    return joinPieces(pieces, [...this.#clusters.keys()], { sinceMs: this.#sinceMs, intervalsMax })
  }

  #replace(members: Members, clusters: readonly string[], atMs: number): void {
    const before = this.#revision
    const now = new Set(clusters)
    for (const cluster of now) {
      if (isOpen(members.boundsMs.get(cluster))) continue
      this.#push(members, cluster, atMs)
      this.#revision++
    }
    for (const [cluster, boundsMs] of members.boundsMs) {
      if (!isOpen(boundsMs) || now.has(cluster)) continue
      this.#push(members, cluster, atMs)
      this.#revision++
    }
    if (this.#revision !== before) this.#changed(members.group)
  }

  #changed(group: Group): void {
    group.revision = ++this.#revision
    group.piece = undefined
  }

  #push({ boundsMs }: Members, cluster: string, boundMs: number): void {
    const bounds = boundsMs.get(cluster)
    if (bounds === undefined) boundsMs.set(cluster, [boundMs])
    else if (bounds.length > 0 && boundMs <= bounds.at(-1)!) {
      // Came and left at one moment: it never was.
      bounds.pop()
      this.#boundCount -= 2
    } else bounds.push(boundMs)
    this.#boundCount++
  }

  #numberOf(cluster: string): number {
    const known = this.#clusters.get(cluster)
    if (known !== undefined) return known
    this.#clusters.set(cluster, this.#clusters.size)
    return this.#clusters.size - 1
  }

  #membersOf({ kind, hub, type, namespace, name }: Named): Members | undefined {
    const label = labelOfKind[kind]
    if (label === undefined) return undefined
    const key = [kind, hub, type, namespace, name].join('\u0000')
    let members = this.#members.get(key)
    if (members === undefined) {
      const group = this.#groupOf(label, label === '__placement__' ? `${namespace}/${name}` : name)
      members = { named: { kind, hub, type, namespace, name }, group, boundsMs: new Map() }
      group.parts.push(members)
      this.#members.set(key, members)
    }
    return members
  }

  #groupOf(label: MembershipLabel, name: string): Group {
    const key = `${label}=${name}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { label, name, parts: [], revision: ++this.#revision, piece: undefined }
      this.#groups.set(key, group)
    }
    return group
  }

  #dropOldest(): void {
    const ends: number[] = []
    for (const { boundsMs } of this.#members.values())
      for (const bounds of boundsMs.values())
        for (let i = 1; i < bounds.length; i += 2) ends.push(bounds[i]!)
    const cutMs = ends.sort((a, b) => a - b)[Math.floor(this.#options.intervalsKept / 4)]
    this.#boundCount = 0
    for (const { boundsMs, group } of this.#members.values()) {
      for (const [cluster, bounds] of boundsMs) {
        if (cutMs !== undefined && dropBefore(bounds, cutMs)) this.#changed(group)
        if (bounds.length === 0) boundsMs.delete(cluster)
        this.#boundCount += bounds.length
      }
    }
    if (cutMs !== undefined) this.#sinceMs = Math.max(this.#sinceMs, cutMs)
  }
}

/** Drops the intervals that ended by a time; returns whether there were any. */
function dropBefore(bounds: number[], cutMs: number): boolean {
  const kept = bounds.findIndex((boundMs, i) => i % 2 === 1 && boundMs > cutMs)
  const from = kept < 0 ? bounds.length & ~1 : kept - 1
  bounds.splice(0, from)
  return from > 0
}

function unitedMembers({ parts }: Group): ReadonlyMap<string, Intervals> {
  const [first] = parts
  if (first !== undefined && parts.length === 1)
    return new Map([...first.boundsMs].map(([cluster, bounds]) => [cluster, intervalsOf(bounds)]))
  const lists = new Map<string, Intervals[]>()
  for (const { boundsMs } of parts)
    for (const [cluster, bounds] of boundsMs)
      lists.set(cluster, [...(lists.get(cluster) ?? []), intervalsOf(bounds)])
  return new Map([...lists].map(([cluster, list]) => [cluster, unionOf(list)]))
}

function* membersIn(
  hub: string,
  { placements, sets }: Pick<FleetStates, 'placements' | 'sets'>,
): Iterable<{ readonly named: Named; readonly clusters: readonly string[] }> {
  for (const { kind: type, namespace, name, clusters } of placements)
    yield { named: { kind: 'placement_member', hub, type, namespace, name }, clusters }
  const set = { kind: 'set_member', hub, type: 'ManagedClusterSet', namespace: '' } as const
  for (const { name, clusters } of sets) yield { named: { ...set, name }, clusters }
}

function isOpen(boundsMs: readonly number[] | undefined): boolean {
  return boundsMs !== undefined && boundsMs.length % 2 === 1
}

function intervalsOf(boundsMs: readonly number[]): Intervals {
  return Float64Array.from(isOpen(boundsMs) ? [...boundsMs, Number.POSITIVE_INFINITY] : boundsMs)
}

// Membership log: from transitions of placement and set members to when each cluster was a member, as the columns that
// query threads read.
// Units: Unix milliseconds.
// Invariants: transitions come in order of time; a member of two hubs' placements of one name is one while it is either;
// what is dropped for want of room is the oldest, and the history then begins later.

import {
  type Intervals,
  type MembershipColumns,
  type MembershipLabel,
  membershipColumns,
  type SnapshotGroup,
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

const labelOfKind: Partial<Record<TransitionKind, MembershipLabel>> = {
  placement_member: '__placement__',
  set_member: '__clusterset__',
}

/** One membership of a cluster, of one kind of one hub: [from, to, …]; an odd count of bounds: it still is. */
interface Member {
  readonly entry: MemberEntry
  readonly boundsMs: number[]
}

interface Group {
  readonly label: MembershipLabel
  readonly name: string
  /** By hub, kind and cluster. */
  readonly members: Map<string, Member>
  revision: number
}

type MemberEntry = Pick<Transition, 'kind' | 'hub' | 'type' | 'namespace' | 'name' | 'cluster'>

type SavedMember = readonly [
  kind: TransitionKind,
  hub: string,
  type: string,
  namespace: string,
  name: string,
  cluster: string,
  ...boundsMs: number[],
]

/** A log as it is saved: JSON. */
export interface SavedMemberships {
  readonly sinceMs: number
  readonly members: readonly SavedMember[]
}

/** Half a million memberships and as many changes; 200,000 of them in one selector. */
export const membershipDefaults: MembershipLogOptions = {
  intervalsKept: 1_000_000,
  intervalsPerSelector: 200_000,
}

/** Collects memberships. */
export class MembershipLog {
  readonly #options: MembershipLogOptions
  readonly #groups = new Map<string, Group>()
  #sinceMs: number
  #revision = 0
  #boundCount = 0

  /** With what was saved, or a history that begins with the first that is seen, or at `sinceMs` where that is known. */
  constructor(options: MembershipLogOptions, saved?: SavedMemberships) {
    this.#options = options
    this.#sinceMs = saved?.sinceMs ?? Number.POSITIVE_INFINITY
    for (const [kind, hub, type, namespace, name, cluster, ...boundsMs] of saved?.members ?? []) {
      const entry = { kind, hub, type, namespace, name, cluster }
      const group = this.#groupOf(entry)!
      memberOf(group, entry).boundsMs.push(...boundsMs)
      this.#boundCount += boundsMs.length
      group.revision = ++this.#revision
    }
  }

  /** Everything, to begin with again. */
  save(): SavedMemberships {
    const members = [...this.#members()].map(({ entry, boundsMs }): SavedMember => {
      const { kind, hub, type, namespace, name, cluster } = entry
      return [kind, hub, type, namespace, name, cluster, ...boundsMs]
    })
    return { sinceMs: this.#sinceMs, members }
  }

  /** Takes in what changed; returns whether memberships did. */
  add(transitions: Iterable<Transition & { readonly atMs: number }>): boolean {
    const before = this.#revision
    for (const transition of transitions) {
      const { atMs } = transition
      this.#sinceMs = Math.min(this.#sinceMs, atMs)
      const group = this.#groupOf(transition)
      if (group === undefined) continue
      const isMember = transition.to !== undefined
      const member = memberOf(group, transition)
      // The first that is heard of a member is that it left: it was one since the history begins.
      if (!isMember && member.boundsMs.length === 0) this.#push(member, this.#sinceMs)
      if (isMember !== isOpen(member)) this.#change(group, member, atMs)
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
    const isNow = new Set<Member>()
    for (const entry of membersOf(hub, fleet)) {
      const group = this.#groupOf(entry)!
      const member = memberOf(group, entry)
      isNow.add(member)
      if (!isOpen(member)) this.#change(group, member, atMs)
    }
    for (const group of this.#groups.values())
      for (const member of group.members.values())
        if (member.entry.hub === hub && isOpen(member) && !isNow.has(member))
          this.#change(group, member, atMs)
    return this.#revision !== before
  }

  /** Everything that is known, for query threads. */
  columns(): MembershipColumns {
    const groups = [...this.#groups.values()].map(({ label, name, revision, members }) => {
      const byCluster = Map.groupBy(members.values(), ({ entry }) => entry.cluster)
      const united = [...byCluster].map(
        ([cluster, parts]) => [cluster, unionOf(parts.map(intervalsOf))] as const,
      )
      return { label, name, revision, members: new Map(united) } satisfies SnapshotGroup
    })
    const { intervalsPerSelector: intervalsMax } = this.#options
    return membershipColumns(groups, { sinceMs: this.#sinceMs, intervalsMax })
  }

  #change(group: Group, member: Member, atMs: number): void {
    this.#push(member, atMs)
    group.revision = ++this.#revision
  }

  #push(member: Member, boundMs: number): void {
    const last = member.boundsMs.at(-1)
    // Came and left at one moment: it never was.
    if (last !== undefined && boundMs <= last) {
      member.boundsMs.pop()
      this.#boundCount--
      return
    }
    member.boundsMs.push(boundMs)
    this.#boundCount++
  }

  #groupOf({ kind, namespace, name }: MemberEntry): Group | undefined {
    const label = labelOfKind[kind]
    if (label === undefined) return undefined
    const full = label === '__placement__' ? `${namespace}/${name}` : name
    const key = `${label}=${full}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { label, name: full, members: new Map(), revision: 0 }
      this.#groups.set(key, group)
    }
    return group
  }

  #dropOldest(): void {
    const ends: number[] = []
    for (const member of this.#members()) {
      for (let i = 1; i < member.boundsMs.length; i += 2) ends.push(member.boundsMs[i]!)
    }
    const cutMs = ends.sort((a, b) => a - b)[Math.floor(this.#options.intervalsKept / 4)]
    if (cutMs === undefined) return
    for (const group of this.#groups.values()) {
      for (const [key, member] of group.members) {
        const kept = member.boundsMs.findIndex((boundMs, i) => i % 2 === 1 && boundMs > cutMs)
        const from = kept < 0 ? member.boundsMs.length & ~1 : kept - 1
        this.#boundCount -= from
        member.boundsMs.splice(0, from)
        if (member.boundsMs.length === 0) group.members.delete(key)
        if (from > 0) group.revision = ++this.#revision
      }
    }
    this.#sinceMs = Math.max(this.#sinceMs, cutMs)
  }

  *#members(): Iterable<Member> {
    for (const { members } of this.#groups.values()) yield* members.values()
  }
}

function memberOf(group: Group, transition: MemberEntry): Member {
  const { kind, hub, type, namespace, name, cluster } = transition
  const key = `${hub}\u0000${type}\u0000${cluster}`
  let member = group.members.get(key)
  if (member === undefined) {
    member = { entry: { kind, hub, type, namespace, name, cluster }, boundsMs: [] }
    group.members.set(key, member)
  }
  return member
}

function* membersOf(
  hub: string,
  fleet: Pick<FleetStates, 'placements' | 'sets'>,
): Iterable<MemberEntry> {
  for (const { kind: type, namespace, name, clusters } of fleet.placements)
    for (const cluster of clusters)
      yield { kind: 'placement_member', hub, type, namespace, name, cluster }
  const set = { kind: 'set_member', hub, type: 'ManagedClusterSet', namespace: '' } as const
  for (const { name, clusters } of fleet.sets)
    for (const cluster of clusters) yield { ...set, name, cluster }
}

function isOpen({ boundsMs }: Member): boolean {
  return boundsMs.length % 2 === 1
}

function intervalsOf({ boundsMs }: Member): Intervals {
  const isStill = boundsMs.length % 2 === 1
  return Float64Array.from(isStill ? [...boundsMs, Number.POSITIVE_INFINITY] : boundsMs)
}

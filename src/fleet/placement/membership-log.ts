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
import type { Fleet } from '../model/fleet.ts'
import type { Transition, TransitionKind } from '../model/transitions.ts'

/** Bounds of a log. */
export interface MembershipLogOptions {
  /** From when on the fleet was watched: members known without a transition were so since then. */
  readonly sinceMs: number
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
  readonly cluster: string
  readonly boundsMs: number[]
}

interface Group {
  readonly label: MembershipLabel
  readonly name: string
  /** By hub, kind and cluster. */
  readonly members: Map<string, Member>
  revision: number
}

type MemberTransition = Pick<Transition, 'kind' | 'hub' | 'type' | 'namespace' | 'name' | 'cluster'>

/** Collects memberships. */
export class MembershipLog {
  readonly #options: MembershipLogOptions
  readonly #groups = new Map<string, Group>()
  #sinceMs: number
  #revision = 0
  #boundCount = 0

  constructor(options: MembershipLogOptions) {
    this.#options = options
    this.#sinceMs = options.sinceMs
  }

  /** Takes in what changed at a time; returns whether memberships did. */
  add(transitions: Iterable<Transition>, atMs: number): boolean {
    const before = this.#revision
    for (const transition of transitions) {
      const group = this.#groupOf(transition)
      if (group === undefined) continue
      const isMember = transition.to !== undefined
      const member = memberOf(group, transition)
      // The first that is heard of a member is that it left: it was one since the history begins.
      if (!isMember && member.boundsMs.length === 0) this.#push(member, this.#sinceMs)
      if (isMember !== isOpen(member)) this.#push(member, atMs)
      group.revision = ++this.#revision
    }
    if (this.#boundCount > 2 * this.#options.intervalsKept) this.#dropOldest()
    return this.#revision !== before
  }

  /** Members of a fleet of which no transition was heard: they were so since the history begins. */
  assume(fleet: Pick<Fleet, 'placements' | 'sets'>): void {
    for (const { hub, kind: type, namespace, name, clusters } of fleet.placements)
      for (const cluster of clusters)
        this.#assumeMember({ kind: 'placement_member', hub, type, namespace, name, cluster })
    for (const { hub, name, clusters } of fleet.sets)
      for (const cluster of clusters) {
        const named = { hub, type: 'ManagedClusterSet', namespace: '', name, cluster }
        this.#assumeMember({ kind: 'set_member', ...named })
      }
  }

  /** Everything that is known, for query threads. */
  columns(): MembershipColumns {
    const groups = [...this.#groups.values()].map(({ label, name, revision, members }) => {
      const byCluster = Map.groupBy(members.values(), ({ cluster }) => cluster)
      const united = [...byCluster].map(
        ([cluster, parts]) => [cluster, unionOf(parts.map(intervalsOf))] as const,
      )
      return { label, name, revision, members: new Map(united) } satisfies SnapshotGroup
    })
    const { intervalsPerSelector: intervalsMax } = this.#options
    return membershipColumns(groups, { sinceMs: this.#sinceMs, intervalsMax })
  }

  #assumeMember(entry: MemberTransition): void {
    const group = this.#groupOf(entry)!
    const member = memberOf(group, entry)
    if (member.boundsMs.length > 0) return
    this.#push(member, this.#sinceMs)
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

  #groupOf({ kind, namespace, name }: MemberTransition): Group | undefined {
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

function memberOf(group: Group, { hub, type, cluster }: MemberTransition): Member {
  const key = `${hub}\u0000${type}\u0000${cluster}`
  let member = group.members.get(key)
  if (member === undefined) {
    member = { cluster, boundsMs: [] }
    group.members.set(key, member)
  }
  return member
}

function isOpen({ boundsMs }: Member): boolean {
  return boundsMs.length % 2 === 1
}

function intervalsOf({ boundsMs }: Member): Intervals {
  const isStill = boundsMs.length % 2 === 1
  return Float64Array.from(isStill ? [...boundsMs, Number.POSITIVE_INFINITY] : boundsMs)
}

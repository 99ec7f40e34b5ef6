// Numbers for clusters, and what policies and applications say of each as columns, so that counting over hundreds of
// thousands of entries is one pass over bytes.
// Invariants: a number stays a cluster's own as long as the table lives; columns are kept as long as their thing is.

import type {
  Application,
  ApplicationOnCluster,
  Fleet,
  Policy,
  PolicyOnCluster,
} from '../model/fleet.ts'
import { compliances } from '../model/parts.ts'
import { healths } from '../model/state.ts'

/** A thing's entries in their order: the cluster's number, and the state's place in `compliances` or `healths`. */
export interface Column {
  readonly ids: Uint32Array
  readonly codes: Uint8Array
}

interface Group {
  readonly policies: readonly Policy[]
  readonly counts: Uint32Array
}

/** Groups of policies whose counts are kept. */
const groupsMax = 500

/** Clusters of all hubs, numbered from 0. */
export class ClusterTable {
  readonly #ids = new Map<string, Map<string, number>>()
  readonly #columns = new WeakMap<Policy | Application, Column>()
  readonly #newest = new Map<string, Newest>()
  readonly #groups = new Map<string, Group>()
  readonly #totals = new WeakMap<object, Uint32Array>()
  readonly #names: string[] = []
  readonly #hubs: string[] = []
  #noted: Fleet | undefined

  /** How many numbers are given away. */
  get size(): number {
    return this.#names.length
  }

  /** The number of a cluster, which may be one that only policies or applications know. */
  idOf(hub: string, name: string): number {
    let ofHub = this.#ids.get(hub)
    if (ofHub === undefined) {
      ofHub = new Map()
      this.#ids.set(hub, ofHub)
    }
    let id = ofHub.get(name)
    if (id === undefined) {
      id = this.#names.length
      this.#names.push(name)
      this.#hubs.push(hub)
      ofHub.set(name, id)
    }
    return id
  }

  /** The name that a number stands for. */
  nameOf(id: number): string {
    return this.#names[id]!
  }

  /** The hub of the cluster that a number stands for. */
  hubOf(id: number): string {
    return this.#hubs[id]!
  }

  /** The numbers of a cluster's name in every hub. */
  idsOfName(name: string): readonly number[] {
    return [...this.#ids.values()].flatMap((ofHub) => ofHub.get(name) ?? [])
  }

  /** Gives numbers to every cluster that a fleet names. */
  note(fleet: Fleet): void {
    if (fleet === this.#noted) return
    this.#noted = fleet
    const { policies, applications } = fleet
    // Those of things that are gone are let go now and then, with all others.
    if (this.#newest.size > 2 * (policies.length + applications.length) + 100) this.#newest.clear()
    for (const { hub, name } of fleet.clusters) this.idOf(hub, name)
    for (const { hub, cluster } of fleet.addons) this.idOf(hub, cluster)
    for (const policy of fleet.policies) this.ofPolicy(policy)
    for (const application of fleet.applications) this.ofApplication(application)
  }

  /** What a policy says of its clusters. */
  ofPolicy(policy: Policy): Column {
    return this.#columnOf(policy, policy.clusters, codeOfPolicy)
  }

  /** What an application says of its clusters. */
  ofApplication(application: Application): Column {
    return this.#columnOf(application, application.clusters, codeOfApplication)
  }

  /**
   * How some policies are on each cluster, [cluster × compliance]. Kept by `name` as long as they are the same, so that
   * of many groups only those are counted anew whose policies changed.
   */
  groupTotals(name: string, policies: readonly Policy[]): Uint32Array {
    // Columns first: they may number clusters.
    const columns = policies.map((policy) => this.ofPolicy(policy))
    const known = this.#groups.get(name)
    const length = this.size * compliances.length
    const isSame =
      known?.counts.length === length &&
      known.policies.length === policies.length &&
      known.policies.every((policy, i) => policy === policies[i])
    if (isSame) return known.counts
    const counts = new Uint32Array(length)
    for (const column of columns) countByCluster(column, undefined, compliances.length, counts)
    if (known === undefined && this.#groups.size >= groupsMax) this.#groups.clear()
    this.#groups.set(name, { policies, counts })
    return counts
  }

  /** How all policies are on each cluster, [cluster × compliance]; kept as long as the list is. */
  policyTotals(policies: readonly Policy[]): Uint32Array {
    return this.#totalsOf(policies, compliances.length, (policy) => this.ofPolicy(policy))
  }

  /** How all applications are on each cluster, [cluster × health]; kept as long as the list is. */
  applicationTotals(applications: readonly Application[]): Uint32Array {
    return this.#totalsOf(applications, healths.length, (one) => this.ofApplication(one))
  }

  #totalsOf<T>(things: readonly T[], stateCount: number, of: (thing: T) => Column): Uint32Array {
    const columns = things.map(of)
    const known = this.#totals.get(things)
    if (known !== undefined && known.length === this.size * stateCount) return known
    const counts = new Uint32Array(this.size * stateCount)
    for (const column of columns) countByCluster(column, undefined, stateCount, counts)
    this.#totals.set(things, counts)
    return counts
  }

  #columnOf<E extends Entry>(
    thing: Policy | Application,
    entries: readonly E[],
    codeOf: (entry: E) => number,
  ): Column {
    const known = this.#columns.get(thing)
    if (known !== undefined) return known
    const key = keyOf(thing)
    const before = this.#newest.get(key)
    const column =
      before?.entries.length === entries.length
        ? this.#changed(thing.hub, before, entries, codeOf)
        : this.#whole(thing.hub, entries, codeOf)
    this.#columns.set(thing, column)
    this.#newest.set(key, { entries, column })
    return column
  }

  // A thing that changed has most entries of the one before: only others are looked at.
  #changed<E extends Entry>(
    hub: string,
    before: Newest,
    entries: readonly E[],
    codeOf: (entry: E) => number,
  ): Column {
    const ids = before.column.ids.slice()
    const codes = before.column.codes.slice()
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      if (entry === before.entries[i]) continue
      ids[i] = this.idOf(hub, entry.cluster)
      codes[i] = codeOf(entry)
    }
    return { ids, codes }
  }

  // Things name clusters in the same order mostly, so the number after the last one is tried first.
  #whole<E extends Entry>(
    hub: string,
    entries: readonly E[],
    codeOf: (entry: E) => number,
  ): Column {
    const ids = new Uint32Array(entries.length)
    const codes = new Uint8Array(entries.length)
    let next = 0
    for (let i = 0; i < ids.length; i++) {
      const entry = entries[i]!
      const isNext = this.#names[next] === entry.cluster && this.#hubs[next] === hub
      const id = isNext ? next : this.idOf(hub, entry.cluster)
      ids[i] = id
      codes[i] = codeOf(entry)
      next = id + 1
    }
    return { ids, codes }
  }
}

interface Entry {
  readonly cluster: string
}

interface Newest {
  readonly entries: readonly Entry[]
  readonly column: Column
}

function codeOfPolicy({ compliance }: PolicyOnCluster): number {
  return compliances.indexOf(compliance)
}

function codeOfApplication({ state }: ApplicationOnCluster): number {
  return healths.indexOf(state)
}

function keyOf(thing: Policy | Application): string {
  const { hub, namespace, name } = thing
  return [hub, 'kind' in thing ? thing.kind : '', namespace, name].join('\0')
}

/**
 * Counts entries by state where `mask` (one byte a cluster, undefined = all) has their cluster. `counts` is
 * [stateCount] and added to in place; returns how many entries counted.
 */
export function countColumn(
  { ids, codes }: Column,
  mask: Uint8Array | undefined,
  counts: Uint32Array,
): number {
  let seen = 0
  for (let i = 0; i < ids.length; i++) {
    if (mask !== undefined && mask[ids[i]!] !== 1) continue
    counts[codes[i]!]!++
    seen++
  }
  return seen
}

/** Adds entries to `counts`, which is [cluster × stateCount], where `mask` has their cluster. */
export function countByCluster(
  { ids, codes }: Column,
  mask: Uint8Array | undefined,
  stateCount: number,
  counts: Uint32Array,
): void {
  if (mask === undefined) {
    for (let i = 0; i < ids.length; i++) counts[ids[i]! * stateCount + codes[i]!]!++
    return
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (mask[id] === 1) counts[id * stateCount + codes[i]!]!++
  }
}

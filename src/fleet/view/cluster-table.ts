// Numbers for clusters, and what policies and applications say of each as columns, so that counting over hundreds of
// thousands of entries is one pass over bytes.
// Invariants: a number stays a cluster's own as long as the table lives; columns are kept as long as their thing is.

import type { Application, Fleet, Policy } from '../model/fleet.ts'
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
    for (const { hub, name } of fleet.clusters) this.idOf(hub, name)
    for (const { hub, cluster } of fleet.addons) this.idOf(hub, cluster)
    for (const policy of fleet.policies) this.ofPolicy(policy)
    for (const application of fleet.applications) this.ofApplication(application)
  }

  /** What a policy says of its clusters. */
  ofPolicy(policy: Policy): Column {
    const known = this.#columns.get(policy)
    if (known !== undefined) return known
    const { clusters } = policy
    return this.#keep(
      policy,
      Uint8Array.from(clusters, ({ compliance }) => compliances.indexOf(compliance)),
    )
  }

  /** What an application says of its clusters. */
  ofApplication(application: Application): Column {
    const known = this.#columns.get(application)
    if (known !== undefined) return known
    const { clusters } = application
    return this.#keep(
      application,
      Uint8Array.from(clusters, ({ state }) => healths.indexOf(state)),
    )
  }

  /**
   * How some policies are on each cluster, [cluster × compliance]. Kept by `name` as long as they are the same, so that
   * of many groups only those are counted anew whose policies changed.
   */
  groupTotals(name: string, policies: readonly Policy[]): Uint32Array {
    const known = this.#groups.get(name)
    const length = this.size * compliances.length
    const isSame =
      known?.counts.length === length &&
      known.policies.length === policies.length &&
      known.policies.every((policy, i) => policy === policies[i])
    if (isSame) return known.counts
    const counts = new Uint32Array(length)
    for (const policy of policies)
      countByCluster(this.ofPolicy(policy), undefined, compliances.length, counts)
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
    const known = this.#totals.get(things)
    if (known !== undefined && known.length === this.size * stateCount) return known
    const counts = new Uint32Array(this.size * stateCount)
    for (const thing of things) countByCluster(of(thing), undefined, stateCount, counts)
    this.#totals.set(things, counts)
    return counts
  }

  // Things name clusters in the same order mostly, so the number after the last one is tried first.
  #idsOf({ hub, clusters }: Policy | Application): Uint32Array {
    const ids = new Uint32Array(clusters.length)
    let next = 0
    for (let i = 0; i < ids.length; i++) {
      const { cluster } = clusters[i]!
      const isNext = this.#names[next] === cluster && this.#hubs[next] === hub
      const id = isNext ? next : this.idOf(hub, cluster)
      ids[i] = id
      next = id + 1
    }
    return ids
  }

  #keep(thing: Policy | Application, codes: Uint8Array): Column {
    const column = { ids: this.#idsOf(thing), codes }
    this.#columns.set(thing, column)
    return column
  }
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

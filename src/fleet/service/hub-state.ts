// One hub's fleet, kept joined: a change of an object joins again what it touches, and nothing else.
// Here: the order in which things are joined. Elsewhere: what is touched (hub-index.ts), how one thing is joined (model).
// Invariants: what stands here equals `assembleHub` of the same parts; an entry that equals the one before it is that
// entry, also each cluster's entry within a policy or an application.
// Units: times in Unix milliseconds.

import { addonJoiner, addonOrder, type DataFacts, joinDefinitions } from '../model/addons.ts'
import {
  applicationKey,
  applicationOrder,
  isSelected,
  joinApplication,
  ownerKey,
  resolver,
} from '../model/applications.ts'
import { joinCluster, joinSets, joinWork, workOrder } from '../model/assemble.ts'
import type {
  Addon,
  AddonDefinition,
  Application,
  Cluster,
  ClusterSetStatus,
  Fleet,
  PlacementStatus,
  Policy,
  PolicySet,
  Work,
} from '../model/fleet.ts'
import { staleness } from '../model/join.ts'
import type { ApplicationPart } from '../model/parts.ts'
import {
  type Decided,
  decideAll,
  joinPlacement,
  joinSilent,
  placementOrder,
  placementWorld,
  uniteShards,
} from '../model/placements.ts'
import { joinPolicy, joinPolicySet, placementsOfSet, selectedBy } from '../model/policies.ts'
import type { KeptDecision } from '../placement/decide.ts'
import type { HubDecisions } from '../placement/decision-store.ts'
import { placementKey } from '../placement/world.ts'
import { partNames, readParts } from '../source/read-object.ts'
import type { HubPlacements } from '../view/fleet-view.ts'
import { HubIndex, type Marks } from './hub-index.ts'
import { keepSame } from './keep-same.ts'
import type { SourceChange } from './source.ts'
import { Table } from './table.ts'

/** Decisions fall due by the clock: of those that do not say when, none is older than this. */
const decideIntervalMs = 60_000

/** The fleet of one hub as it goes on. */
export class HubState {
  readonly #index: HubIndex
  readonly #clusters = new Table<Cluster>(({ name }) => name)
  readonly #placements = new Table<PlacementStatus>(placementOrder)
  readonly #addons = new Table<Addon>(addonOrder)
  readonly #works = new Table<Work>(workOrder)
  readonly #policies = new Table<Policy>(nameOrder)
  readonly #policySets = new Table<PolicySet>(nameOrder)
  readonly #applications = new Table<Application>(applicationOrder)
  #sets: readonly ClusterSetStatus[] = []
  #definitions: readonly AddonDefinition[] = []
  /** Clusters by `NS/NAME`, of placements and of legacy rules. */
  readonly #decided: Map<string, readonly string[]>
  readonly #ruled = new Map<string, readonly string[]>()
  readonly #propagated = new Map<string, readonly string[]>()
  readonly #propagatedWide = new Map<string, readonly string[]>()
  readonly #isEmbedded: boolean
  #decisions: ReadonlyMap<string, KeptDecision> = new Map()
  #decideAtMs = 0
  #resolve: (destination: string) => string
  #fleet: Fleet

  /** With `embedded`, what we decided so far, its placements are decided here. */
  constructor(hub: string, embedded?: Decided) {
    this.#index = new HubIndex(hub)
    this.#isEmbedded = embedded !== undefined
    this.#decided = new Map(embedded)
    this.#resolve = resolver(this.#index)
    this.#fleet = this.#lists()
  }

  /** The hub's fleet as of the last `join`. */
  get fleet(): Fleet {
    return this.#fleet
  }

  /** All decisions of placements as of the last `join`: the hub's, or ours where it is embedded. */
  get decided(): Decided {
    return this.#decided
  }

  /** The same, with the decisions behind them where they are ours. The same map as before where none was decided. */
  get decisions(): HubDecisions {
    return { decided: this.#decided, decisions: this.#decisions }
  }

  /** Takes objects in and out; seen after the next `join`. */
  apply({ upserts, deletes }: Pick<SourceChange, 'upserts' | 'deletes'>): void {
    for (const key of deletes) for (const what of partNames) this.#index.set(key + what, undefined)
    for (const { key, object } of upserts) {
      const parts = readParts(object)
      for (const what of partNames) this.#index.set(key + what, parts[what])
    }
  }

  /** Joins what was touched since the last call, and what the clock and the data touch. */
  join(data: DataFacts): Fleet {
    const marks = this.#index.takeMarks()
    this.#markData(marks, data)
    this.#decide(marks, data.nowMs)
    this.#joinClusters(marks)
    this.#joinAddons(marks, data)
    this.#joinWorks(marks)
    const changed = this.#joinPolicies(marks)
    this.#joinPolicySets(marks, changed)
    this.#joinApplications(marks)
    this.#restale(marks)
    this.#fleet = this.#lists()
    return this.#fleet
  }

  /** What its placements are decided from. */
  placements(nowMs: number): HubPlacements {
    const parts = this.#index.of('placement')
    return {
      placements: new Map(parts.map(({ placement }) => [placementKey(placement), placement])),
      world: placementWorld(this.#index, this.#decided, nowMs),
    }
  }

  #lists(): Fleet {
    return {
      clusters: this.#clusters.list(),
      sets: this.#sets,
      placements: this.#placements.list(),
      addons: this.#addons.list(),
      addonDefinitions: this.#definitions,
      works: this.#works.list(),
      policies: this.#policies.list(),
      policySets: this.#policySets.list(),
      applications: this.#applications.list(),
    }
  }

  // Health of senders follows the clock as well as the newest samples; a rollout that is under way may fall due.
  #markData(marks: Marks, { senders, nowMs }: DataFacts): void {
    for (const [key, { name }] of this.#index.addons) {
      const rollout = this.#addons.get(key)?.rollout
      const isDue =
        rollout?.dueMs !== undefined &&
        rollout.dueMs <= nowMs &&
        rollout.status.state !== 'timed_out'
      if (senders.has(name) || isDue) marks.addons.add(key)
    }
  }

  #decide(marks: Marks, nowMs: number): void {
    const { hub } = this.#index
    const due = this.#isEmbedded && (marks.world || nowMs >= this.#decideAtMs)
    if (due) this.#decideOurs(marks, nowMs)
    for (const reference of marks.decisions) {
      const [kind, key = ''] = reference.split(' ')
      if (kind === 'Placement' && this.#isEmbedded) continue
      const shards = this.#index.decisions.of(reference)
      const decided = this.#decidedOf(kind)
      if (shards.length === 0) decided.delete(key)
      else decided.set(key, keepSame(decided.get(key), uniteShards(shards)))
      if (kind === 'Placement') marks.placements.add(key)
      else {
        const clusters = decided.get(key)
        const status = clusters === undefined ? undefined : joinSilent(hub, reference, clusters)
        this.#placements.set(reference, keepSame(this.#placements.get(reference), status))
      }
    }
    if (marks.placements.size === 0) return
    const parts = this.#index.of('placement')
    const byKey = new Map(parts.map((part) => [placementKey(part.placement), part]))
    for (const key of marks.placements) {
      const part = byKey.get(key)
      const reference = `Placement ${key}`
      const clusters = this.#decided.get(key) ?? []
      const status =
        part === undefined
          ? undefined
          : joinPlacement(hub, part, clusters, this.#decisions.get(key))
      this.#placements.set(reference, keepSame(this.#placements.get(reference), status))
    }
  }

  #decidedOf(kind: string | undefined): Map<string, readonly string[]> {
    if (kind === 'Placement') return this.#decided
    if (kind === 'PlacementRule') return this.#ruled
    return kind === 'PropagationPolicy' ? this.#propagated : this.#propagatedWide
  }

  #decideOurs(marks: Marks, nowMs: number): void {
    const { decided, decisions } = decideAll(this.#index, this.#decided, nowMs)
    for (const key of [...this.#decided.keys()]) {
      if (decided.has(key)) continue
      this.#decided.delete(key)
      marks.decisions.add(`Placement ${key}`)
    }
    for (const [key, clusters] of decided) {
      const before = this.#decided.get(key)
      const kept = keepSame(before, clusters)
      this.#decided.set(key, kept)
      if (kept !== before) marks.decisions.add(`Placement ${key}`)
    }
    for (const key of decisions.keys()) marks.placements.add(key)
    this.#decisions = decisions
    const due = [...decisions.values()].flatMap(({ recheckAtMs }) => recheckAtMs ?? [])
    this.#decideAtMs = Math.min(nowMs + decideIntervalMs, ...due)
  }

  #joinClusters(marks: Marks): void {
    const index = this.#index
    const names = marks.allClusters
      ? new Set([...index.clusters.keys(), ...marks.clusters])
      : marks.clusters
    let isChanged = marks.sets
    for (const name of names) {
      const part = index.clusters.get(name)
      const before = this.#clusters.get(name)
      const cluster =
        part === undefined ? undefined : joinCluster(index, part, index.addonsOf.of(name))
      const kept = keepSame(before, cluster)
      this.#clusters.set(name, kept)
      isChanged ||= kept?.status.state !== before?.status.state || kept?.sets !== before?.sets
    }
    if (!isChanged) return
    const before = new Map(this.#sets.map((set) => [set.name, set]))
    const sets = joinSets(index.hub, index, this.#clusters.list())
    this.#sets = keepSame(
      this.#sets,
      sets.map((set) => keepSame(before.get(set.name), set)),
    )
  }

  #joinAddons(marks: Marks, data: DataFacts): void {
    const index = this.#index
    for (const cluster of marks.stale)
      for (const { name } of index.addonsOf.of(cluster)) marks.addons.add(`${cluster}/${name}`)
    if (marks.definitions) this.#definitions = keepSame(this.#definitions, joinDefinitions(index))
    for (const { name, placements } of this.#definitions)
      if (placements.some((one) => marks.decisions.has(`Placement ${one.namespace}/${one.name}`)))
        index.markAddons(name, marks)
    if (marks.addons.size === 0) return
    const join = addonJoiner({
      hub: index,
      decided: this.#decided,
      worksOf: (cluster, name) => index.worksOf.of(`${cluster}/${name}`),
      data,
    })
    for (const key of marks.addons) {
      const part = index.addons.get(key)
      const addon = part === undefined ? undefined : join(part)
      this.#addons.set(key, keepSame(this.#addons.get(key), addon))
    }
  }

  #joinWorks(marks: Marks): void {
    for (const key of marks.works) {
      const part = this.#index.works.get(key)
      const work = part === undefined ? undefined : joinWork(this.#index.hub, part)
      this.#works.set(key, keepSame(this.#works.get(key), work))
    }
  }

  // The policies that are others than before.
  #joinPolicies(marks: Marks): ReadonlySet<string> {
    const changed = new Set<string>()
    if (marks.policies.size === 0) return changed
    const parts = new Map(
      this.#index.of('policy').map((part) => [`${part.namespace}/${part.name}`, part]),
    )
    for (const key of marks.policies) {
      const part = parts.get(key)
      const policy =
        part === undefined
          ? undefined
          : joinPolicy(this.#index, part, this.#index.replicated.of(key))
      if (this.#policies.set(key, keepSame(this.#policies.get(key), policy))) changed.add(key)
    }
    return changed
  }

  #joinPolicySets(marks: Marks, policies: ReadonlySet<string>): void {
    const selected = selectedBy(this.#decided, this.#ruled)
    const known = new Set<string>()
    for (const set of this.#index.of('policy_set')) {
      const key = `${set.namespace}/${set.name}`
      known.add(key)
      const isTouched =
        marks.policySets.has(key) ||
        set.policies.some((name) => policies.has(`${set.namespace}/${name}`)) ||
        (marks.decisions.size > 0 &&
          placementsOfSet(this.#index, set).some((reference) => marks.decisions.has(reference)))
      if (!isTouched) continue
      const policyOf = (name: string): Policy | undefined => this.#policies.get(name)
      const joined = joinPolicySet(this.#index, set, policyOf, selected)
      this.#policySets.set(key, keepSame(this.#policySets.get(key), joined))
    }
    for (const key of marks.policySets) if (!known.has(key)) this.#policySets.set(key, undefined)
  }

  #joinApplications(marks: Marks): void {
    const index = this.#index
    for (const reference of marks.decisions)
      for (const part of index.applicationsOfPlacement.of(reference))
        index.markApplication(part, marks)
    if (marks.allApplications) {
      this.#resolve = resolver(index)
      for (const part of index.of('application')) marks.applications.add(applicationKey(part))
    }
    if (marks.selections.size > 0)
      for (const part of index.of('application'))
        if (part.selector !== undefined && marks.selections.has(part.namespace))
          marks.applications.add(applicationKey(part))
    const selected = selectedBy(this.#decided, this.#ruled)
    const context = {
      hub: index,
      selected,
      reportsOf: (part: ApplicationPart) => index.reports.of(applicationKey(part)),
      membersOf: (part: ApplicationPart) => this.#membersOf(part),
      replicasOf: (part: ApplicationPart) =>
        index.preferences.of(applicationKey(part)).at(-1)?.replicas,
      resolve: this.#resolve,
    }
    for (const key of marks.applications) {
      const part = index.applications.of(key).at(-1)
      const isListed =
        part !== undefined && (part.owner === undefined || !index.applications.has(ownerKey(part)))
      const joined = isListed ? joinApplication(part, context) : undefined
      this.#applications.set(key, keepSame(this.#applications.get(key), joined))
    }
  }

  #membersOf(part: ApplicationPart): readonly ApplicationPart[] {
    if (part.selector === undefined) return this.#index.applicationsOfOwner.of(applicationKey(part))
    return this.#index.of('application').filter((other) => isSelected(part, other))
  }

  // A cluster that comes and goes ages its entry in every policy and application, and nothing else of them.
  #restale(marks: Marks): void {
    if (marks.stale.size === 0) return
    for (const policy of this.#policies.list())
      this.#policies.set(nameOrder(policy), this.#withStaleness(policy, marks.stale))
    for (const application of this.#applications.list())
      this.#applications.set(
        applicationKey(application),
        this.#withStaleness(application, marks.stale),
      )
  }

  #withStaleness<T extends Policy | Application>(thing: T, names: ReadonlySet<string>): T {
    let clusters: T['clusters'][number][] | undefined
    for (const name of names) {
      const at = indexOfCluster(thing.clusters, name)
      const entry = thing.clusters[at]
      if (entry?.cluster !== name) continue
      const { stale: _, ...rest } = entry
      const next = keepSame(entry, { ...rest, ...staleness(this.#index, name) } as typeof entry)
      if (next === entry) continue
      clusters ??= [...thing.clusters]
      clusters[at] = next
    }
    return clusters === undefined ? thing : { ...thing, clusters }
  }
}

function nameOrder({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`
}

// Where the cluster stands, or would.
function indexOfCluster(list: readonly { readonly cluster: string }[], cluster: string): number {
  let [from, to] = [0, list.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (list[middle]!.cluster < cluster) from = middle + 1
    else to = middle
  }
  return from
}

// The parts of one hub, looked up every way that joining needs, and what a changed part touches.
// Invariants: a part that equals the one before it touches nothing, so a hub that is listed anew costs no joining; what
// is marked is a superset of what can differ.

import { applicationKey, ownerKey, preferredKey } from '../model/applications.ts'
import { workOrder } from '../model/assemble.ts'
import type { HubParts, PartsOf } from '../model/join.ts'
import type {
  AddonPart,
  AddonWorkPart,
  ApplicationPart,
  ClusterPart,
  DecisionPart,
  DeliveryPart,
  FleetPart,
  ReplicaPreferencePart,
  ReplicatedPolicyPart,
  WorkPart,
} from '../model/parts.ts'
import { placementKey } from '../placement/world.ts'
import { compactPart, TextPool } from './compact-part.ts'
import { keepSame } from './keep-same.ts'

/** Parts in groups. */
class Groups<T> {
  readonly #groups = new Map<string, Map<string, T>>()

  of(group: string): readonly T[] {
    return [...(this.#groups.get(group)?.values() ?? [])]
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  set(group: string, key: string, part: T): void {
    const parts = this.#groups.get(group)
    if (parts === undefined) this.#groups.set(group, new Map([[key, part]]))
    else parts.set(key, part)
  }

  delete(group: string, key: string): void {
    const parts = this.#groups.get(group)
    parts?.delete(key)
    if (parts?.size === 0) this.#groups.delete(group)
  }
}

/** What is to be joined again, by the keys of what is joined. */
export class Marks {
  readonly clusters = new Set<string>()
  /** Clusters that are available where they were not, or the other way round. */
  readonly stale = new Set<string>()
  /** `CLUSTER/NAME`. */
  readonly addons = new Set<string>()
  /** `CLUSTER/NAME`. */
  readonly works = new Set<string>()
  /** `NS/NAME`, as all below but applications (`KIND NS/NAME`). */
  readonly policies = new Set<string>()
  readonly policySets = new Set<string>()
  readonly placements = new Set<string>()
  readonly applications = new Set<string>()
  /** `KIND NS/NAME` of placements whose decisions changed. */
  readonly decisions = new Set<string>()
  /** Namespaces whose app.k8s.io Applications may select others now. */
  readonly selections = new Set<string>()
  allClusters = false
  allApplications = false
  definitions = false
  sets = false
  world = false
}

/** Parts of a hub by key and by what they belong to. */
export class HubIndex implements HubParts {
  readonly hub: string
  readonly clusters = new Map<string, ClusterPart>()
  readonly addons = new Map<string, AddonPart>()
  readonly works = new Map<string, WorkPart>()
  /** By `KIND NS/NAME` of the application. */
  readonly preferences = new Groups<ReplicaPreferencePart>()
  readonly addonsOf = new Groups<AddonPart>()
  /** By `CLUSTER/NAME` of the addon. */
  readonly worksOf = new Groups<AddonWorkPart>()
  /** By `NS/NAME` of their root. */
  readonly replicated = new Groups<ReplicatedPolicyPart>()
  /** By `KIND NS/NAME` of the placement. */
  readonly decisions = new Groups<DecisionPart>()
  readonly applications = new Groups<ApplicationPart>()
  readonly applicationsOfOwner = new Groups<ApplicationPart>()
  readonly applicationsOfPlacement = new Groups<ApplicationPart>()
  readonly reports = new Groups<DeliveryPart>()
  readonly #parts = new Map<string, FleetPart>()
  readonly #byTag = new Map<FleetPart['part'], Map<string, FleetPart>>()
  readonly #lists = new Map<FleetPart['part'], readonly FleetPart[]>()
  readonly #texts = new TextPool()
  #marks = new Marks()

  constructor(hub: string) {
    this.hub = hub
  }

  readonly of = <T extends FleetPart['part']>(tag: T): PartsOf<T> => {
    let list = this.#lists.get(tag)
    if (list === undefined) {
      list = [...(this.#byTag.get(tag)?.values() ?? [])]
      this.#lists.set(tag, list)
    }
    return list as unknown as PartsOf<T>
  }

  /** Takes a part in, or out (undefined). */
  set(key: string, next: FleetPart | undefined): void {
    const before = this.#parts.get(key)
    const part =
      next === undefined ? undefined : keepSame<FleetPart>(before, compactPart(next, this.#texts))
    if (part === before) return
    if (before !== undefined) {
      this.#unlink(key, before)
      this.#mark(before)
    }
    if (part !== undefined) {
      this.#link(key, part)
      this.#mark(part)
    }
    this.#markCluster(before, part)
  }

  /** What was marked since the last call. */
  takeMarks(): Marks {
    const marks = this.#marks
    this.#marks = new Marks()
    return marks
  }

  #link(key: string, part: FleetPart): void {
    this.#parts.set(key, part)
    // Copies of policies are most of a hub's parts, and are only ever looked up by their root; works come next.
    if (part.part !== 'replicated_policy' && part.part !== 'work') {
      const tagged = this.#byTag.get(part.part) ?? new Map<string, FleetPart>()
      tagged.set(key, part)
      this.#byTag.set(part.part, tagged)
      this.#lists.delete(part.part)
    }
    if (part.part === 'cluster') this.clusters.set(part.name, part)
    if (part.part === 'addon') this.addons.set(`${part.cluster}/${part.name}`, part)
    if (part.part === 'work') this.works.set(workOrder(part), part)
    this.#eachGroup(part, (groups, group) => groups.set(group, key, part))
  }

  #unlink(key: string, part: FleetPart): void {
    this.#parts.delete(key)
    this.#byTag.get(part.part)?.delete(key)
    this.#lists.delete(part.part)
    if (part.part === 'cluster') this.clusters.delete(part.name)
    if (part.part === 'addon') this.addons.delete(`${part.cluster}/${part.name}`)
    if (part.part === 'work') this.works.delete(workOrder(part))
    this.#eachGroup(part, (groups, group) => groups.delete(group, key))
  }

  #eachGroup(part: FleetPart, act: (groups: Groups<FleetPart>, group: string) => void): void {
    const visit = (groups: unknown, group: string): void => act(groups as Groups<FleetPart>, group)
    switch (part.part) {
      case 'addon':
        visit(this.addonsOf, part.cluster)
        break
      case 'replica_preference':
        visit(this.preferences, preferredKey(part))
        break
      case 'addon_work':
        visit(this.worksOf, `${part.cluster}/${part.addon}`)
        break
      case 'replicated_policy':
        visit(this.replicated, part.root)
        break
      case 'decision':
        visit(this.decisions, decisionRef(part))
        break
      case 'deliveries':
        visit(this.reports, applicationKey(part))
        break
      case 'application':
        visit(this.applications, applicationKey(part))
        if (part.owner !== undefined) visit(this.applicationsOfOwner, ownerKey(part))
        if (part.placementRef !== undefined) visit(this.applicationsOfPlacement, part.placementRef)
    }
  }

  #mark(part: FleetPart): void {
    const marks = this.#marks
    switch (part.part) {
      case 'cluster':
        marks.clusters.add(part.name)
        break
      case 'addon':
        marks.addons.add(`${part.cluster}/${part.name}`)
        marks.clusters.add(part.cluster)
        break
      case 'addon_definition':
        marks.definitions = true
        this.markAddons(part.name, marks)
        break
      case 'addon_work':
        marks.addons.add(`${part.cluster}/${part.addon}`)
        break
      case 'federated_type':
        marks.allApplications = true
        break
      case 'replica_preference':
        marks.applications.add(preferredKey(part))
        break
      case 'work':
        marks.works.add(workOrder(part))
        break
      case 'policy':
        marks.policies.add(`${part.namespace}/${part.name}`)
        break
      case 'replicated_policy':
        marks.policies.add(part.root)
        break
      case 'policy_automation':
        marks.policies.add(`${part.namespace}/${part.policy}`)
        break
      case 'policy_set':
        marks.policySets.add(`${part.namespace}/${part.name}`)
        for (const name of part.policies) marks.policies.add(`${part.namespace}/${name}`)
        break
      case 'binding':
        this.#markSubjects(part)
        break
      case 'placement':
        marks.placements.add(placementKey(part.placement))
        marks.world = true
        break
      case 'decision':
        marks.decisions.add(decisionRef(part))
        break
      case 'application':
        this.markApplication(part, marks)
        break
      case 'deliveries':
        marks.applications.add(applicationKey(part))
        for (const own of this.applications.of(applicationKey(part)))
          this.markApplication(own, marks)
        break
      case 'set':
        marks.allClusters = true
        marks.sets = true
        marks.world = true
        break
      case 'set_binding':
      case 'score':
        marks.world = true
    }
  }

  /** Marks an addon on all its clusters. */
  markAddons(name: string, marks: Marks): void {
    for (const addon of this.of('addon'))
      if (addon.name === name) marks.addons.add(`${addon.cluster}/${name}`)
  }

  /** Marks an application, what it is part of, and what is part of it. */
  markApplication(part: ApplicationPart, marks: Marks): void {
    const key = applicationKey(part)
    marks.applications.add(key)
    if (part.owner !== undefined) marks.applications.add(ownerKey(part))
    if (part.kind === 'Subscription') marks.selections.add(part.namespace)
    if (part.kind === 'ApplicationSet')
      for (const child of this.applicationsOfOwner.of(key))
        marks.applications.add(applicationKey(child))
  }

  #markSubjects(part: Extract<FleetPart, { part: 'binding' }>): void {
    for (const { kind, name } of part.subjects) {
      const key = `${part.namespace}/${name}`
      if (kind === 'Policy') this.#marks.policies.add(key)
      if (kind !== 'PolicySet') continue
      this.#marks.policySets.add(key)
      for (const set of this.of('policy_set'))
        if (`${set.namespace}/${set.name}` === key)
          for (const policy of set.policies) this.#marks.policies.add(`${set.namespace}/${policy}`)
    }
  }

  // What of a cluster others depend on: whether it can be reached, how it is addressed, what the scheduler sees.
  #markCluster(before: FleetPart | undefined, after: FleetPart | undefined): void {
    const was = before?.part === 'cluster' ? before : undefined
    const is = after?.part === 'cluster' ? after : undefined
    const name = was?.name ?? is?.name
    if (name === undefined) return
    const marks = this.#marks
    if (was?.status !== is?.status) marks.stale.add(name)
    if (addressesOf(was) !== addressesOf(is)) marks.allApplications = true
    if (was?.candidate !== is?.candidate) marks.world = true
  }
}

function addressesOf(cluster: ClusterPart | undefined): string {
  if (cluster === undefined) return ''
  const own = cluster.labels.get('local-cluster') === 'true' ? cluster.name : ''
  return cluster.urls.length === 0 ? own : [own, cluster.name, ...cluster.urls].join(' ')
}

function decisionRef({ kind, namespace, placement }: DecisionPart): string {
  return `${kind} ${namespace}/${placement}`
}

// Policies over their clusters, policy sets over their members, and roll-ups by standard, category and control.
// Invariants: a replicated policy outranks what the root repeats of it; a disabled policy is on no cluster.
// Source: facts/fleet.md §9.

import { complianceOfClusters, complianceOfSet } from './compliance.ts'
import type { Cluster, Policy, PolicyOnCluster, PolicySet } from './fleet.ts'
import { type HubParts, sortedBy, staleness } from './join.ts'
import {
  type BindingPart,
  type Compliance,
  compliances,
  type PolicyPart,
  type PolicySetPart,
  type ReplicatedPolicyPart,
} from './parts.ts'
import type { Decided } from './placements.ts'
import { type Counts, countStates } from './state.ts'

/** Clusters that a placement reference (`KIND NS/NAME`) selects. */
export type Selected = (placementRef: string) => readonly string[]

/** Looks decisions up for both kinds of placement. */
export function selectedBy(placements: Decided, rules: Decided): Selected {
  return (reference) => {
    const [kind, key = ''] = reference.split(' ')
    return (kind === 'PlacementRule' ? rules : placements).get(key) ?? []
  }
}

/** All root policies of a hub. */
export function joinPolicies(hub: HubParts): readonly Policy[] {
  const replicated = Map.groupBy(hub.of('replicated_policy'), ({ root }) => root)
  const policies = hub.of('policy').map((policy) => {
    const key = `${policy.namespace}/${policy.name}`
    return joinPolicy(hub, policy, replicated.get(key) ?? [])
  })
  return sortedBy(policies, ({ namespace, name }) => `${namespace}/${name}`)
}

/** One root policy with its copies on clusters. */
export function joinPolicy(
  hub: HubParts,
  policy: PolicyPart,
  replicated: readonly ReplicatedPolicyPart[],
): Policy {
  const { part: _, reported, ...rest } = policy
  const found = new Map<string, PolicyOnCluster>()
  if (!policy.disabled) {
    for (const { cluster, compliance } of reported)
      found.set(cluster, { cluster, compliance, details: [], ...staleness(hub, cluster) })
    for (const { cluster, compliance, details } of replicated)
      found.set(cluster, { cluster, compliance, details, ...staleness(hub, cluster) })
  }
  const clusters = sortedBy(found.values(), ({ cluster }) => cluster)
  const states = clusters.map(({ compliance }) => compliance)
  const sets = hub
    .of('policy_set')
    .filter((set) => set.namespace === policy.namespace && set.policies.includes(policy.name))
    .map((set) => set.name)
    .sort()
  return {
    ...rest,
    hub: hub.hub,
    compliance: policy.disabled ? 'disabled' : complianceOfClusters(states),
    clusters,
    counts: countStates(compliances, states),
    placements: placementsOf(hub.of('binding'), policy.namespace, [
      `Policy ${policy.name}`,
      ...sets.map((set) => `PolicySet ${set}`),
    ]),
    sets,
    automations: automationsOf(hub, policy),
  }
}

function automationsOf(hub: HubParts, { namespace, name }: PolicyPart): Policy['automations'] {
  const own = hub
    .of('policy_automation')
    .filter((one) => one.namespace === namespace && one.policy === name)
  return sortedBy(
    own.map(({ part: _part, namespace: _namespace, policy: _policy, ...rest }) => rest),
    (one) => one.name,
  )
}

function placementsOf(
  bindings: readonly BindingPart[],
  namespace: string,
  subjects: readonly string[],
): readonly string[] {
  const found = bindings.flatMap((binding) =>
    binding.namespace === namespace &&
    !binding.restricted &&
    binding.subjects.some(({ kind, name }) => subjects.includes(`${kind} ${name}`))
      ? [`${binding.placement.kind} ${namespace}/${binding.placement.name}`]
      : [],
  )
  return [...new Set(found)].sort()
}

/** All policy sets of a hub, from its joined policies. */
export function joinPolicySets(
  hub: HubParts,
  policies: readonly Policy[],
  selected: Selected,
): readonly PolicySet[] {
  const byKey = new Map(policies.map((policy) => [`${policy.namespace}/${policy.name}`, policy]))
  const sets = hub
    .of('policy_set')
    .map((set) => joinPolicySet(hub, set, (key) => byKey.get(key), selected))
  return sortedBy(sets, ({ namespace, name }) => `${namespace}/${name}`)
}

/** The placements (`KIND NS/NAME`) that bindings name for a policy set. */
export function placementsOfSet(hub: HubParts, set: PolicySetPart): readonly string[] {
  return placementsOf(hub.of('binding'), set.namespace, [`PolicySet ${set.name}`])
}

/** One policy set, from its joined members (by `NS/NAME`). */
export function joinPolicySet(
  hub: HubParts,
  set: PolicySetPart,
  policyOf: (key: string) => Policy | undefined,
  selected: Selected,
): PolicySet {
  const clusters = [...new Set(placementsOfSet(hub, set).flatMap(selected))].sort()
  const members = set.policies.map((name) => ({
    name,
    compliance: memberCompliance(policyOf(`${set.namespace}/${name}`), set, clusters),
  }))
  const { namespace, name, description } = set
  return {
    hub: hub.hub,
    namespace,
    name,
    description,
    ...complianceOfSet(members),
    clusters,
    exclusions: set.exclusions,
    members: members.map((member) => ({
      name: member.name,
      compliance: member.compliance ?? 'deleted',
    })),
  }
}

function memberCompliance(
  policy: Policy | undefined,
  set: PolicySetPart,
  clusters: readonly string[],
): Compliance | undefined {
  if (policy === undefined || policy.disabled) return policy === undefined ? undefined : 'disabled'
  const excluded = set.exclusions.get(policy.name) ?? []
  const judged = new Set(clusters.filter((name) => !excluded.includes(name)))
  return complianceOfClusters(
    policy.clusters.flatMap(({ cluster, compliance }) => (judged.has(cluster) ? compliance : [])),
  )
}

/** What policies are rolled up by. */
export type Dimension = 'standards' | 'categories' | 'controls'

/** Compliance of all policies that name one standard, category or control. */
export interface RollUp {
  readonly value: string
  /** Policies by their compliance as a whole. */
  readonly policies: Counts<Compliance>
  /** Policies by their compliance on each cluster. */
  readonly clusters: ReadonlyMap<string, Counts<Compliance>>
  /** The same, summed over the members of each cluster set. */
  readonly sets: ReadonlyMap<string, Counts<Compliance>>
}

/** Rolls policies up by one dimension, in order of value. Clusters are those of the same hub or hubs. */
export function rollUp(
  dimension: Dimension,
  policies: readonly Policy[],
  clusters: readonly Cluster[],
): readonly RollUp[] {
  const setsOf = new Map(clusters.map(({ hub, name, sets }) => [`${hub}/${name}`, sets]))
  const tallies = new Map<string, Tally>()
  for (const policy of policies) {
    for (const value of policy[dimension]) {
      let tally = tallies.get(value)
      if (tally === undefined) {
        tally = { policies: [], clusters: new Map(), sets: new Map() }
        tallies.set(value, tally)
      }
      tally.policies.push(policy.compliance)
      for (const { cluster, compliance } of policy.clusters) {
        count(tally.clusters, cluster, compliance)
        for (const set of setsOf.get(`${policy.hub}/${cluster}`) ?? [])
          count(tally.sets, set, compliance)
      }
    }
  }
  return sortedBy(tallies, ([value]) => value).map(([value, tally]) => ({
    value,
    policies: countStates(compliances, tally.policies),
    clusters: new Map(sortedBy(tally.clusters, ([name]) => name)),
    sets: new Map(sortedBy(tally.sets, ([name]) => name)),
  }))
}

type Tallied = Map<string, Record<Compliance, number>>

interface Tally {
  readonly policies: Compliance[]
  readonly clusters: Tallied
  readonly sets: Tallied
}

function count(tallied: Tallied, name: string, compliance: Compliance): void {
  let counts = tallied.get(name)
  if (counts === undefined) {
    counts = { ...countStates(compliances, []) }
    tallied.set(name, counts)
  }
  counts[compliance]++
}

// What changed between two looks at the fleet: every state that is another one now, appeared, or went away,
// and every cluster that entered or left a placement or a set.
// Invariants: pure; a thing that is the same gives nothing; going back and forth gives the reverse; what a hub
// does not show any more has no state, which is not a bad state.
// Source: facts/fleet.md §15.

import type { AddonRollout } from './addon-rollout.ts'
import { apart, withoutSameClusters } from './differences.ts'
import type {
  Addon,
  Application,
  ApplicationOnCluster,
  Cluster,
  ClusterSetStatus,
  PlacementStatus,
  Policy,
  PolicySet,
} from './fleet.ts'
import { sortedBy } from './join.ts'
import type { Said } from './state.ts'

/** What a transition is of. The last two are memberships: their only state is `member`. */
export const transitionKinds = [
  'cluster',
  'placement',
  'addon',
  'addon_rollout',
  'policy',
  'policy_on_cluster',
  'policy_set',
  'application',
  'application_on_cluster',
  'placement_member',
  'set_member',
] as const

/** See `transitionKinds`. */
export type TransitionKind = (typeof transitionKinds)[number]

/** What has a state, and the state. `type` tells kinds of one name apart (application kinds, placement kinds). */
export interface StateEntry {
  readonly kind: TransitionKind
  readonly hub: string
  readonly type: string
  readonly namespace: string
  readonly name: string
  /** The managed cluster it is on, or is; '' where it spans clusters. */
  readonly cluster: string
  readonly state: string
  readonly reason: string
  readonly message: string
  /** Since when the source says so, Unix milliseconds, where it does. */
  readonly sinceMs?: number
}

/** One change. `from` undefined: it appeared; `to` undefined: it went away (reason and message are then ''). */
export interface Transition extends Omit<StateEntry, 'state'> {
  readonly from: string | undefined
  readonly to: string | undefined
}

/** An addon as far as it has states. */
export interface AddonStates extends Pick<Addon, 'hub' | 'cluster' | 'name' | 'status' | 'health'> {
  readonly rollout?: Pick<AddonRollout, 'status'>
}

/** A policy as far as it has states. */
export type PolicyStates = Pick<Policy, 'hub' | 'namespace' | 'name' | 'compliance' | 'clusters'>

/** An application as far as it has states. */
export interface ApplicationStates
  extends Pick<Application, 'hub' | 'kind' | 'namespace' | 'name' | 'state' | 'failure'> {
  readonly clusters: readonly Pick<
    ApplicationOnCluster,
    'cluster' | 'state' | 'message' | 'sinceMs'
  >[]
}

/** A fleet as far as it has states. */
export interface FleetStates {
  readonly clusters: readonly Pick<Cluster, 'hub' | 'name' | 'status'>[]
  readonly sets: readonly Pick<ClusterSetStatus, 'hub' | 'name' | 'clusters'>[]
  readonly placements: readonly PlacementStatus[]
  readonly addons: readonly AddonStates[]
  readonly policies: readonly PolicyStates[]
  readonly policySets: readonly Pick<
    PolicySet,
    'hub' | 'namespace' | 'name' | 'compliance' | 'message'
  >[]
  readonly applications: readonly ApplicationStates[]
}

/** All changes from one fleet to another, in order of kind, hub and name. */
export function transitionsBetween(before: FleetStates, after: FleetStates): readonly Transition[] {
  const [was, is] = withoutSame(before, after)
  const old = new Map(statesOf(was).map((entry) => [keyOf(entry), entry]))
  const changes: Transition[] = []
  for (const { state, ...entry } of statesOf(is)) {
    const key = keyOf(entry)
    const from = old.get(key)?.state
    if (from !== state) changes.push({ ...entry, from, to: state })
    old.delete(key)
  }
  for (const { state, sinceMs: _, ...entry } of old.values())
    changes.push({ ...entry, reason: '', message: '', from: state, to: undefined })
  return sortedBy(changes, keyOf)
}

// Every state of a fleet, one entry each.
function statesOf(fleet: FleetStates): readonly StateEntry[] {
  return [
    ...fleet.clusters.map(({ hub, name, status }) =>
      said('cluster', { hub, type: status.by.kind, namespace: '', name, cluster: name }, status),
    ),
    ...fleet.sets.flatMap(({ hub, name, clusters }) =>
      members('set_member', { hub, type: 'ManagedClusterSet', namespace: '', name }, clusters),
    ),
    ...fleet.placements.flatMap(({ hub, kind, namespace, name, status, clusters }) => [
      said('placement', { hub, type: kind, namespace, name, cluster: '' }, status),
      ...members('placement_member', { hub, type: kind, namespace, name }, clusters),
    ]),
    ...fleet.addons.flatMap(addonStates),
    ...policyStates(fleet),
    ...applicationStates(fleet),
  ]
}

// Few of a fleet's states change between two looks, and what did not is mostly the same object: it is left out before
// entries are made, so that a look costs what changed. Policies and applications are by far the most states; of those
// that differ, clusters that do not are left out as well.
function withoutSame(before: FleetStates, after: FleetStates): readonly [FleetStates, FleetStates] {
  const [clusters, clustersNow] = apart(before.clusters, after.clusters)
  const [sets, setsNow] = apart(before.sets, after.sets)
  const [placements, placementsNow] = apart(before.placements, after.placements)
  const [addons, addonsNow] = apart(before.addons, after.addons)
  const [policySets, policySetsNow] = apart(before.policySets, after.policySets)
  const [policies, policiesNow] = pairwise(
    ...apart(before.policies, after.policies),
    (one, other) => one.compliance === other.compliance,
  )
  const [applications, applicationsNow] = pairwise(
    ...apart(before.applications, after.applications),
    (one, other) => one.state === other.state,
  )
  const was = { clusters, sets, placements, addons, policies, policySets, applications }
  return [
    was,
    {
      clusters: clustersNow,
      sets: setsNow,
      placements: placementsNow,
      addons: addonsNow,
      policies: policiesNow,
      policySets: policySetsNow,
      applications: applicationsNow,
    },
  ]
}

function pairwise<T extends PolicyStates | ApplicationStates>(
  before: readonly T[],
  after: readonly T[],
  isSame: (one: T, other: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  const nameOf = (item: T): string =>
    [item.hub, 'kind' in item ? item.kind : '', item.namespace, item.name].join('\u0000')
  const old = new Map(before.map((item) => [nameOf(item), item]))
  const [was, is]: [T[], T[]] = [[], []]
  for (const item of after) {
    const other = old.get(nameOf(item))
    old.delete(nameOf(item))
    if (other === undefined) {
      is.push(item)
      continue
    }
    const [clusters, clustersNow] = withoutSameClusters(other, item)
    if (isSame(other, item) && clusters.length === 0 && clustersNow.length === 0) continue
    was.push({ ...other, clusters })
    is.push({ ...item, clusters: clustersNow })
  }
  return [[...old.values(), ...was], is]
}

type Named = Pick<StateEntry, 'hub' | 'type' | 'namespace' | 'name'>

function addonStates({
  hub,
  cluster,
  name,
  status,
  health,
  rollout,
}: AddonStates): readonly StateEntry[] {
  const named = { hub, type: status.by.kind, namespace: cluster, name, cluster }
  const own = { ...said('addon', named, status), state: health }
  return rollout === undefined ? [own] : [own, said('addon_rollout', named, rollout.status)]
}

function policyStates({ policies, policySets }: FleetStates): readonly StateEntry[] {
  const quiet = { reason: '', message: '' }
  const sets = policySets.map(({ hub, namespace, name, compliance, message }): StateEntry => {
    const named = { hub, type: 'PolicySet', namespace, name, cluster: '' }
    return { kind: 'policy_set', ...named, state: compliance, reason: '', message }
  })
  const each = policies.flatMap(({ hub, namespace, name, compliance, clusters }): StateEntry[] => {
    const named = { hub, type: 'Policy', namespace, name, ...quiet }
    const onClusters = clusters.map((entry): StateEntry => {
      const newest = entry.details.find((detail) => detail.compliance === entry.compliance)
        ?.history[0]
      return {
        kind: 'policy_on_cluster',
        ...named,
        cluster: entry.cluster,
        state: entry.compliance,
        message: newest?.message ?? '',
        ...(newest?.atMs === undefined ? {} : { sinceMs: newest.atMs }),
      }
    })
    return [{ kind: 'policy', ...named, cluster: '', state: compliance }, ...onClusters]
  })
  return [...sets, ...each]
}

function applicationStates({ applications }: FleetStates): readonly StateEntry[] {
  return applications.flatMap(({ hub, kind, namespace, name, ...application }): StateEntry[] => {
    const named = { hub, type: kind, namespace, name, reason: '' }
    const { state, failure, clusters } = application
    return [
      { kind: 'application', ...named, cluster: '', state, message: failure ?? '' },
      ...clusters.map((entry): StateEntry => {
        const { cluster, message, sinceMs } = entry
        const since = sinceMs === undefined ? {} : { sinceMs }
        const own = { cluster, state: entry.state, message, ...since }
        return { kind: 'application_on_cluster', ...named, ...own }
      }),
    ]
  })
}

function said(
  kind: TransitionKind,
  named: Named & { readonly cluster: string },
  { state, reason, message, sinceMs }: Said<string>,
): StateEntry {
  return { kind, ...named, state, reason, message, ...(sinceMs === undefined ? {} : { sinceMs }) }
}

function members(
  kind: TransitionKind,
  named: Named,
  clusters: readonly string[],
): readonly StateEntry[] {
  return clusters.map((cluster) => ({
    kind,
    ...named,
    cluster,
    state: 'member',
    reason: '',
    message: '',
  }))
}

function keyOf({ kind, hub, type, namespace, name, cluster }: Omit<StateEntry, 'state'>): string {
  const order = String(transitionKinds.indexOf(kind)).padStart(2, '0')
  return [order, hub, type, namespace, name, cluster].join('\u0000')
}

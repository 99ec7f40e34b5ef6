// From the parts of hubs to the fleet: joins clusters with sets, placements with decisions, addons with data,
// policies and applications with clusters; and counts it all.
// Invariants: pure; the clock and the newest samples are passed in; hubs are joined apart, then listed together.
// Source: facts/fleet.md §15.

import { isMember } from '../placement/world.ts'
import { type DataFacts, joinAddons, joinDefinitions } from './addons.ts'
import { joinApplications } from './applications.ts'
import type {
  Application,
  Cluster,
  ClusterSetStatus,
  Fleet,
  PlacementState,
  Reachability,
  Work,
} from './fleet.ts'
import { groupParts, type HubParts, sortedBy } from './join.ts'
import {
  type AddonPart,
  type AddonWorkPart,
  type ClusterPart,
  type ClusterState,
  type Compliance,
  clusterStates,
  compliances,
  type FleetPart,
  type WorkPart,
} from './parts.ts'
import { type Decided, decideAll, joinPlacements, writtenDecisions } from './placements.ts'
import { joinPolicies, joinPolicySets, selectedBy } from './policies.ts'
import { type Counts, countStates, type Health, healths } from './state.ts'

/** One hub: its name, its parts, and our decisions so far where we decide (embedded). */
export interface HubInput {
  readonly hub: string
  readonly parts: readonly FleetPart[]
  readonly embedded?: Decided
}

/** A hub's fleet, with the decisions behind it (to be stored where they are ours). */
export interface HubFleet extends Fleet {
  readonly decided: Decided
}

/** Joins the parts of one hub. */
export function assembleHub({ hub, parts, embedded }: HubInput, data: DataFacts): HubFleet {
  const grouped = groupParts(hub, parts)
  const ours = embedded === undefined ? undefined : decideAll(grouped, embedded, data.nowMs)
  const decided = ours?.decided ?? writtenDecisions(grouped, 'Placement')
  const selected = selectedBy(decided, writtenDecisions(grouped, 'PlacementRule'))
  const clusters = joinClusters(grouped)
  const policies = joinPolicies(grouped)
  return {
    clusters,
    sets: joinSets(hub, grouped, clusters),
    placements: joinPlacements(grouped, decided, ours?.decisions ?? new Map()),
    addons: joinAddons({ hub: grouped, decided, worksOf: worksBy(grouped), data }),
    addonDefinitions: joinDefinitions(grouped),
    works: sortedBy(
      grouped.of('work').map((part) => joinWork(hub, part)),
      workOrder,
    ),
    policies,
    policySets: joinPolicySets(grouped, policies, selected),
    applications: joinApplications(grouped, selected),
    decided,
  }
}

/** Lists several hubs' fleets together. */
export function mergeFleets(fleets: readonly Fleet[]): Fleet {
  return {
    clusters: fleets.flatMap(({ clusters }) => clusters),
    sets: fleets.flatMap(({ sets }) => sets),
    placements: fleets.flatMap(({ placements }) => placements),
    addons: fleets.flatMap(({ addons }) => addons),
    addonDefinitions: fleets.flatMap(({ addonDefinitions }) => addonDefinitions),
    works: fleets.flatMap(({ works }) => works),
    policies: fleets.flatMap(({ policies }) => policies),
    policySets: fleets.flatMap(({ policySets }) => policySets),
    applications: fleets.flatMap(({ applications }) => applications),
  }
}

/** How many of everything are in each state. */
export interface FleetSummary {
  readonly clusters: Counts<ClusterState>
  readonly placements: Counts<PlacementState>
  readonly addons: Counts<Health>
  readonly policies: Counts<Compliance>
  readonly policySets: Counts<Compliance>
  readonly applications: Counts<Application['state']>
}

const placementStates = ['satisfied', 'not_satisfied', 'misconfigured', 'no_status'] as const

/** Counts a fleet by state. */
export function summarize(fleet: Fleet): FleetSummary {
  return {
    clusters: countStates(
      clusterStates,
      fleet.clusters.map(({ status }) => status.state),
    ),
    placements: countStates(
      placementStates,
      fleet.placements.map(({ status }) => status.state),
    ),
    addons: countStates(
      healths,
      fleet.addons.map(({ health }) => health),
    ),
    policies: countStates(
      compliances,
      fleet.policies.map(({ compliance }) => compliance),
    ),
    policySets: countStates(
      compliances,
      fleet.policySets.map(({ compliance }) => compliance),
    ),
    applications: countStates(
      [...healths, 'empty'],
      fleet.applications.map(({ state }) => state),
    ),
  }
}

function worksBy(hub: HubParts): (cluster: string, addon: string) => readonly AddonWorkPart[] {
  const works = Map.groupBy(hub.of('addon_work'), ({ cluster, addon }) => `${cluster}/${addon}`)
  return (cluster, addon) => works.get(`${cluster}/${addon}`) ?? []
}

/** One work. */
export function joinWork(hub: string, { part: _, ...work }: WorkPart): Work {
  return { hub, ...work }
}

/** What works are in order of. */
export function workOrder({ cluster, name }: Pick<Work, 'cluster' | 'name'>): string {
  return `${cluster}/${name}`
}

function joinClusters(hub: HubParts): readonly Cluster[] {
  const addons = Map.groupBy(hub.of('addon'), ({ cluster }) => cluster)
  const clusters = hub
    .of('cluster')
    .map((part) => joinCluster(hub, part, addons.get(part.name) ?? []))
  return sortedBy(clusters, ({ name }) => name)
}

/** One cluster with its sets; `addons` are those on it. */
export function joinCluster(
  hub: HubParts,
  { part: _, candidate, ...cluster }: ClusterPart,
  addons: readonly AddonPart[],
): Cluster {
  const impaired = addons.filter(({ status }) => status.state === 'degraded')
  const degraded = [
    ...cluster.degraded,
    ...impaired.map(({ status }) => ({ ...status, state: 'degraded' as const })),
  ]
  const own =
    candidate === undefined ? [] : hub.of('set').filter(({ set }) => isMember(set, cluster.labels))
  return {
    ...cluster,
    degraded,
    hub: hub.hub,
    sets: own.map(({ set }) => set.name).sort(),
    reachability: reachabilityOf(cluster.status.state, degraded.length > 0),
  }
}

function reachabilityOf(state: ClusterState, isDegraded: boolean): Reachability {
  if (state === 'available') return isDegraded ? 'degraded' : 'ready'
  if (state === 'unavailable') return 'offline'
  return state === 'not_joined' ? 'pending' : 'unknown'
}

/** All sets of a hub with their members, in order of name. */
export function joinSets(
  hub: string,
  parts: HubParts,
  clusters: readonly Cluster[],
): readonly ClusterSetStatus[] {
  const members = new Map<string, Cluster[]>(parts.of('set').map(({ set }) => [set.name, []]))
  for (const cluster of clusters) for (const set of cluster.sets) members.get(set)?.push(cluster)
  const sets = [...members].map(([name, own]) => ({
    hub,
    name,
    clusters: own.map((member) => member.name),
    counts: countStates(
      clusterStates,
      own.map(({ status }) => status.state),
    ),
  }))
  return sortedBy(sets, ({ name }) => name)
}

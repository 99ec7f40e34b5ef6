// A placement explained, for the API: one that a hub has, or one that does not exist yet.
// Invariants: a reader who does not see everything gets the clusters that the scope shows, and nothing that names others;
// placements without such a cluster are not there; no number counts clusters that are not shown, and sets without one that
// is are not named; one that is tried is tried over those clusters only, since its author could ask anything of the
// others by counting what it selects.

import { type Scope, seesCluster, UserError } from '../../model/index.ts'
import { isObject, textOf } from '../kube-object.ts'
import {
  type ClusterExplanation,
  explain,
  type PlacementExplanation,
} from '../placement/explain.ts'
import { isMember, type Placement, type PlacementWorld } from '../placement/world.ts'
import { readPlacement } from '../source/placement-reader.ts'
import type { FleetExplainCall } from './call.ts'
import type { Item } from './fields.ts'
import type { FleetView, HubPlacements } from './fleet-view.ts'
import { absent } from './hub-warnings.ts'

/** Anybody who reads may try a placement, beside all others who ask: a fifth of a second of CEL at most. */
const triedStepsMax = 500_000

/** Explains. Throws UserError not_found, and bad_data for a manifest that is no Placement. */
export function explainItem(view: FleetView, call: FleetExplainCall): Item {
  const { hub, placement, world } = find(view, call)
  const explanation = explain(placement, world)
  const { scope, manifest } = call
  // What is tried was decided over what its author sees.
  if (scope === 'all' || manifest !== undefined) return { hub, ...explanationItem(explanation) }
  return { hub, ...partOfExplanation(explanation, world, scope) }
}

function find(
  view: FleetView,
  call: FleetExplainCall,
): Pick<HubPlacements, 'world'> & { readonly hub: string; readonly placement: Placement } {
  const { namespace, name, manifest } = call
  const hubs = view.sources.map((source) => source.name)
  for (const hub of call.hub === undefined ? hubs : [call.hub]) {
    const own = view.placementsOf(hub)
    if (own === undefined) continue
    const { world } = own
    if (manifest !== undefined)
      return {
        hub,
        world: { ...visibleWorld(world, call.scope), celStepsMax: triedStepsMax },
        placement: checked(manifest, call),
      }
    const key = `${namespace}/${name}`
    const placement = own.placements.get(key)
    const isSeen =
      call.scope === 'all' || world.decided.get(key)?.some((one) => seesCluster(call.scope, one))
    if (placement !== undefined && isSeen === true) return { hub, world, placement }
  }
  throw absent(view, call.hub === undefined ? undefined : [call.hub], {
    what: `there is no placement ${namespace}/${name}`,
    where: call.hub === undefined ? 'any hub' : `hub ${call.hub}`,
    fix: 'see /api/v1/fleet/placements, or POST a Placement to try it',
  })
}

function visibleWorld(world: PlacementWorld, scope: Scope): PlacementWorld {
  if (scope === 'all') return world
  const { decidedCounts: _, ...rest } = world
  const seen = (name: string): boolean => seesCluster(scope, name)
  const clusters = world.clusters.filter(({ name }) => seen(name))
  return {
    ...rest,
    clusters,
    sets: setsOf(world, clusters),
    scores: world.scores.filter(({ cluster }) => seen(cluster)),
    decided: new Map([...world.decided].map(([key, names]) => [key, names.filter(seen)])),
  }
}

function checked(manifest: unknown, { namespace, name }: FleetExplainCall): Placement {
  const kind = textOf(manifest, 'kind')
  if (isObject(manifest) && (kind === 'Placement' || kind === '')) {
    const metadata = { name, namespace }
    return readPlacement({ ...manifest, metadata })
  }
  throw new UserError('bad_data', {
    what: 'the body is not a Placement',
    fix: 'send a Placement of cluster.open-cluster-management.io/v1beta1 as JSON or YAML',
  })
}

function setsOf({ sets }: PlacementWorld, clusters: PlacementWorld['clusters']) {
  return sets.filter((set) => clusters.some(({ labels }) => isMember(set, labels)))
}

function explanationItem(explanation: PlacementExplanation): Item {
  const { placement, decision, differs, clusters, warnings } = explanation
  return {
    placement,
    outcome: decision.outcome,
    selected: decision.clusters,
    groups: decision.groups.map(({ index, name, clusters: own }) => ({
      index,
      name,
      clusters: own,
    })),
    unscheduledCount: decision.unscheduledCount,
    conditions: decision.conditions,
    eligibleSets: decision.trace.eligibleSets,
    recheckAtMs: decision.recheckAtMs,
    clusters,
    differs,
    warnings,
  }
}

function partOfExplanation(
  explanation: PlacementExplanation,
  world: PlacementWorld,
  scope: Scope,
): Item {
  const { placement, decision, differs, warnings } = explanation
  const seen = (cluster: string): boolean => seesCluster(scope, cluster)
  const hidden = new Set(world.clusters.flatMap(({ name }) => (seen(name) ? [] : name)))
  const shown = world.clusters.filter(({ name }) => seen(name))
  const sets = new Set(setsOf(world, shown).map(({ name }) => name))
  const groups = decision.groups.flatMap(({ name, clusters }) => {
    const own = clusters.filter(seen)
    return own.length === 0 ? [] : { name, clusters: own }
  })
  return {
    placement,
    outcome: decision.outcome,
    selected: decision.clusters.filter(seen),
    groups,
    // Messages count clusters, and the one of a mistake stands among the warnings.
    conditions: decision.conditions.map(({ message: _, ...condition }) => condition),
    eligibleSets: decision.trace.eligibleSets.filter((name) => sets.has(name)),
    clusters: ranksAmong(explanation.clusters.filter(({ cluster }) => seen(cluster))),
    differs: { missing: differs.missing.filter(seen), surplus: differs.surplus.filter(seen) },
    warnings: warnings.filter((text) => !text.split(/[\s,;"]+/).some((word) => hidden.has(word))),
  }
}

// Ranks count from 1 among those that are shown; texts that count others or name their sets say less.
function ranksAmong(clusters: readonly ClusterExplanation[]): readonly ClusterExplanation[] {
  const ranks = clusters
    .flatMap(({ rank }) => rank ?? [])
    .sort((a, b) => a - b)
    .map((rank, index) => [rank, index + 1] as const)
  const rankOf = new Map(ranks)
  return clusters.map((one) => ({
    ...one,
    ...(one.rank === undefined ? {} : { rank: rankOf.get(one.rank)! }),
    ...(one.removedBy === 'NumberOfClusters' ? { why: 'others are ranked before it' } : {}),
    ...(one.removedBy === 'ClusterSet'
      ? { why: 'the cluster is in none of the sets that the placement may choose from' }
      : {}),
  }))
}

// A placement explained, for the API: one that a hub has, or one that does not exist yet.
// Invariants: a reader who does not see everything gets the clusters that the scope shows, and nothing that names others;
// placements without such a cluster are not there; one that is tried is tried over those clusters only, since its
// author could ask anything of the others by counting what it selects.

import { type Scope, seesCluster, UserError } from '../../model/index.ts'
import { isObject, textOf } from '../kube-object.ts'
import { explain, type PlacementExplanation } from '../placement/explain.ts'
import type { Placement, PlacementWorld } from '../placement/world.ts'
import { readPlacement } from '../source/placement-reader.ts'
import type { FleetExplainCall } from './call.ts'
import type { Item } from './fields.ts'
import type { FleetView, HubPlacements } from './fleet-view.ts'

/** Anybody who reads may try a placement, beside all others who ask: a fifth of a second of CEL at most. */
const triedStepsMax = 500_000

/** Explains. Throws UserError not_found, and bad_data for a manifest that is no Placement. */
export function explainItem(view: FleetView, call: FleetExplainCall): Item {
  const { hub, placement, world } = find(view, call)
  const explanation = explain(placement, world)
  return { hub, ...explanationItem(explanation, call.scope) }
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
  throw new UserError('not_found', {
    what: `there is no placement ${namespace}/${name}`,
    where: call.hub === undefined ? 'any hub' : `hub ${call.hub}`,
    fix: 'see /api/v1/fleet/placements, or POST a Placement to try it',
  })
}

function visibleWorld(world: PlacementWorld, scope: Scope): PlacementWorld {
  if (scope === 'all') return world
  const { decidedCounts: _, ...rest } = world
  const seen = (name: string): boolean => seesCluster(scope, name)
  return {
    ...rest,
    clusters: world.clusters.filter(({ name }) => seen(name)),
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

function explanationItem(explanation: PlacementExplanation, scope: Scope): Item {
  const { placement, decision, differs, warnings } = explanation
  const seen = (cluster: string): boolean => seesCluster(scope, cluster)
  const hidden = explanation.clusters.filter(({ cluster }) => !seen(cluster))
  const names = new Set(hidden.map(({ cluster }) => cluster))
  return {
    placement,
    outcome: decision.outcome,
    selected: decision.clusters.filter(seen),
    groups: decision.groups.map(({ index, name, clusters }) => ({
      index,
      name,
      clusters: clusters.filter(seen),
    })),
    unscheduledCount: decision.unscheduledCount,
    conditions: decision.conditions,
    eligibleSets: decision.trace.eligibleSets,
    recheckAtMs: decision.recheckAtMs,
    clusters: explanation.clusters.filter(({ cluster }) => seen(cluster)),
    differs: { missing: differs.missing.filter(seen), surplus: differs.surplus.filter(seen) },
    warnings: warnings.filter((text) => !text.split(/[\s,;"]+/).some((word) => names.has(word))),
  }
}

// Rows of rollouts: how far the newest configuration of each addon is over the clusters that should have it.
// Invariants: an addon's rollout is seen where one of its clusters is, and counts only these; what the hub says of a
// placement as a whole is for readers who see everything; clusters that a placement has chosen and that lack the
// addon are to be done, as those where an older configuration is.
// Source: facts/fleet.md §5, §6.

import { createHash } from 'node:crypto'
import { type AddonRollout, type RolloutState, rolloutStates } from '../model/addon-rollout.ts'
import { placementsByCluster } from '../model/addons.ts'
import type { Addon, AddonDefinition } from '../model/fleet.ts'
import { sortedBy } from '../model/join.ts'
import type { AddonPlacement, ConfigRevision } from '../model/parts.ts'
import { type Counts, countStates, type Said, saidByLack } from '../model/state.ts'
import type { Item } from './fields.ts'
import { type Context, type Row, rowKey, saidItem, staleItem } from './row.ts'

/** Revisions that are listed of a rollout: those of most clusters. */
const revisionsMax = 20

/** A rollout on one cluster. */
export interface RolloutEntry {
  readonly cluster: string
  readonly state: RolloutState
  readonly said: Said<RolloutState>
  readonly placement: string
  /** Absent where the addon is not there yet. */
  readonly addon?: Addon
  readonly rollout?: AddonRollout
}

/** All rollouts that are seen. */
export function rolloutRows(context: Context): readonly Row[] {
  const find = entryFinder(context)
  return context.view.fleet.addonDefinitions.flatMap((definition) => {
    const entries = find(definition)
    if (entries.length === 0 && !context.sight.isWhole) return []
    const counts = countsOf(entries)
    const { hub, name } = definition
    const found = rolloutStates.filter((state) => counts[state] > 0)
    const states = found.length === 0 ? ['empty'] : found
    const parts = { hub, namespace: '', name, type: '', states }
    return [{ ...parts, key: rowKey(parts), item: () => rolloutItem(definition, entries, context) }]
  })
}

/** The clusters of a rollout that are seen, in order of name. */
export function rolloutEntries(
  definition: AddonDefinition,
  context: Context,
): readonly RolloutEntry[] {
  return entryFinder(context)(definition)
}

/** A rollout without its clusters. */
export function rolloutItem(
  definition: AddonDefinition,
  entries: readonly RolloutEntry[],
  { sight }: Context,
): Item {
  const { hub, name, displayName, install, placements } = definition
  const counts = countsOf(entries)
  const followed = new Set(entries.map(({ placement }) => placement))
  const seen = placements.filter((placement) => sight.isWhole || followed.has(keyOf(placement)))
  return {
    hub,
    name,
    displayName,
    state: rolloutStates.find((state) => counts[state] > 0) ?? 'empty',
    by: { kind: 'ClusterManagementAddOn', namespace: '', name },
    install,
    clusterCount: entries.length,
    counts,
    revisions: revisionsOf(entries),
    placements: seen.map((placement) => placementItem(placement, entries, sight.isWhole)),
  }
}

/** A rollout on one cluster. */
export function rolloutEntryItem(
  { hub, name }: AddonDefinition,
  { cluster, said, placement, addon, rollout }: RolloutEntry,
  { flaps, view }: Context,
): Item {
  const type = 'ManagedClusterAddOn'
  const flapper = { kind: 'addon_rollout', hub, type, namespace: cluster, name, cluster } as const
  return {
    cluster,
    placement,
    ...saidItem(said),
    sinceMs: said.sinceMs ?? flaps.sinceMs(flapper, said.state),
    dueMs: rollout?.dueMs,
    wanted: revisionOf(rollout?.wanted ?? []),
    applied: revisionOf(rollout?.applied ?? []),
    works: rollout?.works ?? [],
    health: addon?.health,
    ...staleItem(addon?.stale),
    flaps: flaps.countOf(flapper, view.nowMs),
  }
}

/** The rollout of an addon on its cluster, in short. */
export function briefRolloutItem({ status, wanted, applied }: AddonRollout): Item {
  const { state, sinceMs, reason, message } = status
  return {
    state,
    sinceMs,
    reason,
    message,
    wanted: revisionOf(wanted),
    applied: revisionOf(applied),
  }
}

/** The same with every configuration and work. */
export function wholeRolloutItem(rollout: AddonRollout): Item {
  const { placement, dueMs, wanted, applied, works, status } = rollout
  const configs = { wanted, applied }
  return { ...briefRolloutItem(rollout), by: status.by, placement, dueMs, configs, works }
}

// Addons are grouped once for all definitions.
function entryFinder({
  view,
  sight,
}: Context): (definition: AddonDefinition) => readonly RolloutEntry[] {
  const keyOfAddon = ({ hub, name }: Addon | AddonDefinition): string => `${hub}\0${name}`
  const addons = Map.groupBy(view.fleet.addons, keyOfAddon)
  return (definition) => {
    const { hub } = definition
    const own = (addons.get(keyOfAddon(definition)) ?? []).filter(({ cluster }) =>
      sight.has(hub, cluster, ''),
    )
    const there = new Set(own.map(({ cluster }) => cluster))
    const placed = placementsByCluster(definition, decidedOn(hub, view.fleet.placements))
    const lacking = [...placed].filter(
      ([cluster]) => !there.has(cluster) && sight.has(hub, cluster, ''),
    )
    const entries = [
      ...own.flatMap((addon) => entryOf(addon)),
      ...lacking.map(([cluster, placement]) => missingEntry(cluster, placement)),
    ]
    return sortedBy(entries, ({ cluster }) => cluster)
  }
}

function decidedOn(
  hub: string,
  placements: Context['view']['fleet']['placements'],
): ReadonlyMap<string, readonly string[]> {
  const own = placements.filter((one) => one.hub === hub && one.kind === 'Placement')
  return new Map(own.map((placement) => [keyOf(placement), placement.clusters]))
}

function entryOf(addon: Addon): readonly RolloutEntry[] {
  const { cluster, rollout } = addon
  if (rollout === undefined) return []
  const { status: said, placement } = rollout
  return [{ cluster, state: said.state, said, placement, addon, rollout }]
}

function missingEntry(cluster: string, placement: AddonPlacement): RolloutEntry {
  const by = { kind: 'Placement', namespace: placement.namespace, name: placement.name }
  const said = saidByLack<RolloutState>('to_apply', by, 'NotInstalled', 'the addon is not there')
  return { cluster, state: said.state, said, placement: keyOf(placement) }
}

function placementItem(
  placement: AddonPlacement,
  entries: readonly RolloutEntry[],
  isWhole: boolean,
): Item {
  const { namespace, name, strategy, configs, progress } = placement
  const key = keyOf(placement)
  const own = entries.filter((entry) => entry.placement === key)
  return {
    namespace,
    name,
    strategy,
    clusterCount: own.length,
    counts: countsOf(own),
    configs,
    ...(isWhole && progress !== undefined ? { progress } : {}),
  }
}

function countsOf(entries: readonly RolloutEntry[]): Counts<RolloutState> {
  return countStates(
    rolloutStates,
    entries.map(({ state }) => state),
  )
}

function revisionsOf(entries: readonly RolloutEntry[]): readonly Item[] {
  const found = new Map<
    string,
    { configs: readonly ConfigRevision[]; wanted: number; applied: number }
  >()
  const count = (configs: readonly ConfigRevision[] | undefined, what: 'wanted' | 'applied') => {
    if (configs === undefined || configs.length === 0) return
    const revision = revisionOf(configs)
    const known = found.get(revision) ?? { configs, wanted: 0, applied: 0 }
    known[what]++
    found.set(revision, known)
  }
  for (const { rollout } of entries) {
    count(rollout?.wanted, 'wanted')
    count(rollout?.applied, 'applied')
  }
  return [...found]
    .sort(([, a], [, b]) => b.wanted - a.wanted || b.applied - a.applied)
    .slice(0, revisionsMax)
    .map(([revision, { configs, wanted, applied }]) => ({ revision, wanted, applied, configs }))
}

// One short word for a set of configurations: equal words, equal configurations.
function revisionOf(configs: readonly ConfigRevision[]): string {
  if (configs.length === 0) return ''
  const lines = configs.map(
    ({ resource, namespace, name, hash }) => `${resource} ${namespace}/${name} ${hash}`,
  )
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 12)
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`
}

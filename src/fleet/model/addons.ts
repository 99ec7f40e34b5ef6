// Addons of a hub, joined: with what the data of their cluster say, and with how far their rollout is.
// Invariants: pure; a cluster in several of an addon's placements follows the later one.
// Source: facts/fleet.md §6, §15.

import { rolloutOf } from './addon-rollout.ts'
import type { Addon, AddonDefinition } from './fleet.ts'
import { type HubParts, sortedBy, staleness } from './join.ts'
import type {
  AddonDefinitionPart,
  AddonPart,
  AddonPlacement,
  AddonState,
  AddonWorkPart,
} from './parts.ts'
import type { Decided } from './placements.ts'
import { type Health, healths } from './state.ts'

/** What the gateway itself knows, beside what hubs claim. */
export interface DataFacts {
  readonly nowMs: number
  /** Newest sample by cluster, Unix milliseconds. */
  readonly lastSampleMs: ReadonlyMap<string, number>
  /** Addons whose work it is to send samples. */
  readonly senders: ReadonlySet<string>
  /** Samples older than this are a failure of the sender. */
  readonly sampleAgeMsMax: number
}

/** What addons are joined with. */
export interface AddonWorld {
  readonly hub: HubParts
  readonly decided: Decided
  /** Works that carry an addon to a cluster. */
  readonly worksOf: (cluster: string, addon: string) => readonly AddonWorkPart[]
  readonly data: DataFacts
}

const healthOfAddon: Readonly<Record<AddonState, Health>> = {
  available: 'healthy',
  degraded: 'failed',
  progressing: 'progressing',
  unavailable: 'failed',
  unknown: 'unknown',
  not_reported: 'pending',
}

/** All addons of a hub, in order. */
export function joinAddons(world: AddonWorld): readonly Addon[] {
  return sortedBy(world.hub.of('addon').map(addonJoiner(world)), addonOrder)
}

/** What addons are in order of. */
export function addonOrder({ cluster, name }: Pick<Addon, 'cluster' | 'name'>): string {
  return `${cluster}/${name}`
}

/** Joins one addon after the other. */
export function addonJoiner({
  hub,
  decided,
  worksOf,
  data,
}: AddonWorld): (part: AddonPart) => Addon {
  const definitions = new Map(hub.of('addon_definition').map((part) => [part.name, part]))
  const placements = new Map<string, ReadonlyMap<string, AddonPlacement>>()
  const placementsOf = (definition: AddonDefinitionPart): ReadonlyMap<string, AddonPlacement> => {
    const known = placements.get(definition.name) ?? placementsByCluster(definition, decided)
    placements.set(definition.name, known)
    return known
  }
  return (part) => {
    const { part: _, configs: __, ownConfigs: ___, ...addon } = part
    const definition = definitions.get(addon.name)
    const placement =
      definition === undefined ? undefined : placementsOf(definition).get(addon.cluster)
    const works = sortedBy(worksOf(addon.cluster, addon.name), ({ name }) => name)
    const facts = { definition, placement, works, nowMs: data.nowMs }
    const rollout = rolloutOf(part, facts)
    const claimed = healthOfAddon[addon.status.state]
    const sent = data.senders.has(addon.name) ? healthOfData(addon.cluster, data) : 'healthy'
    return {
      ...addon,
      hub: hub.hub,
      displayName: definition?.displayName ?? addon.name,
      health: healths[Math.min(healths.indexOf(claimed), healths.indexOf(sent))]!,
      ...(rollout === undefined ? {} : { rollout }),
      ...staleness(hub, addon.cluster),
    }
  }
}

/** Which of an addon's placements each cluster follows. */
export function placementsByCluster(
  { placements }: Pick<AddonDefinition, 'placements'>,
  decided: Decided,
): ReadonlyMap<string, AddonPlacement> {
  const followed = new Map<string, AddonPlacement>()
  for (const placement of placements)
    for (const cluster of decided.get(`${placement.namespace}/${placement.name}`) ?? [])
      followed.set(cluster, placement)
  return followed
}

/** Addons as the hub defines them, in order of name. */
export function joinDefinitions(hub: HubParts): readonly AddonDefinition[] {
  const definitions = hub
    .of('addon_definition')
    .map(({ part: _, ...definition }) => ({ hub: hub.hub, ...definition }))
  return sortedBy(definitions, ({ name }) => name)
}

// No sample yet is no proof of health, nor of failure.
function healthOfData(cluster: string, data: DataFacts): Health {
  const lastMs = data.lastSampleMs.get(cluster)
  if (lastMs === undefined) return 'unknown'
  return data.nowMs - lastMs <= data.sampleAgeMsMax ? 'healthy' : 'failed'
}

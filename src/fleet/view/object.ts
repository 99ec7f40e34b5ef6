// One thing of a list with everything that is known of it; things on many clusters with a page of these.
// Invariants: what is not seen is not found, as if it were not there.

import { scopeKey } from '../../model/index.ts'
import { applicationEntryItem, applicationObject } from './application-rows.ts'
import type { FleetObjectCall } from './call.ts'
import { addonObject, clusterObject, clusterSetRows, membersSeen } from './cluster-rows.ts'
import { isEventSeen } from './event-list.ts'
import type { Item } from './fields.ts'
import { absent } from './hub-warnings.ts'
import { pageOf } from './page.ts'
import { clustersSeen, placementItem, sourceObject } from './placement-rows.ts'
import { policyEntryItem, policyObject, policySetItem } from './policy-rows.ts'
import { rolloutEntries, rolloutEntryItem, rolloutItem } from './rollout-rows.ts'
import type { Context } from './row.ts'

/** An item and the cursor of the next page of its clusters. */
export interface ObjectItem {
  readonly item: Item
  readonly next?: string
}

/** Finds one thing. Throws UserError not_found, unavailable while a hub has not been read. */
export function objectItem(context: Context, call: FleetObjectCall): ObjectItem {
  const found = finders[call.list](context, call)
  if (found !== undefined) return found
  const { namespace, name, list } = call
  const path = namespace === '' ? name : `${namespace}/${name}`
  throw absent(context.view, call.filter.hub, {
    what: `there is no "${path}" among the ${list}`,
    fix: `see /api/v1/fleet/${list}`,
  })
}

type Finder = (context: Context, call: FleetObjectCall) => ObjectItem | undefined

const finders: Readonly<Record<FleetObjectCall['list'], Finder>> = {
  clusters(context, call) {
    const found = named(context.view.fleet.clusters, call)
    if (found === undefined || !context.sight.hasCluster(found.hub, found.name)) return undefined
    return { item: clusterObject(found, context) }
  },
  clustersets(context, call) {
    const found = named(context.view.fleet.sets, call)
    const row = clusterSetRows(context).find(
      ({ hub, name }) => hub === found?.hub && name === found.name,
    )
    if (found === undefined || row === undefined) return undefined
    const states = stateOfClusters(context)
    return withClusters(row.item(), membersSeen(found, context), call, (cluster) => ({
      cluster,
      state: states.get(`${found.hub}\0${cluster}`),
    }))
  },
  placements(context, call) {
    const found = named(context.view.fleet.placements, call)
    const clusters = found === undefined ? undefined : clustersSeen(found, context)
    if (found === undefined || clusters === undefined) return undefined
    const states = stateOfClusters(context)
    const item = placementItem(found, clusters.length, context)
    return withClusters(item, clusters, call, (cluster) => ({
      cluster,
      state: states.get(`${found.hub}\0${cluster}`),
    }))
  },
  addons(context, call) {
    const found = context.view.fleet.addons.find(
      ({ hub, cluster, name }) =>
        isHub(hub, call) && cluster === call.namespace && name === call.name,
    )
    if (found === undefined || !context.sight.has(found.hub, found.cluster, '')) return undefined
    return { item: addonObject(found, context) }
  },
  rollouts(context, call) {
    const found = named(context.view.fleet.addonDefinitions, call)
    if (found === undefined) return undefined
    const entries = rolloutEntries(found, context)
    if (entries.length === 0 && !context.sight.isWhole) return undefined
    const wanted = entriesWanted(entries, call, ({ state }) => state)
    const item = rolloutItem(found, entries, context)
    return withEntries(item, wanted, call, (entry) => rolloutEntryItem(found, entry, context))
  },
  policies(context, call) {
    const found = named(context.view.fleet.policies, call)
    const item = found === undefined ? undefined : policyObject(found, context)
    if (found === undefined || item === undefined) return undefined
    const seen = entriesWanted(found.clusters, call, ({ compliance }) => compliance).filter(
      ({ cluster }) => context.sight.has(found.hub, cluster, ''),
    )
    const detail = call.filter.cluster === undefined ? 'brief' : 'whole'
    return withEntries(item, seen, call, (entry) => policyEntryItem(found, entry, context, detail))
  },
  policysets(context, call) {
    const found = named(context.view.fleet.policySets, call)
    const item = found === undefined ? undefined : policySetItem(found, context)
    if (found === undefined || item === undefined) return undefined
    const clusters = found.clusters.filter((name) => context.sight.has(found.hub, name, ''))
    return withClusters(item, clusters, call, (cluster) => ({ cluster }))
  },
  applications(context, call) {
    const found = named(context.view.fleet.applications, call)
    const item = found === undefined ? undefined : applicationObject(found, context)
    if (found === undefined || item === undefined) return undefined
    const seen = entriesWanted(found.clusters, call, ({ state }) => state).filter(({ cluster }) =>
      context.sight.has(found.hub, cluster, found.namespace),
    )
    return withEntries(item, seen, call, (entry) => applicationEntryItem(found, entry, context))
  },
  events({ view, sight }, call) {
    const { events } = view
    const id = Number(call.name)
    if (!Number.isInteger(id) || id < events.oldestId || id > events.newestId) return undefined
    const event = events.at(id)
    return isEventSeen(sight.scope, event) ? { item: { ...event } } : undefined
  },
  sources({ view, sight }, call) {
    const found = view.sources.find(({ name }) => name === call.name)
    return found === undefined || sight.scope !== 'all' ? undefined : { item: sourceObject(found) }
  },
}

function isHub(hub: string, { filter }: FleetObjectCall): boolean {
  return filter.hub?.includes(hub) !== false
}

function named<
  T extends { readonly hub: string; readonly name: string; namespace?: string; kind?: string },
>(things: readonly T[], call: FleetObjectCall): T | undefined {
  return things.find(
    ({ hub, name, namespace = '', kind }) =>
      name === call.name &&
      namespace === call.namespace &&
      isHub(hub, call) &&
      (call.type === undefined || kind === call.type),
  )
}

function stateOfClusters({ view }: Context): ReadonlyMap<string, string> {
  return new Map(
    view.fleet.clusters.map(({ hub, name, status }) => [`${hub}\0${name}`, status.state]),
  )
}

function entriesWanted<E>(
  entries: readonly E[],
  { filter }: FleetObjectCall,
  stateOf: (entry: E) => string,
): readonly E[] {
  const { state } = filter
  return state === undefined ? entries : entries.filter((entry) => state.includes(stateOf(entry)))
}

function withClusters(
  item: Item,
  clusters: readonly string[],
  call: FleetObjectCall,
  itemOf: (cluster: string) => Item,
): ObjectItem {
  const entries = clusters.map((cluster) => ({ cluster }))
  return withEntries(item, entries, call, ({ cluster }) => itemOf(cluster))
}

function withEntries<E extends { readonly cluster: string }>(
  item: Item,
  entries: readonly E[],
  { list, namespace, name, filter, scope, limit, cursor }: FleetObjectCall,
  itemOf: (entry: E) => Item,
): ObjectItem {
  const keyed = entries.map((entry) => ({ key: entry.cluster, entry }))
  const asked = [list, namespace, name, filter, scopeKey(scope)]
  const options = { limit, asked, ...(cursor === undefined ? {} : { cursor }) }
  const { rows, next } = pageOf(keyed, { isReversed: false }, options)
  const clusters = { items: rows.map(({ entry }) => itemOf(entry)), total: entries.length, next }
  return { item: { ...item, clusters }, ...(next === undefined ? {} : { next }) }
}

// Events as a list, newest first, and which of them a scope shows.
// Invariants: an event of something that spans clusters is seen by those who see everything; one page looks at a
// bounded number of events, and may be short although more follow.

import { type Scope, seesCluster, sees as seesIn } from '../../model/index.ts'
import type { FleetEvent, FleetFilter } from './call.ts'
import type { FleetEventLog } from './fleet-view.ts'
import { cursorOf, positionOf } from './page.ts'
import type { Sight } from './sight.ts'

/** Events that one page looks at. */
const lookedAtMax = 200_000

/** Whether a scope shows an event. */
export function isEventSeen(
  scope: Scope,
  { kind, cluster, namespace }: Pick<FleetEvent, 'kind' | 'cluster' | 'namespace'>,
): boolean {
  if (scope === 'all') return true
  if (kind === 'application_on_cluster') return seesIn(scope, cluster, namespace)
  if (kind === 'addon' || kind === 'addon_rollout' || kind === 'policy_on_cluster')
    return seesIn(scope, cluster, '')
  return seesCluster(scope, cluster)
}

/** One page of events. */
export interface EventPage {
  readonly items: readonly FleetEvent[]
  readonly next?: string
}

/** Events that the filter wants, newest first. Throws UserError bad_data for a cursor of another question. */
export function eventPage(
  log: FleetEventLog,
  filter: FleetFilter,
  sight: Sight,
  options: { readonly limit: number; readonly cursor?: string; readonly asked: unknown },
): EventPage {
  const isWanted = eventFilter(filter, sight)
  const { limit, cursor, asked } = options
  const newest = cursor === undefined ? log.newestId : Number(positionOf(cursor, asked).key) - 1
  const items: FleetEvent[] = []
  let id = Math.min(newest, log.newestId)
  for (let looked = 0; id >= log.oldestId && looked < lookedAtMax; id--, looked++) {
    const event = log.at(id)
    if (!isWanted(event)) continue
    if (items.length === limit) break
    items.push(event)
  }
  if (id < log.oldestId) return { items }
  return { items, next: cursorOf({ key: String(id + 1), value: undefined }, asked) }
}

function eventFilter(filter: FleetFilter, sight: Sight): (event: FleetEvent) => boolean {
  const { kind, state, namespace, hub, fromMs, toMs } = filter
  const part = filter.name?.toLowerCase()
  return (event) => {
    if (fromMs !== undefined && event.atMs < fromMs) return false
    if (toMs !== undefined && event.atMs >= toMs) return false
    if (kind?.includes(event.kind) === false || hub?.includes(event.hub) === false) return false
    if (state !== undefined && (event.to === undefined || !state.includes(event.to))) return false
    if (namespace?.includes(event.namespace) === false) return false
    if (part !== undefined && !event.name.toLowerCase().includes(part)) return false
    if (sight.isFiltered && !sight.wants(event.hub, event.cluster)) return false
    return isEventSeen(sight.scope, event)
  }
}

// Our own metric of how current every kind of every hub is, as the front exposes it.
// Invariants: a scrape never waits long for the fleet's thread; what it said last stands meanwhile.

import type { Metrics } from '../../telemetry/index.ts'
import type { SourceStatus } from '../view/fleet-view.ts'

/** How long a scrape waits for the thread that keeps the fleet. */
const waitMs = 500

/** Registers when each resource of each hub was last known to be current; asked for at every scrape. */
export function registerSyncMetric(
  metrics: Metrics,
  sources: () => Promise<readonly SourceStatus[]>,
): void {
  metrics.gauge(
    'crowsnest_fleet_last_sync_timestamp_seconds',
    'When the objects of a resource of a hub were last known to be current, in Unix seconds.',
    ['hub', 'resource'],
    async (gauge) => {
      const found = await Promise.race([sources().catch(() => undefined), after(waitMs)])
      if (found === undefined) return
      gauge.reset()
      for (const { name: hub, parts } of found)
        for (const { name: resource, lastSyncMs } of parts)
          if (lastSyncMs !== undefined) gauge.set({ hub, resource }, lastSyncMs / 1000)
    },
  )
}

function after(delayMs: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), delayMs).unref())
}

// Our own metric of how current every kind of every hub is.

import type { Metrics } from '../../telemetry/index.ts'
import type { KubeFleetSource } from './kube-source.ts'

/** Registers when each resource of each hub was last known to be current; asked for at every scrape. */
export function registerSyncMetric(
  metrics: Metrics,
  sources: () => readonly KubeFleetSource[],
): void {
  metrics.gauge(
    'crowsnest_fleet_last_sync_timestamp_seconds',
    'When the objects of a resource of a hub were last known to be current, in Unix seconds.',
    ['hub', 'resource'],
    (gauge) => {
      gauge.reset()
      for (const source of sources())
        for (const { resource, lastSyncMs } of source.syncs())
          gauge.set({ hub: source.name, resource }, lastSyncMs / 1000)
    },
  )
}

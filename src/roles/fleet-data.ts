// What the gateway's own data say of each cluster, for the fleet: asked of the lanes now and then, and counted where
// requests go through.
// Units: times in Unix milliseconds. Invariants: nothing of it is kept for longer than it is true: a cluster that sends
// nothing keeps the time of its newest sample, and has no active series.

import type { ClusterData, FleetConnection } from '../fleet/index.ts'
import type { LaneConnection } from '../lane/index.ts'
import type { Appendable } from '../storage/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { ActivityCall, LabelActivity } from '../tsdb/index.ts'

const intervalMs = 15_000
const activeMs = 300_000
/** Looks of which the smallest age of the newest sample is the delay: five minutes. */
const agesMax = 20
const clustersMax = 20_000
/** The fleet's own series say nothing of what clusters send. */
const exceptMetrics = [
  'crowsnest_fleet_',
  'acm_managed_cluster_',
  'policy_governance_info',
  'ALERTS',
]

type Facts = { -readonly [K in keyof ClusterData]: ClusterData[K] } & { ages: number[] }

/** Knows clusters by their data. */
export class ClusterDataCollector {
  readonly #lanes: readonly LaneConnection[]
  readonly #tenants: () => Iterable<string>
  readonly #log: Logger
  readonly #facts = new Map<string, Facts>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: {
    readonly lanes: readonly LaneConnection[]
    readonly tenants: () => Iterable<string>
    readonly log: Logger
  }) {
    this.#lanes = parts.lanes
    this.#tenants = parts.tenants
    this.#log = parts.log
  }

  /** The same target, counting what is rejected of senders whose identity says which cluster they are. */
  counting(target: Appendable): Appendable {
    return {
      append: async (request) => {
        const result = await target.append(request)
        const { cluster } = request.sender.labels
        if (cluster !== undefined && result.rejectedCount > 0) {
          const facts = this.#factsOf(cluster)
          facts.rejectedSamples = (facts.rejectedSamples ?? 0) + result.rejectedCount
        }
        return result
      },
    }
  }

  /** Looks now and then, and tells the fleet. */
  start(fleet: FleetConnection): void {
    const look = async (): Promise<void> => {
      try {
        await this.#look(Date.now())
        await fleet.setData(
          new Map([...this.#facts].map(([name, { ages: _, ...own }]) => [name, own])),
        )
      } catch (error) {
        this.#log.warn({ err: error }, 'the data of clusters could not be looked at')
      }
      this.#timer = setTimeout(() => void look(), intervalMs)
    }
    void look()
  }

  /** Looks no more. */
  close(): void {
    clearTimeout(this.#timer)
  }

  async #look(nowMs: number): Promise<void> {
    const sums = new Map<string, LabelActivity>()
    for (const tenant of this.#tenants()) {
      const call: ActivityCall = {
        tenant,
        label: 'cluster',
        activeSinceMs: nowMs - activeMs,
        exceptMetrics,
        valuesMax: clustersMax,
      }
      for (const lane of this.#lanes) {
        const found = (await lane.call('activity', call)) as ReadonlyMap<string, LabelActivity>
        for (const [cluster, own] of found) sums.set(cluster, added(sums.get(cluster), own))
      }
    }
    for (const [cluster, facts] of this.#facts) {
      if (sums.has(cluster)) continue
      facts.activeSeries = 0
      facts.samplesPerSecond = 0
    }
    for (const [cluster, { newestMs, activeSeries, samplesPerSecond }] of sums) {
      const facts = this.#factsOf(cluster)
      facts.lastSampleMs = Math.max(newestMs, facts.lastSampleMs ?? newestMs)
      facts.activeSeries = activeSeries
      facts.samplesPerSecond = samplesPerSecond
      facts.ages = [...facts.ages, Math.max(0, nowMs - facts.lastSampleMs)].slice(-agesMax)
      facts.delayMs = Math.min(...facts.ages)
    }
  }

  #factsOf(cluster: string): Facts {
    let facts = this.#facts.get(cluster)
    if (facts === undefined) {
      facts = { ages: [] }
      if (this.#facts.size >= clustersMax) this.#facts.delete(this.#facts.keys().next().value!)
      this.#facts.set(cluster, facts)
    }
    return facts
  }
}

function added(one: LabelActivity | undefined, other: LabelActivity): LabelActivity {
  if (one === undefined) return other
  return {
    newestMs: Math.max(one.newestMs, other.newestMs),
    activeSeries: one.activeSeries + other.activeSeries,
    samplesPerSecond: one.samplesPerSecond + other.samplesPerSecond,
  }
}

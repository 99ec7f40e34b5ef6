// Remote write of the demo's clusters: one request per cluster, as each would send its own.

import snappy from 'snappyjs'
import { prometheus } from '../encoding/index.ts'
import {
  type DemoCluster,
  type DemoPace,
  demoClusters,
  demoFamilies,
  demoSamples,
} from '../fleet/index.ts'

const types = { counter: 1, gauge: 2, histogram: 3 } as const

/** Writes to a gateway. */
export class DemoSender {
  readonly #url: string
  readonly #pace: DemoPace
  readonly #metadata = demoFamilies.map(({ name, type, help }) => ({
    metricFamilyName: name,
    type: types[type],
    help,
  }))

  constructor(gatewayUrl: string, pace: DemoPace) {
    this.#url = `${gatewayUrl}/api/v1/write`
    this.#pace = pace
  }

  /** Sends what every cluster measured at some times, oldest first; answers why it was not taken. */
  async send(timesMs: readonly number[]): Promise<string | undefined> {
    const refusals = await Promise.all(demoClusters.map((one) => this.#sendOne(one, timesMs)))
    return refusals.find((refusal) => refusal !== undefined)
  }

  async #sendOne(cluster: DemoCluster, timesMs: readonly number[]): Promise<string | undefined> {
    const timeseries = seriesOf(this.#pace, cluster, timesMs)
    if (timeseries.length === 0) return undefined
    const { WriteRequest } = prometheus
    const message = WriteRequest.encode({ timeseries, metadata: this.#metadata }).finish()
    const body = new Uint8Array(snappy.compress(new Uint8Array(message)))
    try {
      const response = await fetch(this.#url, { method: 'POST', body, headers })
      return response.ok ? undefined : `${response.status} ${await response.text()}`
    } catch (error) {
      return String(error)
    }
  }
}

interface Series {
  readonly labels: { readonly name: string; readonly value: string }[]
  readonly samples: { readonly timestamp: number; readonly value: number }[]
  /** Of the newest sample. */
  exemplars: {
    readonly timestamp: number
    readonly value: number
    readonly labels: { readonly name: string; readonly value: string }[]
  }[]
}

function seriesOf(pace: DemoPace, cluster: DemoCluster, timesMs: readonly number[]): Series[] {
  const found = new Map<string, Series>()
  for (const timestamp of timesMs) {
    for (const { labels, value, exemplar } of demoSamples(pace, cluster, timestamp)) {
      const key = JSON.stringify(labels)
      let series = found.get(key)
      if (series === undefined) {
        const pairs = Object.entries(labels).map(([name, text]) => ({ name, value: text }))
        pairs.sort((one, other) => (one.name < other.name ? -1 : 1))
        series = { labels: pairs, samples: [], exemplars: [] }
        found.set(key, series)
      }
      series.samples.push({ timestamp, value })
      if (exemplar === undefined) continue
      const trace = [{ name: 'trace_id', value: exemplar.traceId }]
      series.exemplars = [{ timestamp, value: exemplar.value, labels: trace }]
    }
  }
  return [...found.values()]
}

const headers = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
  'user-agent': 'crowsnest-demo',
}

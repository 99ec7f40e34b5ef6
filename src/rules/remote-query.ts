// Queries of rules over the HTTP API of Prometheus, Thanos or a gateway of ours: the endpoints are tried in random order
// until one answers. A query that an endpoint refuses is not asked of others: they would refuse it too.
// Native histograms are refused: the API's JSON does not carry them exactly.
// Source: facts/thanos.md §10, facts/prometheus.md §3.1, §3.2.

import { labelsOf } from '../model/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { RuleQuery, RuleSample } from './evaluation.ts'
import type { PeerTransport } from './http-peer-client.ts'
import { type PeerConfig, type PeerFields, parsePeer } from './http-peer-config.ts'
import { baseOf, PeerSet } from './http-peer-set.ts'

/** Checks `rules.queryEndpoints`, entries of Thanos' --query.config. Throws UserError bad_config naming the entry. */
export function parseQueryEndpoints(entries: readonly PeerFields[]): PeerConfig[] {
  return entries.map((entry, index) =>
    parsePeer(entry, `rules.queryEndpoints, entry ${index + 1}`, []),
  )
}

/** How remote queries are asked. */
export interface RemoteQueryOptions {
  readonly endpoints: readonly PeerConfig[]
  /** Header that names the tenant. */
  readonly tenantHeader: string
  /** More series than these are an error. */
  readonly seriesMax: number
}

/** Asks remote endpoints. */
export class RemoteQuery {
  readonly #options: RemoteQueryOptions
  readonly #transport: PeerTransport
  readonly #log: Logger
  readonly #set: PeerSet

  constructor(parts: {
    readonly options: RemoteQueryOptions
    readonly transport: PeerTransport
    readonly log: Logger
  }) {
    this.#options = parts.options
    this.#transport = parts.transport
    this.#log = parts.log
    this.#set = new PeerSet({ ...parts, configs: parts.options.endpoints })
  }

  /** `partialResponse` = an answer that misses what some stores hold will do. Rejects with Error. */
  async query(
    tenant: string,
    ask: RuleQuery,
    partialResponse: boolean,
  ): Promise<readonly RuleSample[]> {
    await this.#set.settled()
    const form = formOf(ask, partialResponse)
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      [this.#options.tenantHeader]: tenant,
    }
    const failures: string[] = []
    for (const peer of shuffled(this.#set.peers())) {
      const base = baseOf(peer)
      const leftMs = ask.deadlineMs - Date.now()
      if (leftMs <= 0) throw new Error(`no answer in time; ${failures.join('; ')}`)
      const timeoutMs = Math.min(leftMs, peer.config.timeoutMs)
      try {
        const answer = await this.#transport.send(
          { method: 'POST', url: `${base}/api/v1/query`, headers, body: form },
          { ...peer.config, timeoutMs },
        )
        const body = parseAnswer(answer.body)
        if (body?.status === 'success') return this.#samplesOf(body)
        const told = `${base} answered ${answer.status}: ${body?.error ?? 'no JSON'}`
        if (answer.status === 400 || answer.status === 422) throw new RefusedQuery(told)
        failures.push(told)
      } catch (error) {
        if (error instanceof RefusedQuery) throw error
        failures.push(`${base}: ${(error as Error).message}`)
      }
    }
    throw new Error(
      failures.length === 0
        ? 'no query endpoint is found; look at rules.queryEndpoints'
        : `no query endpoint answers: ${failures.join('; ')}`,
    )
  }

  /** Looks for endpoints no more. */
  close(): void {
    this.#set.close()
  }

  #samplesOf({ data, warnings = [] }: QueryAnswer): RuleSample[] {
    if (warnings.length > 0) this.#log.warn({ warnings }, 'a query endpoint warns')
    const { resultType, result } = data ?? {}
    if (resultType === 'scalar') return [sampleOf({ metric: {}, value: result as Point })]
    if (resultType !== 'vector') throw new RefusedQuery('rule result is not a vector or scalar')
    const series = result as readonly VectorEntry[]
    if (series.length > this.#options.seriesMax) {
      throw new RefusedQuery(
        `the expression yields ${series.length} series, ${this.#options.seriesMax} are allowed to a rule; aggregate more, or raise rules.seriesPerRule`,
      )
    }
    return series.map(sampleOf)
  }
}

class RefusedQuery extends Error {}

type Point = readonly [timeSeconds: number, value: string]

interface VectorEntry {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: Point
}

interface QueryAnswer {
  readonly status: string
  readonly error?: string
  readonly warnings?: readonly string[]
  readonly data?: { readonly resultType?: string; readonly result?: unknown }
}

function formOf({ query, timeMs, lookbackMs }: RuleQuery, partialResponse: boolean): string {
  const form = new URLSearchParams({
    query,
    time: String(timeMs / 1000),
    dedup: 'true',
    partial_response: String(partialResponse),
  })
  if (lookbackMs !== undefined) form.set('lookback_delta', `${lookbackMs / 1000}s`)
  return form.toString()
}

function parseAnswer(body: Buffer): QueryAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(body.toString())
    return typeof answer === 'object' && answer !== null ? (answer as QueryAnswer) : undefined
  } catch {
    return undefined
  }
}

function sampleOf({ metric, value }: VectorEntry): RuleSample {
  if (value === undefined) {
    throw new RefusedQuery(
      'the answer holds native histograms, which the query API does not carry exactly; evaluate this rule beside the data',
    )
  }
  return { labels: labelsOf(metric), value: numberOf(value[1]), histogram: undefined }
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity
  if (text === '-Inf') return -Infinity
  return Number(text)
}

function shuffled<T>(list: readonly T[]): T[] {
  const keyed = list.map((one) => ({ one, key: Math.random() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ one }) => one)
}

// Results of rules to remote write endpoints: every endpoint gets every sample, and a write that fails is tried again
// while the evaluation has time. Nothing is kept for later: what could not be written stands on the rule as its error.
// Source: facts/prometheus.md §2.1, §2.4; facts/thanos.md §10 (stateless ruler).

import snappy from 'snappyjs'
import { parseDurationMs, UserError } from '../model/index.ts'
import { labelsKey, overlay, plainLabels, type RuleWrite } from './evaluation.ts'
import type { PeerTransport } from './http-peer-client.ts'
import { type PeerConnection, type PeerFields, parseConnection } from './http-peer-config.ts'
import type { StringMap } from './rule-file.ts'
import { encodeWrites } from './write-body.ts'

/** Where samples are written. */
export interface WriteEndpoint extends PeerConnection {
  readonly url: string
  readonly headers: StringMap
}

/** Checks `rules.remoteWrite`, entries of Prometheus' remote_write. Throws UserError bad_config naming the entry. */
export function parseWriteEndpoints(entries: readonly PeerFields[]): WriteEndpoint[] {
  return entries.map((entry, index) => {
    const where = `rules.remoteWrite, entry ${index + 1}`
    const { url, headers = {}, name: _name, remote_timeout: timeout = '30s', ...rest } = entry
    const parsed = URL.parse(String(url))
    if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
      throw new UserError('bad_config', { what: `"${String(url)}" is not an http(s) URL`, where })
    }
    if (parseDurationMs(String(timeout)) === undefined)
      throw new UserError('bad_config', { what: 'remote_timeout is not a duration', where })
    const scheme = parsed.protocol.slice(0, -1)
    const connection = parseConnection({ ...rest, scheme, timeout }, where, [])
    return { ...connection, url: parsed.href, headers: headers as StringMap }
  })
}

/** How results are written. */
export interface RemoteWriteOptions {
  readonly endpoints: readonly WriteEndpoint[]
  /** Header that names the tenant. */
  readonly tenantHeader: string
  /** Set on series that have no label of that name. */
  readonly externalLabels: StringMap
  /** How long a write is tried. */
  readonly timeoutMs: number
}

const retryDelayMsMin = 100
const retryDelayMsMax = 5_000

/** Writes to remote endpoints. */
export class RemoteWriter {
  readonly #options: RemoteWriteOptions
  readonly #transport: PeerTransport

  constructor(options: RemoteWriteOptions, transport: PeerTransport) {
    this.#options = options
    this.#transport = transport
  }

  /** Resolves when every endpoint has the samples. Rejects with Error naming the endpoint that has not. */
  async append(tenant: string, writes: readonly RuleWrite[]): Promise<void> {
    const { endpoints, externalLabels } = this.#options
    const labelled = writes.map((write) => ({
      ...write,
      labels: overlay([], { ...externalLabels, ...plainLabels(write.labels) }),
    }))
    // Series that differ only in what an external label covers would collide.
    if (new Set(labelled.map(keyOf)).size < labelled.length)
      throw new Error('series are equal once the external labels are set')
    const body = snappy.compress(encodeWrites(labelled))
    await Promise.all(endpoints.map((endpoint) => this.#write(endpoint, tenant, body)))
  }

  async #write(endpoint: WriteEndpoint, tenant: string, body: Uint8Array): Promise<void> {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
      'user-agent': 'crowsnest-rule',
      [this.#options.tenantHeader]: tenant,
      ...endpoint.headers,
    }
    const deadlineMs = Date.now() + this.#options.timeoutMs
    for (let delayMs = retryDelayMsMin; ; delayMs = Math.min(2 * delayMs, retryDelayMsMax)) {
      const failure = await this.#try(endpoint, headers, body)
      if (failure === undefined) return
      const text = `${endpoint.url} did not take the samples: ${failure.reason}`
      if (!failure.isWorthRetrying || Date.now() + delayMs > deadlineMs) throw new Error(text)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }

  async #try(
    endpoint: WriteEndpoint,
    headers: StringMap,
    body: Uint8Array,
  ): Promise<{ readonly reason: string; readonly isWorthRetrying: boolean } | undefined> {
    try {
      const request = { method: 'POST', url: endpoint.url, headers, body } as const
      const answer = await this.#transport.send(request, endpoint)
      if (answer.status >= 200 && answer.status < 300) return undefined
      const reason = `${answer.status} ${answer.body.toString('utf8', 0, 500).trim()}`
      return { reason, isWorthRetrying: answer.status >= 500 || answer.status === 429 }
    } catch (error) {
      return { reason: (error as Error).message, isWorthRetrying: true }
    }
  }
}

function keyOf({ labels, timestampMs }: RuleWrite): string {
  return `${timestampMs} ${labelsKey(labels)}`
}

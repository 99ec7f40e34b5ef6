// A transcript: what we asked an API server, and what it answered, with everything that differs from run to
// run replaced by names. Recorded on a real kube-apiserver, it is the specification of our double.
// Invariants: the same value gets the same name throughout a transcript, so that "unchanged" and "changed" of
// uids and resource versions can be compared; resource versions are named in the order in which they appear.

import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { KubeEndpoint } from '../../../src/kube/index.ts'

/** One request of ours. */
export interface Ask {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly as?: string
}

/** A request with its answer, as it stands in a golden file. */
export interface Exchange {
  readonly ask: Ask
  readonly status: number
  readonly answer: unknown
}

/** Fields whose value is a time. */
const timeFields = new Set([
  'creationTimestamp',
  'deletionTimestamp',
  'time',
  'lastUpdateTime',
  'lastTransitionTime',
])

/** Records the exchanges of one scenario. `ns` is a namespace of its own. */
export class Transcript {
  readonly exchanges: Exchange[] = []
  readonly ns: string
  readonly #endpoint: KubeEndpoint
  readonly #names = new Map<string, string>()
  #uidCount = 0
  #versionCount = 0

  constructor(endpoint: KubeEndpoint, ns: string) {
    this.#endpoint = endpoint
    this.ns = ns
    this.#names.set(ns, 'NS')
  }

  /** Gives a value that the server chose a name in the transcript. */
  name(value: string, name: string): void {
    this.#names.set(value, name)
  }

  /** Asks and records; gives the answer as it came. */
  async ask(ask: Ask): Promise<Answer> {
    const { status, answer } = await this.quietly(ask)
    this.exchanges.push({
      ask: this.#normal(ask) as Ask,
      status,
      answer: this.#normal(answer),
    })
    return answer as Answer
  }

  /** Asks without recording: preparation that is no part of the scenario. */
  async quietly(ask: Ask): Promise<{ readonly status: number; readonly answer: unknown }> {
    const response = await this.#send(ask)
    let text = ''
    for await (const piece of response) text += String(piece)
    return { status: response.statusCode ?? 0, answer: parse(text) }
  }

  /** Watches until `count` events came or the server ends; `meanwhile` runs when the watch stands. */
  async watch(ask: Ask, count: number, meanwhile: () => Promise<void>): Promise<Answer[]> {
    const response = await this.#send(ask)
    const events: Answer[] = []
    const read = (async () => {
      let pending = ''
      for await (const piece of response) {
        pending += String(piece)
        const lines = pending.split('\n')
        pending = lines.pop() ?? ''
        for (const line of lines) events.push(parse(line) as Answer)
        if (events.length >= count) break
      }
      if (pending !== '') events.push(parse(pending) as Answer)
    })()
    await meanwhile()
    await Promise.race([read, new Promise((resolve) => setTimeout(resolve, 15_000))])
    response.destroy()
    await read.catch(() => undefined)
    this.exchanges.push({
      ask: this.#normal(ask) as Ask,
      status: response.statusCode ?? 0,
      answer: events.map((event) => this.#normal(event)),
    })
    return events
  }

  async #send(ask: Ask): Promise<IncomingMessage> {
    const options = await this.#endpoint.requestOptions()
    const { url } = this.#endpoint
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest
    const body = ask.body === undefined ? undefined : JSON.stringify(ask.body)
    return new Promise((resolve, reject) => {
      const sent = send(
        {
          ...options,
          hostname: url.hostname,
          port: url.port,
          protocol: url.protocol,
          method: ask.method,
          path: ask.path,
          headers: {
            ...(options.headers as object),
            accept: ask.accept ?? 'application/json',
            'user-agent': 'transcript/1.0',
            ...(ask.as === undefined ? {} : { 'impersonate-user': ask.as }),
            ...(body === undefined
              ? {}
              : {
                  'content-type': ask.contentType ?? 'application/json',
                  // Without it Node sends the body of a DELETE without any framing.
                  'content-length': Buffer.byteLength(body),
                }),
          },
        },
        resolve,
      )
      sent.on('error', reject)
      sent.end(body)
    })
  }

  #normal(value: unknown, field = '', inside = ''): unknown {
    if (Array.isArray(value)) {
      const items = (value as readonly unknown[]).map((item) => this.#normal(item, '', field))
      return field === 'managedFields' ? items.sort(byText) : items
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, item]) => [this.#text(key), this.#normal(item, key, field)]),
      )
    }
    if (typeof value !== 'string') return value
    if (timeFields.has(field)) return 'TIME'
    if (field === 'uid') return this.#named(value, () => `UID-${++this.#uidCount}`)
    if (field === 'resourceVersion') {
      // A list's version is the whole server's, which others move as well.
      return inside === 'metadata' && /^\d+$/.test(value)
        ? this.#named(value, () => `VERSION-${++this.#versionCount}`)
        : this.#text(value)
    }
    if (field === 'continue') return value === '' ? '' : 'CONTINUE'
    return this.#text(value)
  }

  #named(value: string, make: () => string): string {
    const known = this.#names.get(value)
    if (known !== undefined) return known
    const name = make()
    this.#names.set(value, name)
    return name
  }

  #text(text: string): string {
    let out = text.replace(/continue=[^&]+/, 'continue=CONTINUE')
    out = out.replace(/(too old resource version: \d+) \(\d+\)/, '$1 (NEWEST)')
    out = out.replace(/resourceVersion=(\d+)/, (whole, version: string) =>
      this.#names.has(version) ? `resourceVersion=${this.#names.get(version)}` : whole,
    )
    for (const [value, name] of this.#names) {
      if (value.length > 6) out = out.replaceAll(value, name)
    }
    return out
  }
}

/** A JSON answer, to be looked into. */
// biome-ignore lint/suspicious/noExplicitAny: answers of a server, asserted on as a whole
export type Answer = any

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return text
  }
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}

// Posting remote-write bodies to several servers side by side: the same bytes to each, a bounded number in flight per
// server, and what each used for it.
// Units: latencies in milliseconds, CPU in seconds.

import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Body } from './fleet-data.ts'
import type { Peer, PeerName } from './peers.ts'

/** What one server used for a load. */
export interface LoadResult {
  readonly name: PeerName
  readonly samples: number
  readonly cpuSeconds: number
  /** Answers that were no 2xx, and the first of them. */
  readonly refused: number
  readonly firstRefusal: string
  readonly latenciesMs: Float64Array
}

/** How a load is posted. */
export interface LoadOptions {
  /** Bodies in flight per server. */
  readonly inFlight?: number
  /** Samples per second and server; as fast as they are taken by default. */
  readonly samplesPerSecond?: number
  /** How long to wait after the last answer before CPU is read: what was put off counts too. */
  readonly settleMs?: number
  /** Ends the load early: what was posted by then counts. */
  readonly deadlineMs?: number
}

/** A keep-alive connection pool to one server that counts what it posted. */
export class Sender {
  readonly peer: Peer
  samples = 0
  refused = 0
  firstRefusal = ''
  readonly latenciesMs: number[] = []
  readonly #agent: Agent
  readonly #inFlightMax: number
  readonly #pending = new Set<Promise<void>>()

  constructor(peer: Peer, inFlightMax: number) {
    this.peer = peer
    this.#inFlightMax = inFlightMax
    this.#agent = new Agent({ keepAlive: true, maxSockets: inFlightMax })
  }

  /** Resolves when another body may be posted. */
  async free(): Promise<void> {
    while (this.#pending.size >= this.#inFlightMax) await Promise.race(this.#pending)
  }

  /** Posts without waiting for the answer. */
  post(body: Body, version: 1 | 2 = 1): void {
    const started = performance.now()
    const posted = this.#send(body, version).then(
      ({ status, text }) => {
        this.latenciesMs.push(performance.now() - started)
        if (status < 300) this.samples += body.samples
        else this.#refuse(`${status} ${text.slice(0, 300)}`)
      },
      (error: Error) => this.#refuse(error.message),
    )
    const pending: Promise<void> = posted.finally(() => this.#pending.delete(pending))
    this.#pending.add(pending)
  }

  /** Resolves when every answer is in. */
  async idle(): Promise<void> {
    await Promise.all(this.#pending)
  }

  close(): void {
    this.#agent.destroy()
  }

  #refuse(reason: string): void {
    this.refused++
    this.firstRefusal ||= reason
  }

  #send(body: Body, version: 1 | 2): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const proto = version === 1 ? '' : ';proto=io.prometheus.write.v2.Request'
      const post = request(
        `${this.peer.url}/api/v1/write`,
        {
          method: 'POST',
          agent: this.#agent,
          headers: {
            'content-type': `application/x-protobuf${proto}`,
            'content-encoding': 'snappy',
            'content-length': body.bytes.length,
            'x-prometheus-remote-write-version': version === 1 ? '0.1.0' : '2.0.0',
          },
        },
        (response) => {
          let text = ''
          response.on('data', (data: Buffer) => {
            if (text.length < 1000) text += data.toString()
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
          response.on('error', reject)
        },
      )
      post.on('error', reject)
      post.end(body.bytes)
    })
  }
}

/** Posts every body to every server, in turns, and tells what each used. */
export async function load(
  peers: readonly Peer[],
  bodies: Iterable<Body>,
  options: LoadOptions = {},
): Promise<LoadResult[]> {
  const senders = peers.map((peer) => new Sender(peer, options.inFlight ?? 2))
  const before = peers.map((peer) => peer.cpuSeconds())
  const startedMs = performance.now()
  let turn = 0
  let posted = 0
  for (const body of bodies) {
    if (options.deadlineMs !== undefined && performance.now() > options.deadlineMs) break
    for (const sender of senders) await sender.free()
    if (options.samplesPerSecond !== undefined) {
      const waitMs = startedMs + (posted / options.samplesPerSecond) * 1000 - performance.now()
      if (waitMs > 1) await sleep(waitMs)
    }
    posted += body.samples
    // Each body begins with another server, so that none always comes first to a warm cache.
    turn++
    for (let i = 0; i < senders.length; i++) senders[(i + turn) % senders.length]!.post(body)
  }
  for (const sender of senders) await sender.idle()
  await sleep(options.settleMs ?? 2000)
  return senders.map((sender, i) => {
    sender.close()
    const { samples, refused, firstRefusal, latenciesMs } = sender
    const cpuSeconds = peers[i]!.cpuSeconds() - before[i]!
    const sorted = Float64Array.from(latenciesMs).sort()
    return { name: peers[i]!.name, samples, cpuSeconds, refused, firstRefusal, latenciesMs: sorted }
  })
}

/** The value below which `share` of the sorted values lie; NaN of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** The middle of unsorted values. */
export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  )
}

// Rulers that share groups: each asks all others how they are, and by that knows which groups are its own. Views may
// differ for a heartbeat: a group is then evaluated twice, with equal results and equal alerts, or left out once.
// A ruler finds itself among the addresses by its id.

import type { Logger, Metrics } from '../telemetry/index.ts'
import type { PeerTransport } from './http-peer-client.ts'
import type { PeerConfig } from './http-peer-config.ts'
import { baseOf, type Peer, PeerSet } from './http-peer-set.ts'
import { membersOf, ownerOf, type RulerAnswer, type RulerSeen } from './shard.ts'

/** Where a ruler says how it is. */
export const rulerPath = '/-/ruler'

/** The rulers beside and including this one. */
export class RulerPeers {
  readonly #id = crypto.randomUUID()
  readonly #transport: PeerTransport
  readonly #log: Logger
  readonly #heartbeatMs: number
  readonly #onChange: () => Promise<void>
  readonly #set: PeerSet
  readonly #seen = new Map<string, RulerSeen>()
  #members: readonly string[] = []
  #self: string | undefined
  #state: RulerAnswer['state'] = 'active'
  #answersSinceLeaving = 0
  #timer: NodeJS.Timeout | undefined

  constructor(parts: {
    readonly configs: readonly PeerConfig[]
    readonly heartbeatMs: number
    readonly transport: PeerTransport
    readonly log: Logger
    readonly metrics: Metrics
    /** Called when other groups than before are ours. */
    readonly onChange: () => Promise<void>
  }) {
    this.#transport = parts.transport
    this.#log = parts.log
    this.#heartbeatMs = parts.heartbeatMs
    this.#onChange = parts.onChange
    this.#set = new PeerSet({ ...parts, intervalMs: 5 * parts.heartbeatMs })
    parts.metrics.gauge('crowsnest_ruler_members', 'Rulers that share the groups.', [], (gauge) =>
      gauge.set(this.#members.length),
    )
  }

  /** Asks the others from now on; resolves when each has answered or not. */
  async start(): Promise<void> {
    await this.#set.settled()
    await this.#poll()
  }

  /** What this ruler says of itself. */
  answer(): RulerAnswer {
    if (this.#state === 'leaving') this.#answersSinceLeaving++
    return { id: this.#id, state: this.#state }
  }

  /** Whether a group is this ruler's to evaluate. */
  owns(group: string): boolean {
    return this.#self !== undefined && ownerOf(group, this.#members) === this.#self
  }

  /** Says that this ruler evaluates no more; resolves when the others have heard it, or two heartbeats later. */
  async leave(): Promise<void> {
    clearTimeout(this.#timer)
    this.#set.close()
    this.#state = 'leaving'
    const others = this.#members.filter((member) => member !== this.#self).length
    const deadlineMs = Date.now() + 2 * this.#heartbeatMs
    while (this.#answersSinceLeaving < others && Date.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, this.#heartbeatMs / 10))
  }

  async #poll(): Promise<void> {
    const peers = this.#set.peers()
    await Promise.all(peers.map((peer) => this.#ask(peer)))
    const addresses = new Set(peers.map(({ address }) => address))
    for (const address of this.#seen.keys()) if (!addresses.has(address)) this.#seen.delete(address)
    if (this.#state === 'leaving') return
    const members = membersOf(this.#seen, Date.now(), this.#heartbeatMs)
    const self = members.find((member) => this.#seen.get(member)!.id === this.#id)
    const isChanged = members.join() !== this.#members.join() || self !== this.#self
    this.#members = members
    this.#self = self
    // Not awaited: giving groups up waits for their evaluations, and the others have to be watched meanwhile.
    if (isChanged) void this.#change()
    this.#timer = setTimeout(() => void this.#poll(), this.#heartbeatMs).unref()
  }

  async #change(): Promise<void> {
    const members = this.#members
    if (this.#self === undefined)
      this.#log.warn({ members }, 'this ruler is not among rules.peers: it evaluates nothing')
    else this.#log.info({ members, self: this.#self }, 'the rulers that share the groups')
    await this.#onChange().catch((error) =>
      this.#log.error({ err: error }, 'groups were not shared out again'),
    )
  }

  async #ask(peer: Peer): Promise<void> {
    const config = { ...peer.config, timeoutMs: this.#heartbeatMs }
    try {
      const url = baseOf(peer) + rulerPath
      const { status, body } = await this.#transport.send({ method: 'GET', url }, config)
      if (status !== 200) return
      const { id, state } = JSON.parse(body.toString()) as RulerAnswer
      this.#seen.set(peer.address, { id, state, seenAtMs: Date.now() })
    } catch (error) {
      this.#log.debug({ err: error, peer: peer.address }, 'a ruler does not answer')
    }
  }
}

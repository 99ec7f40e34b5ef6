// A set of HTTP peers that is looked up again and again: DNS records and files of targets change while we run.

import type { Logger } from '../telemetry/index.ts'
import type { PeerTransport } from './http-peer-client.ts'
import type { PeerConfig } from './http-peer-config.ts'

/** One server of a set. */
export interface Peer<Config extends PeerConfig = PeerConfig> {
  readonly address: string
  readonly config: Config
}

const lookupIntervalMs = 30_000

/** Servers that are found as configured, until it is closed. */
export class PeerSet<Config extends PeerConfig = PeerConfig> {
  readonly #transport: PeerTransport
  readonly #log: Logger
  readonly #intervalMs: number
  #configs: readonly Config[]
  #peers: readonly Peer<Config>[] = []
  #timer: NodeJS.Timeout | undefined
  #lookup: Promise<void> = Promise.resolve()
  #closed = false

  constructor(parts: {
    readonly configs: readonly Config[]
    readonly transport: PeerTransport
    readonly log: Logger
    readonly intervalMs?: number
  }) {
    this.#configs = parts.configs
    this.#transport = parts.transport
    this.#log = parts.log
    this.#intervalMs = parts.intervalMs ?? lookupIntervalMs
    this.#start()
  }

  /** The servers as last found. */
  peers(): readonly Peer<Config>[] {
    return this.#peers
  }

  /** Resolves when the lookup under way has ended. */
  settled(): Promise<void> {
    return this.#lookup
  }

  /** Looks up other servers from now on. */
  reload(configs: readonly Config[]): void {
    this.#configs = configs
    this.#start()
  }

  /** Looks up nothing more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#lookup = this.#look().finally(() => {
      if (this.#closed) return
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#start(), this.#intervalMs).unref()
    })
  }

  async #look(): Promise<void> {
    const configs = this.#configs
    const found: Peer<Config>[] = []
    for (const config of configs) {
      const addresses = await this.#transport.discover(config, (error) =>
        this.#log.warn({ err: error }, 'a peer could not be found'),
      )
      found.push(...addresses.map((address) => ({ address, config })))
    }
    if (configs === this.#configs) this.#peers = found
  }
}

/** Scheme, address and path prefix of a peer. */
export function baseOf({ address, config }: Peer): string {
  return `${config.scheme}://${address}${config.pathPrefix}`
}

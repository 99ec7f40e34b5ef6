// Leader election by a Lease: at most one of several processes leads, and it stops before another may start.
// Here: taking, renewing, losing and giving back. Elsewhere: what a leader does.
// Invariants: a lease is taken only when it has not changed for its whole duration by our own clock, so that
// clocks of machines need not agree; a leader that could not renew stops `renewDeadlineMs` after its last renewal,
// which is shorter than the lease; every write carries the resource version that was read.
// Units: times in milliseconds.
// Source: coordination.k8s.io/v1; client-go tools/leaderelection (behaviour).

import { KubeApiError } from './api-error.ts'
import { type ApiObject, fieldOf, type KubeResource, textOf } from './api-object.ts'
import type { KubeClient } from './kube-client.ts'
import { pause } from './pause.ts'

/** The resource of Leases. */
export const leases: KubeResource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

/** Which lease, who we are, and the rhythm. */
export interface ElectionOptions {
  readonly namespace: string
  readonly name: string
  /** Unique among candidates, such as host name and a random part. */
  readonly identity: string
  readonly leaseMs: number
  readonly renewDeadlineMs: number
  readonly retryMs: number
  readonly now: () => number
}

/** Defaults as client-go recommends them. */
export const electionDefaults: Omit<ElectionOptions, 'namespace' | 'name' | 'identity'> = {
  leaseMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2000,
  now: Date.now,
}

/** What is told: `onStarted` when we lead, with a signal that aborts when we do not any more. */
export interface ElectionListener {
  onStarted(leading: AbortSignal): void
  /** Somebody else leads, or a try failed; told on every change. */
  onObserved?(holder: string, problem: string): void
}

/** One candidate. */
export class LeaderElection {
  readonly #client: KubeClient
  readonly #options: ElectionOptions
  readonly #listener: ElectionListener
  readonly #closed = new AbortController()
  #leading: AbortController | undefined
  #deadline: NodeJS.Timeout | undefined
  #observed = { resourceVersion: '', atMs: 0 }
  #told = ''
  #running: Promise<void> | undefined

  constructor(
    client: KubeClient,
    options: Partial<ElectionOptions> & Pick<ElectionOptions, 'namespace' | 'name' | 'identity'>,
    listener: ElectionListener,
  ) {
    this.#client = client
    this.#options = { ...electionDefaults, ...options }
    this.#listener = listener
  }

  /** Whether we lead now. */
  get isLeading(): boolean {
    return this.#leading !== undefined
  }

  /** Begins to stand for election. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Stops leading, gives the lease back so that another need not wait, and stands no more. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#running
    if (this.#leading === undefined) return
    this.#stopLeading()
    await this.#release().catch(() => undefined)
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed
    while (!signal.aborted) {
      await this.#tryOnce()
      await pause(this.#options.retryMs, signal)
    }
  }

  async #tryOnce(): Promise<void> {
    const startedMs = this.#options.now()
    try {
      const lease = await this.#client.get(leases, this.#options)
      const holder = textOf(lease, 'spec', 'holderIdentity')
      if (lease !== undefined && !this.#mayTake(lease, holder)) {
        this.#stopLeading()
        this.#tell(holder, '')
        return
      }
      await this.#write(lease, holder)
      this.#lead(startedMs)
      this.#tell(this.#options.identity, '')
    } catch (cause) {
      // Losing a race is no problem; anything else is told, and a leader goes on until its deadline.
      const isRace = cause instanceof KubeApiError && cause.isConflict
      this.#tell('', isRace ? '' : cause instanceof Error ? cause.message : String(cause))
    }
  }

  #mayTake(lease: ApiObject, holder: string): boolean {
    const { identity, now, leaseMs } = this.#options
    const { resourceVersion = '' } = lease.metadata
    if (resourceVersion !== this.#observed.resourceVersion)
      this.#observed = { resourceVersion, atMs: now() }
    if (holder === '' || holder === identity) return true
    const seconds = Number(fieldOf(lease, 'spec', 'leaseDurationSeconds'))
    const lastsMs = seconds > 0 ? seconds * 1000 : leaseMs
    return now() - this.#observed.atMs >= lastsMs
  }

  async #write(lease: ApiObject | undefined, holder: string): Promise<void> {
    const { namespace, name, identity, leaseMs, now } = this.#options
    const time = new Date(now()).toISOString().replace('Z', '000Z')
    const spec = (fieldOf(lease, 'spec') ?? {}) as Readonly<Record<string, unknown>>
    const isOurs = holder === identity
    const next: ApiObject = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: lease?.metadata ?? { namespace, name },
      spec: {
        ...spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.max(1, Math.round(leaseMs / 1000)),
        renewTime: time,
        acquireTime: isOurs ? (spec.acquireTime ?? time) : time,
        leaseTransitions:
          Number(spec.leaseTransitions ?? 0) + (isOurs || lease === undefined ? 0 : 1),
      },
    }
    if (lease === undefined) await this.#client.create(leases, next)
    else await this.#client.replace(leases, next)
  }

  // The deadline runs from before the renewal was sent, since the server may have written it then.
  #lead(renewedMs: number): void {
    clearTimeout(this.#deadline)
    const { renewDeadlineMs, now } = this.#options
    const leftMs = renewedMs + renewDeadlineMs - now()
    this.#deadline = setTimeout(() => this.#stopLeading(), Math.max(0, leftMs))
    if (this.#leading !== undefined) return
    this.#leading = new AbortController()
    this.#listener.onStarted(this.#leading.signal)
  }

  #stopLeading(): void {
    clearTimeout(this.#deadline)
    this.#leading?.abort(new Error('no longer the leader'))
    this.#leading = undefined
  }

  async #release(): Promise<void> {
    const lease = await this.#client.get(leases, this.#options)
    if (lease === undefined || textOf(lease, 'spec', 'holderIdentity') !== this.#options.identity)
      return
    const spec = fieldOf(lease, 'spec') as object
    await this.#client.replace(leases, {
      ...lease,
      spec: { ...spec, holderIdentity: '', leaseDurationSeconds: 1 },
    })
  }

  #tell(holder: string, problem: string): void {
    const told = `${holder}\n${problem}`
    if (told !== this.#told) this.#listener.onObserved?.(holder, problem)
    this.#told = told
  }
}

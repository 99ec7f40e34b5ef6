// Reflector: one resource of one API server, kept current by a paged list and a watch that never gives up.
// Here: when to list, when to watch on, when to wait. Elsewhere: one page, one stream (kube-client.ts).
// Invariants: every failure waits before the next try, with jitter; an expired resource version lists again;
// objects whose resource version is unchanged are not handed over again; what a list no longer holds is handed
// over as deleted; objects stay while a server cannot be asked, so that a restart of it is no mass deletion.
// Units: times in Unix milliseconds or milliseconds.
// Source: Kubernetes API concepts, "Efficient detection of changes"; facts/ecosystem.md §1.2.

import { KubeApiError } from './api-error.ts'
import {
  type ApiObject,
  isApiObject,
  type KubeResource,
  keyOf,
  resourceName,
  textOf,
} from './api-object.ts'
import type { KubeClient, KubeSelection } from './kube-client.ts'
import { linesOf } from './kube-http.ts'
import { pause } from './pause.ts'

/** How a resource is: being read, current, not served by this server, not allowed to us, failing, too many. */
export type ReflectorState = 'syncing' | 'synced' | 'absent' | 'forbidden' | 'failing' | 'too_many'

/** How a reflector is, and since when. */
export interface ReflectorStatus {
  readonly state: ReflectorState
  readonly sinceMs: number
  readonly message: string
  readonly objectCount: number
  /** When the objects were last known to be current: at a list, an event, or a bookmark. */
  readonly lastSyncMs?: number
  /** Whether the resource was listed whole, or found to be absent or forbidden, at least once. */
  readonly isSettled: boolean
}

/** Changes that belong together: a page of a list, or what one piece of a watch held. */
export interface ReflectorChange {
  readonly upserts: readonly ApiObject[]
  /** Keys (`NS/NAME`) of objects that are gone. */
  readonly deletes: readonly string[]
  /** Where we were away: when the objects were last known to be current. Their changes happened since. */
  readonly unseenSinceMs?: number
}

/** Bounds and rhythms of a reflector. */
export interface ReflectorOptions {
  /** Objects of a page of a list. */
  readonly pageObjectsMax: number
  /** Objects that are kept track of; what comes beyond is left out and reported. */
  readonly objectsMax: number
  readonly eventSizeBytesMax: number
  /** A watch is asked to last this long; the server ends it, and we watch on. */
  readonly watchMs: number
  /** A watch without a line for this long is taken for dead; servers send bookmarks about every minute. */
  readonly silenceMsMax: number
  readonly retryDelayMsMin: number
  readonly retryDelayMsMax: number
  /** How often an absent or forbidden resource is tried again. */
  readonly slowRetryDelayMs: number
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Defaults: failures settle at one try in about 10 s per resource. */
export const reflectorDefaults: ReflectorOptions = {
  pageObjectsMax: 500,
  objectsMax: 500_000,
  eventSizeBytesMax: 16 * 1024 * 1024,
  watchMs: 300_000,
  silenceMsMax: 150_000,
  retryDelayMsMin: 500,
  retryDelayMsMax: 10_000,
  slowRetryDelayMs: 60_000,
  now: Date.now,
  random: Math.random,
}

/** What a reflector follows and whom it tells. `onChange` also hears of changes of the status alone. */
export interface ReflectorTask {
  readonly client: KubeClient
  readonly resource: KubeResource
  readonly selection?: KubeSelection
  readonly onChange: (change: ReflectorChange) => void
}

/** An absence that lasts for two tries is believed; one may be a server that starts. */
const absencesToBelieve = 2

/** Events within this time of a watch's begin happened while we were away. */
const replayMs = 2000

/** Follows one resource until it is closed. */
export class Reflector {
  readonly resource: KubeResource
  readonly #task: ReflectorTask
  readonly #options: ReflectorOptions
  /** Resource version by key: all that is kept of an object here. */
  readonly #known = new Map<string, string>()
  readonly #closed = new AbortController()
  #status: ReflectorStatus
  #running: Promise<void> | undefined
  #resourceVersion: string | undefined
  #failureCount = 0
  #absenceCount = 0
  #leftOutCount = 0

  constructor(task: ReflectorTask, options: Partial<ReflectorOptions> = {}) {
    this.#task = task
    this.resource = task.resource
    this.#options = { ...reflectorDefaults, ...options }
    this.#status = {
      state: 'syncing',
      sinceMs: this.#options.now(),
      message: '',
      objectCount: 0,
      isSettled: false,
    }
  }

  /** Begins; nothing is awaited. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** How the resource is now. */
  status(): ReflectorStatus {
    return { ...this.#status, objectCount: this.#known.size }
  }

  /** Ends watching; resolves when nothing is handed over any more. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the reflector is closed'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list()
        await this.#watch()
      } catch (cause) {
        if (!signal.aborted) await pause(this.#afterFailure(cause), signal)
      }
    }
  }

  // Pages are handed over as they come; only what the whole list does not hold is deleted.
  async #list(): Promise<void> {
    const { client, resource, selection = {} } = this.#task
    const { pageObjectsMax, objectsMax, now } = this.#options
    const { signal } = this.#closed
    const unseenSinceMs = this.#status.lastSyncMs
    const seen = new Set<string>()
    this.#leftOutCount = 0
    let next: string | undefined
    let resourceVersion = ''
    do {
      const page = await client.page(resource, selection, {
        limit: pageObjectsMax,
        signal,
        ...(next === undefined ? {} : { next }),
      })
      if (signal.aborted) return
      resourceVersion = page.resourceVersion
      next = page.next
      const room = page.items.filter((item) => {
        const key = keyOf(item)
        if (seen.size < objectsMax) seen.add(key)
        return seen.has(key)
      })
      this.#leftOutCount += page.items.length - room.length
      this.#handOver({ upserts: room, deletes: [] }, unseenSinceMs)
    } while (next !== undefined)
    const gone = [...this.#known.keys()].filter((key) => !seen.has(key))
    this.#resourceVersion = resourceVersion
    this.#absenceCount = 0
    this.#settle(now())
    this.#handOver({ upserts: [], deletes: gone }, unseenSinceMs, true)
  }

  async #watch(): Promise<void> {
    const { client, resource, selection = {} } = this.#task
    const { watchMs, eventSizeBytesMax, silenceMsMax, random, now } = this.#options
    const silence = new AbortController()
    const signal = AbortSignal.any([this.#closed.signal, silence.signal])
    const tooQuiet = (): void => silence.abort(new Error('the watch was silent'))
    let timer = setTimeout(tooQuiet, silenceMsMax)
    const { state, lastSyncMs } = this.#status
    // What is told right after we were away happened meanwhile; what is told later happens now.
    const unseenSinceMs = state === 'failing' ? lastSyncMs : undefined
    const startedMs = now()
    try {
      const stream = await client.watch(resource, selection, {
        resourceVersion: this.#resourceVersion!,
        // Spread, so that the watches of many resources do not all end at once.
        timeoutSeconds: Math.max(1, Math.round((watchMs * (1 + random())) / 1000)),
        signal,
      })
      const openedMs = now()
      this.#settleAndTell()
      for await (const line of linesOf(stream, eventSizeBytesMax)) {
        clearTimeout(timer)
        timer = setTimeout(tooQuiet, silenceMsMax)
        if (this.#closed.signal.aborted) return
        const isReplayed = now() - openedMs < replayMs
        this.#take(JSON.parse(line), isReplayed ? unseenSinceMs : undefined)
        this.#failureCount = 0
      }
      // An end at once, again and again, is a failure like any other.
      if (now() - startedMs < 1000) throw new Error('the watch ended as soon as it had begun')
      this.#failureCount = 0
    } catch (cause) {
      // Not every server sends bookmarks where nothing happens: silence is a reason to watch anew, no failure.
      if (silence.signal.aborted) return
      if (cause instanceof KubeApiError) throw cause
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`the watch of ${resourceName(resource)} was cut off: ${why}`, { cause })
    } finally {
      clearTimeout(timer)
    }
  }

  #take(event: unknown, unseenSinceMs: number | undefined): void {
    const type = textOf(event, 'type')
    const object = (event as { readonly object?: unknown }).object
    if (type === 'ERROR') {
      const code = Number((object as { readonly code?: unknown } | undefined)?.code)
      throw new KubeApiError(code, object, { what: 'watch' })
    }
    const resourceVersion = textOf(object, 'metadata', 'resourceVersion')
    if (resourceVersion !== '') this.#resourceVersion = resourceVersion
    const change = this.#changeOf(type, object)
    this.#settleAndTell()
    if (change !== undefined) this.#handOver(change, unseenSinceMs)
  }

  #changeOf(type: string, object: unknown): ReflectorChange | undefined {
    if (type === 'BOOKMARK' || !isApiObject(object)) return undefined
    if (type === 'DELETED') return { upserts: [], deletes: [keyOf(object)] }
    const { apiVersion, kind } = this.#identity(object)
    if (!this.#known.has(keyOf(object)) && this.#known.size >= this.#options.objectsMax) {
      this.#leftOutCount++
      return undefined
    }
    return { upserts: [{ ...object, apiVersion, kind }], deletes: [] }
  }

  // Metadata-only objects name the form they came in, not what they are.
  #identity(object: ApiObject): { readonly apiVersion: string; readonly kind: string } {
    const { group, version, kind } = this.resource
    if (object.kind !== 'PartialObjectMetadata') return object
    return { apiVersion: group === '' ? version : `${group}/${version}`, kind }
  }

  #handOver(change: ReflectorChange, unseenSinceMs: number | undefined, always = false): void {
    const upserts = change.upserts.filter((object) => {
      const { resourceVersion = '' } = object.metadata
      const key = keyOf(object)
      if (resourceVersion !== '' && this.#known.get(key) === resourceVersion) return false
      this.#known.set(key, resourceVersion)
      return true
    })
    const deletes = change.deletes.filter((key) => this.#known.delete(key))
    if (!always && upserts.length === 0 && deletes.length === 0) return
    this.#task.onChange({
      upserts: upserts.map(withoutManagedFields),
      deletes,
      ...(unseenSinceMs === undefined ? {} : { unseenSinceMs }),
    })
  }

  #settleAndTell(): void {
    const before = this.#status.state
    this.#settle(this.#options.now())
    if (before !== this.#status.state) this.#task.onChange({ upserts: [], deletes: [] })
  }

  #settle(nowMs: number): void {
    const isFull = this.#leftOutCount > 0
    const message = isFull
      ? `${this.#leftOutCount} objects beyond the bound of ${this.#options.objectsMax} are left out`
      : ''
    this.#report(isFull ? 'too_many' : 'synced', message)
    this.#status = { ...this.#status, lastSyncMs: nowMs, isSettled: true }
  }

  /** What to do about a failure; gives how long to wait before the next try. */
  #afterFailure(cause: unknown): number {
    const { retryDelayMsMin, retryDelayMsMax, slowRetryDelayMs, random } = this.#options
    const error = cause instanceof KubeApiError ? cause : undefined
    const message = cause instanceof Error ? cause.message : String(cause)
    const jitter = 0.5 + random()
    const delayMs = Math.min(
      retryDelayMsMax,
      retryDelayMsMin * 2 ** Math.min(this.#failureCount, 16),
    )
    this.#failureCount++
    if (error?.isExpired === true) {
      this.#resourceVersion = undefined
      return delayMs * jitter
    }
    if (error?.isAbsent === true) {
      this.#resourceVersion = undefined
      this.#noteAbsence(message)
      return slowRetryDelayMs * jitter
    }
    if (error?.isForbidden === true) {
      this.#status = { ...this.#status, isSettled: true }
      this.#reportAndTell('forbidden', message)
      return slowRetryDelayMs * jitter
    }
    this.#reportAndTell('failing', message)
    return Math.max(error?.retryAfterMs ?? 0, delayMs * jitter)
  }

  #noteAbsence(message: string): void {
    this.#absenceCount++
    this.#status = { ...this.#status, isSettled: true }
    this.#report('absent', message)
    const isBelieved = this.#absenceCount >= absencesToBelieve
    this.#handOver(
      { upserts: [], deletes: isBelieved ? [...this.#known.keys()] : [] },
      this.#status.lastSyncMs,
      true,
    )
  }

  #reportAndTell(state: ReflectorState, message: string): void {
    const before = this.#status
    this.#report(state, message)
    if (before.state !== state || !before.isSettled)
      this.#task.onChange({ upserts: [], deletes: [] })
  }

  #report(state: ReflectorState, message: string): void {
    const sinceMs = this.#status.state === state ? this.#status.sinceMs : this.#options.now()
    this.#status = { ...this.#status, state, sinceMs, message }
  }
}

// managedFields are often half of an object, and say nothing of the fleet.
function withoutManagedFields(object: ApiObject): ApiObject {
  if (object.metadata.managedFields === undefined) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

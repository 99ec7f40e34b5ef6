// Active queries: what is being evaluated or waits, visible while it runs; and who may start next.
// Admission is fair over tenants: the tenant with the fewest running queries goes first, then the oldest.

import { UserError } from '../model/index.ts'
import { describeCall, type QueryCall } from './call.ts'
import { ReadLimiter, type ReadLimitsOptions } from './read-limits.ts'

/** One query that waits or runs. */
export interface ActiveQuery {
  readonly id: number
  readonly reader: string
  readonly tenants: readonly string[]
  readonly what: string
  readonly kind: QueryCall['kind']
  readonly since: number
  readonly state: 'waiting' | 'running'
}

interface Entry {
  readonly id: number
  readonly call: QueryCall
  readonly since: number
  readonly key: string
  state: 'waiting' | 'running'
  readonly start: () => void
}

/** Bounds on admission. */
export interface AdmissionOptions {
  readonly maxConcurrent: number
  /** Queries that may wait; more are refused. */
  readonly maxWaiting: number
  /** Limits of readers and tenants. */
  readonly limits: ReadLimitsOptions
}

/** The list of active queries and the gate in front of evaluation. */
export class ActiveQueries {
  readonly #options: AdmissionOptions
  readonly #limiter: ReadLimiter
  readonly #entries = new Map<number, Entry>()
  readonly #running = new Map<string, number>()
  #runningCount = 0
  #nextId = 1

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#limiter = new ReadLimiter(options.limits)
  }

  /** Other limits of readers and tenants, for calls from now on. */
  setLimits(limits: ReadLimitsOptions): void {
    this.#limiter.reload(limits)
  }

  /** The call with what its limits bound. Throws UserError execution where it asks for too long a range. */
  bounded(call: QueryCall, nowMs: number): QueryCall {
    return this.#limiter.bounded(call, nowMs)
  }

  /**
   * Waits for a place. Resolves with the query's id; the caller must call `leave(id)` in the end, also when it gave up
   * waiting. Rejects with UserError limit_exceeded when too many wait or a limit is reached, canceled when `signal` aborts first.
   */
  enter(call: QueryCall, signal: AbortSignal, nowMs: number): Promise<number> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      if (this.#entries.size - this.#runningCount >= this.#options.maxWaiting) {
        reject(
          new UserError('limit_exceeded', {
            what: `${this.#options.maxWaiting} queries are waiting already`,
            fix: 'try again later, or raise query.maxConcurrent',
          }),
        )
        return
      }
      this.#limiter.admit(
        call,
        [...this.#entries.values()].map((entry) => entry.call),
        nowMs,
      )
      const key = call.tenants.join('|')
      const entry: Entry = { id, call, since: nowMs, key, state: 'waiting', start: () => start() }
      // With a place free nobody waits, and nothing has to be listened for.
      if (this.#runningCount < this.#options.maxConcurrent && !signal.aborted) {
        this.#entries.set(id, entry)
        this.#run(entry)
        resolve(id)
        return
      }
      const canceled = (): void => {
        this.leave(id)
        reject(new UserError('canceled', { what: 'query was canceled' }))
      }
      const start = (): void => {
        signal.removeEventListener('abort', canceled)
        resolve(id)
      }
      this.#entries.set(id, entry)
      signal.addEventListener('abort', canceled, { once: true })
      if (signal.aborted) canceled()
      else this.#admit()
    })
  }

  /** Gives the place back; unknown ids are ignored. */
  leave(id: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    if (entry.state === 'running') {
      this.#runningCount--
      const left = this.#running.get(entry.key)! - 1
      if (left === 0) this.#running.delete(entry.key)
      else this.#running.set(entry.key, left)
    }
    this.#admit()
  }

  /** All queries that wait or run, oldest first. */
  list(): ActiveQuery[] {
    return [...this.#entries.values()].map((entry) => ({
      id: entry.id,
      reader: entry.call.reader,
      tenants: entry.call.tenants,
      what: describeCall(entry.call),
      kind: entry.call.kind,
      since: entry.since,
      state: entry.state,
    }))
  }

  #admit(): void {
    while (this.#runningCount < this.#options.maxConcurrent) {
      const next = this.#nextWaiting()
      if (next === undefined) return
      this.#run(next)
      next.start()
    }
  }

  #run(entry: Entry): void {
    entry.state = 'running'
    this.#runningCount++
    this.#running.set(entry.key, (this.#running.get(entry.key) ?? 0) + 1)
  }

  #nextWaiting(): Entry | undefined {
    let best: Entry | undefined
    let bestRunning = Number.POSITIVE_INFINITY
    // Entries are in order of arrival, so the first of the least busy tenant wins.
    for (const entry of this.#entries.values()) {
      const running = this.#running.get(entry.key) ?? 0
      if (entry.state === 'waiting' && running < bestRunning) {
        best = entry
        bestRunning = running
      }
    }
    return best
  }
}

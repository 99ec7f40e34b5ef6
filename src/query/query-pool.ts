// Query pool: the front's side of queries. Admits a call, gives it to the least busy thread, streams the answer.
// A reader who goes away sets the call's cancel word, which the thread reads per batch.

import { Readable } from 'node:stream'
import type { MessagePort } from 'node:worker_threads'
import { type MembershipColumns, UserError } from '../model/index.ts'
import { cancelWord } from '../storage/index.ts'
import { ActiveQueries, type ActiveQuery, type AdmissionOptions } from './active-queries.ts'
import type { QueryCall } from './call.ts'
import type { ReadLimitsOptions } from './read-limits.ts'
import type { CallMessage, CallReport, FromThread, ToThread } from './thread-messages.ts'

/** An answer: a short one is there whole; of a longer one the body still comes, and destroying it cancels the call. */
export interface Answer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | Readable
}

/** All of an answer's body; for answers that the process itself asked for. */
export async function wholeBody({ body }: Answer): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

/** What the front sees of a finished call. */
export type CallObserver = (
  call: QueryCall,
  outcome: { report?: CallReport; error?: Error },
) => void

/** A query thread and the words that cancel its calls ([maxConcurrent] at least). */
export interface PoolThread {
  readonly port: MessagePort
  readonly cancelWords: Int32Array
  /**
   * Called once, before the first call that it gets: a thread that nobody needs takes no memory. `died` is called, once,
   * with the thread that takes this one's place.
   */
  start(died: (successor: PoolThread) => void): void
}

interface Pending {
  readonly call: QueryCall
  readonly thread: ThreadState
  readonly cancelIndex: number
  readonly settle: (answer: Answer | UserError) => void
  body: Readable | undefined
}

interface ThreadState {
  readonly port: MessagePort
  readonly cancelWords: Int32Array
  readonly freeWords: number[]
  start: (() => void) | undefined
  /** Resolves once it has started and serves. */
  readonly serving: Promise<void>
  busy: number
}

const diedAlone =
  'the query thread died of this query, most likely for lack of memory; select fewer series or a shorter range, or aggregate earlier'
const died = 'the query thread died of another query; try again'

/** Queries over a set of threads. */
export class QueryPool {
  readonly #threads: ThreadState[]
  readonly #active: ActiveQueries
  readonly #pending = new Map<number, Pending>()
  readonly #observe: CallObserver
  #membership: MembershipColumns | undefined

  constructor(threads: readonly PoolThread[], options: AdmissionOptions, observe: CallObserver) {
    this.#active = new ActiveQueries(options)
    this.#observe = observe
    this.#threads = threads.map((thread) => this.#adopt(thread))
  }

  /**
   * Starts a thread; resolves when it serves. Starting takes a second or many on a busy machine, which would otherwise
   * count against the deadline of the first query. The other threads start when there is work for several.
   */
  startFirst(): Promise<void> {
    const thread = this.#threads[0]!
    if (thread.start !== undefined) this.#start(thread, thread.start)
    return thread.serving
  }

  /** Asks; resolves when the answer's head is known. Rejects with UserError. `signal` = the reader went away. */
  async ask(asked: QueryCall, signal: AbortSignal): Promise<Answer> {
    const nowMs = Date.now()
    const call = this.#active.bounded(asked, nowMs)
    const id = await this.#active.enter(call, signal, nowMs)
    return new Promise((resolve, reject) => {
      const thread = this.#threadFor(call)
      const cancelIndex = thread.freeWords.pop()
      if (cancelIndex === undefined) {
        this.#active.leave(id)
        reject(
          new UserError('limit_exceeded', { what: 'too many queries', fix: 'try again later' }),
        )
        return
      }
      Atomics.store(thread.cancelWords, cancelIndex, cancelWord.running)
      thread.busy++
      const settle = (answer: Answer | UserError): void =>
        answer instanceof UserError ? reject(answer) : resolve(answer)
      this.#pending.set(id, { call, thread, cancelIndex, settle, body: undefined })
      signal.addEventListener('abort', () => this.#cancel(id), { once: true })
      if (thread.start !== undefined) this.#start(thread, thread.start)
      thread.port.postMessage({ type: 'run', id, call, cancelIndex } satisfies ToThread)
      if (signal.aborted) this.#cancel(id)
    })
  }

  /** Tells every thread what is known of memberships; calls that run already go on with what they know. */
  setMembership(columns: MembershipColumns): void {
    this.#membership = columns
    // Threads that nobody has asked yet learn it when they start: nothing piles up at their ports.
    for (const { port, start } of this.#threads) {
      if (start === undefined) port.postMessage({ type: 'membership', columns } satisfies ToThread)
    }
  }

  /** Other limits of readers and tenants, for calls from now on. */
  setLimits(limits: ReadLimitsOptions): void {
    this.#active.setLimits(limits)
  }

  /** What waits and runs. */
  active(): ActiveQuery[] {
    return this.#active.list()
  }

  // A range goes where its steps were kept, unless that thread has not started or another one is clearly less busy.
  #threadFor(call: QueryCall): ThreadState {
    const idlest = this.#threads.reduce((best, each) => (isIdler(each, best) ? each : best))
    if (call.kind !== 'range') return idlest
    const kept = this.#threads[textHash(call.query, call.stepMs) % this.#threads.length]!
    return kept.start === undefined && kept.busy <= idlest.busy + 1 ? kept : idlest
  }

  #adopt(thread: PoolThread): ThreadState {
    const { port, cancelWords } = thread
    const start = (): void =>
      thread.start((successor) => {
        this.#threads[this.#threads.indexOf(state)] = this.#adopt(successor)
        this.#failCallsOf(state)
      })
    const freeWords = [...cancelWords.keys()]
    const { promise: serving, resolve: serves } = Promise.withResolvers<void>()
    const state: ThreadState = { port, cancelWords, freeWords, start, serving, busy: 0 }
    port.on('message', (message: FromThread) => {
      if (message.type === 'serving') serves()
      else this.#receive(message)
    })
    return state
  }

  #start(thread: ThreadState, start: () => void): void {
    start()
    thread.start = undefined
    const columns = this.#membership
    if (columns === undefined) return
    thread.port.postMessage({ type: 'membership', columns } satisfies ToThread)
  }

  #failCallsOf(thread: ThreadState): void {
    const failed = [...this.#pending].filter(([, pending]) => pending.thread === thread)
    // Alone it was the culprit; among several nobody knows which one was.
    const [code, message] =
      failed.length === 1 ? (['execution', diedAlone] as const) : (['unavailable', died] as const)
    for (const [id, pending] of failed) this.#finish({ type: 'error', id, code, message }, pending)
  }

  #cancel(id: number): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    Atomics.store(pending.thread.cancelWords, pending.cancelIndex, cancelWord.canceled)
    // A call that waits for a slow reader wakes up to see its word.
    pending.thread.port.postMessage({ type: 'more', id } satisfies ToThread)
  }

  #receive(message: CallMessage): void {
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    if (message.type === 'head') {
      pending.body = this.#bodyOf(message.id, pending)
      pending.settle({ headers: message.headers, body: pending.body })
    } else if (message.type === 'piece') {
      pending.body!.push(message.bytes)
    } else {
      this.#finish(message, pending)
    }
  }

  #bodyOf(id: number, pending: Pending): Readable {
    let granted = 0
    return new Readable({
      highWaterMark: 1 << 20,
      read: () => {
        // The first read asks for what the thread sends unasked.
        if (granted++ > 0) pending.thread.port.postMessage({ type: 'more', id } satisfies ToThread)
      },
      destroy: (error, done) => {
        this.#cancel(id)
        done(error)
      },
    })
  }

  #finish(message: CallMessage & { type: 'whole' | 'end' | 'error' }, pending: Pending): void {
    this.#pending.delete(message.id)
    this.#active.leave(message.id)
    pending.thread.busy--
    pending.thread.freeWords.push(pending.cancelIndex)
    if (message.type !== 'error') {
      if (message.type === 'end') pending.body?.push(null)
      else pending.settle({ headers: message.headers, body: bufferOver(message.bytes) })
      this.#observe(pending.call, { report: message.report })
      return
    }
    const cause = message.stack === undefined ? undefined : new Error(message.stack)
    const error = new UserError(message.code, { what: message.message, cause })
    if (pending.body === undefined) pending.settle(error)
    else pending.body.destroy(error)
    this.#observe(pending.call, { error })
  }
}

function isIdler(a: ThreadState, b: ThreadState): boolean {
  if (a.busy !== b.busy) return a.busy < b.busy
  return a.start === undefined && b.start !== undefined
}

function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function textHash(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash >>> 0
}

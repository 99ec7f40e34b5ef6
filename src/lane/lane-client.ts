// Lane client: a storage lane as any other thread sees it: a Queryable, an Appendable and named calls over a port.
// Invariants: at most one pull per cursor is under way; when the lane ends, everything that waits is rejected.

import type { MessagePort } from 'node:worker_threads'
import { UserError } from '../model/index.ts'
import {
  type Appendable,
  type AppendResult,
  type CancelPlace,
  type CancelSignal,
  cancelWord,
  type LabelAnswer,
  type Queryable,
  type SelectRequest,
  type SeriesBatch,
  type SeriesCursor,
  SharedCancelSignal,
} from '../storage/index.ts'
import {
  errorFromData,
  type LaneReply,
  type LaneRequest,
  type PullAnswer,
  transferList,
} from './messages.ts'

/** One thread's connection to a lane. */
export interface LaneConnection {
  readonly queryable: Queryable
  /** Takes the body's buffer with it where it can be transferred. */
  readonly appendable: Appendable
  /** A named call: plain data in, plain data out; ports in it are handed over. */
  call(method: string, args?: unknown, ports?: readonly MessagePort[]): Promise<unknown>
  /** Closes the port; what waits is rejected. */
  close(): void
}

/** Speaks to a lane whose `LaneServer` serves the other end of `port`. */
export function connectLane(port: MessagePort): LaneConnection {
  const line = new Line(port)
  return {
    queryable: {
      select: (request, signal) => new RemoteCursor(line, request, signal),
      labelNames: (request, signal) =>
        line.labels({ kind: 'labels', id: line.nextId(), request, place: placeOf(signal) }, signal),
      labelValues: (name, request, signal) =>
        line.labels(
          { kind: 'labels', id: line.nextId(), name, request, place: placeOf(signal) },
          signal,
        ),
    },
    appendable: {
      append: async (request) => {
        const transfer = transferList([request.body.buffer])
        const id = line.nextId()
        return (await line.ask({ kind: 'append', id, request }, transfer)) as AppendResult
      },
    },
    call: (method, args, ports = []) =>
      line.ask({ kind: 'call', id: line.nextId(), method, args }, ports),
    close: () => port.close(),
  }
}

interface Waiter {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

class Line {
  readonly #port: MessagePort
  readonly #waiters = new Map<number, Waiter>()
  #lastId = 0
  #isOpen = true

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (reply: LaneReply) => this.#settle(reply))
    port.on('close', () => {
      this.#isOpen = false
      const waiters = [...this.#waiters.values()]
      this.#waiters.clear()
      for (const waiter of waiters) waiter.reject(laneGone())
    })
  }

  nextId(): number {
    return ++this.#lastId
  }

  ask(
    request: Exclude<LaneRequest, { kind: 'close' }>,
    transfer: readonly (ArrayBuffer | MessagePort)[] = [],
  ): Promise<unknown> {
    if (!this.#isOpen) return Promise.reject(laneGone())
    return new Promise((resolve, reject) => {
      this.#waiters.set(request.id, { resolve, reject })
      this.#port.postMessage(request, [...transfer])
    })
  }

  tell(request: Extract<LaneRequest, { kind: 'close' }>): void {
    if (this.#isOpen) this.#port.postMessage(request)
  }

  async labels(
    request: Extract<LaneRequest, { kind: 'labels' }>,
    signal: CancelSignal,
  ): Promise<LabelAnswer> {
    signal.check()
    return (await this.ask(request)) as LabelAnswer
  }

  #settle(reply: LaneReply): void {
    const waiter = this.#waiters.get(reply.id)
    this.#waiters.delete(reply.id)
    if (waiter === undefined) return
    if ('error' in reply) waiter.reject(errorFromData(reply.error))
    else waiter.resolve(reply.value)
  }
}

class RemoteCursor implements SeriesCursor {
  warnings: readonly string[] = []
  readonly #line: Line
  readonly #id: number
  readonly #request: SelectRequest
  readonly #signal: CancelSignal
  readonly #place: CancelPlace
  #state: 'new' | 'open' | 'ended' = 'new'

  constructor(line: Line, request: SelectRequest, signal: CancelSignal) {
    this.#line = line
    this.#id = line.nextId()
    this.#request = request
    this.#signal = signal
    this.#place = placeOf(signal)
  }

  async next(): Promise<SeriesBatch | undefined> {
    if (this.#state === 'ended') return undefined
    try {
      this.#signal.check()
      const open =
        this.#state === 'new' ? { request: this.#request, place: this.#place } : undefined
      this.#state = 'open'
      const id = this.#line.nextId()
      const answer = (await this.#line.ask({
        kind: 'next',
        id,
        cursor: this.#id,
        ...(open === undefined ? {} : { open }),
      })) as PullAnswer
      if (answer.ended) {
        this.#state = 'ended'
        this.warnings = answer.warnings
      }
      return answer.batch
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    if (this.#state === 'open') {
      // Stops a pull that is under way, unless its word belongs to a query that has other cursors.
      if (!(this.#signal instanceof SharedCancelSignal))
        Atomics.store(this.#place.words, this.#place.index, cancelWord.canceled)
      this.#line.tell({ kind: 'close', cursor: this.#id })
    }
    this.#state = 'ended'
  }
}

// A signal that cannot cross a port gets a word of its own; the near side goes on asking the signal.
function placeOf(signal: CancelSignal): CancelPlace {
  if (signal instanceof SharedCancelSignal) return signal.place
  return {
    words: new Int32Array(new SharedArrayBuffer(4)),
    index: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
  }
}

function laneGone(): UserError {
  return new UserError('unavailable', { what: 'the storage lane has ended' })
}

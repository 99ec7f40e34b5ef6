// Lane server: answers the storage seam on any number of ports, on the thread that owns the storage.
// Order: write bodies and calls go first, as they arrive; of the reads one step (one pull of a cursor, one listing)
// runs per turn of the event loop, so that bodies that came meanwhile go ahead of the next one.
// Invariant: a port that closes frees its cursors.

import type { MessagePort } from 'node:worker_threads'
import { UserError } from '../model/index.ts'
import {
  type Appendable,
  type Queryable,
  type SeriesCursor,
  SharedCancelSignal,
  transferablesOf,
} from '../storage/index.ts'
import { errorToData, type LaneRequest, type PullAnswer, transferList } from './messages.ts'

/** What a lane offers. */
export interface LaneServices {
  readonly queryable: Queryable
  readonly appendable: Appendable
  /** Named calls beside the seam: statistics, cuts, reconfiguration. Arguments and results are plain data. */
  readonly control: Readonly<Record<string, (args: never) => unknown>>
  /** The clock of deadlines, Unix milliseconds. */
  readonly clock: () => number
}

type Read = () => Promise<void>
type ReadRequest = Extract<LaneRequest, { kind: 'next' | 'labels' }>

/** The lane's end of its ports. */
export class LaneServer {
  readonly #services: LaneServices
  readonly #reads: Read[] = []
  #draining = false

  constructor(services: LaneServices) {
    this.#services = services
  }

  /** Answers on a port until it closes. */
  serve(port: MessagePort): void {
    const cursors = new Map<number, SeriesCursor>()
    port.on('message', (request: LaneRequest) => this.#take(port, cursors, request))
    port.on('close', () => {
      for (const cursor of cursors.values()) cursor.close()
      cursors.clear()
    })
  }

  #take(port: MessagePort, cursors: Map<number, SeriesCursor>, request: LaneRequest): void {
    switch (request.kind) {
      case 'append':
        void reply(port, request.id, () => this.#services.appendable.append(request.request))
        break
      case 'call':
        void reply(port, request.id, () => this.#call(request.method, request.args))
        break
      case 'close':
        // Behind the reads that were asked before it, or a cursor could be closed first and opened then.
        this.#reads.push(async () => drop(cursors, request.cursor))
        this.#drain()
        break
      default:
        this.#reads.push(() => this.#read(port, cursors, request))
        this.#drain()
    }
  }

  #call(method: string, args: unknown): unknown {
    if (!Object.hasOwn(this.#services.control, method))
      throw new UserError('internal', { what: `a lane knows no call "${method}"` })
    return this.#services.control[method]!(args as never)
  }

  // setImmediate and not a microtask: messages that wait in the ports are delivered in between.
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    setImmediate(async () => {
      await this.#reads.shift()?.()
      this.#draining = false
      if (this.#reads.length > 0) this.#drain()
    })
  }

  #read(
    port: MessagePort,
    cursors: Map<number, SeriesCursor>,
    request: ReadRequest,
  ): Promise<void> {
    const { queryable, clock } = this.#services
    if (request.kind === 'next') return this.#pull(port, cursors, request)
    return reply(port, request.id, () => {
      const signal = new SharedCancelSignal(request.place, clock)
      signal.check()
      return request.name === undefined
        ? queryable.labelNames(request.request, signal)
        : queryable.labelValues(request.name, request.request, signal)
    })
  }

  async #pull(
    port: MessagePort,
    cursors: Map<number, SeriesCursor>,
    request: Extract<LaneRequest, { kind: 'next' }>,
  ): Promise<void> {
    try {
      const cursor = this.#cursorOf(cursors, request)
      if (cursor.prepare?.() === false) {
        // Behind the reads that came meanwhile, so that a pattern over a million values holds up nobody.
        const { open: _opened, ...again } = request
        this.#reads.push(() => this.#pull(port, cursors, again))
        return
      }
      const batch = await cursor.next()
      const ended = batch === undefined || cursor.ended === true
      const answer: PullAnswer = { batch, ended, warnings: ended ? cursor.warnings : [] }
      if (ended) drop(cursors, request.cursor)
      const transfer = batch === undefined ? [] : transferList(transferablesOf(batch))
      port.postMessage({ id: request.id, value: answer }, transfer)
    } catch (error) {
      drop(cursors, request.cursor)
      port.postMessage({ id: request.id, error: errorToData(error) })
    }
  }

  #cursorOf(
    cursors: Map<number, SeriesCursor>,
    request: Extract<LaneRequest, { kind: 'next' }>,
  ): SeriesCursor {
    if (request.open !== undefined) {
      const signal = new SharedCancelSignal(request.open.place, this.#services.clock)
      signal.check()
      const opened = this.#services.queryable.select(request.open.request, signal)
      cursors.set(request.cursor, opened)
      return opened
    }
    const cursor = cursors.get(request.cursor)
    if (cursor !== undefined) return cursor
    throw new UserError('canceled', { what: 'the cursor was closed' })
  }
}

function drop(cursors: Map<number, SeriesCursor>, number: number): void {
  cursors.get(number)?.close()
  cursors.delete(number)
}

async function reply(port: MessagePort, id: number, work: () => unknown): Promise<void> {
  try {
    const value = await work()
    port.postMessage({ id, value })
  } catch (error) {
    port.postMessage({ id, error: errorToData(error) })
  }
}

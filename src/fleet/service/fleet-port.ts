// The fleet over a message port, both ends: the thread that keeps it, and the front that readers come to.
// Invariants: every request gets one reply with its id; bodies are transferred, not copied; an error keeps its code.

import type { MessagePort } from 'node:worker_threads'
import { type ErrorCode, type MembershipColumns, UserError } from '../../model/index.ts'
import type { ScoreChanges } from '../scores/score-board.ts'
import type { FleetAnswer, FleetCall, FleetEvent, FleetPort } from '../view/call.ts'
import type { ClusterData, SourceStatus } from '../view/fleet-view.ts'
import type { FollowAnswer, FollowCall } from './event-waiters.ts'
import type { FleetService } from './fleet-service.ts'

/** What one end asks of the other. */
interface Methods {
  /** Of the thread. */
  readonly ask: (call: FleetCall) => FleetAnswer
  readonly follow: (call: FollowCall) => Promise<FollowAnswer>
  readonly data: (data: ReadonlyMap<string, ClusterData>) => void
  readonly scores: (changes: ScoreChanges) => Promise<void>
  readonly sources: () => readonly SourceStatus[]
  readonly close: () => Promise<void>
  /** Of the front. */
  readonly write: (body: Uint8Array<ArrayBuffer>) => Promise<void>
  readonly membership: (columns: MembershipColumns) => void
}

type Method = keyof Methods
type Result<M extends Method> = Awaited<ReturnType<Methods[M]>>

type Message =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly method: Method
      readonly argument: unknown
    }
  | { readonly kind: 'reply'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'error'
      readonly id: number
      readonly code?: ErrorCode
      readonly message: string
    }

/** One end: calls the other, and answers it. */
class End {
  readonly #port: MessagePort
  readonly #methods: Partial<Methods>
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #nextId = 0

  constructor(port: MessagePort, methods: Partial<Methods>) {
    this.#port = port
    this.#methods = methods
    port.on('message', (message: Message) => this.#receive(message))
    port.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(endedError())
      this.#waiting.clear()
    })
  }

  call<M extends Method>(
    method: M,
    argument: Parameters<Methods[M]>[0],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Result<M>> {
    const id = this.#nextId++
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    this.#port.postMessage({ kind: 'call', id, method, argument } satisfies Message, [...transfer])
    return waiting.promise as Promise<Result<M>>
  }

  #receive(message: Message): void {
    if (message.kind === 'call') {
      void this.#answer(message.id, message.method, message.argument)
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'reply') waiting?.resolve(message.value)
    else if (message.code === undefined) waiting?.reject(new Error(message.message))
    else waiting?.reject(new UserError(message.code, { what: message.message }))
  }

  async #answer(id: number, method: Method, argument: unknown): Promise<void> {
    try {
      const act = this.#methods[method] as (argument: unknown) => unknown
      this.#port.postMessage({ kind: 'reply', id, value: await act(argument) } satisfies Message)
    } catch (error) {
      const code = error instanceof UserError ? { code: error.code } : {}
      const text = error instanceof Error ? error.message : String(error)
      this.#port.postMessage({ kind: 'error', id, ...code, message: text } satisfies Message)
    }
  }
}

function endedError(): UserError {
  return new UserError('unavailable', { what: 'the thread that keeps the fleet has ended' })
}

/** What a fleet thread needs of the front. */
export interface FleetFront {
  write(body: Uint8Array<ArrayBuffer>): Promise<void>
  onMembership(columns: MembershipColumns): void
}

/** The thread's end. `service` is made with what the front offers. */
export function serveFleet(
  port: MessagePort,
  create: (front: FleetFront) => Promise<FleetService>,
): void {
  let service: FleetService | undefined
  const running = (): FleetService => {
    if (service !== undefined) return service
    throw new UserError('unavailable', {
      what: 'the fleet is still being opened',
      fix: 'ask again; the log says what it waits for where that takes long',
    })
  }
  const end = new End(port, {
    ask: (call) => running().ask(call),
    follow: async (call) => running().follow(call),
    data: (data) => service?.setData(data),
    scores: async (changes) => running().takeScores(changes),
    sources: () => service?.sources() ?? [],
    close: async () => service?.close(),
  })
  const front: FleetFront = {
    write: (body) => end.call('write', body, [body.buffer]),
    onMembership: (columns) => void end.call('membership', columns).catch(() => undefined),
  }
  const open = async (): Promise<void> => {
    service = await create(front)
  }
  // A fleet that cannot be opened ends the thread, and whoever started it hears of it.
  void open()
}

/** The front's end: the fleet as doors see it. */
export interface FleetConnection extends FleetPort {
  /** What the gateway's own data say of clusters. */
  setData(data: ReadonlyMap<string, ClusterData>): Promise<void>
  /** What expressions say of clusters now. */
  takeScores(changes: ScoreChanges): Promise<void>
  /** How the sources are now. */
  sources(): Promise<readonly SourceStatus[]>
  close(): Promise<void>
}

/** Connects to the thread behind a port. */
export function connectFleet(port: MessagePort, front: FleetFront): FleetConnection {
  const end = new End(port, {
    write: (body) => front.write(body),
    membership: (columns) => front.onMembership(columns),
  })
  return {
    ask: (call) => end.call('ask', call),
    sources: () => end.call('sources', undefined),
    async *follow({ afterId, scope }, signal): AsyncGenerator<readonly FleetEvent[]> {
      const aborted = new Promise<undefined>((resolve) => {
        signal.addEventListener('abort', () => resolve(undefined), { once: true })
      })
      for (let after = afterId; !signal.aborted; ) {
        const answer = await Promise.race([end.call('follow', { afterId: after, scope }), aborted])
        if (answer === undefined) return
        after = answer.newestId
        if (answer.events.length > 0) yield answer.events
      }
    },
    setData: (data) => end.call('data', data),
    takeScores: (changes) => end.call('scores', changes),
    close: () => end.call('close', undefined as never),
  }
}

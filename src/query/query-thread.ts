// The thread's side of queries: runs calls that the front sends, streams the answer back piece by piece.
// Many calls run interleaved: each yields where its engine awaits. The front grants pieces, so a slow reader holds a
// few pieces of memory and no more.

import type { MessagePort } from 'node:worker_threads'
import { type MembershipColumns, UserError } from '../model/index.ts'
import { type CancelSignal, createCancelSignal, MemoryAccount } from '../storage/index.ts'
import type { QueryCall } from './call.ts'
import { compressed } from './compression.ts'
import {
  type CallReport,
  type FromThread,
  piecesInFlightMax,
  type ToThread,
} from './thread-messages.ts'

/** Where a call's answer goes. `head` comes first, once; `write` waits while the reader is slow. */
export interface AnswerSink {
  head(headers: Readonly<Record<string, string>>): void
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>
}

/** Answers one call; throws UserError. */
export type CallRunner = (
  call: QueryCall,
  signal: CancelSignal,
  sink: AnswerSink,
) => Promise<CallReport>

const outOfMemory = /allocation failed|Invalid (typed array|array|string) length/
const needsTooMuch =
  'needs more memory than there is; select fewer series or a shorter range, or aggregate earlier'

interface Running {
  credit: number
  wake: (() => void) | undefined
}

/** What the calls of one thread may hold at a time, in bytes: each, and all together. */
export interface QueryMemory {
  readonly callSizeBytesMax: number
  readonly threadSizeBytesMax: number
}

/** Serves calls that arrive on `port`; `cancelWords` is shared with the front. */
export function serveQueries(
  port: MessagePort,
  parts: {
    readonly cancelWords: Int32Array
    readonly memory: QueryMemory
    readonly run: CallRunner
    readonly setMembership: (columns: MembershipColumns) => void
  },
): void {
  const { cancelWords, memory, run } = parts
  const threadMemory = new MemoryAccount(memory.threadSizeBytesMax)
  const running = new Map<number, Running>()
  const send = (message: FromThread, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer)
  port.on('message', (message: ToThread) => {
    if (message.type === 'membership') return parts.setMembership(message.columns)
    if (message.type === 'more') {
      const entry = running.get(message.id)
      if (entry === undefined) return
      entry.credit++
      entry.wake?.()
      return
    }
    const { id, call } = message
    const entry: Running = { credit: piecesInFlightMax, wake: undefined }
    running.set(id, entry)
    const account = new MemoryAccount(memory.callSizeBytesMax, threadMemory)
    const { cancelIndex } = message
    const signal = createCancelSignal(cancelWords, cancelIndex, call.deadlineMs, Date.now, account)
    const sink = new PortSink(id, entry, signal, send)
    run(call, signal, sink)
      .then((report) => sink.end(report, call))
      .catch((error: unknown) => send(errorMessage(id, error)))
      .finally(() => {
        running.delete(id)
        account.close()
      })
  })
  send({ type: 'serving' })
}

type Send = (message: FromThread, transfer?: ArrayBuffer[]) => void

// Holds the first piece back: where no second one comes, the answer is one message and not three.
class PortSink implements AnswerSink {
  readonly #id: number
  readonly #entry: Running
  readonly #signal: CancelSignal
  readonly #send: Send
  #headers: Readonly<Record<string, string>> = {}
  #held: Uint8Array<ArrayBuffer> | undefined
  #isStreamed = false

  constructor(id: number, entry: Running, signal: CancelSignal, send: Send) {
    this.#id = id
    this.#entry = entry
    this.#signal = signal
    this.#send = send
  }

  head(headers: Readonly<Record<string, string>>): void {
    this.#headers = headers
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#signal.check()
    if (!this.#isStreamed && this.#held === undefined) {
      this.#held = bytes
      return
    }
    if (!this.#isStreamed) {
      this.#isStreamed = true
      this.#send({ type: 'head', id: this.#id, headers: this.#headers })
      await this.#piece(this.#held!)
      this.#held = undefined
    }
    await this.#piece(bytes)
  }

  end(report: CallReport, { coding }: QueryCall): void {
    const id = this.#id
    if (this.#isStreamed) {
      this.#send({ type: 'end', id, report })
      return
    }
    const held = this.#held ?? new Uint8Array(0)
    const { bytes, headers } = compressed(held, this.#headers, coding)
    this.#send({ type: 'whole', id, headers, bytes, report }, [bytes.buffer])
  }

  async #piece(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const entry = this.#entry
    while (entry.credit === 0) {
      await new Promise<void>((resolve) => {
        entry.wake = resolve
      })
    }
    this.#signal.check()
    entry.credit--
    this.#send({ type: 'piece', id: this.#id, bytes }, [bytes.buffer])
  }
}

function errorMessage(id: number, error: unknown): FromThread {
  if (error instanceof UserError)
    return { type: 'error', id, code: error.code, message: error.message }
  if (error instanceof RangeError && outOfMemory.test(error.message)) {
    return { type: 'error', id, code: 'execution', message: `the query ${needsTooMuch}` }
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { type: 'error', id, code: 'internal', message: 'internal error, see the log', stack }
}

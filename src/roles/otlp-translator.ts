// OTLP translator: hands OTLP bodies to a thread of their own, which starts with the first of them. How many wait is
// bounded by the write requests in flight; a body beyond what the thread's heap holds costs the bodies at hand, no more.

import { Worker } from 'node:worker_threads'
import type { OtlpForm, OtlpOptions, OtlpOutcome, TranslateOtlp } from '../ingest/index.ts'
import { errorFromData, type LaneError } from '../lane/index.ts'
import { UserError } from '../model/index.ts'
import { threadUrl } from './thread-url.ts'

/** A body to translate. */
export interface OtlpCall {
  readonly id: number
  readonly body: Uint8Array
  readonly encoding: OtlpForm['encoding']
  readonly options: OtlpOptions
}

/** What became of it. */
export type OtlpReply =
  | { readonly id: number; readonly outcome: OtlpOutcome }
  | { readonly id: number; readonly error: LaneError }

interface Waiting {
  readonly resolve: (outcome: OtlpOutcome) => void
  readonly reject: (error: Error) => void
}

/** A translator on a thread of its own, which does not keep the process alive. */
export function otlpTranslator(heapMebibytesMax: number): TranslateOtlp {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let lastId = 0
  const start = (): Worker => {
    const resourceLimits = { maxOldGenerationSizeMb: heapMebibytesMax }
    const started = new Worker(threadUrl('otlp-thread'), { name: 'otlp-thread', resourceLimits })
    started.unref()
    started.on('message', (reply: OtlpReply) => {
      const call = waiting.get(reply.id)
      waiting.delete(reply.id)
      if ('outcome' in reply) call?.resolve(reply.outcome)
      else call?.reject(errorFromData(reply.error))
    })
    started.on('error', (cause) => {
      worker = undefined
      const what = `OTLP bodies could not be translated: ${(cause as Error).message}`
      const failure = new UserError('unavailable', { what, fix: 'send smaller requests', cause })
      for (const { reject } of waiting.values()) reject(failure)
      waiting.clear()
    })
    return started
  }
  return (body, encoding, options) =>
    new Promise((resolve, reject) => {
      worker ??= start()
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      // A view of a pooled buffer would take its neighbours along.
      const own = body.byteLength === body.buffer.byteLength ? body : new Uint8Array(body)
      const call: OtlpCall = { id, body: own, encoding, options }
      worker.postMessage(call, [own.buffer as ArrayBuffer])
    })
}

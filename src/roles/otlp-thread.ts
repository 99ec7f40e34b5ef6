// OTLP thread: translates OTLP bodies to remote write, one after another, away from the thread that serves HTTP.

import { parentPort } from 'node:worker_threads'
import { translateOtlp } from '../ingest/index.ts'
import { errorToData } from '../lane/index.ts'
import type { OtlpCall, OtlpReply } from './otlp-translator.ts'

parentPort!.on('message', ({ id, body, encoding, options }: OtlpCall) => {
  const answer = (reply: OtlpReply, transfer: readonly ArrayBuffer[] = []): void =>
    parentPort!.postMessage(reply, [...transfer])
  try {
    const outcome = translateOtlp(body, encoding, options)
    const { buffer } = outcome.body ?? {}
    const whole = buffer instanceof ArrayBuffer && buffer.byteLength === outcome.body?.byteLength
    answer({ id, outcome }, whole ? [buffer] : [])
  } catch (error) {
    answer({ id, error: errorToData(error) })
  }
})

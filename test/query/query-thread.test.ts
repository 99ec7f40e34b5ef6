import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { UserError } from '../../src/model/index.ts'
import {
  type CallReport,
  type CallRunner,
  type FromThread,
  type QueryCall,
  serveQueries,
} from '../../src/query/index.ts'

const report: CallReport = {
  samplesRead: 0,
  peakSamples: 0,
  evaluationMs: 0,
  steps: 1,
  cachedSteps: 0,
}
const call = { kind: 'instant', query: 'x', tenants: ['t'], deadlineMs: Infinity } as const

const open: MessagePort[] = []
afterEach(() => {
  for (const port of open.splice(0)) port.close()
})

/** What a thread says to one call until it has ended; a piece is answered with a grant for one more. */
function messagesOf(run: CallRunner): Promise<FromThread[]> {
  const { port1, port2 } = new MessageChannel()
  open.push(port1, port2)
  const memory = { callSizeBytesMax: 1e6, threadSizeBytesMax: 1e6 }
  const cancelWords = new Int32Array(new SharedArrayBuffer(16))
  serveQueries(port2, { cancelWords, memory, run, setMembership: () => undefined })
  const messages: FromThread[] = []
  const ended = new Promise<FromThread[]>((resolve) => {
    port1.on('message', (message: FromThread) => {
      if (message.type === 'serving') return
      messages.push(message)
      if (message.type === 'piece') port1.postMessage({ type: 'more', id: 1 })
      else if (message.type !== 'head') resolve(messages)
    })
  })
  port1.postMessage({ type: 'run', id: 1, call: call as unknown as QueryCall, cancelIndex: 0 })
  return ended
}

it('an answer of one piece is one message', async () => {
  const messages = await messagesOf(async (_call, _signal, sink) => {
    sink.head({ a: 'b' })
    await sink.write(Uint8Array.of(1, 2))
    return report
  })
  expect(messages).toEqual([
    { type: 'whole', id: 1, headers: { a: 'b' }, bytes: Uint8Array.of(1, 2), report },
  ])
})

it('an answer of several pieces is streamed: head, pieces in order, end', async () => {
  const count = 9
  const messages = await messagesOf(async (_call, _signal, sink) => {
    sink.head({ a: 'b' })
    for (let i = 0; i < count; i++) await sink.write(Uint8Array.of(i))
    return report
  })
  expect(messages[0]).toEqual({ type: 'head', id: 1, headers: { a: 'b' } })
  const pieces = messages.filter((message) => message.type === 'piece')
  expect(pieces.map(({ bytes }) => bytes[0])).toEqual([...Array(count).keys()])
  expect(messages.at(-1)).toEqual({ type: 'end', id: 1, report })
})

it('an answer that fails after its first piece is an error and nothing else', async () => {
  const messages = await messagesOf(async (_call, _signal, sink) => {
    sink.head({})
    await sink.write(Uint8Array.of(1))
    throw new UserError('execution', { what: 'no more' })
  })
  expect(messages).toMatchObject([{ type: 'error', id: 1, code: 'execution' }])
})

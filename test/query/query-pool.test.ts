import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import {
  type CallRunner,
  type PoolThread,
  type QueryCall,
  QueryPool,
  serveQueries,
} from '../../src/query/index.ts'
import { unlimitedReads } from '../../src/query/read-limits.ts'

const open: MessagePort[] = []
afterEach(() => {
  for (const port of open.splice(0)) port.close()
})

const memory = { callSizeBytesMax: 1e6, threadSizeBytesMax: 1e6 }
const never = new AbortController().signal
const range = (query: string): QueryCall =>
  ({ kind: 'range', query, stepMs: 1, tenants: ['t'], deadlineMs: Infinity }) as never

/** Threads that answer with their number, each once `letServe` was called; `started` names those that were started. */
function threadsOf(count: number) {
  const started: number[] = []
  const waiting: (() => void)[] = []
  const threads = Array.from({ length: count }, (_, number): PoolThread => {
    const { port1, port2 } = new MessageChannel()
    open.push(port1, port2)
    const cancelWords = new Int32Array(new SharedArrayBuffer(16))
    const run: CallRunner = async (_call, _signal, sink) => {
      sink.head({})
      await sink.write(Uint8Array.of(number))
      return { samplesRead: 0, peakSamples: 0, evaluationMs: 0, steps: 1, cachedSteps: 0 }
    }
    return {
      port: port1,
      cancelWords,
      start() {
        started.push(number)
        const serve = () =>
          serveQueries(port2, { cancelWords, memory, run, setMembership: () => undefined })
        waiting.push(serve)
      },
    }
  })
  const bounds = { maxConcurrent: 4, maxWaiting: 10, limits: unlimitedReads }
  const pool = new QueryPool(threads, bounds, () => undefined)
  const letServe = (): void => {
    for (const serve of waiting.splice(0)) serve()
  }
  return { pool, started, letServe }
}

it('is said to serve when its first thread does, not when it was started', async () => {
  const { pool, started, letServe } = threadsOf(2)
  const steps: string[] = []
  const serving = pool.startFirst().then(() => steps.push('serves'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(started).toEqual([0])
  steps.push('let')
  letServe()
  await serving
  expect(steps).toEqual(['let', 'serves'])
  await pool.startFirst()
})

it('gives calls one after another to the thread that has started, and starts the next for a second one', async () => {
  const { pool, started, letServe } = threadsOf(2)
  const serving = pool.startFirst()
  letServe()
  await serving
  for (const query of ['a', 'b', 'c', 'd']) {
    const { body } = await pool.ask(range(query), never)
    expect((body as Buffer)[0]).toBe(0)
  }
  expect(started).toEqual([0])
  const both = ['a', 'b', 'c'].map((query) =>
    pool.ask({ ...range(query), kind: 'instant' } as never, never),
  )
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(started).toEqual([0, 1])
  letServe()
  await Promise.all(both)
})

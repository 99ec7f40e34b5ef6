// A query thread whose heap is exhausted costs the calls on it, never the process; another one takes its place.

import { MessageChannel, type Worker } from 'node:worker_threads'
import { afterAll, expect, it } from 'vitest'
import { connectLane, type LaneConnection, LaneServer } from '../../src/lane/index.ts'
import { QueryPool } from '../../src/query/index.ts'
import { unlimitedReads } from '../../src/query/read-limits.ts'
import { readConfig } from '../../src/roles/config-read.ts'
import { queryThread } from '../../src/roles/query-threads.ts'
import { SharedTimeRange } from '../../src/storage/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { queryableOf } from '../storage/series-fixture.ts'

const workers = new Set<Worker>()
const channel = new MessageChannel()
const connection: LaneConnection = connectLane(channel.port1)
const deaths: Error[] = []

afterAll(async () => {
  await Promise.all([...workers].map((worker) => worker.terminate()))
  connection.close()
})

// One series, and label values enough to fill a small heap.
const source = queryableOf([{ labels: { __name__: 'up' }, chunks: [[[1000, 1]]] }])
const server = new LaneServer({
  queryable: {
    select: (request, signal) => source.select(request, signal),
    labelNames: (request, signal) => source.labelNames(request, signal),
    labelValues: async () => ({
      values: Array.from({ length: 900_000 }, (_, i) => `${'value'.repeat(20)}-${i}`),
      warnings: [],
    }),
  },
  appendable: { append: () => Promise.reject(new Error('read only')) },
  clock: Date.now,
  control: { serve: (port: MessagePort) => server.serve(port as never) },
})
server.serve(channel.port2)

it('a thread out of memory is replaced: its calls fail, the next ones are answered', async () => {
  const thread = queryThread({
    config: readConfig(undefined, {}),
    seed: new Uint32Array(new SharedArrayBuffer(16)),
    memory: { callSizeBytesMax: 2 ** 30, threadSizeBytesMax: 2 ** 30 },
    stepCacheSizeBytes: 0,
    resourceLimits: { maxOldGenerationSizeMb: 64 },
    sources: [connection],
    blockRange: new SharedTimeRange().words,
    log: createLogger('silent'),
    workers,
    onDeath: (error) => deaths.push(error),
  })
  const pool = new QueryPool(
    [thread],
    { maxConcurrent: 4, maxWaiting: 10, limits: unlimitedReads },
    () => undefined,
  )
  const base = {
    tenants: ['t'],
    scope: 'all',
    reader: '',
    deadlineMs: Date.now() + 30_000,
  } as const
  const never = new AbortController().signal
  const instant = {
    ...base,
    kind: 'instant',
    query: 'up',
    timeMs: 1000,
    lookbackMs: undefined,
    limit: 0,
    stats: 'none',
    explain: 'none',
  } as const
  const first = await pool.ask(instant, never)
  expect(Buffer.isBuffer(first.body)).toBe(true)
  const listing = { ...base, selectors: [], minTimeMs: 0, maxTimeMs: 2000, limit: 0 }
  const before = [...workers]
  await expect(
    pool.ask({ ...listing, kind: 'labelValues', name: 'pod' }, never),
  ).rejects.toMatchObject({ code: 'execution', message: expect.stringMatching(/memory/) })
  expect(pool.active()).toEqual([])
  const next = await pool.ask(instant, never)
  expect(String(next.body)).toContain('"up"')
  expect([...workers]).not.toEqual(before)
  expect(deaths).toEqual([])
})

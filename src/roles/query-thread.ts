// Query thread: evaluates queries over the lanes and the block thread, and encodes their answers.

import { workerData } from 'node:worker_threads'
import { CodecKernel, JsonNumbers, RowKernel } from '../kernel/index.ts'
import { connectLane } from '../lane/index.ts'
import { noMembership, readMembership } from '../model/index.ts'
import { createEngine } from '../promql/index.ts'
import { type Changes, createCallRunner, StepCache, serveQueries } from '../query/index.ts'
import { DedupQueryable, FanOut, type Queryable, SharedTimeRange } from '../storage/index.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { QueryThreadData } from './thread-data.ts'

const {
  port,
  sourcePorts,
  cancelWords,
  engine: options,
  replicaLabels,
  blockRange,
  memory,
  stepCacheSizeBytes,
} = workerData as QueryThreadData

const connections = sourcePorts.map((port) => connectLane(port))
const range = new SharedTimeRange(blockRange)
const blocks = connections.at(-1)
const sources = connections.map((source) => {
  const { queryable } = source
  return source === blocks ? { queryable, timeRange: () => range.get() } : { queryable }
})
const replicas = new FanOut(() => sources)
const deduplicated = (source: Queryable): Queryable =>
  replicaLabels.length === 0 ? source : new DedupQueryable(source, replicaLabels)
let membership = noMembership
const runner = createCallRunner({
  engine: createEngine({
    ...options,
    xorDecoder: CodecKernel.create(),
    rowKernel: new RowKernel(),
  }),
  replicas,
  deduplicated,
  numbers: JsonNumbers.create(),
  membership: () => membership,
  caching:
    stepCacheSizeBytes === 0 ? undefined : { cache: new StepCache(stepCacheSizeBytes), changes },
})

serveQueries(port, {
  cancelWords,
  memory,
  run: runner,
  setMembership(columns) {
    membership = readMembership(columns)
  },
})

collectGarbage()

async function changes(
  tenants: readonly string[],
  marks: readonly number[] | undefined,
): Promise<Changes> {
  const asked = connections.map((source, i) =>
    source.call('changes', { tenants, since: marks?.[i] }),
  )
  const answers = (await Promise.all(asked)) as { mark: number; oldestMs: number }[]
  return {
    marks: answers.map(({ mark }) => mark),
    oldestMs: Math.min(...answers.map(({ oldestMs }) => oldestMs)),
  }
}

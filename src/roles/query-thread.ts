// Query thread: evaluates queries over the lanes and the block thread, and encodes their answers.

import { workerData } from 'node:worker_threads'
import { CodecKernel, JsonNumbers } from '../kernel/index.ts'
import { connectLane } from '../lane/index.ts'
import { createEngine } from '../promql/index.ts'
import { createCallRunner, serveQueries } from '../query/index.ts'
import { DedupQueryable, FanOut } from '../storage/index.ts'
import type { QueryThreadData } from './thread-data.ts'

const {
  port,
  sourcePorts,
  cancelWords,
  engine: options,
  replicaLabels,
  memory,
} = workerData as QueryThreadData

const sources = sourcePorts.map((port) => ({ queryable: connectLane(port).queryable }))
const replicas = new FanOut(() => sources)
const deduplicated =
  replicaLabels.length === 0 ? replicas : new DedupQueryable(replicas, replicaLabels)
const runner = createCallRunner({
  engine: createEngine({ ...options, xorDecoder: CodecKernel.create() }),
  replicas,
  deduplicated,
  numbers: JsonNumbers.create(),
})

serveQueries(port, { cancelWords, memory, run: runner })

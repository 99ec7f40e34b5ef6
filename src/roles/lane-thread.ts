// Lane thread: one storage lane, served on the ports of the front, the query threads and the block thread.

import { basename } from 'node:path'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { AdmissionConfig } from '../ingest/index.ts'
import { LaneServer } from '../lane/index.ts'
import type { Matcher } from '../model/index.ts'
import { createMatcherCompiler } from '../promql/index.ts'
import { createLogger, Metrics } from '../telemetry/index.ts'
import {
  type ActivityCall,
  nearCommitDefaults,
  nearCommitter,
  nodeFiles,
  portCommitter,
  StorageLane,
  Wal,
  walDefaults,
} from '../tsdb/index.ts'
import { collectGarbage } from './collect-garbage.ts'
import { createLaneHead, forgedSeries, headAdmission } from './lane-head.ts'
import { logMetrics } from './lane-metrics.ts'
import type { LaneThreadData } from './thread-data.ts'

const data = workerData as LaneThreadData
const log = createLogger(data.logLevel)
const compile = createMatcherCompiler()

const metrics = new Metrics()
const logs = logMetrics(metrics, basename(data.directory))
const wal = Wal.open({
  ...walDefaults,
  directory: data.directory,
  files: nodeFiles,
  committer: logs.timed(
    nearCommitter(
      nodeFiles,
      portCommitter(data.logPort, () => parentPort!.postMessage('commits')),
      nearCommitDefaults,
    ),
  ),
  onDamage: (damage) => {
    logs.noteDamage()
    log.error(damage, 'the write-ahead log is damaged')
  },
})

const head = createLaneHead(data, wal, compile)
const lane = new StorageLane({ head, wal, log, clock: Date.now, waitingBytesMax: 64 << 20 })

const server = new LaneServer({
  queryable: lane,
  appendable: lane,
  clock: Date.now,
  control: {
    serve: (port: MessagePort) => server.serve(port),
    changes: ({ tenants, since }: { tenants: readonly string[]; since: number | undefined }) =>
      head.changes(tenants, since),
    notReady: () => lane.notReady(),
    replayProgress: () => wal.replayProgress,
    windows: () => head.windows(),
    seal: (windowKey: number) => lane.seal(windowKey),
    retire: ({
      windowKey,
      mark,
    }: {
      windowKey: number
      mark: Parameters<StorageLane['retire']>[1]
    }) => lane.retire(windowKey, mark),
    drop: (id: number) => {
      const isShort = head.memoryBytes() > data.limits.memoryBytes / 2
      lane.drop(id)
      if (isShort) collectGarbage()
    },
    stats: () => ({
      ...head.stats(),
      walSizeBytes: wal.sizeBytes,
      walSegments: wal.segmentCount,
      diskFull: wal.isDiskFull,
      forgedSeries: forgedSeries(),
    }),
    cardinality: ({ tenant, limit }: { tenant: string; limit: number }) =>
      head.cardinality(tenant, limit),
    activity: (call: ActivityCall) => head.activity(call),
    metadata: (tenant: string) => head.metadata(tenant),
    exemplars: (asked: {
      tenant: string
      selectors: readonly (readonly Matcher[])[]
      minTimeMs: number
      maxTimeMs: number
    }) => {
      const selectors = asked.selectors.map((matchers) => matchers.map(compile))
      return head.exemplars(asked.tenant, selectors, asked.minTimeMs, asked.maxTimeMs)
    },
    exposeMetrics: () => metrics.expose(),
    setAdmission: (config: AdmissionConfig) => head.setAdmission(headAdmission(config)),
    setLogLevel: (level: string) => {
      log.level = level
    },
    close: () => lane.close(),
  },
})

for (const port of data.clientPorts) server.serve(port)
await lane.replay()
collectGarbage()

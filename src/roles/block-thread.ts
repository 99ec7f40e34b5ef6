// Block thread: owns local blocks: cuts windows of the lanes into them, merges, retains, deletes, and answers selects.

import { type MessagePort, workerData } from 'node:worker_threads'
import { Deletions, ShippedRecord } from '../bucket/index.ts'
import { connectLane, LaneServer } from '../lane/index.ts'
import type { Matcher, TimeRange } from '../model/index.ts'
import { UserError } from '../model/index.ts'
import { createMatcherCompiler } from '../promql/index.ts'
import { FanOut, neverCancelled, SharedTimeRange, spanOf } from '../storage/index.ts'
import { createLogger, Metrics } from '../telemetry/index.ts'
import { createUlidFactory, LocalBlocks, nodeFiles, rehomeLanes } from '../tsdb/index.ts'
import { openBlockBucket } from './block-bucket.ts'
import { BlockMaintenance } from './block-maintenance.ts'
import { collectGarbage } from './collect-garbage.ts'
import { cuttableLane } from './cuttable-lane.ts'
import { createLaneHead } from './lane-head.ts'
import type { BlockThreadData } from './thread-data.ts'

const data = workerData as BlockThreadData
const log = createLogger(data.logLevel)
const compileMatcher = createMatcherCompiler()
const nextUlid = createUlidFactory(Date.now)
const { directory, seed } = data
const metrics = new Metrics()
const record = new ShippedRecord(directory)
const deletions = new Deletions(directory)
const { isShipped } = record
const range = new SharedTimeRange(data.range)
// Readers ask this thread only for times that it may have something of.
const publish = (): void => {
  if (isOpen) range.set(spanOf([blocks.timeRange(), bucket.timeRange()]))
}
let isOpen = false
const blockParts = { directory, seed, compileMatcher, nextUlid, log, isShipped }
const { indexSizeBytesMax, mergeIndexSizeBytesMax } = data
const blocks = await LocalBlocks.open({
  ...blockParts,
  indexSizeBytesMax,
  mergeIndexSizeBytesMax,
  onChange: () => publish(),
})
const { from, to, head } = data.rehome
await rehomeLanes({
  from,
  to,
  files: nodeFiles,
  blocks,
  createHead: (sink) => createLaneHead(head, sink, compileMatcher),
  compile: compileMatcher,
  log,
  clock: Date.now,
})
const local = { data, blocks, deletions, compileMatcher, log, metrics }
const maintenance = new BlockMaintenance(local)
const bucket = await openBlockBucket({ ...local, record, nextUlid, onChange: publish })
isOpen = true
publish()
const sources = [{ queryable: blocks }, { queryable: bucket.queryable }]

const server = new LaneServer({
  queryable: new FanOut(() => sources, { inOrder: true }),
  appendable: {
    append: () => Promise.reject(new UserError('internal', { what: 'blocks take no samples' })),
  },
  clock: Date.now,
  control: {
    serve: (port: MessagePort) => server.serve(port),
    connectLanes: (ports: readonly Parameters<typeof connectLane>[0][]) =>
      maintenance.start(ports.map((port) => cuttableLane(connectLane(port)))),
    windowStarts: () => maintenance.windowStarts(),
    changes: (asked: { tenants: readonly string[]; since: number | undefined }) =>
      changesOfBlocks(asked.tenants, asked.since),
    tenants: () => [...new Set([...blocks.tenants(), ...bucket.tenants()])],
    bucketStatus: () => bucket.status(),
    exposeMetrics: () => metrics.expose(),
    metas: (tenants: readonly string[]) => maintenance.metas(tenants),
    sizeBytes: () => blocks.sizeBytes(),
    cutRange: ({ minTimeMs, maxTimeMs }: TimeRange) => maintenance.cutRange(minTimeMs, maxTimeMs),
    deleteSeries: (asked: { tenant: string; matchers: readonly Matcher[]; range: TimeRange }) =>
      maintenance.deleteSeries(asked.tenant, asked.matchers, asked.range),
    cleanTombstones: (tenant: string) => blocks.cleanTombstones(tenant, neverCancelled),
    snapshot: (asked: { directory: string; skipHead: boolean }) =>
      maintenance.snapshot(asked.directory, asked.skipHead),
    setLogLevel: (level: string) => {
      log.level = level
    },
    close: async () => {
      await bucket.close()
      await maintenance.close()
    },
  },
})

for (const port of data.clientPorts) server.serve(port)
collectGarbage()

// A block more or less may hold samples of any time.
function changesOfBlocks(tenants: readonly string[], since: number | undefined) {
  let mark = 0
  for (const tenant of tenants) mark += blocks.changeCountOf(tenant) + bucket.changeCountOf(tenant)
  return { mark, oldestMs: since === mark ? Infinity : -Infinity }
}

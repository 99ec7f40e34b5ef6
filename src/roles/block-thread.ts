// Block thread: owns local blocks: cuts windows of the lanes into them, merges, retains, deletes, and answers selects.

import { workerData } from 'node:worker_threads'
import { connectLane, LaneServer } from '../lane/index.ts'
import type { Matcher, TimeRange } from '../model/index.ts'
import { UserError } from '../model/index.ts'
import { createMatcherCompiler } from '../promql/index.ts'
import { neverCancelled } from '../storage/index.ts'
import { createLogger } from '../telemetry/index.ts'
import { createUlidFactory, LocalBlocks } from '../tsdb/index.ts'
import { BlockMaintenance, cuttableLane } from './block-maintenance.ts'
import type { BlockThreadData } from './thread-data.ts'

const data = workerData as BlockThreadData
const log = createLogger(data.logLevel)
const compileMatcher = createMatcherCompiler()
const nextUlid = createUlidFactory(Date.now)
const { directory, seed } = data
const blocks = await LocalBlocks.open({ directory, seed, compileMatcher, nextUlid, log })
const maintenance = new BlockMaintenance({ data, blocks, compileMatcher, log })

const server = new LaneServer({
  queryable: blocks,
  appendable: {
    append: () => Promise.reject(new UserError('internal', { what: 'blocks take no samples' })),
  },
  clock: Date.now,
  control: {
    connectLanes: (ports: readonly Parameters<typeof connectLane>[0][]) =>
      maintenance.start(ports.map((port) => cuttableLane(connectLane(port)))),
    windowStarts: () => maintenance.windowStarts(),
    tenants: () => blocks.tenants(),
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
    close: () => maintenance.close(),
  },
})

for (const port of data.clientPorts) server.serve(port)

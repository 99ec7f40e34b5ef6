// A whole lane on a recording disk: log, head, local blocks, the cutter between them, and the shipper to a bucket.
import { Deletions, ShippedRecord, Shipper } from '../../src/bucket/index.ts'
import { hashKeySizeBytes } from '../../src/kernel/index.ts'
import { sortLabels } from '../../src/model/index.ts'
import type { Bucket } from '../../src/objstore/index.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'
import {
  cutRuleDefaults,
  Head,
  headLimitDefaults,
  inlineCommitter,
  LocalBlocks,
  StorageLane,
  type UlidFactory,
  Wal,
  WindowCutter,
  walDefaults,
} from '../../src/tsdb/index.ts'
import { compile, seed } from './head/head-fixture.ts'
import type { RecordingFiles } from './recording-files.ts'

const log = createLogger('silent')
const hashKeys = new Uint8Array(hashKeySizeBytes).map((_, i) => (i * 151 + 7) & 255)

export interface LaneProcess {
  readonly wal: Wal
  readonly head: Head
  readonly blocks: LocalBlocks
  readonly lane: StorageLane
  readonly cutter: WindowCutter
  /** Absent without a bucket. */
  readonly shipper?: Shipper
  readonly record: ShippedRecord
}

/** Starts a lane on a disk; the log is still to be replayed. Segments are small, so that many are written. */
export async function openLane(options: {
  readonly files: RecordingFiles
  readonly clock: () => number
  readonly nextUlid: UlidFactory
  /** Where blocks are shipped to; they may be merged and deleted only then. Absent = they are safe where they are. */
  readonly bucket?: Bucket
}): Promise<LaneProcess> {
  const { files, clock, nextUlid, bucket } = options
  const directory = '/data/blocks'
  const record = new ShippedRecord(directory, files)
  const blocks = await LocalBlocks.open({
    directory,
    files,
    seed,
    compileMatcher: compile,
    nextUlid,
    log,
    ...(bucket === undefined ? {} : { isShipped: record.isShipped }),
  })
  const metas = blocks.tenants().flatMap((tenant) => blocks.blocksOf(tenant).map((b) => b.meta))
  const wal = Wal.open({
    ...walDefaults,
    directory: '/data/wal/lane-0',
    files,
    committer: inlineCommitter(files),
    onDamage: () => {},
    segmentSizeBytesMax: 2000,
    retryMsMin: 0,
  })
  const head = new Head({
    seed,
    hashKeys,
    sink: wal,
    compile,
    startTimestamps: false,
    limits: headLimitDefaults,
    oldestAcceptedMs: () => Number.NEGATIVE_INFINITY,
    cutWindows: metas.map((meta) => meta.minTimeMs),
    admission: {
      epoch: 1,
      plainBounds: () => undefined,
      seriesMax: () => 0,
      checkSize: () => undefined,
      admit: (_tenant, _sender, sent) => ({ labels: sortLabels(sent) }),
    },
  })
  const lane = new StorageLane({ head, wal, log, clock, waitingBytesMax: 1 << 20 })
  const cuttable = {
    windows: async () => head.windows(),
    seal: (windowKey: number) => lane.seal(windowKey),
    retire: async (...[windowKey, mark]: Parameters<StorageLane['retire']>) =>
      void lane.retire(windowKey, mark),
    drop: async (id: number) => lane.drop(id),
  }
  const rules = { ...cutRuleDefaults, openMax: 4, memoryBytesMax: 2 ** 30 }
  const cutter = new WindowCutter({
    lanes: [cuttable],
    blocks,
    compile,
    rules,
    log,
    clock,
    dropDelayMs: 0,
  })
  const parts = { wal, head, blocks, lane, cutter, record }
  if (bucket === undefined) return parts
  const shipper = new Shipper({
    blocks,
    record,
    deletions: new Deletions(directory, { files }),
    bucket,
    externalLabels: {},
    tenantLabel: 'tenant_id',
    intervalMs: 1000,
    files,
    log,
    metrics: new Metrics(),
    nowMs: clock,
  })
  return { ...parts, shipper }
}

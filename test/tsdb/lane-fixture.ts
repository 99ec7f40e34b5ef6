// A whole lane on a recording disk: log, head, local blocks and the cutter between them.
import { hashKeySizeBytes } from '../../src/kernel/index.ts'
import { sortLabels } from '../../src/model/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
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
}

/** Starts a lane on a disk; the log is still to be replayed. Segments are small, so that many are written. */
export async function openLane(options: {
  readonly files: RecordingFiles
  readonly clock: () => number
  readonly nextUlid: UlidFactory
}): Promise<LaneProcess> {
  const { files, clock, nextUlid } = options
  const directory = '/data/blocks'
  const blocks = await LocalBlocks.open({
    directory,
    files,
    seed,
    compileMatcher: compile,
    nextUlid,
    log,
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
  return { wal, head, blocks, lane, cutter }
}

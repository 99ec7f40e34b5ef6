// Rehoming on a recording disk: three lanes with samples of shared windows become one, whenever the power fails.
import { describe, expect, it } from 'vitest'
import { prometheus } from '../../../src/encoding/index.ts'
import { hashKeySizeBytes } from '../../../src/kernel/index.ts'
import { sortLabels, windowMs } from '../../../src/model/index.ts'
import { FanOut } from '../../../src/storage/index.ts'
import { createLogger } from '../../../src/telemetry/index.ts'
import {
  createUlidFactory,
  Head,
  headLimitDefaults,
  inlineCommitter,
  LocalBlocks,
  type RecordSink,
  rehomeLanes,
  StorageLane,
  Wal,
  walDefaults,
} from '../../../src/tsdb/index.ts'
import { bodyOf, compile, everything, read, requestOf, seed, shown } from '../head/head-fixture.ts'
import { RecordingFiles, randomOf } from '../recording-files.ts'

const start = 240_000 * windowMs
const clock = () => start + 2 * windowMs
const log = createLogger('silent')
const nextUlid = createUlidFactory(() => 1_000_000)
const lanes = [0, 1, 2]
const directoryOf = (lane: number): string => `/data/wal/lane-${lane}`

function createHead(sink: RecordSink): Head {
  return new Head({
    seed,
    hashKeys: new Uint8Array(hashKeySizeBytes),
    sink,
    compile,
    startTimestamps: false,
    limits: headLimitDefaults,
    oldestAcceptedMs: () => Number.NEGATIVE_INFINITY,
    cutWindows: [],
    admission: {
      epoch: 1,
      plainBounds: () => undefined,
      seriesMax: () => 0,
      checkSize: () => undefined,
      admit: (_tenant, _sender, sent) => ({ labels: sortLabels(sent) }),
    },
  })
}

async function openLane(files: RecordingFiles, lane: number) {
  const directory = directoryOf(lane)
  const committer = inlineCommitter(files)
  const wal = Wal.open({ ...walDefaults, directory, files, committer, onDamage: () => {} })
  const head = createHead(wal)
  const opened = new StorageLane({ head, wal, log, clock, waitingBytesMax: 0 })
  await opened.replay()
  return { head, lane: opened }
}

// One tenant in all three lanes, as after several changes of their number, with metadata in each.
async function fill(files: RecordingFiles): Promise<void> {
  for (const number of lanes) {
    const { lane } = await openLane(files, number)
    const samples = [0, 1, 2].map((i) => [start + (i * windowMs) / 2 + number, number] as const)
    const series = bodyOf([{ labels: { __name__: 'x', lane: String(number) }, samples }])
    const metadata = prometheus.WriteRequest.encode({
      metadata: [{ type: 1, metricFamilyName: `family_${number}`, help: 'h', unit: '' }],
    }).finish()
    await lane.append(requestOf(new Uint8Array(Buffer.concat([series, metadata]))))
    await lane.close()
  }
}

async function rehome(files: RecordingFiles): Promise<LocalBlocks> {
  const directory = '/data/blocks'
  const options = { directory, files, seed, compileMatcher: compile, nextUlid, log }
  const blocks = await LocalBlocks.open(options)
  const from = lanes
    .slice(1)
    .map(directoryOf)
    .filter((path) => files.exists(path))
  const to = directoryOf(0)
  await rehomeLanes({ from, to, files, blocks, createHead, compile, log, clock })
  return blocks
}

const expected = lanes.map((lane) =>
  [0, 1, 2].map((i) => shown(start + (i * windowMs) / 2 + lane, lane)),
)

async function check(files: RecordingFiles, blocks: LocalBlocks): Promise<void> {
  const { head } = await openLane(files, 0)
  const all = new FanOut(() => [{ queryable: head }, { queryable: blocks }])
  const found = await read(all, everything(['t'], true))
  expect([...found.values()].sort()).toEqual([...expected].sort())
  const families = head.metadata('t').map(({ family }) => family)
  expect(families.sort()).toEqual(['family_0', 'family_1', 'family_2'])
  expect(files.list('/data/wal')).toEqual(['lane-0'])
}

describe('lanes that are no more', () => {
  it('leave one block per tenant and window, and their metadata to the lane that stays', async () => {
    const files = new RecordingFiles(randomOf(1))
    await fill(files)
    const blocks = await rehome(files)
    expect(blocks.blocksOf('t')).toHaveLength(2)
    await check(files, blocks)
  })

  it('lose nothing when the power fails on the way', async () => {
    for (let number = 1; number <= 60; number++) {
      let files = new RecordingFiles(randomOf(number))
      await fill(files)
      files.operationsLeft = number * 2
      await rehome(files).catch((error: unknown) => {
        if (!files.isDown) throw error
      })
      files = files.afterPowerCut()
      await check(files, await rehome(files))
    }
  })
})

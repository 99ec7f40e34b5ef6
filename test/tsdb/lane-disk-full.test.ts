import { describe, expect, it } from 'vitest'
import { windowMs } from '../../src/model/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { createUlidFactory } from '../../src/tsdb/index.ts'
import { bodyOf, everything, read, requestOf, shown } from './head/head-fixture.ts'
import { type LaneProcess, openLane } from './lane-fixture.ts'
import { RecordingFiles, randomOf } from './recording-files.ts'

const start = 240_000 * windowMs
const sampleCount = 40

describe('a lane whose disk is full', () => {
  const nowMs = start + 2 * windowMs
  const started = async (files: RecordingFiles): Promise<LaneProcess> => {
    const process = await openLane({
      files,
      clock: () => nowMs,
      nextUlid: createUlidFactory(() => 1_000_000),
    })
    await process.lane.replay()
    return process
  }
  const write = (process: LaneProcess, index: number) => {
    const samples = [[start + index * 1000, index]] as const
    return process.lane.append(requestOf(bodyOf([{ labels: { pod: 'a' }, samples }])))
  }
  const expected = Array.from({ length: sampleCount }, (_, i) => shown(start + i * 1000, i))

  it('refuses writes with disk_full and answers reads, and goes on when there is space', async () => {
    const files = new RecordingFiles(randomOf(1))
    const process = await started(files)
    for (let i = 0; i < sampleCount - 1; i++) await write(process, i)
    files.capacityBytes = files.usedBytes() + 5
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(write(process, sampleCount - 1)).rejects.toMatchObject({ code: 'disk_full' })
    expect((await read(process.lane, everything(['t']))).get('{pod="a"}')).toContain(expected[0])
    files.capacityBytes = Number.POSITIVE_INFINITY
    await write(process, sampleCount - 1)
    const again = await started(files.afterPowerCut())
    expect((await read(again.lane, everything(['t']))).get('{pod="a"}')).toEqual(expected)
  })

  it('takes a cut that failed up again, and then frees the generation and the log', async () => {
    const files = new RecordingFiles(randomOf(1))
    const process = await started(files)
    for (let i = 0; i < sampleCount; i++) await write(process, i)
    for (const room of [0, 300, 600]) {
      files.capacityBytes = files.usedBytes() + room
      await expect(process.cutter.cutRange(start, nowMs)).rejects.toThrow(/ENOSPC|full/)
    }
    expect((await read(process.lane, everything(['t']))).get('{pod="a"}')).toEqual(expected)
    files.capacityBytes = Number.POSITIVE_INFINITY
    const outcomes = await process.cutter.cutDue()
    expect(outcomes).toMatchObject([{ blockCount: 1, sampleCount }])
    await process.cutter.cutDue()
    expect(process.head.windows()).toEqual([])
    expect(process.wal.segmentCount).toBeLessThanOrEqual(1)
    const fromBlocks = await read(process.blocks, everything(['t']))
    expect(fromBlocks.get('{pod="a"}')).toEqual(expected)
    const labels = await process.blocks.labelNames(
      { tenants: ['t'], matchers: [], minTimeMs: start, maxTimeMs: nowMs },
      neverCancelled,
    )
    expect(labels.values).toEqual(['pod'])
  })
})

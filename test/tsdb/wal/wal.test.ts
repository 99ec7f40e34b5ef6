import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import type { UserError } from '../../../src/model/index.ts'
import {
  type Committer,
  type Files,
  inlineCommitter,
  laneKey,
  nodeFiles,
  portCommitter,
  readWhole,
  serveCommits,
  Wal,
  type WalDamage,
  walDefaults,
} from '../../../src/tsdb/index.ts'
import { RecordingFiles, randomOf } from '../recording-files.ts'

const directory = '/data/wal/lane-0'
const text = new TextEncoder()
const words = new TextDecoder()

function openLog(
  files: Files,
  options: { committer?: Committer; segmentSizeBytesMax?: number; directory?: string } = {},
): { wal: Wal; damages: WalDamage[] } {
  const damages: WalDamage[] = []
  const wal = Wal.open({
    ...walDefaults,
    directory,
    files,
    committer: inlineCommitter(files),
    onDamage: (damage) => damages.push(damage),
    ...options,
  })
  return { wal, damages }
}

const push = (wal: Wal, record: string, windowKey = 1): void =>
  wal.push(text.encode(record), windowKey)

const replayed = (wal: Wal): string[] =>
  [...wal.replay()].map(({ windowKey, payload }) => {
    const key = windowKey === laneKey ? 'lane' : windowKey
    return `${key}:${words.decode(payload)}`
  })

function alter(files: Files, name: string, change: (bytes: Uint8Array) => Uint8Array): void {
  const path = join(directory, name)
  const bytes = change(readWhole(files, path))
  const file = files.open(path, 'write')
  file.truncate(0)
  file.write([bytes], 0)
  file.close()
}

describe('the write-ahead log', () => {
  it('gives back what was committed, in order, with its window', async () => {
    const files = new RecordingFiles(randomOf(1))
    const first = openLog(files).wal
    push(first, 'a', 5)
    push(first, 'b', -7)
    push(first, '', laneKey)
    await first.commit()
    push(first, 'c', 5)
    await first.close()
    const { wal, damages } = openLog(files)
    expect(replayed(wal)).toEqual(['5:a', '-7:b', 'lane:', '5:c'])
    expect(damages).toEqual([])
  })

  it('commits together what was pushed in one turn, and what came while that commit was under way', async () => {
    const files = new RecordingFiles(randomOf(1))
    const inner = inlineCommitter(files)
    let commits = 0
    const committer: Committer = {
      ...inner,
      commit: async (job) => {
        commits++
        await new Promise((resolve) => setImmediate(resolve))
        return inner.commit(job)
      },
    }
    const { wal } = openLog(files, { committer })
    const done: Promise<void>[] = []
    for (let i = 0; i < 100; i++) {
      if (i === 50) while (commits === 0) await new Promise((resolve) => setImmediate(resolve))
      push(wal, `r${i}`)
      done.push(wal.commit())
    }
    expect(wal.pendingBytes).toBeGreaterThan(0)
    await Promise.all(done)
    expect(commits).toBe(2)
    expect(wal.pendingBytes).toBe(0)
    expect(replayed(openLog(files).wal)).toHaveLength(100)
  })

  it('goes on in a new segment when one is full, and after a restart', async () => {
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files, { segmentSizeBytesMax: 100 })
    for (let i = 0; i < 10; i++) push(wal, `record number ${i}`)
    await wal.close()
    const names = files.list(directory)
    expect(names.length).toBeGreaterThan(3)
    const again = openLog(files).wal
    push(again, 'after')
    await again.close()
    expect(files.list(directory)).toHaveLength(names.length + 1)
    const all = replayed(openLog(files).wal)
    expect(all).toHaveLength(11)
    expect(all.at(-1)).toBe('1:after')
  })

  it('takes records and commits them while the replay is under way', async () => {
    const files = new RecordingFiles(randomOf(1))
    const first = openLog(files).wal
    push(first, 'old')
    await first.close()
    const { wal } = openLog(files)
    push(wal, 'new')
    await wal.commit()
    expect(replayed(wal)).toEqual(['1:old'])
    await wal.close()
    expect(replayed(openLog(files).wal)).toEqual(['1:old', '1:new'])
  })

  it('writes over a message port to the log thread and gets its buffers back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wal-'))
    const { port1, port2 } = new MessageChannel()
    serveCommits(port1, nodeFiles)
    const { wal } = openLog(nodeFiles, { directory: folder, committer: portCommitter(port2) })
    for (let i = 0; i < 20; i++) {
      push(wal, `r${i}`)
      if (i % 3 === 0) await wal.commit()
    }
    await wal.close()
    expect(replayed(openLog(nodeFiles, { directory: folder }).wal)).toHaveLength(20)
    rmSync(folder, { recursive: true })
  })

  it('asks for its log thread with the first commit, and for none when nothing is written', async () => {
    const { port1, port2 } = new MessageChannel()
    let asked = 0
    const committer = portCommitter(port2, () => {
      asked++
      serveCommits(port1, files)
    })
    const files = new RecordingFiles(randomOf(1))
    const idle = openLog(files, { committer }).wal
    await idle.close()
    expect(asked).toBe(0)
    const { wal } = openLog(files, { committer })
    for (const record of ['a', 'b']) {
      push(wal, record)
      await wal.commit()
    }
    expect(asked).toBe(1)
    await wal.close()
    expect(replayed(openLog(files).wal)).toHaveLength(2)
  })

  it('refuses work when the log thread has ended', async () => {
    const { port1, port2 } = new MessageChannel()
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files, { committer: portCommitter(port2) })
    push(wal, 'a')
    const commit = wal.commit()
    port1.close()
    await expect(commit).rejects.toMatchObject({ code: 'unavailable' })
    await expect(wal.ready()).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('a damaged log', () => {
  const written = async (): Promise<RecordingFiles> => {
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files, { segmentSizeBytesMax: 100 })
    for (let i = 0; i < 9; i++) push(wal, `record number ${i}`)
    await wal.close()
    return files
  }

  it('loses a torn tail of the last segment, says where, and is whole afterwards', async () => {
    const files = await written()
    const last = files.list(directory).at(-1)!
    alter(files, last, (bytes) => bytes.subarray(0, bytes.length - 3))
    const { wal, damages } = openLog(files)
    expect(damages).toHaveLength(1)
    expect(damages[0]!.message).toContain(`${directory}/${last} is damaged at byte`)
    expect(damages[0]!.lostBytes).toBe(24)
    expect(replayed(wal)).toHaveLength(8)
    const again = openLog(files)
    expect(again.damages).toEqual([])
    expect(replayed(again.wal)).toHaveLength(8)
  })

  it('loses one record to a flipped bit and reads what follows', async () => {
    const files = await written()
    alter(files, '00000001', (bytes) => {
      bytes[headerAndHead + 2]! ^= 1
      return bytes
    })
    const { wal, damages } = openLog(files)
    const records = replayed(wal)
    expect(records).toHaveLength(8)
    expect(damages).toHaveLength(1)
    expect(damages[0]!.file).toBe(`${directory}/00000001`)
    expect(damages[0]!.offset).toBe(16)
  })

  it('skips to the next segment where a length is garbage', async () => {
    const files = await written()
    alter(files, '00000001', (bytes) => {
      bytes[16 + 3] = 255
      return bytes
    })
    const { wal, damages } = openLog(files)
    const records = replayed(wal)
    expect(records.slice(0, 3)).toEqual([0, 1, 2].map((i) => `1:record number ${i}`))
    expect(records.slice(3)).toEqual([6, 7, 8].map((i) => `1:record number ${i}`))
    expect(damages[0]!.lostBytes).toBe(84 - 12 + 9)
  })

  it('sets a last segment without a header aside and never uses its number again', async () => {
    const files = await written()
    const last = files.list(directory).at(-1)!
    alter(files, last, () => new Uint8Array(16))
    const { wal, damages } = openLog(files)
    expect(damages).toHaveLength(1)
    push(wal, 'new')
    await wal.close()
    expect(files.list(directory)).toContain(`damaged-${last}`)
    expect(files.list(directory)).not.toContain(last)
  })

  it('reads as far as it can for every cut and every flipped byte, and never fails', async () => {
    const files = await written()
    const whole = readWhole(files, `${directory}/00000002`)
    const all = new Set(replayed(openLog(files).wal))
    for (let at = 0; at < whole.length; at++) {
      for (const change of [(b: Uint8Array) => b.slice(0, at), (b: Uint8Array) => flipped(b, at)]) {
        alter(files, '00000002', () => change(whole))
        const records = replayed(openLog(files).wal)
        for (const record of records) expect(all).toContain(record)
        expect(records.length).toBeGreaterThanOrEqual(6)
        if (files.exists(`${directory}/damaged-00000002`))
          files.rename(`${directory}/damaged-00000002`, `${directory}/00000002`)
      }
    }
  })
})

const headerAndHead = 16 + 12

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const out = bytes.slice()
  out[at]! ^= 0x40
  return out
}

describe('segments, windows and checkpoints', () => {
  it('drops a segment once all its windows are retired and its lane records are checkpointed', async () => {
    const files = new RecordingFiles(randomOf(1))
    openLog(files)
    const { wal } = openLog(files, { segmentSizeBytesMax: 60 })
    push(wal, 'window one, first', 1)
    push(wal, 'window one, again', 1)
    push(wal, 'the lane', laneKey)
    push(wal, 'window two', 2)
    await wal.commit()
    const mark = wal.position()
    expect(wal.dropSegments()).toBe(0)
    wal.retire(1, mark)
    expect(wal.dropSegments()).toBe(2)
    wal.retire(2, mark)
    expect(wal.dropSegments()).toBe(0)
    wal.checkpoint([text.encode('the lane')])
    expect(wal.dropSegments()).toBe(1)
    await wal.close()
    expect(replayed(openLog(files).wal)).toEqual(['lane:the lane'])
  })

  it('does not replay what a retired window held before its mark, and replays what came after', async () => {
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files)
    push(wal, 'in a block', 1)
    push(wal, 'elsewhere', 2)
    const mark = wal.position()
    push(wal, 'late', 1)
    wal.retire(1, mark)
    await wal.close()
    expect(replayed(openLog(files).wal)).toEqual(['2:elsewhere', '1:late'])
  })

  it('replays a checkpoint first, then only later lane records, and all window records', async () => {
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files)
    push(wal, 'm1', laneKey)
    push(wal, 'w', 1)
    push(wal, 'm2', laneKey)
    wal.checkpoint([text.encode('m1+m2')])
    push(wal, 'm3', laneKey)
    wal.checkpoint([text.encode('m1+m2+m3')])
    push(wal, 'm4', laneKey)
    await wal.close()
    expect(files.list(directory).filter((name) => name.startsWith('checkpoint'))).toHaveLength(1)
    expect(replayed(openLog(files).wal)).toEqual(['lane:m1+m2+m3', '1:w', 'lane:m4'])
  })

  it('keeps segments that are not yet durable, and those not yet replayed', async () => {
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files, { segmentSizeBytesMax: 40 })
    push(wal, 'pending record one', 1)
    push(wal, 'pending record two', 1)
    wal.retire(1, wal.position())
    expect(wal.dropSegments()).toBe(0)
    await wal.close()
    const again = openLog(files).wal
    again.retire(1, again.position())
    expect(again.dropSegments()).toBe(0)
    expect(replayed(again)).toEqual([])
    expect(again.dropSegments()).toBe(2)
  })
})

describe('a full or broken disk', () => {
  it('refuses with disk_full, keeps what was acknowledged, and goes on when space returns', async () => {
    const files = new RecordingFiles(randomOf(1))
    let nowMs = 0
    const damages: WalDamage[] = []
    const wal = Wal.open({
      ...walDefaults,
      directory,
      files,
      committer: inlineCommitter(files),
      onDamage: (damage) => damages.push(damage),
      nowMs: () => nowMs,
    })
    push(wal, 'acknowledged')
    await wal.commit()
    files.capacityBytes = files.usedBytes() + 20
    push(wal, 'does not fit on the disk')
    const failure = (await wal.commit().catch((error) => error)) as UserError
    expect(failure.code).toBe('disk_full')
    expect(failure.message).toContain(directory)
    expect(wal.isDiskFull).toBe(true)
    await expect(wal.ready()).rejects.toMatchObject({ code: 'disk_full' })
    expect(replayed(openLog(files).wal)).toEqual(['1:acknowledged'])
    files.capacityBytes = Number.POSITIVE_INFINITY
    await expect(wal.ready()).rejects.toMatchObject({ code: 'disk_full' })
    nowMs += walDefaults.retryMsMin
    await wal.ready()
    push(wal, 'later')
    await wal.commit()
    expect(wal.isDiskFull).toBe(false)
    expect(damages).toEqual([])
    expect(replayed(openLog(files).wal)).toEqual([
      '1:acknowledged',
      '1:does not fit on the disk',
      '1:later',
    ])
  })

  it('keeps the checkpoint before when a new one finds no space', async () => {
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files)
    push(wal, 'm1', laneKey)
    wal.checkpoint([text.encode('m1')])
    await wal.commit()
    files.capacityBytes = files.usedBytes() + 10
    expect(() => wal.checkpoint([new Uint8Array(100)])).toThrow(/full/)
    files.capacityBytes = Number.POSITIVE_INFINITY
    push(wal, 'm2', laneKey)
    await wal.close()
    expect(replayed(openLog(files).wal)).toEqual(['lane:m1', 'lane:m2'])
  })

  it('refuses everything after a failed sync, because the kernel may have dropped the pages', async () => {
    const files = new RecordingFiles(randomOf(1))
    const { wal } = openLog(files)
    files.failSync = 'EIO'
    push(wal, 'a')
    await expect(wal.commit()).rejects.toMatchObject({ code: 'unavailable' })
    files.failSync = undefined
    push(wal, 'b')
    await expect(wal.commit()).rejects.toMatchObject({ code: 'unavailable' })
    await expect(wal.ready()).rejects.toThrow(/restart/)
  })
})

describe('the log on a real disk', () => {
  let folder = ''
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('works as on the recording disk, with segments, checkpoint and drop', async () => {
    folder = mkdtempSync(join(tmpdir(), 'wal-'))
    const lane = join(folder, 'deep', 'lane-0')
    const { wal } = openLog(nodeFiles, { directory: lane, segmentSizeBytesMax: 1 << 16 })
    const record = new Uint8Array(10_000).fill(7)
    for (let i = 0; i < 30; i++) wal.push(record, i % 2)
    await wal.commit()
    wal.checkpoint([text.encode('kept')])
    wal.retire(0, wal.position())
    wal.push(record, 9)
    await wal.close()
    const again = openLog(nodeFiles, { directory: lane }).wal
    const keys = [...again.replay()].map((r) => r.windowKey)
    expect(keys.filter((key) => key === 1)).toHaveLength(15)
    expect(keys).not.toContain(0)
    expect(keys[0]).toBe(laneKey)
    expect(keys.at(-1)).toBe(9)
    again.retire(1, again.position())
    expect(again.dropSegments()).toBeGreaterThan(3)
  })
})

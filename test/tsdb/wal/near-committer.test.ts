// Commits on the lane's own thread while the disk is fast, on the log thread while it is not.
import { describe, expect, it } from 'vitest'
import type { OpenFile } from '../../../src/tsdb/files.ts'
import { type Committer, LogWriter } from '../../../src/tsdb/wal/committer.ts'
import { nearCommitter } from '../../../src/tsdb/wal/near-committer.ts'
import { RecordingFiles, randomOf } from '../recording-files.ts'

/** A disk whose syncs take `syncMs` of a clock that only they move. */
class TimedFiles extends RecordingFiles {
  nowMs = 0
  syncMs = 0
  openCount = 0

  override open(path: string, mode: 'read' | 'write'): OpenFile {
    const file = super.open(path, mode)
    this.openCount++
    return {
      sizeBytes: () => file.sizeBytes(),
      read: (into, position) => file.read(into, position),
      write: (parts, position) => file.write(parts, position),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      sync: () => {
        this.nowMs += this.syncMs
        file.sync()
      },
      close: () => {
        this.openCount--
        file.close()
      },
    }
  }
}

function setUp() {
  const files = new TimedFiles(randomOf(1))
  files.makeDirectory('/log')
  let farCount = 0
  let closedCount = 0
  let releasedCount = 0
  const far: Committer = {
    commit: async (job) => {
      farCount++
      const writer = new LogWriter(files)
      const outcome = writer.run(job)
      writer.close()
      return outcome
    },
    release: () => {
      releasedCount++
    },
    close: async () => {
      closedCount++
    },
  }
  const options = { slowMs: 2, farMs: 1000, nowMs: () => files.nowMs }
  let position = 0
  const committer = nearCommitter(files, far, options)
  const commit = async (count = 1): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const buffer = new Uint8Array([position]).buffer
      const writes = [{ path: '/log/0', position, start: 0, end: 1 }]
      const outcome = await committer.commit({ buffer, writes })
      expect(outcome).toMatchObject({ kind: 'done', buffer })
      position++
    }
  }
  const content = (): number[] => {
    const bytes = new Uint8Array(position)
    const file = files.open('/log/0', 'read')
    file.read(bytes, 0)
    file.close()
    return [...bytes]
  }
  return {
    files,
    committer,
    commit,
    content,
    farCount: () => farCount,
    closedCount: () => closedCount,
    releasedCount: () => releasedCount,
  }
}

describe('a committer that is near where it can be', () => {
  it('never asks the log thread while one sync in eight is fast', async () => {
    const { files, commit, farCount } = setUp()
    files.syncMs = 0.5
    await commit(20)
    for (let i = 0; i < 5; i++) {
      files.syncMs = 10
      await commit(7)
      files.syncMs = 0.5
      await commit()
    }
    expect(farCount()).toBe(0)
  })

  it('hands commits over once eight in a row took long, and lets go of its file', async () => {
    const { files, commit, farCount } = setUp()
    files.syncMs = 5
    await commit(8)
    expect(farCount()).toBe(0)
    await commit(2)
    expect(farCount()).toBe(2)
    expect(files.openCount).toBe(0)
  })

  it('tries the disk again after a while, and writes every byte once whoever wrote it', async () => {
    const { files, commit, content, farCount, releasedCount } = setUp()
    files.syncMs = 5
    await commit(10)
    const handedOver = farCount()
    files.syncMs = 0.1
    files.nowMs += 1000
    await commit(10)
    expect(farCount()).toBe(handedOver)
    expect(releasedCount()).toBe(1)
    expect(content()).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  it('closes its file and the way to the log thread', async () => {
    const { committer, commit, files, closedCount } = setUp()
    await commit()
    expect(files.openCount).toBe(1)
    await committer.close()
    expect([files.openCount, closedCount()]).toEqual([0, 1])
  })
})

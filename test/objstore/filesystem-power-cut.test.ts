// The filesystem bucket on a disk that keeps only what was synced.
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { FilesystemBucket } from '../../src/objstore/index.ts'
import { readWhole } from '../../src/tsdb/index.ts'
import { PowerCut, RecordingFiles, randomOf } from '../tsdb/recording-files.ts'
import { disk } from './recorded-disk.ts'

vi.mock('node:fs/promises', async () => (await import('./recorded-disk.ts')).recordedPromises)

const names = ['a/meta.json', 'a/chunks/1', 'b/meta.json', 'top']

async function contents(bucket: FilesystemBucket): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const { name } of bucket.list('', 'recursive'))
    found.set(name, Buffer.from(readWhole(disk.files, `/data/bucket/${name}`)).toString())
  return found
}

describe('the filesystem bucket over power cuts', () => {
  let random: () => number
  beforeEach(() => {
    random = randomOf(7)
  })

  it('keeps every object that was put or deleted whole, and what was under way is there or not', async () => {
    for (let round = 0; round < 300; round++) {
      disk.files = new RecordingFiles(random)
      disk.files.makeDirectory('/data')
      const bucket = new FilesystemBucket('/data/bucket')
      const known = new Map<string, string>()
      let underWay: { name: string; before: string | undefined; after: string | undefined }
      disk.files.operationsLeft = Math.floor(random() * 150)
      try {
        for (let step = 0; ; step++) {
          const name = names[Math.floor(random() * names.length)]!
          const after = random() < 0.3 ? undefined : `${step} `.repeat(Math.floor(random() * 800))
          underWay = { name, before: known.get(name), after }
          if (after === undefined) await bucket.delete(name)
          else if (random() < 0.2) {
            const isNew = await bucket.putIfAbsent(name, Buffer.from(after))
            expect(isNew).toBe(!known.has(name))
            if (!isNew) continue
          } else await bucket.put(name, Buffer.from(after))
          if (after === undefined) known.delete(name)
          else known.set(name, after)
        }
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error
      }
      disk.files = disk.files.afterPowerCut()
      const found = await contents(new FilesystemBucket('/data/bucket'))
      const { name, before, after } = underWay!
      expect([before, after]).toContain(found.get(name))
      found.delete(name)
      known.delete(name)
      expect(found).toEqual(known)
    }
  })

  it('keeps the directory of a new bucket, which is synced into those above it', async () => {
    disk.files = new RecordingFiles(random)
    disk.files.makeDirectory('/mnt')
    const sync = vi.spyOn(disk.files, 'syncDirectory')
    await new FilesystemBucket('/mnt/data/bucket').put('a/b', Buffer.from('x'))
    const synced = sync.mock.calls.map(([path]) => path)
    expect(synced.sort()).toEqual(['/mnt', '/mnt/data', '/mnt/data/bucket', '/mnt/data/bucket/a'])
    sync.mockClear()
    await new FilesystemBucket('/mnt/data/bucket').put('a/c', Buffer.from('x'))
    expect(sync.mock.calls.flat()).toEqual(['/mnt/data/bucket/a', '/mnt/data/bucket'])
  })
})

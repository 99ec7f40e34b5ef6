import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { FilesystemBucket, prefixedBucket, readObject } from '../../src/objstore/index.ts'
import { describeBucket } from './bucket-contract.ts'
import { MemoryBucket } from './memory-bucket.ts'

const folders: string[] = []
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'bucket-'))
  folders.push(path)
  return path
}
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true })
})

const sizes = { largeSizeBytes: 3_000_001, listCount: 120 }

describeBucket('in memory', async () => new MemoryBucket(), sizes)
describeBucket('in a directory', async () => new FilesystemBucket(folder()), sizes)
describeBucket(
  'below a prefix of a directory',
  async () => prefixedBucket(new FilesystemBucket(folder()), '/tenants/one/'),
  sizes,
)

describe('the filesystem bucket', () => {
  it('leaves neither unfinished files nor empty directories', async () => {
    const path = folder()
    const bucket = new FilesystemBucket(path)
    await bucket.put('a/b/c', Buffer.from('x'))
    await bucket.delete('a/b/c')
    expect(readdirSync(path)).toEqual([])
  })

  it('does not list an upload that a crash left unfinished, nor empty directories', async () => {
    const path = folder()
    writeFileSync(join(path, '.unfinished-1-1'), 'half')
    mkdirSync(join(path, 'empty/deep'), { recursive: true })
    const bucket = new FilesystemBucket(path)
    for (const depth of ['flat', 'recursive'] as const)
      for await (const entry of bucket.list('', depth)) expect.fail(entry.name)
  })

  it('removes what a crash left unfinished a day ago, and nothing that may still be written', async () => {
    const path = folder()
    const dayAgo = new Date(Date.now() - 86_400_000 - 60_000)
    writeFileSync(join(path, '.unfinished-1-1'), 'half')
    utimesSync(join(path, '.unfinished-1-1'), dayAgo, dayAgo)
    writeFileSync(join(path, '.unfinished-2-1'), 'another process writes this')
    writeFileSync(join(path, 'old'), 'an object')
    utimesSync(join(path, 'old'), dayAgo, dayAgo)
    const bucket = new FilesystemBucket(path)
    await bucket.put('new', Buffer.from('x'))
    expect(readdirSync(path).sort()).toEqual(['.unfinished-2-1', 'new', 'old'])
  })

  it('does not look above its directory', async () => {
    const path = folder()
    writeFileSync(join(path, 'secret'), 'x')
    const bucket = new FilesystemBucket(join(path, 'bucket'))
    for await (const entry of bucket.list('../', 'flat')) expect.fail(entry.name)
    await expect(bucket.get('../secret')).rejects.toMatchObject({ code: 'bad_data' })
  })

  it('puts and deletes in one directory at the same time', async () => {
    const bucket = new FilesystemBucket(folder())
    const rounds = Array.from({ length: 100 }, async (_, i) => {
      await bucket.put(`shared/${i}`, Buffer.from('x'))
      if (i % 3 !== 0) await bucket.delete(`shared/${i}`)
    })
    await Promise.all(rounds)
    let count = 0
    for await (const _ of bucket.list('shared/', 'flat')) count++
    expect(count).toBe(34)
  })
})

describe('a prefixed bucket', () => {
  it('is the bucket itself where the prefix is nothing but slashes', () => {
    const bucket = new MemoryBucket()
    expect(prefixedBucket(bucket, '//')).toBe(bucket)
  })

  it('keeps its objects below the prefix', async () => {
    const bucket = new MemoryBucket()
    const part = prefixedBucket(bucket, 'a/b')
    await part.put('x', Buffer.from('1'))
    await bucket.put('a/bx', Buffer.from('2'))
    expect([...bucket.objects.keys()]).toEqual(['a/b/x', 'a/bx'])
    const names: string[] = []
    for await (const entry of part.list('', 'recursive')) names.push(entry.name)
    expect(names).toEqual(['x'])
    expect(Buffer.from(await readObject(part, 'x')).toString()).toBe('1')
  })
})

// A journal's copy in a bucket.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  Journal,
  type JournalEvent,
  JournalMirror,
  journalDefaults,
} from '../../src/journal/index.ts'
import { readWhole, writeWhole } from '../../src/journal/journal-files.ts'
import { FilesystemBucket } from '../../src/objstore/index.ts'
import { RecordingFiles, randomOf } from '../tsdb/recording-files.ts'

const directory = '/data/journal'
const onDamage = (message: string): void => {
  throw new Error(message)
}

let place: string
let bucket: FilesystemBucket

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'mirror-'))
  bucket = new FilesystemBucket(place)
})

afterEach(() => rm(place, { recursive: true, force: true }))

function opened(files: RecordingFiles): Journal<JournalEvent> {
  const bounds = { segmentSizeBytesMax: 200, countMax: 12 }
  return Journal.open({ ...journalDefaults, ...bounds, directory, files, onDamage })
}

const event = { atMs: 1000, text: 'something of some length' }

test('a journal whose disk is lost goes on from its copy', async () => {
  const files = new RecordingFiles(randomOf(1))
  const journal = opened(files)
  const mirror = new JournalMirror(bucket, files, directory)
  for (let i = 0; i < 20; i++) journal.append([event])
  await mirror.copy()
  journal.append([event, event])
  journal.writeState(new Uint8Array([7]), 0)
  await mirror.copy()
  journal.append([event])
  const fresh = new RecordingFiles(randomOf(2))
  expect(await new JournalMirror(bucket, fresh, directory).restore()).toBe(true)
  const again = opened(fresh)
  expect([again.oldestId, again.newestId]).toEqual([journal.oldestId, 22])
  expect(again.state).toEqual({ id: 22, bytes: new Uint8Array([7]) })
  expect(again.append([event]).map(({ id }) => id)).toEqual([23])
})

test('segments that went here go there', async () => {
  const files = new RecordingFiles(randomOf(1))
  const journal = opened(files)
  const mirror = new JournalMirror(bucket, files, directory)
  for (let i = 0; i < 30; i++) journal.append([event])
  await mirror.copy()
  journal.writeState(new Uint8Array([7]), 0)
  await mirror.copy()
  const names: string[] = []
  for await (const { name } of bucket.list('', 'recursive')) names.push(name)
  expect(names.sort()).toEqual(files.list(directory))
})

test('a journal that is there is never overwritten, and no copy is none', async () => {
  const files = new RecordingFiles(randomOf(1))
  expect(await new JournalMirror(bucket, files, directory).restore()).toBe(false)
  const journal = opened(files)
  journal.append([event])
  await new JournalMirror(bucket, files, directory).copy()
  journal.append([event])
  expect(await new JournalMirror(bucket, files, directory).restore()).toBe(false)
  expect(journal.newestId).toBe(2)
})

test('checkpoints beside the journal come back with it, and never know more than it', async () => {
  const files = new RecordingFiles(randomOf(1))
  const journal = opened(files)
  const folders = ['/data', '/data/decisions']
  const put = (folder: string, name: string, text: string): void => {
    files.makeDirectory(folder)
    writeWhole(files, folder, name, new TextEncoder().encode(text))
  }
  const textOf = (from: RecordingFiles, path: string): string =>
    new TextDecoder().decode(readWhole(from, path))
  const order: string[] = []
  const noted = new (class extends FilesystemBucket {
    override put(...args: Parameters<FilesystemBucket['put']>): Promise<void> {
      order.push(args[0])
      return super.put(...args)
    }
  })(place)
  const mirror = new JournalMirror(noted, files, directory, folders)
  journal.append([event])
  put('/data', 'memberships.json', '{"newestId":1}')
  put('/data/decisions', 'local.json', '[1]')
  put('/data', 'other.txt', 'not ours')
  await mirror.copy()
  await mirror.copy()
  expect(order.slice(-2)).toEqual([
    'checkpoints/memberships.json',
    'checkpoints/decisions/local.json',
  ])
  expect(order).toHaveLength(3)
  put('/data', 'memberships.json', '{"newestId":2}')
  await mirror.copy()
  expect(order.slice(3)).toEqual(['checkpoints/memberships.json'])
  const fresh = new RecordingFiles(randomOf(2))
  expect(await new JournalMirror(bucket, fresh, directory, folders).restore()).toBe(true)
  expect(opened(fresh).newestId).toBe(1)
  expect(textOf(fresh, '/data/memberships.json')).toBe('{"newestId":2}')
  expect(textOf(fresh, '/data/decisions/local.json')).toBe('[1]')
})

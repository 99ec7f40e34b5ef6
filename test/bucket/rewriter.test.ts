import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Deletions, deletionsFileName } from '../../src/bucket/index.ts'
import type { Matcher } from '../../src/model/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { type BlockMeta, parseBlockMeta } from '../../src/tsdb/index.ts'
import { MemoryBucket } from '../objstore/memory-bucket.ts'
import { temporaryDirectory } from '../tsdb/block/block-fixtures.ts'
import { RecordingFiles, randomOf } from '../tsdb/recording-files.ts'
import {
  answerOf,
  deleteLocal,
  hourMs,
  openStorage,
  type Storage,
  someSeries,
  writeBlockOf,
} from './bucket-fixtures.ts'

const go = new AbortController().signal
const up: readonly Matcher[] = [{ type: '=', name: '__name__', value: 'up' }]
const load: readonly Matcher[] = [{ type: '=', name: '__name__', value: 'load' }]
/** The middle of the first chunk of each series of the window that starts at 2 h. */
const middle = { minTimeMs: 2 * hourMs + 60_000, maxTimeMs: 2 * hourMs + 200_000 }

function wholeBlocks(bucket: MemoryBucket): string[] {
  const names = [...bucket.objects.keys()].filter((name) => name.endsWith('/meta.json'))
  return names.map((name) => name.split('/')[0]!).sort()
}

function metaIn(bucket: MemoryBucket, ulid: string): BlockMeta {
  const { bytes } = bucket.objects.get(`${ulid}/meta.json`)!
  return parseBlockMeta(Buffer.from(bytes).toString('utf8'), ulid)
}

/** As the gateway does it: local blocks first, then those of the bucket. */
async function deleteSeries(
  { local, deletions }: Storage,
  matchers: readonly Matcher[],
  range = middle,
): Promise<void> {
  await local.deleteSeries('a', matchers, range, neverCancelled)
  deletions.add('a', { matchers, ...range, createdMs: Date.now() })
}

async function shipped(
  bucket: MemoryBucket,
  opened: Storage | (() => number) = Date.now,
): Promise<Storage> {
  const storage =
    typeof opened === 'function'
      ? await openStorage(bucket, temporaryDirectory(), { nowMs: opened })
      : opened
  for (const window of [2, 4]) await writeBlockOf(storage, 'a', window, someSeries(window, 6))
  expect(await storage.shipper.shipOnce(go)).toBe(true)
  await storage.found.refresh(go)
  return storage
}

describe('samples that are deleted after their block was shipped', () => {
  test('stay away once the local block is gone, at once and after a restart', async () => {
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket)
    const whole = await answerOf(storage.local, { tenants: ['a'] })
    await deleteSeries(storage, up)
    const expected = await answerOf(storage.local, { tenants: ['a'] })
    expect(expected).not.toEqual(whole)
    expect(await answerOf(storage.withoutLocal, { tenants: ['a'] })).toEqual(expected)
    await deleteLocal(storage)
    expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
    const again = await openStorage(bucket, storage.directory)
    await again.found.refresh(go)
    expect(await answerOf(again.bucketSeries, { tenants: ['a'] })).toEqual(expected)
  })

  test('are rewritten away: the new block is whole before the old one is marked, and that goes meta first', async () => {
    let nowMs = Date.now()
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket, () => nowMs)
    const [old, untouched] = wholeBlocks(bucket)
    await deleteSeries(storage, up)
    const expected = await answerOf(storage.local, { tenants: ['a'] })
    await deleteLocal(storage)
    const steps: string[] = []
    bucket.fail = (operation, name) => {
      if (operation === 'put' || operation === 'delete') steps.push(`${operation} ${name}`)
    }
    expect(await storage.rewriter.rewriteOnce(go)).toBe(true)
    const fresh = wholeBlocks(bucket).find((ulid) => ulid !== old && ulid !== untouched)!
    const files = ['chunks/000001', 'index', 'meta.json'].map((file) => `put ${fresh}/${file}`)
    expect(steps.slice(-4)).toEqual([...files, `put ${old}/deletion-mark.json`])
    expect(storage.found.blocksOf('a').map(({ ulid }) => ulid)).toEqual([fresh, untouched])
    expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
    const { thanos, compaction } = metaIn(bucket, fresh)
    expect(compaction.sources).toEqual([fresh])
    expect(thanos).toMatchObject({
      labels: { crowsnest: 'test', tenant_id: 'a' },
      source: 'bucket.rewrite',
      rewrites: [
        {
          sources: [old],
          deletions_applied: [
            {
              matchers: [{ Type: 0, Name: '__name__', Value: 'up' }],
              intervals: [{ Mint: middle.minTimeMs, Maxt: middle.maxTimeMs }],
            },
          ],
        },
      ],
    })
    expect(await storage.rewriter.rewriteOnce(go)).toBe(true)
    expect(wholeBlocks(bucket)).toContain(old)
    steps.length = 0
    nowMs += 1000
    expect(await storage.rewriter.rewriteOnce(go)).toBe(true)
    expect(steps[0]).toBe(`delete ${old}/meta.json`)
    expect(steps.at(-1)).toBe(`delete ${old}/deletion-mark.json`)
    expect([...bucket.objects.keys()].filter((name) => name.startsWith(old!))).toEqual([])
    await storage.found.refresh(go)
    expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
    nowMs += 86_400_000
    await storage.rewriter.rewriteOnce(go)
    expect(storage.deletions.tenants()).toEqual([])
    expect(wholeBlocks(bucket)).toEqual([untouched, fresh].sort())
  })

  test('leave no block where none of its samples is left', async () => {
    let nowMs = Date.now()
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket, () => nowMs)
    const all: readonly Matcher[] = [{ type: '=~', name: '__name__', value: '.+' }]
    await deleteSeries(storage, all, { minTimeMs: 2 * hourMs, maxTimeMs: 4 * hourMs - 1 })
    await deleteLocal(storage)
    await storage.rewriter.rewriteOnce(go)
    nowMs += 1000
    await storage.rewriter.rewriteOnce(go)
    expect(wholeBlocks(bucket).length).toBe(1)
    const answer = await answerOf(storage.bucketSeries, { tenants: ['a'] })
    const times = [...answer.series.values()].flatMap((samples) => samples.map(([t]) => t))
    expect(Math.min(...times)).toBeGreaterThanOrEqual(4 * hourMs)
  })

  test('lead to one block in place of each old one, wherever the process dies or the bucket fails', async () => {
    for (let failAt = 0, done = false; !done; failAt++) {
      let nowMs = Date.now()
      const bucket = new MemoryBucket()
      let storage = await shipped(bucket, () => nowMs)
      await deleteSeries(storage, up)
      const expected = await answerOf(storage.local, { tenants: ['a'] })
      await deleteLocal(storage)
      let calls = 0
      bucket.fail = () => {
        if (calls++ === failAt) throw new Error('the process dies')
      }
      done = await storage.rewriter.rewriteOnce(go)
      nowMs += 1000
      done = (await storage.rewriter.rewriteOnce(go)) && done
      bucket.fail = undefined
      expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
      storage = await openStorage(bucket, storage.directory, { nowMs: () => nowMs })
      await storage.found.refresh(go)
      expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
      for (let round = 0; round < 3; round++) {
        nowMs += 1000
        expect(await storage.rewriter.rewriteOnce(go)).toBe(true)
      }
      await storage.found.refresh(go)
      expect(wholeBlocks(bucket).length).toBe(2)
      const blocks = new Set([...bucket.objects.keys()].map((name) => name.split('/')[0]))
      expect(blocks.size).toBe(2)
      expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
    }
  })

  test('stay away and lead to one block in place of each old one over power cuts of the disk that knows of them', async () => {
    const random = randomOf(11)
    for (let left = 0, isWhole = false; !isWhole; left++) {
      let nowMs = Date.now()
      const bucket = new MemoryBucket()
      const directory = temporaryDirectory()
      let deletionFiles = new RecordingFiles(random)
      const open = () => openStorage(bucket, directory, { nowMs: () => nowMs, deletionFiles })
      let storage = await shipped(bucket, await open())
      await deleteSeries(storage, up)
      const expected = await answerOf(storage.local, { tenants: ['a'] })
      await deleteLocal(storage)
      deletionFiles.operationsLeft = left
      for (let round = 0; round < 2; round++) {
        await storage.rewriter.rewriteOnce(go)
        nowMs += 1000
      }
      isWhole = !deletionFiles.isDown
      deletionFiles = deletionFiles.afterPowerCut()
      storage = await open()
      await storage.found.refresh(go)
      expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
      for (let round = 0; round < 3; round++) {
        nowMs += 1000
        expect(await storage.rewriter.rewriteOnce(go)).toBe(true)
      }
      await storage.found.refresh(go)
      const blocks = new Set([...bucket.objects.keys()].map((name) => name.split('/')[0]))
      expect(blocks.size).toBe(2)
      expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
    }
  })

  test('may be written again: blocks that are made later keep them', async () => {
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket)
    await deleteSeries(storage, up)
    const expected = await answerOf(storage.local, { tenants: ['a'] })
    await writeBlockOf(storage, 'a', 2, someSeries(2, 6))
    await storage.shipper.shipOnce(go)
    await deleteLocal(storage)
    await storage.rewriter.rewriteOnce(go)
    const answer = await answerOf(storage.bucketSeries, { tenants: ['a'] })
    expect(answer).not.toEqual(expected)
    const times = [...answer.series.values()].flatMap((samples) => samples.map(([t]) => t))
    expect(times.some((t) => t >= middle.minTimeMs && t <= middle.maxTimeMs)).toBe(true)
  })

  test('are never shipped, neither by a block that waits nor by one on its way', async () => {
    for (const when of ['before', 'during'] as const) {
      const bucket = new MemoryBucket()
      const storage = await openStorage(bucket)
      const ulid = await writeBlockOf(storage, 'a', 2, someSeries(2, 6))
      let deleting: Promise<void> | undefined
      if (when === 'before') {
        bucket.fail = (operation, name) => {
          if (operation === 'put' && name.endsWith('/index')) throw new Error('broken off')
        }
        expect(await storage.shipper.shipOnce(go)).toBe(false)
        await deleteSeries(storage, up)
        bucket.fail = undefined
      } else
        bucket.fail = (operation, name) => {
          if (operation === 'put' && name.endsWith('/index')) deleting ??= deleteSeries(storage, up)
        }
      expect(await storage.shipper.shipOnce(go)).toBe(true)
      await deleting
      const expected = await answerOf(storage.local, { tenants: ['a'] })
      await storage.found.refresh(go)
      expect(await answerOf(storage.withoutLocal, { tenants: ['a'] })).toEqual(expected)
      await storage.rewriter.rewriteOnce(go)
      await deleteLocal(storage)
      expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
      if (when === 'before') {
        // What the broken upload left is gone, and what was shipped needs no rewriting.
        expect([...bucket.objects.keys()].some((name) => name.startsWith(ulid))).toBe(false)
        expect(wholeBlocks(bucket).length).toBe(1)
        expect(storage.deletions.rewrites('a')).toEqual([])
      }
    }
  })

  test('are hidden by every deletion of several, and rewritten once', async () => {
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket)
    await deleteSeries(storage, up)
    await deleteSeries(storage, load, { minTimeMs: 0, maxTimeMs: 2 * hourMs + 30_000 })
    const expected = await answerOf(storage.local, { tenants: ['a'] })
    await deleteLocal(storage)
    expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
    await storage.rewriter.rewriteOnce(go)
    expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(expected)
    expect(wholeBlocks(bucket).length).toBe(3)
  })
})

describe('the record of deletions', () => {
  test('is bounded, and says what to do', () => {
    const deletions = new Deletions(temporaryDirectory(), { countMax: 1 })
    const deletion = { matchers: up, minTimeMs: 0, maxTimeMs: 1, createdMs: 5 }
    deletions.add('a', deletion)
    expect(() => deletions.add('a', deletion)).toThrow(/1 deletions are under way.*tenant a.*wait/)
    deletions.add('b', deletion)
  })

  test('that cannot be read stops the start rather than bring deleted samples back', () => {
    const directory = temporaryDirectory()
    const deletions = new Deletions(directory)
    deletions.add('a', { matchers: up, minTimeMs: 0, maxTimeMs: 1, createdMs: 5 })
    const path = join(directory, 'a', deletionsFileName)
    expect(existsSync(path)).toBe(true)
    writeFileSync(path, readFileSync(path).subarray(0, 40))
    expect(() => new Deletions(directory)).toThrow(/deletions\.json is corrupt/)
  })
})

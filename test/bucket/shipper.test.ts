import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCovered, planUploads, shipperFileName } from '../../src/bucket/index.ts'
import { UserError } from '../../src/model/index.ts'
import { FilesystemBucket } from '../../src/objstore/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { type BlockMeta, mergeRangesMs, parseBlockMeta } from '../../src/tsdb/index.ts'
import { MemoryBucket } from '../objstore/memory-bucket.ts'
import { temporaryDirectory } from '../tsdb/block/block-fixtures.ts'
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

function metaIn(bucket: MemoryBucket, ulid: string): BlockMeta {
  const { bytes } = bucket.objects.get(`${ulid}/meta.json`)!
  return parseBlockMeta(Buffer.from(bytes).toString('utf8'), ulid)
}

function blocksIn(bucket: MemoryBucket): string[] {
  const names = [...bucket.objects.keys()].filter((name) => name.endsWith('/meta.json'))
  return names.map((name) => name.split('/')[0]!).sort()
}

async function metricOf({ metrics }: Storage, name: string): Promise<number> {
  const line = (await metrics.expose()).split('\n').find((text) => text.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}

describe('the shipper', () => {
  test('uploads chunks, then the index, then meta.json, oldest blocks of all tenants first', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    const late = await writeBlockOf(storage, 'a', 2, someSeries(2, 3))
    const early = await writeBlockOf(storage, 'b', 0, someSeries(0, 3))
    const puts: string[] = []
    bucket.fail = (operation, name) => {
      if (operation === 'put') puts.push(name)
    }
    expect(await storage.shipper.shipOnce(go)).toBe(true)
    const files = ['chunks/000001', 'index', 'meta.json']
    expect(puts).toEqual([early, late].flatMap((ulid) => files.map((file) => `${ulid}/${file}`)))
    puts.length = 0
    expect(await storage.shipper.shipOnce(go)).toBe(true)
    expect(puts).toEqual([])
    expect(await metricOf(storage, 'thanos_shipper_uploads_total')).toBe(2)
  })

  test('writes the section that Thanos reads', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    const ulid = await writeBlockOf(storage, 'a', 2, someSeries(2, 3))
    await storage.shipper.shipOnce(go)
    const { thanos, ...rest } = metaIn(bucket, ulid)
    const local = storage.local.blocksOf('a')[0]!.meta
    expect(rest).toEqual({ ...local, thanos: undefined })
    const sizeOf = (name: string) => bucket.objects.get(`${ulid}/${name}`)!.bytes.length
    expect(thanos).toMatchObject({
      labels: { crowsnest: 'test', tenant_id: 'a' },
      downsampleResolutionMs: 0,
      source: 'receive',
      files: [
        { relPath: 'chunks/000001', sizeBytes: sizeOf('chunks/000001') },
        { relPath: 'index', sizeBytes: sizeOf('index') },
        { relPath: 'meta.json' },
      ],
    })
    expect(thanos!.indexStats.chunkSizeBytesMax).toBeGreaterThan(0)
    expect(Math.abs(Date.now() - thanos!.uploadTimeMs!)).toBeLessThan(60_000)
    const text = Buffer.from(bucket.objects.get(`${ulid}/meta.json`)!.bytes).toString('utf8')
    expect(text).toMatch(/"upload_time": "\d{4}-\d\d-\d\dT[\d:.]+Z"/)
    const record = readFileSync(join(storage.local.directoryOf('a'), shipperFileName), 'utf8')
    expect(JSON.parse(record)).toEqual({ version: 1, uploaded: [ulid] })
  })

  test('tries for as long as the bucket is away, says so, and loses nothing', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    await writeBlockOf(storage, 'a', 0, someSeries(0, 3))
    await writeBlockOf(storage, 'a', 2, someSeries(2, 3))
    const before = await answerOf(storage.local, { tenants: ['a'] })
    let calls = 0
    bucket.fail = () => {
      calls++
      throw new UserError('unavailable', { what: 'no route to the store' })
    }
    const stop = new AbortController()
    const running = storage.shipper.run(stop.signal)
    while (calls < 4) await sleep(5)
    expect(storage.shipper.status).toMatchObject({
      pendingCount: 2,
      pendingMinTimeMs: 0,
      lastSuccessMs: undefined,
      lastError: expect.stringContaining('no route to the store'),
    })
    expect(storage.shipper.status.failureCount).toBeGreaterThanOrEqual(3)
    expect(await metricOf(storage, 'thanos_shipper_upload_failures_total')).toBeGreaterThan(2)
    expect(await metricOf(storage, 'crowsnest_shipper_pending_blocks')).toBe(2)
    expect(await deleteLocal(storage)).toBe(0)
    bucket.fail = undefined
    while (storage.shipper.status.pendingCount > 0) await sleep(5)
    stop.abort()
    await running
    expect(storage.shipper.status).toMatchObject({ failureCount: 0, lastError: undefined })
    expect(blocksIn(bucket).length).toBe(2)
    expect(await deleteLocal(storage)).toBe(2)
    await storage.found.refresh(go)
    expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(before)
  })

  test('overwrites what an upload left that broke off anywhere', async () => {
    for (let failAt = 0; failAt < 5; failAt++) {
      const bucket = new MemoryBucket()
      const storage = await openStorage(bucket)
      const ulid = await writeBlockOf(storage, 'a', 0, someSeries(0, 3))
      let calls = 0
      bucket.fail = () => {
        if (calls++ === failAt) throw new Error('the connection broke')
      }
      const good = await storage.shipper.shipOnce(go)
      expect(good).toBe(failAt >= 4)
      if (!good) {
        await storage.found.refresh(go)
        expect((await answerOf(storage.withoutLocal, { tenants: ['a'] })).series.size).toBe(0)
      }
      expect(await storage.shipper.shipOnce(go)).toBe(true)
      expect(blocksIn(bucket)).toEqual([ulid])
    }
  })

  test('goes on with other blocks where one cannot be shipped', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    const bad = await writeBlockOf(storage, 'a', 0, someSeries(0, 3))
    const good = await writeBlockOf(storage, 'a', 2, someSeries(2, 3))
    rmSync(join(storage.local.directoryOf('a'), bad, 'index'))
    expect(await storage.shipper.shipOnce(go)).toBe(false)
    expect(blocksIn(bucket)).toEqual([good])
    expect(storage.shipper.status.pendingCount).toBe(1)
  })

  test('finishes an upload whose block is merged away meanwhile', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    const ulid = await writeBlockOf(storage, 'a', 0, someSeries(0, 3))
    bucket.fail = (operation, name) => {
      if (operation === 'put' && name.endsWith('/000001'))
        rmSync(join(storage.local.directoryOf('a'), ulid), { recursive: true })
    }
    expect(await storage.shipper.shipOnce(go)).toBe(true)
    expect(blocksIn(bucket)).toEqual([ulid])
  })

  test('does not ship again what was merged from shipped blocks, not even without its record', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    for (const window of [0, 2, 4, 6])
      await writeBlockOf(storage, 'a', window, someSeries(window, 3))
    const ranges = mergeRangesMs(15 * 24 * hourMs)
    expect(await storage.local.mergeNext('a', ranges, neverCancelled)).toBe(false)
    await storage.shipper.shipOnce(go)
    const before = blocksIn(bucket)
    expect(await storage.local.mergeNext('a', ranges, neverCancelled)).toBe(true)
    expect(storage.local.blocksOf('a').length).toBe(2)
    expect(await storage.shipper.shipOnce(go)).toBe(true)
    expect(blocksIn(bucket)).toEqual(before)
    const whole = await answerOf(storage.local, { tenants: ['a'] })
    expect((await answerOf(storage.bucketSeries, { tenants: ['a'] })).series.size).toBe(0)
    await storage.local.close()
    rmSync(join(storage.directory, 'blocks', 'a', shipperFileName))
    const again = await openStorage(bucket, storage.directory)
    expect(await again.shipper.shipOnce(go)).toBe(true)
    expect(blocksIn(bucket)).toEqual(before)
    await again.found.refresh(go)
    expect(await deleteLocal(again)).toBe(2)
    expect(await answerOf(again.bucketSeries, { tenants: ['a'] })).toEqual(whole)
  })

  test('finds in the bucket what it shipped before it lost its record or could not write it', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    await writeBlockOf(storage, 'a', 0, someSeries(0, 3))
    await storage.shipper.shipOnce(go)
    await storage.local.close()
    const tenantDirectory = join(storage.directory, 'blocks', 'a')
    writeFileSync(join(tenantDirectory, shipperFileName), '{"version":1,"upl')
    const again = await openStorage(bucket, storage.directory)
    bucket.fail = (operation) => {
      if (operation === 'put') throw new Error('nothing is to be written')
    }
    expect(await again.shipper.shipOnce(go)).toBe(true)
    expect(again.record.isShipped('a', again.local.blocksOf('a')[0]!.meta)).toBe(true)
  })

  test('ships to a directory as well, and stops in the middle when it is told to', async () => {
    const bucket = new FilesystemBucket(temporaryDirectory())
    const storage = await openStorage(bucket)
    await writeBlockOf(storage, 'a', 0, someSeries(0, 3))
    const stopped = new AbortController()
    stopped.abort()
    expect(await storage.shipper.shipOnce(stopped.signal)).toBe(false)
    const before = await answerOf(storage.local, { tenants: ['a'] })
    expect(await storage.shipper.shipOnce(go)).toBe(true)
    await deleteLocal(storage)
    await storage.found.refresh(go)
    expect(await answerOf(storage.bucketSeries, { tenants: ['a'] })).toEqual(before)
  })
})

describe('the plan of uploads', () => {
  const meta = (ulid: string, sources: readonly string[], sampleCount: number, minTimeMs = 0) =>
    ({
      ulid,
      minTimeMs,
      maxTimeMs: minTimeMs + 1,
      stats: { sampleCount },
      compaction: { level: 1, sources, parents: [], deletable: false, failed: false, hints: [] },
    }) as unknown as BlockMeta

  test('leaves out blocks without samples and those whose parts are all there', () => {
    const blocks = [
      meta('E', ['E'], 0),
      meta('C', ['A', 'B'], 5),
      meta('D', ['A', 'X'], 5, 7),
      meta('N', ['N'], 5, 3),
      meta('A', ['A'], 5),
    ]
    const shipped = new Set(['A', 'B'])
    expect(planUploads(blocks, shipped).map(({ ulid }) => ulid)).toEqual(['N', 'D'])
  })

  test('after everything planned is shipped, covers every block and is empty', () => {
    const name = fc.constantFrom(...'ABCDEFGH')
    const block = fc.record({
      ulid: name,
      sources: fc.uniqueArray(name, { minLength: 1 }),
      count: fc.nat(3),
    })
    fc.assert(
      fc.property(fc.array(block), fc.uniqueArray(name), (blocks, before) => {
        const metas = blocks.map(({ ulid, sources, count }) => meta(ulid, sources, count))
        const shipped = new Set(before)
        for (const { ulid, compaction } of planUploads(metas, shipped))
          for (const each of [ulid, ...compaction.sources]) shipped.add(each)
        expect(planUploads(metas, shipped)).toEqual([])
        expect(metas.every((each) => isCovered(each, shipped))).toBe(true)
      }),
    )
  })
})

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BucketBlocks, type BucketBlocksOptions, chooseBlocks } from '../../src/bucket/index.ts'
import { UserError } from '../../src/model/index.ts'
import { Metrics } from '../../src/telemetry/index.ts'
import { type BlockMeta, createUlidFactory, formatBlockMeta } from '../../src/tsdb/index.ts'
import { MemoryBucket } from '../objstore/memory-bucket.ts'
import { temporaryDirectory } from '../tsdb/block/block-fixtures.ts'
import { hourMs, log } from './bucket-fixtures.ts'

const go = new AbortController().signal
const nowMs = 1_700_000_000_000
const nextUlid = createUlidFactory(() => nowMs)
const rules = { tenantLabel: 'tenant_id', ignoreDeletionMarksDelayMs: 24 * hourMs }

function metaOf(parts: {
  ulid?: string
  sources?: readonly string[]
  labels?: Record<string, string>
  resolutionMs?: number
  minTimeMs?: number
}): BlockMeta {
  const { ulid = nextUlid(), minTimeMs = 0, labels = { tenant_id: 't' } } = parts
  return {
    ulid,
    minTimeMs,
    maxTimeMs: minTimeMs + 2 * hourMs,
    stats: {
      sampleCount: 1,
      floatSampleCount: 1,
      histogramSampleCount: 0,
      seriesCount: 1,
      chunkCount: 1,
      tombstoneCount: 0,
    },
    compaction: {
      level: 1,
      sources: parts.sources ?? [ulid],
      parents: [],
      deletable: false,
      failed: false,
      hints: [],
    },
    thanos: {
      labels,
      downsampleResolutionMs: parts.resolutionMs ?? 0,
      source: 'receive',
      segmentFiles: [],
      files: [],
      indexStats: { seriesSizeBytesMax: 0, chunkSizeBytesMax: 0 },
    },
  }
}

function open(bucket: MemoryBucket, options: Partial<BucketBlocksOptions> = {}): BucketBlocks {
  return new BucketBlocks({
    ...rules,
    bucket,
    cacheDirectory: temporaryDirectory(),
    intervalMs: 10,
    log,
    metrics: new Metrics(),
    nowMs: () => nowMs,
    ...options,
  })
}

async function put(bucket: MemoryBucket, meta: BlockMeta): Promise<string> {
  await bucket.put(`${meta.ulid}/index`, Buffer.from('index'))
  await bucket.put(`${meta.ulid}/meta.json`, Buffer.from(formatBlockMeta(meta)))
  return meta.ulid
}

describe('the blocks of a bucket', () => {
  test('are those with a readable meta.json, by tenant, oldest first', async () => {
    const bucket = new MemoryBucket()
    const late = await put(bucket, metaOf({ minTimeMs: 4 * hourMs }))
    const early = await put(bucket, metaOf({}))
    const other = await put(bucket, metaOf({ labels: { tenant_id: 'other' } }))
    await bucket.put(`${nextUlid()}/index`, Buffer.from('unfinished'))
    await bucket.put(`${nextUlid()}/meta.json`, Buffer.from('{"version":2}'))
    await put(bucket, metaOf({ labels: { cluster: 'somebody else' } }))
    await put(bucket, metaOf({ resolutionMs: 300_000 }))
    await bucket.put('debug/metas/x.json', Buffer.from('{}'))
    const blocks = open(bucket)
    expect(await blocks.refresh(go)).toBe(true)
    expect(blocks.tenants()).toEqual(['other', 't'])
    expect(blocks.blocksOf('t').map(({ ulid }) => ulid)).toEqual([early, late])
    expect(blocks.blocksOf('other').map(({ ulid }) => ulid)).toEqual([other])
    expect(blocks.status.counts).toEqual({
      loaded: 3,
      'no-meta-json': 1,
      'corrupted-meta-json': 1,
      'marked-for-deletion': 0,
      duplicate: 0,
      downsampled: 1,
      'no-tenant': 1,
    })
    expect(blocks.warnings()).toEqual([])
  })

  test('marked for deletion are read for another day; a mark that is no JSON is none', async () => {
    const bucket = new MemoryBucket()
    const ages = [0, 24 * hourMs, 24 * hourMs + 1000]
    const ulids: string[] = []
    for (const ageMs of ages) {
      const ulid = await put(bucket, metaOf({}))
      const mark = { id: ulid, version: 1, deletion_time: (nowMs - ageMs) / 1000 }
      await bucket.put(`${ulid}/deletion-mark.json`, Buffer.from(JSON.stringify(mark)))
      ulids.push(ulid)
    }
    const odd = await put(bucket, metaOf({}))
    await bucket.put(`${odd}/deletion-mark.json`, Buffer.from('{'))
    const blocks = open(bucket)
    await blocks.refresh(go)
    expect(blocks.blocksOf('t').map(({ ulid }) => ulid)).toEqual([ulids[0], ulids[1], odd])
  })

  test('stay as they were while the bucket cannot be listed, and answers say so', async () => {
    const bucket = new MemoryBucket()
    const ulid = await put(bucket, metaOf({}))
    const blocks = open(bucket)
    expect(blocks.warnings()).toEqual(['the bucket has not been listed yet'])
    await blocks.refresh(go)
    bucket.fail = () => {
      throw new UserError('unavailable', { what: 'no route to the store' })
    }
    expect(await blocks.refresh(go)).toBe(false)
    expect(blocks.blocksOf('t').map((meta) => meta.ulid)).toEqual([ulid])
    expect(blocks.warnings()).toEqual([
      'the bucket could not be listed (last at 2023-11-14T22:13:20.000Z): no route to the store',
    ])
    bucket.fail = undefined
    expect(await blocks.refresh(go)).toBe(true)
    expect(blocks.warnings()).toEqual([])
  })

  test('have their metas kept on disk, and forgotten with them', async () => {
    const bucket = new MemoryBucket()
    const ulid = await put(bucket, metaOf({}))
    const cacheDirectory = temporaryDirectory()
    await open(bucket, { cacheDirectory }).refresh(go)
    let gets = 0
    bucket.fail = (operation) => {
      if (operation === 'get') gets++
    }
    const again = open(bucket, { cacheDirectory })
    await again.refresh(go)
    expect(gets).toBe(0)
    expect(again.blocksOf('t').map((meta) => meta.ulid)).toEqual([ulid])
    writeFileSync(join(cacheDirectory, 'meta-syncer', ulid, 'meta.json'), '{"torn')
    await open(bucket, { cacheDirectory }).refresh(go)
    expect(gets).toBe(1)
    for (const name of [...bucket.objects.keys()]) bucket.objects.delete(name)
    await again.refresh(go)
    expect(again.blocksOf('t')).toEqual([])
    expect(readdirSync(join(cacheDirectory, 'meta-syncer'))).toEqual([])
    expect(existsSync(join(cacheDirectory, ulid))).toBe(false)
  })

  test('include one that was just uploaded, even when a look began before', async () => {
    const bucket = new MemoryBucket()
    const blocks = open(bucket)
    const meta = metaOf({})
    let looked = false
    bucket.fail = () => {
      if (!looked) blocks.add(meta)
      looked = true
    }
    await blocks.refresh(go)
    expect(blocks.blocksOf('t')).toEqual([meta])
  })
})

describe('a block', () => {
  test('whose sources another one has is a duplicate; of equal ones the first is kept', () => {
    const [a, b] = [metaOf({ ulid: 'A' }), metaOf({ ulid: 'B' })]
    const both = metaOf({ ulid: 'C', sources: ['A', 'B'] })
    const twin = metaOf({ ulid: 'D', sources: ['B', 'A'] })
    const found = [twin, b, both, a].map((meta) => ({ ulid: meta.ulid, meta }))
    const { byTenant, counts } = chooseBlocks(found, rules, nowMs)
    expect(byTenant.get('t')).toEqual([both])
    expect(counts).toMatchObject({ loaded: 1, duplicate: 3 })
  })

  test('is chosen so that every source is covered, and no choice covers another', () => {
    const source = fc.constantFrom(...'ABCDEF')
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(source, { minLength: 1 })), (lists) => {
        const metas = lists.map((sources, i) => metaOf({ ulid: `U${i}`, sources }))
        const found = metas.map((meta) => ({ ulid: meta.ulid, meta }))
        const kept = chooseBlocks(found, rules, nowMs).byTenant.get('t') ?? []
        const covers = (a: BlockMeta, b: BlockMeta) =>
          b.compaction.sources.every((each) => a.compaction.sources.includes(each))
        for (const meta of metas) expect(kept.some((other) => covers(other, meta))).toBe(true)
        for (const a of kept) for (const b of kept) expect(a !== b && covers(a, b)).toBe(false)
      }),
    )
  })
})

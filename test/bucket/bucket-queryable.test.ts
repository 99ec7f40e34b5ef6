import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Matcher } from '../../src/model/index.ts'
import { UserError } from '../../src/model/index.ts'
import { neverCancelled, type Queryable } from '../../src/storage/index.ts'
import { MemoryBucket } from '../objstore/memory-bucket.ts'
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

async function shipped(
  bucket: MemoryBucket,
  options: Parameters<typeof openStorage>[2] = {},
): Promise<Storage> {
  const storage = await openStorage(bucket, undefined, options)
  for (const window of [0, 2, 4]) await writeBlockOf(storage, 't', window, someSeries(window, 70))
  await writeBlockOf(storage, 'other', 0, someSeries(0, 3))
  expect(await storage.shipper.shipOnce(go)).toBe(true)
  expect(await storage.found.refresh(go)).toBe(true)
  return storage
}

const matchers: fc.Arbitrary<Matcher> = fc.record({
  type: fc.constantFrom<Matcher['type']>('=', '!=', '=~', '!~'),
  name: fc.constantFrom('__name__', 'job', 'instance', 'absent'),
  value: fc.constantFrom('up', 'load', 'node', '', 'host-7', 'host-.*', '.+', '.*', 'up|load', 'x'),
})

describe('blocks in a bucket', () => {
  test('give the answers that the local blocks gave, for any matchers and times', async () => {
    const storage = await shipped(new MemoryBucket())
    const { local, bucketSeries, withoutLocal } = storage
    await fc.assert(
      fc.asyncProperty(
        fc.array(matchers, { maxLength: 3 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 0, max: 6 }),
        async (some, fromHours, hours) => {
          const range = { minTimeMs: fromHours * hourMs, maxTimeMs: (fromHours + hours) * hourMs }
          const request = { matchers: some, ...range }
          const expected = await answerOf(local, request)
          expect(await answerOf(withoutLocal, request)).toEqual(expected)
          // What is here is not asked for there.
          expect((await answerOf(bucketSeries, request)).series.size).toBe(0)
          const listing = { tenants: ['t'], ...request }
          const namesOf = (source: Queryable) => source.labelNames(listing, neverCancelled)
          expect(await namesOf(withoutLocal)).toEqual(await namesOf(local))
          const valuesOf = (source: Queryable) =>
            source.labelValues('instance', listing, neverCancelled)
          expect(await valuesOf(withoutLocal)).toEqual(await valuesOf(local))
        },
      ),
      { numRuns: 60 },
    )
    await local.close()
  })

  test('give the same after the local blocks are deleted and the process starts anew', async () => {
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket)
    const before = await answerOf(storage.local)
    expect(await deleteLocal(storage)).toBe(4)
    expect((await answerOf(storage.local)).series.size).toBe(0)
    expect(await answerOf(storage.bucketSeries)).toEqual(before)
    const again = await openStorage(bucket, storage.directory)
    expect((await answerOf(again.bucketSeries)).warnings).toEqual([
      'the bucket has not been listed yet',
    ])
    await again.found.refresh(go)
    expect(await answerOf(again.bucketSeries)).toEqual(before)
  })

  test('of one tenant are not shown to another', async () => {
    const storage = await shipped(new MemoryBucket())
    await deleteLocal(storage)
    expect((await answerOf(storage.bucketSeries, { tenants: ['other'] })).series.size).toBe(3)
    expect((await answerOf(storage.bucketSeries, { tenants: ['nobody'] })).series.size).toBe(0)
  })

  test('that cannot be read are named in the warnings, and the others answer', async () => {
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket)
    const [first] = storage.local.blocksOf('t').map((block) => block.meta)
    await deleteLocal(storage)
    const whole = await answerOf(storage.bucketSeries)
    const again = await openStorage(bucket)
    await again.found.refresh(go)
    bucket.fail = (operation, name) => {
      if (operation === 'getRange' && name.startsWith(first!.ulid))
        throw new UserError('unavailable', { what: 'the store is away' })
    }
    const partial = await answerOf(again.bucketSeries)
    expect(partial.warnings).toEqual([
      `block ${first!.ulid} (1970-01-01T00:00:00.000Z to 1970-01-01T02:00:00.000Z) in the bucket could not be read: the store is away`,
    ])
    expect([...partial.series.keys()]).toEqual([...whole.series.keys()])
    const samples = [...partial.series.values()].flat()
    expect(samples.length).toBe(([...whole.series.values()].flat().length / 3) * 2)
    bucket.fail = undefined
    expect(await answerOf(again.bucketSeries)).toEqual(whole)
  })

  test('with a flipped byte answer with a warning, or as before, never wrongly', async () => {
    const bucket = new MemoryBucket()
    const storage = await openStorage(bucket)
    const ulid = await writeBlockOf(storage, 't', 0, someSeries(0, 5))
    await storage.shipper.shipOnce(go)
    await deleteLocal(storage)
    const whole = await answerOf(storage.bucketSeries)
    for (const name of [`${ulid}/index`, `${ulid}/chunks/000001`]) {
      const good = bucket.objects.get(name)!
      for (let at = 0; at < good.bytes.length; at += 7) {
        const bytes = good.bytes.slice()
        bytes[at]! ^= 0x41
        bucket.objects.set(name, { ...good, bytes })
        const fresh = await openStorage(bucket)
        await fresh.found.refresh(go)
        const { series, warnings } = await answerOf(fresh.bucketSeries)
        if (warnings.length === 0) expect(series, `${name} at ${at}`).toEqual(whole.series)
        else expect(warnings[0]).toContain(ulid)
      }
      bucket.objects.set(name, good)
    }
  })

  test('are read within a budget of bytes, which is the query’s fault to exceed', async () => {
    const storage = await shipped(new MemoryBucket(), { readSizeBytesMax: 5000 })
    await deleteLocal(storage)
    await expect(answerOf(storage.bucketSeries)).rejects.toThrow(
      /needs more than 5000 bytes of blocks/,
    )
  })

  test('are read in few requests, and not at all when their pages are cached', async () => {
    const bucket = new MemoryBucket()
    const storage = await shipped(bucket, { pageSizeBytes: 16_384 })
    await deleteLocal(storage)
    let requests = 0
    bucket.fail = (operation) => {
      if (operation === 'getRange') requests++
    }
    const request = { matchers: [{ type: '=', name: 'instance', value: 'host-9' } as const] }
    const first = await answerOf(storage.bucketSeries, request)
    // By block: head, table of contents, symbols, postings table; list; chunk.
    expect(requests).toBeLessThanOrEqual(3 * 7)
    requests = 0
    expect(await answerOf(storage.bucketSeries, request)).toEqual(first)
    expect(requests).toBe(0)
  })
})

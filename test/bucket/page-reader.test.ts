import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PageReader, ReadBudget } from '../../src/bucket/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { Metrics } from '../../src/telemetry/index.ts'
import { MemoryBucket } from '../objstore/memory-bucket.ts'

const size = 5000
const content = Uint8Array.from({ length: size }, (_, i) => (i * 31) ^ (i >> 8))

function open(cacheSizeBytes = 1 << 20) {
  const bucket = new MemoryBucket()
  bucket.objects.set('o', { bytes: content, modifiedMs: 0 })
  const requests: string[] = []
  bucket.fail = (operation, name) => void requests.push(`${operation} ${name}`)
  const pages = new PageReader({
    bucket,
    cacheSizeBytes,
    pageSizeBytes: 64,
    gapSizeBytesMax: 128,
    requestSizeBytesMax: 640,
    requestCountMax: 3,
    metrics: new Metrics(),
  })
  return { bucket, pages, requests }
}

const budget = () => new ReadBudget(1 << 30, neverCancelled)

describe('ranges of an object', () => {
  test('are its bytes, cut off at its end, whatever the cache holds', async () => {
    const { pages } = open(2000)
    const ranges = fc.array(
      fc.tuple(fc.nat(size + 100), fc.nat(700)).map(([offset, length]) => {
        return { offset, end: offset + length }
      }),
    )
    await fc.assert(
      fc.asyncProperty(ranges, async (some) => {
        const read = await pages.read('o', some, budget())
        expect(read).toEqual(some.map(({ offset, end }) => content.slice(offset, end)))
      }),
    )
  })

  test('that are near each other come in one request, once for all who ask at a time', async () => {
    const { pages, requests } = open()
    const near = [
      { offset: 10, end: 20 },
      { offset: 200, end: 210 },
    ]
    await Promise.all([pages.read('o', near, budget()), pages.read('o', near, budget())])
    expect(requests.length).toBe(1)
    const far = [
      { offset: 1000, end: 1010 },
      { offset: 4000, end: 4010 },
    ]
    await pages.read('o', far, budget())
    expect(requests.length).toBe(3)
    await pages.read('o', [...near, ...far], budget())
    expect(requests.length).toBe(3)
  })

  test('that could not be fetched are fetched again by the next who asks', async () => {
    const { bucket, pages } = open()
    bucket.fail = () => {
      throw new Error('broken pipe')
    }
    const range = [{ offset: 0, end: 3000 }]
    await expect(pages.read('o', range, budget())).rejects.toThrow('broken pipe')
    bucket.fail = undefined
    expect(await pages.read('o', range, budget())).toEqual([content.slice(0, 3000)])
  })

  test('count against the budget whether they are cached or not', async () => {
    const { pages } = open()
    const small = new ReadBudget(1000, neverCancelled)
    const range = [{ offset: 0, end: 400 }]
    await pages.read('o', range, small)
    await pages.read('o', range, small)
    await expect(pages.read('o', range, small)).rejects.toMatchObject({ code: 'execution' })
  })
})

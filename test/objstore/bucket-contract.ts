// What every bucket does, whatever it is made of.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bucket, type ListDepth, readObject } from '../../src/objstore/index.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

async function listed(bucket: Bucket, prefix: string, depth: ListDepth): Promise<string[]> {
  const names: string[] = []
  for await (const entry of bucket.list(prefix, depth)) names.push(entry.name)
  return names
}

async function* pieces(whole: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += sizeBytes) yield whole.subarray(at, at + sizeBytes)
}

/** Runs the contract against a bucket that is empty below the names used here. */
export function describeBucket(
  kind: string,
  open: () => Promise<Bucket>,
  options: { readonly largeSizeBytes: number; readonly listCount: number },
): void {
  describe(`a bucket: ${kind}`, () => {
    let bucket: Bucket
    beforeAll(async () => {
      bucket = await open()
    })
    afterAll(() => bucket.close())

    it('gives back what was put, and replaces it whole', async () => {
      await bucket.put('a/b/one', bytes('first, and longer'))
      await bucket.put('a/b/one', bytes('second'))
      expect(Buffer.from(await readObject(bucket, 'a/b/one')).toString()).toBe('second')
      await bucket.put('empty', bytes(''))
      expect(await readObject(bucket, 'empty')).toHaveLength(0)
    })

    it('keeps names with odd characters apart', async () => {
      const names = ['odd/ä ö+&?=%20#"', 'odd/ä ö+&?=% 20#"', 'odd/日本', "odd/~!*()'"]
      for (const name of names) await bucket.put(name, bytes(name))
      for (const name of names)
        expect(Buffer.from(await readObject(bucket, name)).toString()).toBe(name)
      expect((await listed(bucket, 'odd/', 'recursive')).sort()).toEqual([...names].sort())
    })

    it('refuses what is no name', async () => {
      for (const name of ['', '/a', 'a/', 'a//b', '../a', 'a/./b', 'a\0b', 'x'.repeat(1025)])
        await expect(bucket.put(name, bytes('x'))).rejects.toMatchObject({ code: 'bad_data' })
    })

    it('reads ranges, and what there is of one that goes beyond the end', async () => {
      await bucket.put('range', bytes('0123456789'))
      const range = async (offset: number, sizeBytes: number): Promise<string> =>
        Buffer.from(await bucket.getRange('range', offset, sizeBytes)).toString()
      expect(await range(0, 3)).toBe('012')
      expect(await range(7, 3)).toBe('789')
      expect(await range(7, 30)).toBe('789')
      expect(await range(10, 5)).toBe('')
      expect(await range(4, 0)).toBe('')
    })

    it('says that an object is not there', async () => {
      const missing = { code: 'not_found', message: expect.stringMatching(/no object .*missing/) }
      await expect(bucket.get('missing')).rejects.toMatchObject(missing)
      await expect(bucket.getRange('missing', 0, 1)).rejects.toMatchObject(missing)
      expect(await bucket.attributes('missing')).toBeUndefined()
      await bucket.delete('missing')
      await bucket.put('folder/object', bytes('x'))
      expect(await bucket.attributes('folder')).toBeUndefined()
      await expect(bucket.get('folder')).rejects.toMatchObject({ code: 'not_found' })
    })

    it('tells size and time', async () => {
      const beforeMs = Date.now()
      await bucket.put('attributes', bytes('12345'))
      const found = await bucket.attributes('attributes')
      expect(found?.sizeBytes).toBe(5)
      // Stores keep whole seconds, and clocks differ a little.
      expect(Math.abs(found!.modifiedMs - beforeMs)).toBeLessThan(5000)
    })

    it('deletes', async () => {
      await bucket.put('deleted/deep/object', bytes('x'))
      await bucket.delete('deleted/deep/object')
      expect(await bucket.attributes('deleted/deep/object')).toBeUndefined()
      expect(await listed(bucket, 'deleted', 'flat')).toEqual([])
    })

    it('writes a large object from a stream, in whatever pieces it comes', async () => {
      const whole = randomBytes(options.largeSizeBytes)
      await bucket.put('large', {
        sizeBytes: whole.length,
        open: () => pieces(whole, 100_003),
      })
      expect(Buffer.compare(await readObject(bucket, 'large'), whole)).toBe(0)
      const middle = Math.floor(whole.length / 2) - 7
      expect(
        Buffer.compare(
          await bucket.getRange('large', middle, 1000),
          whole.subarray(middle, middle + 1000),
        ),
      ).toBe(0)
      await bucket.delete('large')
    })

    it('leaves no object behind when the stream fails or has another size than announced', async () => {
      const half = new Uint8Array(options.largeSizeBytes >> 1)
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield half
        throw new Error('the source broke')
      }
      const body = { sizeBytes: options.largeSizeBytes, open: failing }
      await expect(bucket.put('broken', body)).rejects.toThrow(/the source broke/)
      for (const sizeBytes of [half.length + 1, half.length - 1])
        await expect(
          bucket.put('broken', { sizeBytes, open: () => pieces(half, 1 << 20) }),
        ).rejects.toThrow(/announced/)
      expect(await bucket.attributes('broken')).toBeUndefined()
    })

    it('lets exactly one of many put an object that must not be there', async () => {
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, i) => bucket.putIfAbsent('once', bytes(`writer ${i}`))),
      )
      expect(results.filter((won) => won)).toHaveLength(1)
      const winner = results.indexOf(true)
      expect(Buffer.from(await readObject(bucket, 'once')).toString()).toBe(`writer ${winner}`)
      expect(await bucket.putIfAbsent('once', bytes('later'))).toBe(false)
      await bucket.delete('once')
      expect(await bucket.putIfAbsent('once', bytes('later'))).toBe(true)
    })

    it('lists in the order of bytes, flat or to the bottom, below any prefix', async () => {
      for (const name of ['l/a', 'l/a.txt', 'l/b/1', 'l/b/2', 'l/b-', 'l/c', 'm/x'])
        await bucket.put(name === 'l/a' ? 'l/a!' : name, bytes(name))
      expect(await listed(bucket, 'l/', 'recursive')).toEqual([
        'l/a!',
        'l/a.txt',
        'l/b-',
        'l/b/1',
        'l/b/2',
        'l/c',
      ])
      expect(await listed(bucket, 'l/', 'flat')).toEqual(['l/a!', 'l/a.txt', 'l/b-', 'l/b/', 'l/c'])
      expect(await listed(bucket, 'l/b', 'recursive')).toEqual(['l/b-', 'l/b/1', 'l/b/2'])
      expect(await listed(bucket, 'l/b/', 'flat')).toEqual(['l/b/1', 'l/b/2'])
      expect(await listed(bucket, 'nothing/', 'flat')).toEqual([])
      const sizes: number[] = []
      for await (const entry of bucket.list('l/b/', 'flat'))
        if (entry.kind === 'object') sizes.push(entry.sizeBytes)
      expect(sizes).toEqual([5, 5])
    })

    it('lists more than fits on one page', async () => {
      const names = Array.from(
        { length: options.listCount },
        (_, i) => `many/${String(i).padStart(5, '0')}`,
      )
      for (let at = 0; at < names.length; at += 50)
        await Promise.all(names.slice(at, at + 50).map((name) => bucket.put(name, bytes('x'))))
      expect(await listed(bucket, 'many/', 'flat')).toEqual(names)
    })

    it('stops when told', async () => {
      const signal = AbortSignal.abort()
      const put = bucket.put('stopped', bytes('x'), signal)
      await expect(put).rejects.toThrow()
      expect(await bucket.attributes('stopped')).toBeUndefined()
    })
  })
}

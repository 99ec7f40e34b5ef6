import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { acceptedCoding, compressed, compressedSizeBytesMin } from '../../src/query/compression.ts'

const json = { 'content-type': 'application/json' }
const long = new Uint8Array(compressedSizeBytesMin).fill(0x61)

describe('the coding of an answer', () => {
  it('is zstd before gzip, and none where the reader allows neither', () => {
    expect(acceptedCoding('gzip, deflate, br, zstd')).toBe('zstd')
    expect(acceptedCoding('br, GZIP;q=0.5')).toBe('gzip')
    expect(acceptedCoding('*')).toBe('gzip')
    for (const header of [undefined, '', 'identity', 'br', 'gzip;q=0', 'gzip; q=0.0'])
      expect(acceptedCoding(header)).toBeUndefined()
  })

  it('is applied to long answers and named in their headers', () => {
    const gzip = compressed(long, json, 'gzip')
    expect(new Uint8Array(gunzipSync(gzip.bytes))).toEqual(long)
    expect(gzip.headers).toEqual({ ...json, 'content-encoding': 'gzip', vary: 'accept-encoding' })
    const zstd = compressed(long, json, 'zstd')
    expect(new Uint8Array(zstdDecompressSync(zstd.bytes))).toEqual(long)
    expect(zstd.headers['content-encoding']).toBe('zstd')
  })

  it('is not applied to short answers, to coded ones, or unasked', () => {
    const short = long.subarray(1)
    expect(compressed(short, json, 'gzip')).toEqual({ bytes: short, headers: json })
    const snappy = { 'content-encoding': 'snappy' }
    expect(compressed(long, snappy, 'gzip')).toEqual({ bytes: long, headers: snappy })
    expect(compressed(long, json, undefined)).toEqual({ bytes: long, headers: json })
  })
})

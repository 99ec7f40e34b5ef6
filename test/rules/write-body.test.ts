import { describe, expect, it } from 'vitest'
import { prometheus } from '../../src/encoding/index.ts'
import { labelsOf } from '../../src/model/index.ts'
import { encodeWrites, staleWrite } from '../../src/rules/index.ts'

describe('the body of what rules write', () => {
  it('holds one series per label set, and stale markers bit for bit', () => {
    const labels = labelsOf({ __name__: 'a', b: 'ü' })
    const body = encodeWrites([
      { labels, timestampMs: 1000, value: -0.5, histogram: undefined, isStale: false },
      staleWrite(labels, 2000),
    ])
    const marker = Buffer.from([2, 0, 0, 0, 0, 0, 0xf0, 0x7f])
    expect(Buffer.from(body).includes(marker)).toBe(true)
    const { timeseries } = prometheus.WriteRequest.decode(body)
    expect(timeseries).toHaveLength(1)
    expect(timeseries[0]!.labels).toMatchObject([
      { name: '__name__', value: 'a' },
      { name: 'b', value: 'ü' },
    ])
    expect(timeseries[0]!.samples!.map((one) => Number(one.timestamp))).toEqual([1000, 2000])
    expect(timeseries[0]!.samples![0]!.value).toBe(-0.5)
  })
})

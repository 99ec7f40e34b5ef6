import { describe, expect, test } from 'vitest'
import { prometheus } from '../../../src/encoding/index.ts'
import { hashKeySizeBytes, KernelWriteDecoder } from '../../../src/kernel/index.ts'
import { BodyLabels } from '../../../src/tsdb/head/body-labels.ts'
import { CachedLabel, LabelCache } from '../../../src/tsdb/head/label-cache.ts'

const decoder = new KernelWriteDecoder(new Uint8Array(hashKeySizeBytes))

function readAll(values: readonly string[], cache = new LabelCache()) {
  const timeseries = values.map((value) => ({
    labels: [
      { name: '__name__', value: 'up' },
      { name: 'id', value },
    ],
    samples: [{ value: 1, timestamp: 1000 }],
  }))
  const body = decoder.decode(prometheus.WriteRequest.encode({ timeseries }).finish(), {
    version: 1,
    compression: 'none',
    seed: new Uint32Array(4),
    sizeBytesMax: 1e6,
  })
  const labels = new BodyLabels(body, cache)
  return values.map((_, i) => labels.read(i)!)
}

describe('labels of a series that the lookup does not know', () => {
  test('are read as sent, whatever the size of a value', () => {
    const values = [0, 1, 120, 121, 122, 123, 127, 128, 129, 300, 16_370, 16_400].map((size) =>
      'x'.repeat(size),
    )
    expect(readAll(values).map((labels) => labels[1]!.value)).toEqual(values)
  })

  test('are read as sent where a value is not ASCII', () => {
    const values = ['a', 'é', 'a', 'aé'.repeat(70), 'b', '日本']
    expect(readAll(values).map((labels) => labels[1]!.value)).toEqual(values)
  })

  test('take the plain way where a value has up to some thousand bytes', () => {
    for (const size of [1, 127, 128, 200, 8000]) {
      const [labels] = readAll(['x'.repeat(size)])
      expect(labels![1]).toBeInstanceOf(CachedLabel)
    }
  })

  test('met again are the same objects', () => {
    const cache = new LabelCache()
    const long = 'y'.repeat(150)
    const [first, second] = [readAll([long], cache)[0]!, readAll([long], cache)[0]!]
    expect(second[1]).toBe(first[1])
  })
})

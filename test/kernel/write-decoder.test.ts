import { randomBytes } from 'node:crypto'
import snappy from 'snappyjs'
import { describe, expect, test } from 'vitest'
import { io, prometheus } from '../../src/encoding/index.ts'
import {
  type DecodedBody,
  hashKeySizeBytes,
  KernelWriteDecoder,
  TwinWriteDecoder,
} from '../../src/kernel/index.ts'
import { createRandom } from '../random.ts'

const keys = new Uint8Array(randomBytes(hashKeySizeBytes))
const decoder = new KernelWriteDecoder(keys)
const seed = new Uint32Array([1, 2, 3, 4])

interface Content {
  samples: string[]
  slow: string[]
}

type SlowMessage = { timestamp?: unknown }

/** What the reference reads: per series the samples' bits, and how many slow elements there are of each kind. */
function reference(version: 1 | 2, plain: Uint8Array): Content {
  const samples: string[] = []
  const slow: string[] = []
  const add = (index: number, sample: { value?: number | null; timestamp?: unknown }) => {
    const bits = new Float64Array([sample.value ?? 0])
    const words = new Uint32Array(bits.buffer)
    samples.push(`${index}:${Number(sample.timestamp ?? 0)}:${words[0]}:${words[1]}`)
  }
  const count = (kind: string, index: number, items: readonly SlowMessage[]) => {
    for (const _ of items) slow.push(`${kind}:${index}`)
  }
  if (version === 1) {
    const request = prometheus.WriteRequest.decode(plain)
    request.timeseries.forEach((series, i) => {
      for (const sample of series.samples ?? []) add(i, sample)
      count('2', i, series.exemplars ?? [])
      count('3', i, series.histograms ?? [])
    })
    for (const _ of request.metadata) slow.push('1')
  } else {
    const request = io.prometheus.write.v2.Request.decode(plain)
    request.timeseries.forEach((series, i) => {
      for (const sample of series.samples ?? []) add(i, sample)
      count('3', i, series.histograms ?? [])
      count('2', i, series.exemplars ?? [])
      if (series.metadata != null) slow.push(`4:${i}`)
    })
  }
  return { samples, slow: slow.sort() }
}

/** What the decoder reads, with its slow elements and labels checked as their readers do. */
function decoded(version: 1 | 2, body: DecodedBody): Content {
  const samples: string[] = []
  for (let i = 0; i < body.seriesCount; i++) {
    for (let s = body.sampleStarts[i]!; s < body.sampleStarts[i + 1]!; s++) {
      samples.push(
        `${i}:${body.timestampsMs[s]}:${body.valueWords[2 * s]}:${body.valueWords[2 * s + 1]}`,
      )
    }
    const range = body.bytes.slice(body.seriesRanges[2 * i]!, body.seriesRanges[2 * i + 1]!)
    if (version === 1) prometheus.TimeSeries.decode(range)
    else io.prometheus.write.v2.TimeSeries.decode(range)
  }
  const slow = new Set<string>()
  const list: string[] = []
  for (let k = 0; k < body.slowCount; k++) {
    const [kind, index, start, end] = body.slow.subarray(4 * k, 4 * k + 4)
    if (kind === 1) prometheus.MetricMetadata.decode(body.bytes.slice(start, end))
    if (kind === 4) slow.add(`4:${index}`)
    else list.push(kind === 1 ? '1' : `${kind}:${index}`)
  }
  return { samples, slow: [...list, ...slow].sort() }
}

function plainColumns(body: DecodedBody): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      typeof value === 'object' ? Array.from(value as ArrayLike<number>) : value,
    ]),
  )
}

function verdict<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (/kernel|memory access|unreachable/.test(String(error))) throw error
    return undefined
  }
}

function exampleOne(seriesCount: number): Uint8Array {
  const timeseries = Array.from({ length: seriesCount }, (_, i) => ({
    labels: [
      { name: '__name__', value: 'http_requests_total' },
      { name: 'pod', value: `pödé-${i}` },
    ],
    samples: [
      { value: i * 1.5, timestamp: 1_700_000_000_000 + i },
      { value: -0, timestamp: 1_700_000_015_000 },
    ],
    exemplars:
      i % 3 === 0 ? [{ labels: [{ name: 'trace', value: 'x' }], value: 1, timestamp: 5 }] : [],
    histograms:
      i % 4 === 0
        ? [
            {
              countInt: 3,
              sum: 2,
              schema: 1,
              positiveSpans: [{ offset: 0, length: 1 }],
              positiveDeltas: [3],
              timestamp: 7,
            },
          ]
        : [],
  }))
  const metadata = [{ type: 1, metricFamilyName: 'http_requests_total', help: 'Ré', unit: '' }]
  return prometheus.WriteRequest.encode({ timeseries, metadata }).finish()
}

function exampleTwo(seriesCount: number): Uint8Array {
  const symbols = ['', '__name__', 'up', 'pod']
  const timeseries = Array.from({ length: seriesCount }, (_, i) => {
    symbols.push(`pö-${i}`)
    return {
      labelsRefs: [1, 2, 3, symbols.length - 1],
      samples: [{ value: i / 7, timestamp: 1_700_000_000_000 + i, startTimestamp: i % 2 }],
      exemplars: i % 3 === 0 ? [{ labelsRefs: [1, 2], value: 1, timestamp: 5 }] : [],
      histograms: i % 5 === 0 ? [{ countFloat: 3, sum: 2, positiveCounts: [3], timestamp: 7 }] : [],
      metadata: i % 2 === 0 ? { type: 2, helpRef: 1, unitRef: 0 } : null,
    }
  })
  return io.prometheus.write.v2.Request.encode({ symbols, timeseries }).finish()
}

function compare(version: 1 | 2, plain: Uint8Array): boolean {
  const expected = verdict(() => reference(version, plain))
  const found = verdict(() =>
    decoded(
      version,
      decoder.decode(plain, { version, compression: 'none', seed, sizeBytesMax: 1e8 }),
    ),
  )
  expect(found, Buffer.from(plain).toString('hex')).toEqual(expected)
  return expected !== undefined
}

describe('the write decoder', () => {
  test('reads what protobufjs reads from whole bodies of both versions', () => {
    for (const count of [0, 1, 2, 100, 9000]) {
      expect(compare(1, exampleOne(count))).toBe(true)
      expect(compare(2, exampleTwo(count))).toBe(true)
    }
  })

  test('inflates what snappyjs deflated, and refuses what is cut short', () => {
    const plain = exampleOne(50)
    const body = snappy.compress(plain)
    const options = { version: 1, compression: 'snappy', seed, sizeBytesMax: 1e8 } as const
    expect(Buffer.from(decoder.decode(body, options).bytes)).toEqual(Buffer.from(plain))
    for (let size = 0; size < body.length; size++)
      expect(() => decoder.decode(body.subarray(0, size), options)).toThrow(/snappy/)
    expect(() => decoder.decode(body, { ...options, sizeBytesMax: 100 })).toThrow(/at most 100/)
  })

  test('hashes equal labels alike whatever the symbol refs, and differently under another seed', () => {
    const v2 = io.prometheus.write.v2.Request
    const one = v2
      .encode({ symbols: ['', 'a', 'b'], timeseries: [{ labelsRefs: [1, 2] }] })
      .finish()
    const two = v2
      .encode({ symbols: ['', 'b', 'x', 'a'], timeseries: [{ labelsRefs: [3, 1] }] })
      .finish()
    const options = { version: 2, compression: 'none', seed, sizeBytesMax: 1e8 } as const
    const hash = (body: Uint8Array, with_: Uint32Array) =>
      Array.from(decoder.decode(body, { ...options, seed: with_ }).hashes)
    expect(hash(one, seed)).toEqual(hash(two, seed))
    expect(hash(one, new Uint32Array([1, 2, 3, 5]))).not.toEqual(hash(two, seed))
  })

  test('gives the columns that its twin gives, from whole and from mutated bodies', () => {
    const twin = new TwinWriteDecoder(keys)
    const random = createRandom(7)
    for (let round = 0; round < 3000; round++) {
      const version = round % 2 === 0 ? 1 : 2
      const whole = version === 1 ? exampleOne(3) : exampleTwo(4)
      const plain = round < 2 ? whole : mutate(whole, random)
      const options = { version, compression: 'none', seed, sizeBytesMax: 1e8 } as const
      const found = verdict(() => plainColumns(decoder.decode(plain, options)))
      const expected = verdict(() => plainColumns(twin.decode(plain, options)))
      expect(found, Buffer.from(plain).toString('hex')).toEqual(expected)
    }
    const long = {
      labels: [
        { name: 'a', value: 'x'.repeat(5000) },
        { name: 'b', value: 'y' },
      ],
    }
    for (const cut of [0, 1, 15, 16, 17, 31, 2000, 2048, 4000]) {
      const series = { labels: [{ name: 'a', value: 'x'.repeat(cut) }] }
      const body = prometheus.WriteRequest.encode({ timeseries: [series, long] }).finish()
      const options = { version: 1, compression: 'none', seed, sizeBytesMax: 1e8 } as const
      expect(plainColumns(decoder.decode(body, options))).toEqual(
        plainColumns(twin.decode(body, options)),
      )
    }
  })

  test('hashes of many series differ', () => {
    const options = { version: 1, compression: 'none', seed, sizeBytesMax: 1e8 } as const
    const { hashes, seriesCount } = decoder.decode(exampleOne(9000), options)
    const seen = new Set<string>()
    for (let i = 0; i < seriesCount; i++) seen.add(hashes.subarray(4 * i, 4 * i + 4).join())
    expect(seen.size).toBe(9000)
  })

  test('accepts exactly what protobufjs accepts under 100,000 mutations', {
    timeout: 60_000,
  }, () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    const seeds = [
      { version: 1 as const, plain: exampleOne(3) },
      { version: 2 as const, plain: exampleTwo(4) },
    ]
    let accepted = 0
    for (let round = 0; round < 100_000; round++) {
      const { version, plain } = seeds[round % 2]!
      let bytes = Uint8Array.from(plain)
      const edits = 1 + Math.floor(random() * 3)
      for (let e = 0; e < edits; e++) bytes = mutate(bytes, random)
      try {
        if (compare(version, bytes)) accepted += 1
      } catch (error) {
        throw new Error(`seed ${number}, round ${round}`, { cause: error })
      }
    }
    expect(accepted).toBeGreaterThan(1000)
  })
})

const interesting = [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 16, 18, 24, 26, 34, 42, 127, 128, 255]

function mutate(bytes: Uint8Array, random: () => number): Uint8Array<ArrayBuffer> {
  const at = Math.floor(random() * bytes.length)
  const byte =
    random() < 0.5
      ? interesting[Math.floor(random() * interesting.length)]!
      : Math.floor(random() * 256)
  const kind = Math.floor(random() * 5)
  if (kind === 0) return Uint8Array.from(bytes.subarray(0, at))
  if (kind === 1) return Uint8Array.from([...bytes.subarray(0, at), byte, ...bytes.subarray(at)])
  if (kind === 2) return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)])
  const out = Uint8Array.from(bytes)
  if (kind === 3) out[at] = byte
  else out[at] = out[at]! ^ (1 << Math.floor(random() * 8))
  return out
}

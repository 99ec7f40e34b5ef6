import snappy from 'snappyjs'
import { describe, expect, test } from 'vitest'
import { io, prometheus } from '../../../src/encoding/index.ts'
import { snappyInflate } from '../../../src/kernel/index.ts'
import { UserError, windowMs } from '../../../src/model/index.ts'
import { createRandom } from '../../random.ts'
import { anonymous, createHead, everything, read, requestOf, shown } from './head-fixture.ts'

const start = 236_000 * windowMs

function seedOne(): Uint8Array {
  const series = (pod: string) => ({
    labels: [
      { name: '__name__', value: 'up' },
      { name: 'pod', value: pod },
    ],
    samples: [
      { value: 1.5, timestamp: start + 1 },
      { value: -0, timestamp: start + 2 },
    ],
    exemplars: [{ labels: [{ name: 'trace', value: 'é' }], value: 1, timestamp: start }],
    histograms: [
      {
        countInt: 1,
        schema: 1,
        positiveSpans: [{ offset: 0, length: 1 }],
        positiveDeltas: [1],
        timestamp: start,
      },
    ],
  })
  const metadata = [{ type: 1, metricFamilyName: 'up', help: 'Ré', unit: 's' }]
  return prometheus.WriteRequest.encode({
    timeseries: [series('pödé'), series('b')],
    metadata,
  }).finish()
}

function seedTwo(): Uint8Array {
  const symbols = ['', '__name__', 'up', 'pod', 'pö', 'help']
  const timeseries = [2, 4].map((value) => ({
    labelsRefs: [1, 2, 3, value],
    samples: [{ value: 3, timestamp: start + 1, startTimestamp: 1 }],
    exemplars: [{ labelsRefs: [1, 2], value: 1, timestamp: start }],
    metadata: { type: 2, helpRef: 5, unitRef: 0 },
  }))
  return io.prometheus.write.v2.Request.encode({ symbols, timeseries }).finish()
}

function accepts(version: number, plain: Uint8Array): boolean {
  try {
    if (version === 1) prometheus.WriteRequest.decode(plain)
    else io.prometheus.write.v2.Request.decode(plain)
    return true
  } catch {
    return false
  }
}

const interesting = [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 16, 18, 24, 26, 34, 42, 127, 128, 255]

function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const out = [...bytes]
  for (let edits = 1 + random() * 3; edits > 1; edits--) {
    const at = Math.floor(random() * out.length)
    const byte = interesting[Math.floor(random() * interesting.length)]!
    const kind = Math.floor(random() * 5)
    if (kind === 0) out.length = at
    else if (kind === 1) out.splice(at, 0, byte)
    else if (kind === 2) out.splice(at, 1)
    else if (kind === 3) out[at] = byte
    else out[at] = (out[at] ?? 0) ^ (1 << Math.floor(random() * 8))
  }
  return Uint8Array.from(out)
}

/** Whether the head took the body; anything but a clear refusal fails the test. */
function taken(
  head: ReturnType<typeof createHead>,
  version: number,
  body: Uint8Array,
  compression: 'snappy' | 'none',
): boolean {
  const format = version === 1 ? 'remote-write-1' : 'remote-write-2'
  try {
    head.append({ tenant: 't', sender: anonymous, format, compression, body }, start)
    return true
  } catch (error) {
    if (error instanceof UserError && error.code === 'bad_data') return false
    throw error
  }
}

/** The plain body, where the two readers of snappy agree on it; `undefined` where they do not. */
function inflated(body: Uint8Array): Uint8Array | 'bad' | undefined {
  const attempt = (inflate: () => Uint8Array): Uint8Array | undefined => {
    try {
      return inflate()
    } catch {
      return undefined
    }
  }
  const lenient = attempt(() => snappy.uncompress(body, 1 << 24))
  const strict = attempt(() => snappyInflate(body, 1 << 24))
  if (lenient === undefined && strict === undefined) return 'bad'
  if (lenient === undefined || strict === undefined) return undefined
  return Buffer.compare(lenient, strict) === 0 ? strict : undefined
}

/** Another tenant's series, and what has to be read of them whatever comes in between. */
function sendWitnesses(head: ReturnType<typeof createHead>): Map<string, string[]> {
  const expected = new Map<string, string[]>()
  const timeseries = Array.from({ length: 40 }, (_, i) => {
    const times = Array.from({ length: 5 }, (_, k) => start + 10 * k + i)
    expected.set(
      `witness{pod="${i}"}`,
      times.map((time) => shown(time, i + 0.5)),
    )
    return {
      labels: [
        { name: '__name__', value: 'witness' },
        { name: 'pod', value: `${i}` },
      ],
      samples: times.map((timestamp) => ({ timestamp, value: i + 0.5 })),
    }
  })
  const body = prometheus.WriteRequest.encode({ timeseries }).finish()
  head.append({ ...requestOf(body), tenant: 'witness' }, start)
  return expected
}

describe('hostile bodies', () => {
  test('are taken exactly when protobufjs can decode them, and leave the head whole', {
    timeout: 120_000,
  }, async () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    let head = createHead([])
    let witnesses = sendWitnesses(head)
    const seeds = [seedOne(), seedTwo()]
    let accepted = 0
    for (let round = 0; round < 40_000; round++) {
      // Known series take the short way, unknown ones the long way: both have to agree.
      const isEven = round % 1000 === 0
      if (round % 500 === 0) {
        expect(await read(head, everything(['witness'])), `seed ${number}`).toEqual(witnesses)
        head = createHead([], { startTimestamps: isEven, plain: !isEven })
        witnesses = sendWitnesses(head)
      }
      const version = 1 + (round & 1)
      const plain = mutated(seeds[round & 1]!, random)
      const expected = accepts(version, plain)
      const hex = () =>
        `seed ${number} round ${round} v${version} ${Buffer.from(plain).toString('hex')}`
      expect(taken(head, version, plain, 'none'), hex()).toBe(expected)
      if (expected) accepted += 1
    }
    expect(accepted).toBeGreaterThan(1000)
    const body = prometheus.WriteRequest.encode({
      timeseries: [
        {
          labels: [{ name: '__name__', value: 'fresh' }],
          samples: [{ value: 7, timestamp: start + 5 }],
        },
      ],
    }).finish()
    expect(taken(head, 1, body, 'none')).toBe(true)
    const found = await read(head, {
      ...everything(['t']),
      matchers: [{ name: '__name__', type: '=', value: 'fresh' }],
    })
    expect([...found.values()]).toEqual([[shown(start + 5, 7)]])
  })

  test('compressed ones too, exactly when snappy and protobufjs can decode them', {
    timeout: 60_000,
  }, () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    const head = createHead([])
    const seeds = [seedOne(), seedTwo()].map((plain) => snappy.compress(plain))
    let disputed = 0
    for (let round = 0; round < 20_000; round++) {
      const version = 1 + (round & 1)
      const body = mutated(seeds[round & 1]!, random)
      const plain = inflated(body)
      const outcome = taken(head, version, body, 'snappy')
      if (plain === undefined) {
        // Where the lenient reader fills up with zeros or the strict one reads a form that nobody writes.
        disputed += 1
        continue
      }
      const expected = plain !== 'bad' && accepts(version, plain)
      expect(outcome, `seed ${number} round ${round} ${Buffer.from(body).toString('hex')}`).toBe(
        expected,
      )
    }
    expect(disputed).toBeLessThan(6000)
  })
})

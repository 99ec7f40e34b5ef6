import { describe, expect, test } from 'vitest'
import { prometheus } from '../../src/encoding/index.ts'
import {
  HeadMemory,
  hashKeySizeBytes,
  hashPair,
  isPlain,
  KernelWriteDecoder,
  refMissing,
  seriesAsked,
  seriesOneRun,
  seriesPlain,
} from '../../src/kernel/index.ts'
import { windowMs } from '../../src/model/index.ts'
import { createRandom } from '../random.ts'

const keys = new Uint8Array(hashKeySizeBytes).map((_, i) => (i * 37 + 5) & 255)
const seed = new Uint32Array([1, 2, 3, 4])
const decoder = new KernelWriteDecoder(keys)
const bounds = { labelCountMax: 5, labelNameSizeBytesMax: 20, labelValueSizeBytesMax: 300 }
const options = { version: 1, compression: 'none', seed, sizeBytesMax: 1e8 } as const
const names = ['__name__', 'a', 'ab', 'b', 'é', '', 'a_name_that_is_too_long', 'n'.repeat(130)]
const values = ['x', 'yy', 'value of some size', 'é', '', 'v'.repeat(200), 'v'.repeat(301)]

type LabelPair = { name: string; value: string }

function randomLabels(random: () => number): LabelPair[] {
  const pick = (from: readonly string[], common: number): string =>
    from[Math.floor(random() * (random() < 0.9 ? common : from.length))]!
  const labels = Array.from({ length: Math.floor(random() * 4) }, () => ({
    name: pick(names, 4),
    value: pick(values, 3),
  }))
  labels.push({ name: '__name__', value: 'm' })
  return random() < 0.9 ? labels.sort((a, b) => (a.name < b.name ? -1 : 1)) : labels
}

function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const out = [...bytes]
  const at = Math.floor(random() * out.length)
  const byte = [0, 1, 2, 10, 18, 127, 128, 129][Math.floor(random() * 8)]!
  const kind = Math.floor(random() * 3)
  if (kind === 0) out[at] = byte
  else if (kind === 1) out.splice(at, 1)
  else out.splice(at, 0, byte)
  return Uint8Array.from(out)
}

/** The bytes of the labels at the start of a message, which is valid. */
function runOf(message: Uint8Array): Uint8Array {
  let at = 0
  while (message[at] === 10) {
    let size = 0
    let place = at + 1
    for (let shift = 0; ; shift += 7) {
      const byte = message[place++]!
      size |= (byte & 127) << shift
      if (byte < 128) break
    }
    at = place + size
  }
  return message.subarray(0, at)
}

function labelsIn(message: Uint8Array): LabelPair[] | undefined {
  try {
    const { labels } = prometheus.TimeSeries.decode(message)
    return labels.map(({ name, value }) => ({ name: name ?? '', value: value ?? '' }))
  } catch {
    return undefined
  }
}

describe('plain series', () => {
  test('are those that the twin calls plain, from whole and from mutated messages', () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    let plain = 0
    for (let round = 0; round < 20_000; round++) {
      const samples = [{ value: 1, timestamp: 5 }]
      const series = { labels: randomLabels(random), samples }
      let body: Uint8Array = Uint8Array.from(
        prometheus.WriteRequest.encode({ timeseries: [series, series] }).finish(),
      )
      if (round % 2 === 1) body = mutated(body, random)
      let decoded: ReturnType<typeof decoder.decode>
      try {
        decoded = decoder.decode(body, options)
      } catch {
        continue
      }
      const { seriesCount, seriesFlags, seriesRanges } = decoded
      for (let i = 0; i < seriesCount; i += 2) seriesFlags[i]! |= seriesAsked
      decoder.markPlain(bounds)
      for (let i = 0; i < seriesCount; i++) {
        const message = body.slice(seriesRanges[2 * i], seriesRanges[2 * i + 1])
        const labels = labelsIn(message)
        const isOneRun = (seriesFlags[i]! & seriesOneRun) !== 0
        const expected =
          i % 2 === 0 && isOneRun && labels !== undefined && isPlain(runOf(message), labels, bounds)
        const why = `seed ${number} round ${round} ${Buffer.from(body).toString('hex')}`
        expect((seriesFlags[i]! & seriesPlain) !== 0, why).toBe(expected)
        if (expected) plain += 1
      }
    }
    expect(plain).toBeGreaterThan(1000)
  })

  test('are created as if each of their pairs had been hashed and staged by itself', () => {
    const memory = new HeadMemory(236_000 * windowMs, seed)
    const labels = (i: number) => [
      { name: '__name__', value: `metric_${i % 3}` },
      { name: 'a', value: 'same'.repeat(i % 40) || 'none' },
      { name: 'pod', value: `pod-${i}` },
    ]
    const timeseries = Array.from({ length: 50 }, (_, i) => ({ labels: labels(i) }))
    const body = prometheus.WriteRequest.encode({ timeseries }).finish()
    const decoded = decoder.decode(body, options)
    decoded.seriesFlags.forEach((_, i) => {
      decoded.seriesFlags[i]! |= seriesAsked
    })
    decoder.markPlain({ ...bounds, labelCountMax: 0 })
    const indexes = Uint32Array.from(timeseries.keys())
    const without = memory.createPlain(decoded, indexes, 0, 7)
    expect([...without.refs]).toEqual(timeseries.map(() => refMissing))
    for (const [id, name] of ['pod', '__name__', 'a'].entries()) memory.addName(name, id)
    const made = memory.createPlain(decoded, indexes, 0, 7)
    expect([...made.refs]).toEqual(timeseries.map((_, i) => i))
    expect(made.createdCount).toBe(50)
    const hash = new Uint32Array(4)
    for (let i = 0; i < 50; i++) {
      const sum = new Uint32Array(4)
      for (const { name, value } of labels(i)) {
        const bytes = Buffer.from(name + value)
        hashPair(seed, bytes, 0, name.length, bytes.length, hash, 0)
        for (let k = 0; k < 4; k++) sum[k]! += hash[k]!
      }
      expect(memory.view.findSeries(7, sum)).toBe(i)
      const pairs = [...memory.view.pairsOf(i)]
      expect(pairs.map((pair) => memory.view.nameIdOf(pair))).toEqual([1, 2, 0])
      const text = pairs.map((pair) => Buffer.from(memory.view.valueOf(pair).slice()).toString())
      expect(text).toEqual(labels(i).map(({ value }) => value))
    }
    expect(memory.createPlain(decoded, indexes, 10, 7).createdCount).toBe(0)
    expect(memory.lookup(decoded.hashes, 50).misses).toBe(0)
  })
})

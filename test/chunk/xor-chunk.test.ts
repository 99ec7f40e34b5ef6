import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunkEncoding, decodeChunk, SampleBuffer, XorEncoder } from '../../src/chunk/index.ts'
import { CorruptionError, staleHigh, staleLow, writeStaleAt } from '../../src/model/index.ts'

type Sample = readonly [timestampMs: number, low: number, high: number]

function encode(samples: readonly Sample[]): Uint8Array {
  const encoder = new XorEncoder()
  for (const [timestampMs, low, high] of samples) encoder.append(timestampMs, low, high)
  return encoder.finish()
}

function decode(bytes: Uint8Array, encoding: number = chunkEncoding.xor): Sample[] {
  const buffer = new SampleBuffer(1)
  decodeChunk(encoding, bytes, 0, bytes.length, buffer)
  return Array.from({ length: buffer.count }, (_, i) => [
    buffer.timestampsMs[i]!,
    buffer.words[2 * i]!,
    buffer.words[2 * i + 1]!,
  ])
}

function wordsOfNumber(value: number): [number, number] {
  const words = new Uint32Array(new Float64Array([value]).buffer)
  return [words[0]!, words[1]!]
}

const deltaMs = fc.oneof(
  fc.constant(15_000),
  fc.integer({ min: 1, max: 40_000 }),
  fc.integer({ min: 1, max: 2_000_000 }),
  fc.integer({ min: 1, max: 2 ** 45 }),
)
const word = fc.oneof(
  fc.constantFrom(0, 2, 1, 0x7ff00000, 0x7ff80000, 0x80000000, 0xffffffff),
  fc.integer({ min: 0, max: 0xffffffff }),
)
const samplesArbitrary = fc
  .tuple(
    fc.integer({ min: -(2 ** 40), max: 2 ** 48 }),
    fc.array(fc.tuple(deltaMs, word, word), { maxLength: 60 }),
  )
  .map(([start, steps]) => {
    let timestampMs = start
    return steps.map(([delta, low, high]): Sample => {
      timestampMs += delta
      return [timestampMs, low, high]
    })
  })

describe('an XOR chunk', () => {
  it('is laid out as Prometheus lays it out', () => {
    const bytes = encode([
      [1000, ...wordsOfNumber(1)],
      [2000, ...wordsOfNumber(1)],
      [3000, ...wordsOfNumber(2)],
    ])
    expect(Buffer.from(bytes).toString('hex')).toBe('0003d00f3ff0000000000000e8073097ffc0')
  })

  it('gives back every timestamp and every bit of every value', () => {
    fc.assert(
      fc.property(samplesArbitrary, (samples) => {
        expect(decode(encode(samples))).toEqual(samples)
      }),
    )
  })

  it('keeps stale markers and NaN payloads apart', () => {
    const samples: Sample[] = [
      [1, staleLow, staleHigh],
      [2, 1, 0x7ff80000],
      [3, 0xdeadbeef, 0x7ff12345],
      [4, staleLow, staleHigh],
    ]
    expect(decode(encode(samples))).toEqual(samples)
  })

  it.each([8191, 8192, 65_535, 65_536, 524_287, 524_288])(
    'keeps second differences of ±%i and their neighbours',
    (edge) => {
      for (const dod of [edge - 1, edge, edge + 1, -edge + 1, -edge, -edge - 1]) {
        const first = 1_000_000
        const samples: Sample[] = [
          [0, 0, 0],
          [first, 0, 0],
          [2 * first + dod, 5, 5],
        ]
        expect(decode(encode(samples))).toEqual(samples)
      }
    },
  )

  it('that is cut short at any byte is reported as corrupt and leaves the buffer as it was', () => {
    const bytes = encode(
      Array.from({ length: 50 }, (_, i): Sample => [i * 1000 + (i % 7), i, i * 77]),
    )
    const buffer = new SampleBuffer()
    const whole = encode([[7, 7, 7]])
    decodeChunk(chunkEncoding.xor, whole, 0, whole.length, buffer)
    for (let size = 0; size < bytes.length; size++) {
      expect(() => decodeChunk(chunkEncoding.xor, bytes, 0, size, buffer)).toThrow(CorruptionError)
      expect(buffer.count).toBe(1)
    }
  })

  it('of arbitrary bytes decodes or is reported as corrupt', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptionError)
        }
      }),
    )
  })

  it('of an unknown encoding is refused', () => {
    expect(() => decode(new Uint8Array(20), 9)).toThrow(CorruptionError)
  })

  it('that lies outside its buffer is refused', () => {
    const buffer = new SampleBuffer()
    expect(() => decodeChunk(1, new Uint8Array(4), 2, 10, buffer)).toThrow(CorruptionError)
  })
})

describe('a sample buffer', () => {
  it('keeps NaN payloads when it grows', () => {
    const buffer = new SampleBuffer(1)
    buffer.count = 1
    writeStaleAt(buffer.words, 0)
    buffer.reserve(100)
    expect([buffer.words[0], buffer.words[1]]).toEqual([staleLow, staleHigh])
  })
})

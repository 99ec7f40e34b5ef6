import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunkEncoding, decodeChunk, SampleBuffer, Xor2Encoder } from '../../src/chunk/index.ts'
import { CorruptionError, staleHigh, staleLow } from '../../src/model/index.ts'

type Sample = readonly [timestampMs: number, low: number, high: number, startMs: number]

function encode(samples: readonly Sample[]): Uint8Array {
  const encoder = new Xor2Encoder()
  for (const [timestampMs, low, high, startMs] of samples)
    encoder.append(timestampMs, low, high, startMs)
  return encoder.finish()
}

function decode(bytes: Uint8Array): Sample[] {
  const buffer = new SampleBuffer(1)
  decodeChunk(chunkEncoding.xor2, bytes, 0, bytes.length, buffer)
  return Array.from({ length: buffer.count }, (_, i) => [
    buffer.timestampsMs[i]!,
    buffer.words[2 * i]!,
    buffer.words[2 * i + 1]!,
    buffer.hasStartTimestamps ? buffer.startTimestampsMs[i]! : 0,
  ])
}

const value = fc.oneof(
  fc.constant([staleLow, staleHigh] as const),
  fc.constant([0, 0] as const),
  fc.constant([7, 0x40000000] as const),
  fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 0xffffffff })),
)
const samplesArbitrary = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constant(15_000),
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 1, max: 2 ** 45 }),
      ),
      value,
      fc.oneof(fc.constant(0), fc.constant(500), fc.integer({ min: 0, max: 2 ** 40 })),
    ),
    { maxLength: 150 },
  )
  .map((steps) => {
    let timestampMs = 0
    return steps.map(([deltaMs, [low, high], startMs]): Sample => {
      timestampMs += deltaMs
      return [timestampMs, low, high, startMs]
    })
  })

describe('an XOR2 chunk', () => {
  it('gives back every timestamp, start timestamp and bit', () => {
    fc.assert(
      fc.property(samplesArbitrary, (samples) => {
        expect(decode(encode(samples))).toEqual(samples)
      }),
    )
  })

  it.each([4095, 4096, 524_287, 524_288])('keeps second differences around ±%i', (edge) => {
    for (const dod of [edge - 1, edge, edge + 1, -edge - 1, -edge, -edge + 1]) {
      const first = 1_000_000
      const samples: Sample[] = [
        [0, 0, 0, 0],
        [first, 0, 0, 0],
        [2 * first + dod, 5, 5, 0],
      ]
      expect(decode(encode(samples))).toEqual(samples)
    }
  })

  it('stores a steady stale marker in five bits', () => {
    const bytes = encode([
      [0, 1, 1, 0],
      [10, 1, 1, 0],
      [20, staleLow, staleHigh, 0],
    ])
    // Three bytes of header, one of timestamp, eight of value, one of delta, then 0 and 11111.
    expect(Buffer.from(bytes).toString('hex')).toBe('0003000000000001000000010a7c')
  })

  it('that is cut short is reported as corrupt', () => {
    const bytes = encode(
      Array.from({ length: 140 }, (_, i): Sample => [i * 1000 + (i % 7), i, i * 77, i % 5]),
    )
    for (let size = 0; size < bytes.length; size++)
      expect(() => decode(bytes.subarray(0, size))).toThrow(CorruptionError)
  })

  it('without start timestamps leaves the buffer without them', () => {
    const buffer = new SampleBuffer()
    const bytes = encode([[5, 1, 1, 0]])
    decodeChunk(chunkEncoding.xor2, bytes, 0, bytes.length, buffer)
    expect(buffer.hasStartTimestamps).toBe(false)
  })

  it('after a chunk without start timestamps marks those as unknown', () => {
    const buffer = new SampleBuffer(1)
    for (const startMs of [0, 3]) {
      const bytes = encode([[5 + startMs, 1, 1, startMs]])
      decodeChunk(chunkEncoding.xor2, bytes, 0, bytes.length, buffer)
    }
    expect([...buffer.startTimestampsMs.subarray(0, 2)]).toEqual([0, 3])
  })
})

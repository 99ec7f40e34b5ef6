import fc from 'fast-check'
import SnappyJS from 'snappyjs'
import { describe, expect, it } from 'vitest'
import type { ChunkRange } from '../../src/kernel/index.ts'
import {
  BitWriter,
  CodecKernel,
  crc32c,
  decodeXorChunks,
  snappyDeflate,
  snappyInflate,
  writeXor,
  xorStateOf,
} from '../../src/kernel/index.ts'
import { CorruptionError, UserError } from '../../src/model/index.ts'

const kernel = CodecKernel.create(64 * 2 ** 20)
const mebibyte = 2 ** 20

/** Bytes with repetitions at many distances, as bodies have. */
const compressible = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 80 }),
      fc
        .tuple(fc.string({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 60 }))
        .map(([text, count]) => new Uint8Array(Buffer.from(text.repeat(count)))),
    ),
    { maxLength: 40 },
  )
  .chain((pieces) =>
    fc
      .array(fc.nat(), { maxLength: 60 })
      .map((order) => [
        ...pieces,
        ...order.map((i) => pieces[i % pieces.length] ?? new Uint8Array(0)),
      ]),
  )
  .map((pieces) => new Uint8Array(Buffer.concat(pieces)))

function outcome(work: () => Uint8Array | number): unknown {
  try {
    const result = work()
    return typeof result === 'number' ? result : Buffer.from(result).toString('base64')
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof UserError) return error.message
    throw error
  }
}

describe('snappy', () => {
  it('inflates what it deflated, in the kernel and in its twin, to the same bytes', () => {
    fc.assert(
      fc.property(compressible, (bytes) => {
        const deflated = kernel.deflate(bytes)
        expect(Buffer.compare(deflated, snappyDeflate(bytes))).toBe(0)
        expect(Buffer.compare(kernel.inflate(deflated, mebibyte), bytes)).toBe(0)
        expect(Buffer.compare(snappyInflate(deflated, mebibyte), bytes)).toBe(0)
      }),
    )
  })

  it('reads what another implementation wrote and is read by it', () => {
    fc.assert(
      fc.property(compressible, (bytes) => {
        expect(Buffer.compare(kernel.inflate(SnappyJS.compress(bytes), mebibyte), bytes)).toBe(0)
        expect(Buffer.compare(SnappyJS.uncompress(kernel.deflate(bytes)), bytes)).toBe(0)
      }),
    )
  })

  it('handles input of several fragments', () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >>> (i % 13))
    const deflated = kernel.deflate(bytes)
    expect(Buffer.compare(deflated, snappyDeflate(bytes))).toBe(0)
    expect(Buffer.compare(kernel.inflate(deflated, mebibyte), bytes)).toBe(0)
    expect(Buffer.compare(SnappyJS.uncompress(deflated), bytes)).toBe(0)
  })

  it('makes a repetitive body small', () => {
    const bytes = Buffer.from('http_requests_total{code="200"} '.repeat(1000))
    expect(kernel.deflate(bytes).length).toBeLessThan(bytes.length / 15)
  })

  it('ends the same way in kernel and twin for mutated and arbitrary blocks', () => {
    const mutation = fc.tuple(
      compressible,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(),
    )
    fc.assert(
      fc.property(mutation, ([bytes, changes, cut]) => {
        const block = snappyDeflate(bytes)
        for (const [at, byte] of changes) block[at % block.length] = byte
        const shown = cut % 3 === 0 ? block.subarray(0, cut % block.length) : block
        expect(outcome(() => kernel.inflate(shown, mebibyte))).toBe(
          outcome(() => snappyInflate(shown, mebibyte)),
        )
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (block) => {
        expect(outcome(() => kernel.inflate(block, mebibyte))).toBe(
          outcome(() => snappyInflate(block, mebibyte)),
        )
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['an empty block', []],
    ['a length that never ends', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80]],
    ['a length above 32 bits', [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['a literal whose length wraps around', [1, 63 << 2, 0xff, 0xff, 0xff, 0xff, 0]],
    ['a copy from before the start', [8, 0, 65, (3 << 2) | 2, 2, 0]],
    ['a copy at offset zero', [8, 0, 65, (3 << 2) | 2, 0, 0]],
    ['less output than promised', [9, 0, 65]],
    ['more output than promised', [1, 4, 65, 66]],
    ['more output than the elements can make', [0xff, 0xff, 0x7f, 0]],
  ])('refuses %s', (_name, bytes) => {
    expect(() => kernel.inflate(Uint8Array.from(bytes), 4 * mebibyte)).toThrow(CorruptionError)
    expect(() => snappyInflate(Uint8Array.from(bytes), 4 * mebibyte)).toThrow(CorruptionError)
  })

  it('refuses a block that inflates beyond the limit before it inflates any of it', () => {
    const block = snappyDeflate(new Uint8Array(1000))
    expect(() => kernel.inflate(block, 999)).toThrow(UserError)
    expect(kernel.inflate(block, 1000).length).toBe(1000)
  })

  it('gives results that later calls leave alone', () => {
    const first = kernel.inflate(snappyDeflate(new Uint8Array(100).fill(1)), mebibyte)
    kernel.inflate(snappyDeflate(new Uint8Array(100).fill(2)), mebibyte)
    expect(first.every((byte) => byte === 1)).toBe(true)
  })

  it('fails with a limit, not with a crash, where the scratch memory does not suffice', () => {
    const small = CodecKernel.create(mebibyte)
    expect(() => small.deflate(new Uint8Array(2 * mebibyte))).toThrow(UserError)
    expect(small.deflate(new Uint8Array(1000)).length).toBeLessThan(100)
  })
})

describe('the checksum kernel', () => {
  it('agrees with its twin for every length and seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer(), (bytes, seed) => {
        expect(kernel.crc32c(bytes, seed)).toBe(crc32c(bytes, 0, bytes.length, seed))
      }),
    )
  })
})

interface Chunks extends ChunkRange {
  readonly sampleCount: number
}

function chunksOf(parts: readonly Uint8Array[]): Chunks {
  const offsets = parts.map((_, i) => 3 + parts.slice(0, i).reduce((sum, p) => sum + p.length, 0))
  return {
    bytes: new Uint8Array(Buffer.concat([new Uint8Array(3), ...parts])),
    offsets: Uint32Array.from(offsets),
    sizes: Uint32Array.from(parts, (part) => part.length),
    from: 0,
    to: parts.length,
    sampleCount: parts.reduce((sum, p) => sum + (p.length < 2 ? 0 : (p[0]! << 8) | p[1]!), 0),
  }
}

function decoded(chunks: Chunks, decode: typeof decodeXorChunks): unknown {
  const target = {
    timestampsMs: new Float64Array(chunks.sampleCount + 2),
    words: new Uint32Array(2 * chunks.sampleCount + 4),
    at: 1,
  }
  try {
    return { count: decode(chunks, target), ...target }
  } catch (error) {
    if (error instanceof CorruptionError) return error.message
    throw error
  }
}

/** Bits of a plausible chunk: fields in any order that the grammar allows. */
const chunkArbitrary = fc
  .tuple(
    fc.integer({ min: -(2 ** 40), max: 2 ** 45 }),
    fc.array(
      fc.tuple(
        fc.oneof(
          fc.constant(0),
          fc.constantFrom(-8192, -8191, 8191, 8192, -65_536, -65_535, 65_536, 524_288, -524_288),
          fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
        ),
        fc.oneof(fc.constant(0), fc.integer()),
        fc.oneof(fc.constant(0), fc.integer()),
      ),
      { maxLength: 130 },
    ),
  )
  .map(([start, steps]) => {
    const bits = new BitWriter()
    bits.writeBits(steps.length, 16)
    const state = xorStateOf(0, 0)
    steps.forEach(([dod, low, high], i) => {
      if (i === 0) {
        bits.writeVarint(start)
        bits.writeWords(high, low, 64)
        state.high = high
        state.low = low
        return
      }
      if (i === 1) bits.writeUvarint(Math.abs(dod))
      else if (dod === 0) bits.writeBits(0, 1)
      else if (Math.abs(dod) < 9000) bits.writeBits((0b10 << 14) | (dod & 0x3fff), 16)
      else if (Math.abs(dod) < 70_000) bits.writeBits((0b110 << 17) | (dod & 0x1ffff), 20)
      else if (Math.abs(dod) < 600_000) bits.writeBits((0b1110 << 20) | (dod & 0xfffff), 24)
      else {
        bits.writeBits(0b1111, 4)
        bits.writeWords(dod < 0 ? -1 : 0, dod, 64)
      }
      if (low === 0) writeXor(bits, state, state.high, state.low)
      else writeXor(bits, state, high, low)
    })
    return bits.finish()
  })

describe('the XOR kernel', () => {
  it('decodes a batch of chunks as its twin does, bit for bit', () => {
    fc.assert(
      fc.property(fc.array(chunkArbitrary, { maxLength: 5 }), (parts) => {
        const chunks = chunksOf(parts)
        expect(decoded(chunks, (c, t) => kernel.decodeXor(c, t))).toEqual(
          decoded(chunks, decodeXorChunks),
        )
      }),
      { numRuns: 200 },
    )
  })

  it('refuses cut and mutated chunks exactly where its twin does', () => {
    fc.assert(
      fc.property(chunkArbitrary, fc.nat(), fc.nat(255), fc.nat(), (part, at, byte, cut) => {
        const mutated = part.slice(0, part.length - (cut % 20))
        if (mutated.length > 2) mutated[2 + (at % (mutated.length - 2))] = byte
        const chunks = chunksOf([mutated])
        const fromKernel = decoded(chunks, (c, t) => kernel.decodeXor(c, t))
        const fromTwin = decoded(chunks, decodeXorChunks)
        // Beyond 2^51 a mutated timestamp is not exact in the twin, but both must accept it.
        expect(typeof fromKernel).toBe(typeof fromTwin)
        if (typeof fromTwin === 'string') expect(fromKernel).toBe(fromTwin)
      }),
      { numRuns: 1000 },
    )
  })
})

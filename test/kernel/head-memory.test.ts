import { describe, expect, test } from 'vitest'
import { decodeChunk, SampleBuffer, XorEncoder } from '../../src/chunk/index.ts'
import {
  copyOpenChunk,
  HeadMemory,
  hashPair,
  headLayout,
  refMissing,
} from '../../src/kernel/index.ts'
import { windowMs } from '../../src/model/index.ts'
import { createRandom } from '../random.ts'

const seed = new Uint32Array([7, 8, 9, 10])
const start = 236_000 * windowMs

function create(memory: HeadMemory, labels: Record<string, string>, tenant = 0): number {
  const names = Object.keys(labels).sort()
  const size = names.reduce((sum, name) => sum + Buffer.byteLength(name + labels[name]), 0)
  const { at, strings } = memory.labelStage(names.length, size)
  const { words, bytes } = memory.view
  words[at >>> 2] = tenant
  words[(at >>> 2) + 1] = names.length
  let next = strings
  names.forEach((name, i) => {
    const label = (at >>> 2) + 4 + 12 * i
    const nameSize = Buffer.from(bytes.buffer, next).write(name)
    const valueSize = Buffer.from(bytes.buffer, next + nameSize).write(labels[name]!)
    hashPair(seed, bytes, next, next + nameSize, next + nameSize + valueSize, words, label)
    words.set([i, next, nameSize, next + nameSize, valueSize], label + 4)
    next += nameSize + valueSize
  })
  return memory.createSeries(names.length, size).ref
}

function columnsOf(samples: readonly (readonly [number, number])[]) {
  const values = new Float64Array(samples.map((sample) => sample[1]))
  return {
    seriesCount: 1,
    sampleCount: samples.length,
    sampleStarts: new Uint32Array([0, samples.length]),
    timestampsMs: new Float64Array(samples.map((sample) => sample[0])),
    valueWords: new Uint32Array(values.buffer),
  }
}

function chunksOf(memory: HeadMemory, ref: number): Uint8Array[] {
  const { words, bytes } = memory.view
  const out: Uint8Array[] = []
  for (let at = words[(memory.view.stateOf(ref) >>> 2) + 12]!; at !== 0; at = words[at >>> 2]!) {
    const size = words[(at >>> 2) + 3]! & 0xffff
    out.unshift(bytes.slice(at + headLayout.chunkHeadSize, at + headLayout.chunkHeadSize + size))
  }
  const open = new Uint8Array(headLayout.chunkBlockSizeMax)
  const size = copyOpenChunk(memory.view, ref, new Uint32Array(open.buffer), open, 0)
  if (size > 0) out.push(open.slice(0, size))
  return out
}

/** The chunks that the rules of Prometheus make of these samples. */
function expectedChunks(samples: readonly (readonly [number, number])[]): Uint8Array[] {
  const out: Uint8Array[] = []
  let encoder = new XorEncoder()
  let first = 0
  let last = 0
  let end = 0
  const bits = new Float64Array(1)
  const words = new Uint32Array(bits.buffer)
  for (const [timestampMs, value] of samples) {
    if (encoder.count === 30) {
      const n = (end - first) / ((last - first + 1) * 4)
      if (n > 1) end = Math.floor(first + (end - first) / Math.floor(n))
    }
    if (
      encoder.count > 0 &&
      (timestampMs >= end || encoder.count >= 240 || encoder.sizeBytes > 1005)
    ) {
      out.push(encoder.finish().slice())
      encoder = new XorEncoder()
    }
    if (encoder.count === 0) {
      first = timestampMs
      end = start + windowMs
    }
    bits[0] = value
    encoder.append(timestampMs, words[0]!, words[1]!)
    last = timestampMs
  }
  if (encoder.count > 0) out.push(encoder.finish().slice())
  return out
}

describe('the head memory', () => {
  test('finds a series again by its canonical hash, per tenant', () => {
    const memory = new HeadMemory(start, seed)
    const a = create(memory, { __name__: 'up', pod: 'a' })
    expect(create(memory, { __name__: 'up', pod: 'b' })).toBe(1)
    expect(create(memory, { __name__: 'up', pod: 'a' })).toBe(a)
    expect(create(memory, { __name__: 'up', pod: 'a' }, 1)).toBe(2)
  })

  test('keeps labels and postings of many series', () => {
    const memory = new HeadMemory(start, seed)
    const count = 20_000
    for (let i = 0; i < count; i++)
      expect(create(memory, { __name__: 'up', pod: `p${i}`, zone: `z${i % 3}` })).toBe(i)
    const { view } = memory
    expect(view.pairCount).toBe(count + 4)
    for (const ref of [0, 1, 4095, 4096, count - 1]) {
      const values = [...view.pairsOf(ref)].map((pair) =>
        Buffer.from(view.valueOf(pair)).toString(),
      )
      expect(values).toEqual(['up', `p${ref}`, `z${ref % 3}`])
    }
    const pair = view.pairsOf(5)[2]!
    const refs = new Uint32Array(view.postingCount(pair))
    expect(view.copyPostings(pair, refs, 0)).toBe(refs.length)
    expect([...refs]).toEqual(Array.from({ length: refs.length }, (_, i) => 3 * i + 2))
  })

  test('looks up what it was told to remember, in any order', () => {
    const memory = new HeadMemory(start, seed)
    const random = createRandom(42)
    const count = 10_000
    const hashes = Uint32Array.from({ length: 4 * count }, () => random() * 2 ** 32)
    expect(memory.lookup(hashes, count).misses).toBe(count)
    for (let i = 0; i < count; i++) memory.remember(hashes, i, i % 5000)
    for (let round = 0; round < 2; round++) {
      const { misses, refs } = memory.lookup(hashes, count)
      expect(misses).toBe(0)
      expect([...refs]).toEqual(Array.from({ length: count }, (_, i) => i % 5000))
    }
    const order = Array.from({ length: count }, (_, i) => (i * 7919) % count)
    const shuffled = new Uint32Array(4 * count)
    order.forEach((from, to) => {
      shuffled.set(hashes.subarray(4 * from, 4 * from + 4), 4 * to)
    })
    expect([...memory.lookup(shuffled, count).refs]).toEqual(order.map((from) => from % 5000))
    expect(memory.lookup(new Uint32Array([1, 2, 3, 4]), 1).refs[0]).toBe(refMissing)
  })

  test('writes the chunks that the codec writes, cut where Prometheus cuts them', () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    for (let round = 0; round < 200; round++) {
      const memory = new HeadMemory(start, seed)
      const ref = create(memory, { __name__: 'x' })
      const step = [1, 250, 1000, 15_000, 60_000, 600_000][round % 6]!
      const shape = Math.floor(random() * 4)
      const samples: [number, number][] = []
      let timestampMs = start + Math.floor(random() * step)
      let value = 0
      while (timestampMs < start + windowMs && samples.length < 1500) {
        if (shape === 1) value += Math.floor(random() * 10)
        else if (shape === 2) value = random() * 1e6
        else if (shape === 3)
          value = [Number.NaN, Number.POSITIVE_INFINITY, -0, 5e-324, 1e308][
            Math.floor(random() * 5)
          ]!
        samples.push([timestampMs, value])
        timestampMs += step + Math.floor(random() * (random() < 0.1 ? step * 20 : step / 10 + 1))
      }
      let from = 0
      while (from < samples.length) {
        const part = samples.slice(from, from + 1 + Math.floor(random() * 100))
        const outcome = memory.append(columnsOf(part), new Uint32Array([ref]), {
          floorMs: 0,
          ceilingMs: 1e15,
        })
        expect(outcome.appended).toBe(part.length)
        from += part.length
      }
      expect(chunksOf(memory, ref), `seed ${number} round ${round}`).toEqual(
        expectedChunks(samples),
      )
      const buffer = new SampleBuffer()
      for (const chunk of chunksOf(memory, ref)) decodeChunk(1, chunk, 0, chunk.length, buffer)
      expect([...buffer.timestampsMs.subarray(0, buffer.count)]).toEqual(samples.map((s) => s[0]))
    }
  })

  test('says why a sample was not appended', () => {
    const memory = new HeadMemory(start, seed)
    const ref = create(memory, { __name__: 'x' })
    const append = (samples: [number, number][]) => {
      const outcome = memory.append(columnsOf(samples), new Uint32Array([ref]), {
        floorMs: start + 10,
        ceilingMs: start + 900,
      })
      return [outcome.appended, outcome.unchanged, ...[...outcome.exceptions]]
    }
    expect(append([[start + 100, 1]])).toEqual([1, 0])
    expect(
      append([
        [start + 100, 1],
        [start + 100, 2],
        [start + 50, 1],
        [start + 5, 1],
        [start + 901, 1],
        [start + windowMs, 1],
        [start + 101, -0],
      ]),
    ).toEqual([1, 1, 1, 0, 2, 2, 0, 1, 3, 0, 3, 4, 0, 4])
  })
})

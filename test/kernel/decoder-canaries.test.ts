import snappy from 'snappyjs'
import { describe, expect, test } from 'vitest'
import { io, prometheus } from '../../src/encoding/index.ts'
import { hashKeySizeBytes, KernelWriteDecoder, seriesAsked } from '../../src/kernel/index.ts'
import { createRandom } from '../random.ts'

const keys = new Uint8Array(hashKeySizeBytes).map((_, i) => (i * 91 + 3) & 255)
const seed = new Uint32Array([4, 3, 2, 1])
const canary = 0xa5
const [headerAddress, headerSize] = [1024, 256]
const [maskAddress, maskSize] = [2048, 32]
const keysAddress = 4096
const bodyAddress = 8192
/** So much after the last region is looked at each time; what lies behind all regions, in the end. */
const gapSize = 256

type Region = readonly [start: number, end: number]

/** A decoder whose memory is filled with canaries around what a request may write. */
class WatchedDecoder {
  readonly #decoder = new KernelWriteDecoder(keys)
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  #regionsEnd = bodyAddress

  constructor() {
    // Any body shows where the memory is.
    const options = { version: 1, compression: 'none', seed, sizeBytesMax: 10 } as const
    const { buffer } = this.#decoder.decode(new Uint8Array(0), options).bytes
    this.#bytes = new Uint8Array(buffer)
    this.#words = new Uint32Array(buffer)
    for (const [start, end] of [
      [0, headerAddress],
      [headerAddress + headerSize, maskAddress],
      [maskAddress + maskSize, keysAddress],
      [keysAddress + hashKeySizeBytes, bodyAddress],
      [bodyAddress, this.#bytes.length],
    ] as const)
      this.#bytes.fill(canary, start, end)
  }

  /** Decodes; the first byte that changed where nothing may, undefined when all is well. */
  decode(version: 1 | 2, body: Uint8Array, compression: 'snappy' | 'none'): number | undefined {
    this.#words.fill(0, (headerAddress + 64) >>> 2, (headerAddress + 128) >>> 2)
    let isDecoded = true
    try {
      const options = { version, compression, seed, sizeBytesMax: 100_000 }
      const { seriesFlags } = this.#decoder.decode(body, options)
      for (let i = 0; i < seriesFlags.length; i++) seriesFlags[i]! |= seriesAsked
      if (version === 1)
        this.#decoder.markPlain({
          labelCountMax: 0,
          labelNameSizeBytesMax: 0,
          labelValueSizeBytesMax: 0,
        })
    } catch {
      isDecoded = false
    }
    const inputs = this.#inputs(body, compression)
    const isLaidOut = this.#words[(headerAddress >>> 2) + 21] !== 0
    if (isDecoded && !isLaidOut) throw new Error('columns without regions')
    const regions = isLaidOut ? [...inputs, ...this.#columns()] : inputs
    const end = regions.at(-1)![1]
    this.#regionsEnd = Math.max(this.#regionsEnd, end)
    const changed = this.#firstChange([...regions, [end + gapSize, end + gapSize]])
    for (const [start, end] of inputs) this.#bytes.fill(canary, start, end)
    if (isLaidOut) this.#wipeColumns()
    return changed
  }

  /** Looks at what no body may reach. */
  checkTheRest(): void {
    const isIntact = (start: number, end: number): boolean =>
      this.#bytes.subarray(start, end).every((byte) => byte === canary)
    expect(isIntact(0, headerAddress)).toBe(true)
    expect(isIntact(headerAddress + headerSize, maskAddress)).toBe(true)
    expect(isIntact(maskAddress + maskSize, keysAddress)).toBe(true)
    expect(isIntact(keysAddress + hashKeySizeBytes, bodyAddress)).toBe(true)
    expect(isIntact(this.#regionsEnd, this.#bytes.length)).toBe(true)
    const held = this.#bytes.slice(keysAddress, keysAddress + hashKeySizeBytes)
    expect(held).toEqual(keys)
    const mask = this.#bytes.slice(maskAddress, maskAddress + maskSize)
    expect(mask).toEqual(new Uint8Array(maskSize).fill(255, 0, 16))
  }

  #inputs(body: Uint8Array, compression: 'snappy' | 'none'): Region[] {
    const sent: Region = [bodyAddress, bodyAddress + body.length]
    if (compression === 'none') return [sent]
    let declared = 0
    for (let i = 0; i < 5 && i < body.length; i++) {
      declared += (body[i]! & 127) * 2 ** (7 * i)
      if (body[i]! < 128) break
    }
    if (declared > 22 * body.length || declared > 100_000) return [sent]
    const start = Math.ceil((sent[1] + 64) / 16) * 16
    return [sent, [start, start + declared]]
  }

  #columns(): Region[] {
    const at = (headerAddress >>> 2) + 16
    const capacities = [...this.#words.subarray(at, at + 5)] as [
      number,
      number,
      number,
      number,
      number,
    ]
    const [series, samples, slow, symbols, refs] = capacities
    const sizes = sizesOf({ series, samples, slow, symbols, refs })
    return sizes.map((size, i): Region => {
      const start = this.#words[at + 5 + i]!
      return [start, start + size]
    })
  }

  // Rows beyond the counts were not written: the next request's regions start elsewhere.
  #wipeColumns(): void {
    const at = headerAddress >>> 2
    const [series, samples, slow, symbols] = [...this.#words.subarray(at + 1, at + 5)] as Counts
    const rows = { series: series + 1, samples: samples + 1, slow: slow + 1, symbols: symbols + 1 }
    const sizes = sizesOf({ ...rows, refs: this.#words[at + 20]! })
    for (const [i, size] of sizes.entries()) {
      const start = this.#words[at + 21 + i]!
      this.#bytes.fill(canary, start, start + size)
    }
  }

  #firstChange(regions: readonly Region[]): number | undefined {
    const bytes = this.#bytes
    for (let i = 1; i < regions.length; i++) {
      const [from, to] = [regions[i - 1]![1], regions[i]![0]]
      if (to < from) throw new Error('regions overlap')
      for (let at = from; at < to; at++) if (bytes[at] !== canary) return at
    }
    return undefined
  }
}

type Counts = [number, number, number, number]

/** Bytes of each region, in the order of their addresses in the header. */
function sizesOf(counts: {
  series: number
  samples: number
  slow: number
  symbols: number
  refs: number
}): number[] {
  const { series, samples, slow, symbols, refs } = counts
  return [
    16 * series,
    8 * series,
    4 * series + 4,
    4 * series,
    8 * samples,
    8 * samples,
    8 * samples,
    16 * slow,
    32 * symbols,
    20 * refs + 16,
  ]
}

function seedOne(): Uint8Array {
  const timeseries = ['a', 'pöd', 'c'.repeat(130)].map((pod) => ({
    labels: [
      { name: '__name__', value: 'up' },
      { name: 'pod', value: pod },
    ],
    samples: [
      { value: 1.5, timestamp: 1 },
      { value: 2, timestamp: 2 },
    ],
    exemplars: [{ labels: [{ name: 'trace', value: 'x' }], value: 1, timestamp: 1 }],
  }))
  return Uint8Array.from(prometheus.WriteRequest.encode({ timeseries }).finish())
}

function seedTwo(): Uint8Array {
  const symbols = ['', '__name__', 'up', 'pod', 'pö', 'help']
  const timeseries = [2, 4].map((value) => ({
    labelsRefs: [1, 2, 3, value],
    samples: [{ value: 3, timestamp: 1, startTimestamp: 1 }],
    exemplars: [{ labelsRefs: [1, 2], value: 1, timestamp: 1 }],
    metadata: { type: 2, helpRef: 5, unitRef: 0 },
  }))
  return Uint8Array.from(io.prometheus.write.v2.Request.encode({ symbols, timeseries }).finish())
}

const interesting = [0, 1, 2, 3, 8, 10, 16, 18, 26, 34, 42, 127, 128, 254, 255]

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

function repeated(count: number, message: readonly number[]): Uint8Array {
  const out = new Uint8Array(count * message.length)
  for (let i = 0; i < count; i++) out.set(message, i * message.length)
  return out
}

describe('memory around the regions of a request', () => {
  test('is left alone by mutated bodies, plain and compressed', { timeout: 60_000 }, () => {
    const number = Date.now() % 2 ** 31
    const random = createRandom(number)
    const watched = new WatchedDecoder()
    const seeds = [seedOne(), seedTwo()]
    const compressed = seeds.map((plain) => snappy.compress(plain))
    for (let round = 0; round < 100_000; round++) {
      const version = (1 + (round & 1)) as 1 | 2
      const compression = (round & 2) === 0 ? 'none' : 'snappy'
      const from = compression === 'none' ? seeds : compressed
      const body = round < 4 ? from[round & 1]! : mutated(from[round & 1]!, random)
      const changed = watched.decode(version, body, compression)
      if (changed !== undefined)
        throw new Error(
          `byte ${changed} changed: seed ${number} round ${round} ${Buffer.from(body).toString('hex')}`,
        )
    }
    watched.checkTheRest()
  })

  test('is left alone by bodies that fill the columns to the last row', () => {
    const full: [1 | 2, Uint8Array][] = [
      [1, repeated(4096, [10, 0])],
      [1, Uint8Array.from([10, 128, 128, 2, ...repeated(16_384, [18, 0])])],
      [1, repeated(2048, [26, 0])],
      [2, repeated(8192, [34, 0])],
      [2, Uint8Array.from([...repeated(1, [34, 0]), 42, 128, 16, ...repeated(1024, [8, 0])])],
    ]
    const watched = new WatchedDecoder()
    for (const [version, body] of full)
      expect(watched.decode(version, body, 'none'), `version ${version}`).toBeUndefined()
    watched.checkTheRest()
  })
})

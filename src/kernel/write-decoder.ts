// Write decoder: remote-write bodies, as they arrived, to columns. The work is kernel/as/ingest.ts; here its memory
// is laid out, filled and read. Untrusted bytes stay in a memory of their own, away from the head's.
// Units: timestamps in Unix milliseconds as doubles; ranges are byte offsets into the plain body, half-open.
// Accepts exactly what the protobufjs reader accepts; label bytes of version 1 and the listed slow elements are
// checked by whoever reads them.

import { UserError } from '../model/index.ts'
import { createMemory, instantiateKernel } from './instance.ts'

/** What a slow element is; its range holds the message without tag and length. */
export const slowKind = { metadata: 1, exemplar: 2, histogram: 3, seriesMetadata: 4 } as const

/** Set in `seriesFlags` when label refs of version 2 are odd in number or name no symbol. */
export const seriesBadRefs = 1
/** Set in `seriesFlags` when labels of version 1 stand in one run at the start of their message. */
export const seriesOneRun = 2
/** To be set in `seriesFlags` of the series that `markPlain` is to look at. */
export const seriesAsked = 4
/** Set in `seriesFlags` by `markPlain`. */
export const seriesPlain = 8

/** Bounds of labels; 0 = unlimited. */
export interface LabelBounds {
  readonly labelCountMax: number
  readonly labelNameSizeBytesMax: number
  readonly labelValueSizeBytesMax: number
}

/** Series of more labels are never plain. */
export const plainLabelsMax = 128
const sizeBytesMax = 2 ** 31

/** One decoded body. Every view lies in the decoder's memory and dies with the next `decode`. */
export interface DecodedBody {
  readonly version: 1 | 2
  /** The plain body, with its offset in the decoder's memory undone: index 0 is its first byte. */
  readonly bytes: Uint8Array
  readonly seriesCount: number
  readonly sampleCount: number
  readonly slowCount: number
  readonly symbolCount: number
  /** Bounds of all sample times; infinite where there is none. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly hasStartTimestamps: boolean
  /** [4 × seriesCount] keyed hash of each series' labels. */
  readonly hashes: Uint32Array
  /** [2 × seriesCount] start and end of each TimeSeries message. */
  readonly seriesRanges: Uint32Array
  /** [seriesCount + 1] where each series' samples start. */
  readonly sampleStarts: Uint32Array
  readonly seriesFlags: Uint32Array
  readonly timestampsMs: Float64Array
  /** [2 × sampleCount] value bits, low word first. */
  readonly valueWords: Uint32Array
  readonly startTimestampsMs: Float64Array
  /** [4 × slowCount] kind, series index, start, end. */
  readonly slow: Uint32Array
  /** [8 × symbolCount] hash (4 words), start, size, unused. */
  readonly symbols: Uint32Array
}

/** How to decode one body. */
export interface DecodeOptions {
  readonly version: 1 | 2
  readonly compression: 'snappy' | 'none'
  /** Four words that name tenant, sender and epoch. */
  readonly seed: Uint32Array
  /** Largest plain size in bytes. */
  readonly sizeBytesMax: number
}

/** Decodes bodies to columns; throws UserError bad_data or body_too_large. The kernel and its twin implement it. */
export interface WriteDecoder {
  decode(body: Uint8Array, options: DecodeOptions): DecodedBody
}

/** Bytes of secret key material that a decoder needs. */
export const hashKeySizeBytes = 2048 + 64

interface IngestKernel {
  markPlain(labelMax: number, nameMax: number, valueMax: number): void
  inflate(src: number, size: number, dst: number, declared: number): number
  decode(version: number, body: number, size: number): number
}

const headerAddress = 1024
const maskAddress = 2048
const keysAddress = 4096
const regionsAddress = 8192
const slackBytes = 64
const memoryMaxBytes = 2 ** 31
/** Above this a memory that one giant body grew is given back. */
const keptBytesMax = 64 * 2 ** 20

interface Capacities {
  readonly series: number
  readonly samples: number
  readonly slow: number
  readonly symbols: number
  readonly refs: number
}

const firstCapacities: Capacities = {
  series: 4096,
  samples: 16_384,
  slow: 2048,
  symbols: 8192,
  refs: 1024,
}

/** The decoder whose loops are WebAssembly. */
export class KernelWriteDecoder implements WriteDecoder {
  readonly #keys: Uint8Array
  #memory!: WebAssembly.Memory
  #kernel!: IngestKernel
  #capacities = firstCapacities

  /** `keys` are `hashKeySizeBytes` random bytes, equal wherever hashes are compared. */
  constructor(keys: Uint8Array) {
    this.#keys = keys
    this.#reset()
  }

  /** Bytes of linear memory in use. */
  get memoryBytes(): number {
    return this.#memory.buffer.byteLength
  }

  decode(body: Uint8Array, options: DecodeOptions): DecodedBody {
    if (this.memoryBytes > keptBytesMax) this.#reset()
    const plain = this.#load(body, options)
    for (;;) {
      const layout = layOut(plain.address + plain.size + slackBytes, this.#capacities)
      this.#reserve(layout.end)
      const words = new Uint32Array(this.#memory.buffer, headerAddress, 64)
      words.set(layout.header, 16)
      words.set(options.seed, 32)
      const code = this.#kernel.decode(options.version, plain.address, plain.size)
      if (code === 0) return this.#view(plain, layout, options.version)
      if (code === 1) {
        throw new UserError('bad_data', {
          what: `the body is not a valid remote-write ${options.version}.0 message`,
          where: `byte ${words[0]} of ${plain.size}`,
        })
      }
      this.#capacities = doubled(this.#capacities)
    }
  }

  /**
   * Flags as plain what is asked for of the body decoded last, of version 1, and is as senders write it, within bounds:
   * labels that are ASCII, not empty, strictly sorted, with a metric name. `HeadMemory.createPlain` takes these.
   */
  markPlain(bounds: LabelBounds): void {
    this.#kernel.markPlain(
      Math.min(bounds.labelCountMax || plainLabelsMax, plainLabelsMax),
      bounds.labelNameSizeBytesMax || sizeBytesMax,
      bounds.labelValueSizeBytesMax || sizeBytesMax,
    )
  }

  #reset(): void {
    this.#memory = createMemory(4 * 2 ** 20, memoryMaxBytes)
    this.#kernel = instantiateKernel<IngestKernel>('ingest', this.#memory)
    this.#capacities = firstCapacities
    const bytes = new Uint8Array(this.#memory.buffer)
    bytes.fill(0xff, maskAddress, maskAddress + 16)
    bytes.set(this.#keys, keysAddress)
  }

  // Puts the plain body into memory; the compressed one lies before it.
  #load(body: Uint8Array, options: DecodeOptions): { address: number; size: number } {
    if (options.compression === 'none') {
      if (body.length > options.sizeBytesMax) throw tooLarge(body.length, options.sizeBytesMax)
      this.#reserve(regionsAddress + body.length + slackBytes)
      new Uint8Array(this.#memory.buffer).set(body, regionsAddress)
      return { address: regionsAddress, size: body.length }
    }
    const declared = declaredSize(body)
    // Three bytes make at most 64: what declares more is refused before room is made for it.
    if (declared > 22 * body.length) throw notSnappy()
    if (declared > options.sizeBytesMax) throw tooLarge(declared, options.sizeBytesMax)
    const address = align(regionsAddress + body.length + slackBytes)
    this.#reserve(address + declared + slackBytes)
    new Uint8Array(this.#memory.buffer).set(body, regionsAddress)
    if (this.#kernel.inflate(regionsAddress, body.length, address, declared) === 0)
      throw notSnappy()
    return { address, size: declared }
  }

  #reserve(end: number): void {
    const missing = end - this.#memory.buffer.byteLength
    if (missing <= 0) return
    if (end > memoryMaxBytes - 65_536) throw tooLarge(end, memoryMaxBytes)
    this.#memory.grow(Math.ceil(missing / 65_536))
  }

  #view(plain: { address: number; size: number }, layout: Layout, version: 1 | 2): DecodedBody {
    const buffer = this.#memory.buffer
    const words = new Uint32Array(buffer, headerAddress, 16)
    const times = new Float64Array(buffer, headerAddress, 8)
    const [, seriesCount, sampleCount, slowCount, symbolCount] = words as unknown as number[]
    const at = layout.addresses
    return {
      version,
      bytes: new Uint8Array(buffer, plain.address, plain.size),
      seriesCount: seriesCount!,
      sampleCount: sampleCount!,
      slowCount: slowCount!,
      symbolCount: symbolCount!,
      minTimeMs: times[3]!,
      maxTimeMs: times[4]!,
      hasStartTimestamps: (words[10]! & 1) !== 0,
      hashes: new Uint32Array(buffer, at.hashes, 4 * seriesCount!),
      seriesRanges: new Uint32Array(buffer, at.ranges, 2 * seriesCount!),
      sampleStarts: new Uint32Array(buffer, at.starts, seriesCount! + 1),
      seriesFlags: new Uint32Array(buffer, at.flags, seriesCount!),
      timestampsMs: new Float64Array(buffer, at.times, sampleCount!),
      valueWords: new Uint32Array(buffer, at.values, 2 * sampleCount!),
      startTimestampsMs: new Float64Array(buffer, at.startTimes, sampleCount!),
      slow: new Uint32Array(buffer, at.slow, 4 * slowCount!),
      symbols: new Uint32Array(buffer, at.symbols, 8 * symbolCount!),
    }
  }
}

interface Layout {
  readonly addresses: {
    readonly hashes: number
    readonly ranges: number
    readonly starts: number
    readonly flags: number
    readonly times: number
    readonly values: number
    readonly startTimes: number
    readonly slow: number
    readonly symbols: number
  }
  /** Header words 16 to 30: capacities, then addresses. */
  readonly header: number[]
  readonly end: number
}

function layOut(start: number, capacities: Capacities): Layout {
  let next = align(start)
  const take = (size: number): number => {
    const address = next
    next = align(next + size + slackBytes)
    return address
  }
  const { series, samples, slow, symbols, refs } = capacities
  const addresses = {
    hashes: take(16 * series),
    ranges: take(8 * series),
    starts: take(4 * series + 4),
    flags: take(4 * series),
    times: take(8 * samples),
    values: take(8 * samples),
    startTimes: take(8 * samples),
    slow: take(16 * slow),
    symbols: take(32 * symbols),
    refs: take(20 * refs + 16),
  }
  const header = [series, samples, slow, symbols, refs, ...Object.values(addresses)]
  return { addresses, header, end: next }
}

function doubled(from: Capacities): Capacities {
  return {
    series: from.series * 2,
    samples: from.samples * 2,
    slow: from.slow * 2,
    symbols: from.symbols * 2,
    refs: from.refs * 2,
  }
}

function align(address: number): number {
  return Math.ceil(address / 16) * 16
}

// The length a snappy block declares; what is no varint is left to the kernel to refuse.
function declaredSize(body: Uint8Array): number {
  let size = 0
  for (let i = 0; i < 5 && i < body.length; i++) {
    size += (body[i]! & 127) * 2 ** (7 * i)
    if (body[i]! < 128) {
      if (size < 2 ** 32) return size
      break
    }
  }
  throw notSnappy()
}

function notSnappy(): UserError {
  return new UserError('bad_data', { what: 'the body is not a valid snappy block' })
}

function tooLarge(size: number, max: number): UserError {
  return new UserError('body_too_large', {
    what: `the body is ${size} bytes when inflated; at most ${max} are accepted`,
    fix: 'send smaller batches, or raise the limit',
  })
}

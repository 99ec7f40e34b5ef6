// The twin of the write decoder: the same columns from the same bytes, in plain TypeScript. It is the specification of
// kernel/as/ingest.ts and the oracle of its tests; nothing else uses it, since it is many times slower.

import { UserError } from '../model/index.ts'
import { keyedHash } from './keyed-hash.ts'
import { snappyInflate } from './snappy.ts'
import {
  type DecodedBody,
  type DecodeOptions,
  type LabelBounds,
  plainLabelsMax,
  seriesBadRefs,
  seriesOneRun,
  slowKind,
  type WriteDecoder,
} from './write-decoder.ts'

const recursionLimit = 100

/** Decodes bodies to columns without a kernel. */
export class TwinWriteDecoder implements WriteDecoder {
  readonly #keys: Uint8Array

  /** `keys` as for the kernel's decoder. */
  constructor(keys: Uint8Array) {
    this.#keys = keys
  }

  decode(body: Uint8Array, options: DecodeOptions): DecodedBody {
    const bytes =
      options.compression === 'snappy' ? snappyInflate(body, options.sizeBytesMax) : body
    const reader = new WireReader(bytes)
    const columns = new Columns(bytes, options, this.#keys)
    if (options.version === 2) readSymbols(reader, columns)
    reader.at = 0
    while (reader.at < bytes.length) {
      const tag = reader.tag(bytes.length)
      if (options.version === 1 && tag === 10) {
        decodeSeries(reader, reader.end(bytes.length), columns)
      } else if (options.version === 1 && tag === 26) {
        columns.addSlow(slowKind.metadata, reader, reader.end(bytes.length))
      } else if (options.version === 2 && tag === 42) {
        decodeSeries(reader, reader.end(bytes.length), columns)
      } else reader.skip(tag & 7, tag >>> 3, 0, bytes.length)
    }
    return columns.finish()
  }
}

/** Protobuf primitives with the protobufjs reader's idea of what is valid. */
class WireReader {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  tag(end: number): number {
    return this.#short(end, 15)
  }

  /** Reads a size and returns the end of what follows. */
  end(limit: number): number {
    const size = this.#short(limit, 7)
    if (size > limit - this.at) throw this.fault()
    return this.at + size
  }

  varint(end: number): bigint {
    let value = 0n
    for (let i = 0n; i < 10n; i++) {
      if (this.at >= end) break
      const byte = this.bytes[this.at++]!
      value |= BigInt(byte & 127) << (7n * i)
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw this.fault()
  }

  skip(wire: number, field: number, depth: number, end: number): void {
    if (depth > recursionLimit || field === 0) throw this.fault()
    if (wire === 0) {
      do {
        if (this.at >= end) throw this.fault()
      } while ((this.bytes[this.at++]! & 128) !== 0)
    } else if (wire === 1 || wire === 5) {
      const size = wire === 1 ? 8 : 4
      if (end - this.at < size) throw this.fault()
      this.at += size
    } else if (wire === 2) this.at = this.end(end)
    else if (wire === 3) this.#skipGroup(field, depth, end)
    else throw this.fault()
  }

  fault(): UserError {
    return new UserError('bad_data', {
      what: 'the body is not a valid remote-write message',
      where: `byte ${this.at} of ${this.bytes.length}`,
    })
  }

  #skipGroup(field: number, depth: number, end: number): void {
    for (;;) {
      const tag = this.tag(end)
      const nested = tag >>> 3
      if (nested === 0) throw this.fault()
      if ((tag & 7) === 4) {
        if (nested !== field) throw this.fault()
        return
      }
      this.skip(tag & 7, nested, depth + 1, end)
    }
  }

  #short(end: number, lastMax: number): number {
    let value = 0
    for (let i = 0; i < 5; i++) {
      if (this.at >= end) break
      const byte = this.bytes[this.at++]!
      if (i === 4 && byte > lastMax) break
      value += (byte & 127) * 2 ** (7 * i)
      if (byte < 128) return value
    }
    throw this.fault()
  }
}

interface Symbol {
  readonly hash: Uint32Array
  readonly start: number
  readonly size: number
}

/** The columns while they grow. */
class Columns {
  readonly bytes: Uint8Array
  readonly symbols: Symbol[] = []
  readonly #options: DecodeOptions
  readonly #keys: Uint8Array
  readonly #hashes: number[] = []
  readonly #ranges: number[] = []
  readonly #starts: number[] = []
  readonly #flags: number[] = []
  readonly #times: number[] = []
  readonly #words: number[] = []
  readonly #startTimes: number[] = []
  readonly #slow: number[] = []

  constructor(bytes: Uint8Array, options: DecodeOptions, keys: Uint8Array) {
    this.bytes = bytes
    this.#options = options
    this.#keys = keys
  }

  get version(): 1 | 2 {
    return this.#options.version
  }

  get seed(): Uint32Array {
    return this.#options.seed
  }

  hash(bytes: Uint8Array, seed: Uint32Array): Uint32Array {
    return keyedHash(this.#keys, bytes, seed)
  }

  openSeries(start: number, end: number): void {
    this.#ranges.push(start, end)
    this.#starts.push(this.#times.length)
  }

  closeSeries(hash: Uint32Array, flags: number): void {
    this.#hashes.push(...hash)
    this.#flags.push(flags)
  }

  addSlow(kind: number, reader: WireReader, end: number): void {
    this.#slow.push(kind, this.#flags.length, reader.at, end)
    reader.at = end
  }

  addSample(timeMs: bigint, low: number, high: number, startTimeMs: bigint): void {
    this.#times.push(Number(BigInt.asIntN(64, timeMs)))
    this.#words.push(low, high)
    this.#startTimes.push(Number(BigInt.asIntN(64, startTimeMs)))
  }

  finish(): DecodedBody {
    const symbolWords = this.symbols.flatMap(({ hash, start, size }) => [
      ...hash,
      start,
      size,
      0,
      0,
    ])
    return {
      version: this.version,
      bytes: this.bytes,
      seriesCount: this.#flags.length,
      sampleCount: this.#times.length,
      slowCount: this.#slow.length / 4,
      symbolCount: this.symbols.length,
      minTimeMs: Math.min(...this.#times),
      maxTimeMs: Math.max(...this.#times),
      hasStartTimestamps: this.#startTimes.some((timeMs) => timeMs !== 0),
      hashes: Uint32Array.from(this.#hashes),
      seriesRanges: Uint32Array.from(this.#ranges),
      sampleStarts: Uint32Array.from([...this.#starts, this.#times.length]),
      seriesFlags: Uint32Array.from(this.#flags),
      timestampsMs: Float64Array.from(this.#times),
      valueWords: Uint32Array.from(this.#words),
      startTimestampsMs: Float64Array.from(this.#startTimes),
      slow: Uint32Array.from(this.#slow),
      symbols: Uint32Array.from(symbolWords),
    }
  }
}

const noSeed = new Uint32Array(4)
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readSymbols(reader: WireReader, columns: Columns): void {
  const limit = columns.bytes.length
  while (reader.at < limit) {
    const tag = reader.tag(limit)
    if (tag !== 34 && tag !== 42) {
      reader.skip(tag & 7, tag >>> 3, 0, limit)
      continue
    }
    const end = reader.end(limit)
    if (tag === 34) {
      const text = columns.bytes.slice(reader.at, end)
      if (!isUtf8(text)) throw reader.fault()
      const hash = columns.hash(text, noSeed)
      columns.symbols.push({ hash, start: reader.at, size: text.length })
    }
    reader.at = end
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes)
    return true
  } catch {
    return false
  }
}

function decodeSeries(reader: WireReader, end: number, columns: Columns): void {
  columns.openSeries(reader.at, end)
  if (columns.version === 1) decodeSeries1(reader, end, columns)
  else decodeSeries2(reader, end, columns)
}

// Labels are hashed as the runs of bytes they stand in; a further run continues from the hash before.
function decodeSeries1(reader: WireReader, end: number, columns: Columns): void {
  const first = reader.at
  let runStart = 0
  let runEnd = 0
  let runCount = 0
  let seed = columns.seed
  while (reader.at < end) {
    const start = reader.at
    const tag = reader.tag(end)
    if (tag === 10) {
      reader.at = reader.end(end)
      if (runEnd !== start) {
        if (runEnd !== 0) seed = columns.hash(columns.bytes.slice(runStart, runEnd), seed)
        runStart = start
        runCount += 1
      }
      runEnd = reader.at
    } else if (tag === 18) decodeSample(reader, reader.end(end), columns)
    else if (tag === 26) columns.addSlow(slowKind.exemplar, reader, reader.end(end))
    else if (tag === 34) columns.addSlow(slowKind.histogram, reader, reader.end(end))
    else reader.skip(tag & 7, tag >>> 3, 1, end)
  }
  const isOneRun = runCount === 1 && runStart === first
  const hash = columns.hash(columns.bytes.slice(runStart, runEnd), seed)
  columns.closeSeries(hash, isOneRun ? seriesOneRun : 0)
}

/** Whether labels, in one run of bytes as sent, are what `markPlain` calls plain. */
export function isPlain(
  sent: Uint8Array,
  labels: readonly { readonly name: string; readonly value: string }[],
  bounds: LabelBounds,
): boolean {
  const { labelCountMax, labelNameSizeBytesMax, labelValueSizeBytesMax } = bounds
  if (labels.length > Math.min(labelCountMax || plainLabelsMax, plainLabelsMax)) return false
  const isShort = (text: string, max: number, own: number): boolean =>
    text.length > 0 && text.length <= own && (max === 0 || text.length <= max)
  for (const [i, { name, value }] of labels.entries()) {
    if (i > 0 && labels[i - 1]!.name >= name) return false
    if (!isShort(name, labelNameSizeBytesMax, 127)) return false
    if (!isShort(value, labelValueSizeBytesMax, 16_383)) return false
    for (const character of name + value) if (character > '\x7f') return false
  }
  if (!labels.some(({ name }) => name === '__name__')) return false
  return Buffer.compare(sent, encodedPlainly(labels)) === 0
}

// Each label as senders write it: sizes of as few bytes as they need.
function encodedPlainly(
  labels: readonly { readonly name: string; readonly value: string }[],
): Uint8Array {
  const sizeOf = (size: number): number[] => (size < 128 ? [size] : [(size & 127) | 128, size >> 7])
  const field = (tag: number, bytes: readonly number[]): number[] => [
    tag,
    ...sizeOf(bytes.length),
    ...bytes,
  ]
  return Uint8Array.from(
    labels.flatMap(({ name, value }) => {
      return field(10, [
        ...field(10, [...Buffer.from(name)]),
        ...field(18, [...Buffer.from(value)]),
      ])
    }),
  )
}

function decodeSeries2(reader: WireReader, end: number, columns: Columns): void {
  const refs: number[] = []
  const metadata = { helpRef: 0, unitRef: 0 }
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === 10) {
      const packedEnd = reader.end(end)
      while (reader.at < packedEnd) refs.push(Number(BigInt.asUintN(32, reader.varint(packedEnd))))
    } else if (tag === 8) refs.push(Number(BigInt.asUintN(32, reader.varint(end))))
    else if (tag === 18) decodeSample(reader, reader.end(end), columns)
    else if (tag === 26) columns.addSlow(slowKind.histogram, reader, reader.end(end))
    else if (tag === 34) columns.addSlow(slowKind.exemplar, reader, reader.end(end))
    else if (tag === 42) decodeMetadata(reader, reader.end(end), columns, metadata)
    else reader.skip(tag & 7, tag >>> 3, 1, end)
  }
  const { symbols } = columns
  const count = Math.max(1, symbols.length)
  const isBroken =
    refs.length % 2 !== 0 ||
    refs.some((ref) => ref >= symbols.length) ||
    metadata.helpRef >= count ||
    metadata.unitRef >= count
  if (isBroken) {
    // A hash that nothing else has, so that it never finds a series.
    const [a, b, c, d] = columns.seed
    const seed = Uint32Array.of(~a!, ~b!, c!, d!)
    columns.closeSeries(columns.hash(new Uint8Array(0), seed), seriesBadRefs)
    return
  }
  const words = Uint32Array.from(refs.flatMap((ref) => [...symbols[ref]!.hash]))
  const message = new Uint8Array(words.buffer)
  columns.closeSeries(columns.hash(message, columns.seed), 0)
}

function decodeMetadata(
  reader: WireReader,
  end: number,
  columns: Columns,
  into: { helpRef: number; unitRef: number },
): void {
  const start = reader.at
  columns.addSlow(slowKind.seriesMetadata, reader, end)
  reader.at = start
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === 8) reader.varint(end)
    else if (tag === 24) into.helpRef = Number(BigInt.asUintN(32, reader.varint(end)))
    else if (tag === 32) into.unitRef = Number(BigInt.asUintN(32, reader.varint(end)))
    else reader.skip(tag & 7, tag >>> 3, 2, end)
  }
}

function decodeSample(reader: WireReader, end: number, columns: Columns): void {
  const view = new DataView(columns.bytes.buffer, columns.bytes.byteOffset)
  let [low, high, timeMs, startTimeMs] = [0, 0, 0n, 0n]
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === 9) {
      if (end - reader.at < 8) throw reader.fault()
      low = view.getUint32(reader.at, true)
      high = view.getUint32(reader.at + 4, true)
      reader.at += 8
    } else if (tag === 16) timeMs = reader.varint(end)
    else if (tag === 24 && columns.version === 2) startTimeMs = reader.varint(end)
    else reader.skip(tag & 7, tag >>> 3, 2, end)
  }
  columns.addSample(timeMs, low, high, startTimeMs)
}

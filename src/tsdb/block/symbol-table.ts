// Symbol tables: the strings of a block's index by ref.
// A ref is the position in the table, or in version 1 the file offset of the entry.
// A small table is held in memory. Of a large one memory holds where every 32nd string starts, and the strings between
// are read from the file: a query over many blocks of ever-new label values would otherwise hold the values of all.
// Source: Prometheus tsdb/docs/format/index.md, symbol table.

import { ByteReader, decodeText } from './byte-reader.ts'
import { type ByteWindow, checkCrcOfSection } from './file-window.ts'
import { SectionReader } from './section-reader.ts'
import type { Slices } from './slices.ts'

const symbolsPerSlice = 32_768
const sampleEvery = 32
/** Stretches of `sampleEvery` strings that were read last, by the last bits of their number. */
const stretchesKept = 256
const keptSizeBytesMax = 4096
/** No length takes more. */
const lengthSizeBytesMax = 10

/** Where name and value of a pair stand in `bytes`; filled anew by every call. */
export interface PairBytes {
  bytes: Uint8Array
  nameStart: number
  nameEnd: number
  valueStart: number
  valueEnd: number
}

/** Strings by ref. Methods throw CorruptionError for refs that name none. */
export interface SymbolTable {
  /** About the memory that the table holds. */
  readonly memoryBytes: number
  /** The string `ref`. */
  text(ref: number): string
  /** The bytes of two strings, valid until the next call. */
  pair(nameRef: number, valueRef: number): PairBytes
}

/** Reads the section at `offset` of the index; up to `heldSizeBytesMax` bytes are held. Throws CorruptionError. */
export function* readSymbolTable(
  index: ByteWindow,
  version: number,
  offset: number,
  heldSizeBytesMax = Infinity,
): Slices<SymbolTable> {
  const size = new ByteReader(index.section(offset, 4), index.file, offset).u32()
  yield* checkCrcOfSection(index, offset + 4, size)
  const section = new SectionReader(index, offset + 4, offset + 4 + size)
  const count = section.present(4).u32()
  if (count > size) throw section.corrupt('fewer symbols than bytes', `${count}`)
  // Refs of version 1 are offsets of the file, so nothing has to be found.
  if (version === 1) return new HeldSymbols(index, offset + 4, size, new Uint32Array(0), version)
  if (size <= heldSizeBytesMax) {
    const ranges = new Uint32Array(2 * count)
    yield* walk(section, count, (i, start, length) => {
      ranges[2 * i] = start - (offset + 4)
      ranges[2 * i + 1] = start - (offset + 4) + length
    })
    return new HeldSymbols(index, offset + 4, size, ranges, version)
  }
  const starts = new Float64Array(Math.ceil(count / sampleEvery) + 1)
  yield* walk(section, count, (i, _start, _length, entryStart) => {
    if (i % sampleEvery === 0) starts[i / sampleEvery] = entryStart
  })
  starts[starts.length - 1] = section.offset
  return new SampledSymbols(index, count, starts)
}

function* walk(
  section: SectionReader,
  count: number,
  visit: (position: number, start: number, length: number, entryStart: number) => void,
): Slices<void> {
  for (let i = 0; i < count; i++) {
    if (i % symbolsPerSlice === 0) yield
    const entryStart = section.offset
    const length = section.present(lengthSizeBytesMax).uvarint()
    const start = section.offset
    section.skip(length)
    visit(i, start, length, entryStart)
  }
}

class HeldSymbols implements SymbolTable {
  readonly #reader: ByteReader
  readonly #version: number
  /** [2 × count] start and end of each string. */
  readonly #ranges: Uint32Array
  readonly #pair: PairBytes

  constructor(
    index: ByteWindow,
    start: number,
    size: number,
    ranges: Uint32Array,
    version: number,
  ) {
    this.#reader = new ByteReader(index.section(start, size), index.file, start)
    this.#ranges = ranges
    this.#version = version
    const { bytes } = this.#reader
    this.#pair = { bytes, nameStart: 0, nameEnd: 0, valueStart: 0, valueEnd: 0 }
  }

  get memoryBytes(): number {
    const { bytes } = this.#reader
    // Of an index that is held whole the strings are a part.
    const isPart = bytes.byteLength < bytes.buffer.byteLength
    return this.#ranges.byteLength + (isPart ? 0 : bytes.byteLength)
  }

  text(ref: number): string {
    const start = this.#start(ref)
    return decodeText(this.#reader.bytes, start, this.#end(ref))
  }

  pair(nameRef: number, valueRef: number): PairBytes {
    const pair = this.#pair
    pair.nameStart = this.#start(nameRef)
    pair.nameEnd = this.#end(nameRef)
    pair.valueStart = this.#start(valueRef)
    pair.valueEnd = this.#end(valueRef)
    return pair
  }

  #start(ref: number): number {
    if (this.#version === 1) return this.#seek(ref)
    if (2 * ref < this.#ranges.length) return this.#ranges[2 * ref]!
    throw this.#reader.corrupt(`a symbol ref below ${this.#ranges.length / 2}`, String(ref))
  }

  #end(ref: number): number {
    if (this.#version !== 1) return this.#ranges[2 * ref + 1]!
    this.#seek(ref)
    return this.#reader.offset
  }

  // Leaves the reader at the end of the string.
  #seek(ref: number): number {
    this.#reader.offset = Math.max(0, ref - this.#reader.baseOffset)
    return this.#reader.skip(this.#reader.uvarint())
  }
}

class SampledSymbols implements SymbolTable {
  readonly #index: ByteWindow
  readonly #count: number
  /** Where each stretch starts in the file, and at last where the table ends. */
  readonly #starts: Float64Array
  readonly #kept: (ByteReader | undefined)[] = new Array(stretchesKept).fill(undefined)
  readonly #pair: PairBytes = {
    bytes: new Uint8Array(256),
    nameStart: 0,
    nameEnd: 0,
    valueStart: 0,
    valueEnd: 0,
  }

  constructor(index: ByteWindow, count: number, starts: Float64Array) {
    this.#index = index
    this.#count = count
    this.#starts = starts
  }

  get memoryBytes(): number {
    return this.#starts.byteLength + stretchesKept * keptSizeBytesMax
  }

  text(ref: number): string {
    const reader = this.#stretchOf(ref)
    const size = reader.uvarint()
    const start = reader.skip(size)
    return decodeText(reader.bytes, start, start + size)
  }

  pair(nameRef: number, valueRef: number): PairBytes {
    const pair = this.#pair
    pair.nameStart = 0
    pair.nameEnd = this.#copy(nameRef, 0)
    pair.valueStart = pair.nameEnd
    pair.valueEnd = this.#copy(valueRef, pair.nameEnd)
    return pair
  }

  // Returns where the string ends in the pair's bytes.
  #copy(ref: number, at: number): number {
    const reader = this.#stretchOf(ref)
    const size = reader.uvarint()
    const start = reader.skip(size)
    const pair = this.#pair
    if (at + size > pair.bytes.length) {
      const grown = new Uint8Array(2 * (at + size))
      grown.set(pair.bytes.subarray(0, at))
      pair.bytes = grown
    }
    for (let i = 0; i < size; i++) pair.bytes[at + i] = reader.bytes[start + i]!
    return at + size
  }

  // A reader that stands at the string.
  #stretchOf(ref: number): ByteReader {
    const number = Math.floor(ref / sampleEvery)
    const start = this.#starts[number]
    if (ref >= this.#count || start === undefined) {
      const reader = new ByteReader(new Uint8Array(0), this.#index.file, this.#starts[0])
      throw reader.corrupt(`a symbol ref below ${this.#count}`, String(ref))
    }
    const slot = number % stretchesKept
    let reader = this.#kept[slot]
    if (reader?.baseOffset !== start) {
      const size = this.#starts[number + 1]! - start
      reader = new ByteReader(this.#index.section(start, size), this.#index.file, start)
      if (size <= keptSizeBytesMax) this.#kept[slot] = reader
    }
    reader.offset = 0
    for (let left = ref % sampleEvery; left > 0; left--) reader.skip(reader.uvarint())
    return reader
  }
}

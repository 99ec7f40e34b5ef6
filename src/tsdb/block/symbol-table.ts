// Symbol table: the strings of a block's index, kept as UTF-8 bytes and offsets.
// A ref is the position in the table, or in version 1 the file offset of the entry.

import { ByteReader, decodeText } from './byte-reader.ts'
import type { ByteWindow } from './file-window.ts'
import type { Slices } from './slices.ts'

const symbolsPerSlice = 65_536

/** Strings by ref. */
export class SymbolTable {
  readonly bytes: Uint8Array
  readonly #reader: ByteReader
  readonly #version: number
  /** [2 × count] start and end of each string. */
  readonly #ranges: Uint32Array
  readonly #count: number

  private constructor(reader: ByteReader, version: number, count: number, ranges: Uint32Array) {
    this.bytes = reader.bytes
    this.#reader = reader
    this.#version = version
    this.#count = count
    this.#ranges = ranges
  }

  /** Reads the section at `offset` of the index. Throws CorruptionError. */
  static *read(index: ByteWindow, version: number, offset: number): Slices<SymbolTable> {
    const head = new ByteReader(index.section(offset, 4), index.file, offset)
    const size = head.u32()
    const reader = new ByteReader(index.section(offset + 4, size + 4), index.file, offset + 4)
    yield* reader.checkCrcInSlices(0, size)
    reader.end = size
    const count = reader.u32()
    if (count > size) throw reader.corrupt('fewer symbols than bytes', `${count}`)
    const ranges = new Uint32Array(version === 1 ? 0 : 2 * count)
    for (let i = 0; i < ranges.length; i += 2) {
      if (i % symbolsPerSlice === 0) yield
      const length = reader.uvarint()
      ranges[i] = reader.skip(length)
      ranges[i + 1] = reader.offset
    }
    return new SymbolTable(reader, version, count, ranges)
  }

  /** The memory of the offsets. */
  get rangeBytes(): number {
    return this.#ranges.byteLength
  }

  /** Where the string `ref` starts in `bytes`. */
  start(ref: number): number {
    if (this.#version === 1) return this.#seek(ref)
    this.#check(ref)
    return this.#ranges[2 * ref]!
  }

  /** Where the string `ref` ends in `bytes`. */
  end(ref: number): number {
    if (this.#version === 1) {
      this.#seek(ref)
      return this.#reader.offset
    }
    this.#check(ref)
    return this.#ranges[2 * ref + 1]!
  }

  /** The string `ref`. */
  text(ref: number): string {
    return decodeText(this.bytes, this.start(ref), this.end(ref))
  }

  #check(ref: number): void {
    if (ref < this.#count) return
    throw this.#reader.corrupt(`a symbol ref below ${this.#count}`, String(ref))
  }

  // Leaves the reader at the end of the string.
  #seek(ref: number): number {
    this.#reader.offset = Math.max(0, ref - this.#reader.baseOffset)
    return this.#reader.skip(this.#reader.uvarint())
  }
}

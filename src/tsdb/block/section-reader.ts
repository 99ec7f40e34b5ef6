// Section reader: walks over a section of a file from its start to its end, of which the window need hold a part only.
// Units: offsets in bytes of the file.

import type { CorruptionError } from '../../model/index.ts'
import { ByteReader } from './byte-reader.ts'
import type { ByteWindow } from './file-window.ts'

/** A reader that moves the window when it comes to its end. Methods throw CorruptionError. */
export class SectionReader {
  readonly #window: ByteWindow
  readonly #end: number
  #reader: ByteReader

  /** Walks over bytes [start, end) of the file. */
  constructor(window: ByteWindow, start: number, end: number) {
    this.#window = window
    this.#end = end
    this.#reader = this.#cover(start, 0)
  }

  /** Where in the file the reader stands. */
  get offset(): number {
    return this.#reader.baseOffset + this.#reader.offset
  }

  /** The reader with `count` bytes present, or what is left of the section; valid until the next call of this one. */
  present(count: number): ByteReader {
    const reader = this.#reader
    if (reader.offset + count > reader.end && reader.baseOffset + reader.end < this.#end)
      this.#reader = this.#cover(this.offset, count)
    return this.#reader
  }

  /** Passes `count` bytes. */
  skip(count: number): void {
    this.present(count).skip(count)
  }

  /** An error at the present offset. */
  corrupt(expected: string, found: string): CorruptionError {
    return this.#reader.corrupt(expected, found)
  }

  #cover(offset: number, count: number): ByteReader {
    const at = this.#window.cover(offset, Math.min(count, this.#end - offset))
    const { bytes, file, base } = this.#window
    const reader = new ByteReader(bytes, file, base)
    reader.offset = at
    reader.end = Math.min(bytes.length, this.#end - base)
    return reader
  }
}

// Start timestamps within a chunk (encodings 4 to 6): the first sample's in full, later ones only from the first
// that differs, as differences of their distance to the sample before.
// Units: Unix milliseconds, 0 = unknown.
// Source: Prometheus tsdb/chunkenc, where code and documentation differ the code.

import type { BitReader, BitWriter } from '../kernel/index.ts'
import { readVarbitInt, writeVarbitInt } from './varbit.ts'

// The header byte keeps seven bits for the index of the first change.
const firstChangeMax = 127

/** Writes the field after each sample; `headerByte` is what the chunk's header must say. */
export class StartTimestampWriter {
  headerByte = 0
  #first = 0
  #distance = 0

  /** Writes what sample `index` needs; `previousMs` is the timestamp of the sample before it (its own for sample 0). */
  write(bits: BitWriter, index: number, previousMs: number, startMs: number): void {
    if (index === 0) {
      this.#first = startMs
      if (startMs === 0) return
      this.headerByte = 128
      bits.writeVarint(previousMs - startMs)
      return
    }
    const started = (this.headerByte & 127) !== 0
    if (!started && startMs === this.#first && index < firstChangeMax) return
    const distance = previousMs - startMs
    writeVarbitInt(bits, started ? distance - this.#distance : distance)
    this.#distance = distance
    if (!started) this.headerByte |= index
  }
}

/** Reads the field after each sample. */
export class StartTimestampReader {
  readonly present: boolean
  readonly #hasFirst: boolean
  readonly #firstChange: number
  #first = 0
  #distance = 0

  constructor(headerByte: number) {
    this.present = headerByte !== 0
    this.#hasFirst = headerByte >= 128
    this.#firstChange = headerByte & 127
  }

  /** The start timestamp of sample `index`; `previousMs` as for the writer. */
  read(bits: BitReader, index: number, previousMs: number): number {
    if (index === 0) {
      if (this.#hasFirst) this.#first = previousMs - bits.readVarint()
      return this.#first
    }
    if (this.#firstChange === 0 || index < this.#firstChange) return this.#first
    const field = readVarbitInt(bits)
    this.#distance = index === this.#firstChange ? field : this.#distance + field
    return previousMs - this.#distance
  }
}

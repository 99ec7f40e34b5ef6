// Postings table: where in a block's index the list of series of each label pair stands.
// Memory holds every 32nd value of each name; the entries between are scanned in the file.
// Source: Prometheus tsdb/docs/format/index.md, postings offset table. Version 1 tables are not sorted: all is held.

import { compareUtf8 } from '../../model/index.ts'
import { ByteReader, decodeText } from './byte-reader.ts'
import type { ByteWindow } from './file-window.ts'
import type { Slices } from './slices.ts'

const sampleEvery = 32
const entriesPerSlice = 16_384

/** Some entries of one name, beginning with `value`. */
interface Stretch {
  readonly value: string
  /** Offset of the first entry, and after the last, in the file. */
  readonly start: number
  end: number
}

/** Where a list of series ids stands in the index: it starts at `offset` and ends at or before `end`. */
export interface ListPlace {
  readonly offset: number
  readonly end: number
}

/** List offsets by name and value. */
export class PostingsTable {
  readonly #index: ByteWindow
  readonly #stretches: ReadonlyMap<string, readonly Stretch[]>
  readonly #start: number
  readonly #end: number

  private constructor(
    index: ByteWindow,
    bounds: { readonly start: number; readonly end: number },
    stretches: ReadonlyMap<string, readonly Stretch[]>,
  ) {
    this.#index = index
    this.#start = bounds.start
    this.#end = bounds.end
    this.#stretches = stretches
  }

  /** Reads the section at `offset` of the index. Throws CorruptionError. */
  static *read(index: ByteWindow, version: number, offset: number): Slices<PostingsTable> {
    const size = new ByteReader(index.section(offset, 4), index.file, offset).u32()
    const reader = new ByteReader(index.section(offset + 4, size + 4), index.file, offset + 4)
    yield* reader.checkCrcInSlices(0, size)
    reader.end = size
    const stretches = yield* sampled(reader, version === 1 ? 1 : sampleEvery)
    if (version === 1) {
      for (const list of stretches.values()) list.sort((a, b) => compareUtf8(a.value, b.value))
    }
    return new PostingsTable(index, { start: offset, end: offset + 4 + size }, stretches)
  }

  /** All label names, ascending. */
  names(): string[] {
    return [...this.#stretches.keys()].filter((name) => name !== '').sort(compareUtf8)
  }

  /** The offset of the list of `name`=`value`, or undefined where no series has the pair. */
  offsetOf(name: string, value: string): number | undefined {
    return this.#find(name, value)?.listOffset
  }

  /** Where the list of `name`=`value` stands, or undefined where no series has the pair. */
  placeOf(name: string, value: string): ListPlace | undefined {
    const found = this.#find(name, value)
    return found === undefined ? undefined : this.place(found.listOffset, found.entryEnd)
  }

  /**
   * Where the list at `listOffset` stands whose entry in the table ends at `entryEnd`: lists stand in the order of
   * their entries, so the next one's start bounds it.
   */
  place(listOffset: number, entryEnd: number): ListPlace {
    let end = this.#start
    if (entryEnd < this.#end) {
      const at = this.#index.cover(entryEnd, this.#end - entryEnd)
      const reader = new ByteReader(this.#index.bytes, this.#index.file, this.#index.base)
      reader.offset = at + 1
      reader.skip(reader.uvarint())
      reader.skip(reader.uvarint())
      const next = reader.uvarint()
      if (next > listOffset) end = next
    }
    return { offset: listOffset, end }
  }

  #find(name: string, value: string): { listOffset: number; entryEnd: number } | undefined {
    const stretches = this.#stretches.get(name)
    if (stretches === undefined) return undefined
    const at = lastAtOrBefore(stretches, value)
    if (at < 0) return undefined
    let found: { listOffset: number; entryEnd: number } | undefined
    this.#scan(stretches[at]!, (entry, listOffset, entryEnd) => {
      if (entry === value) found = { listOffset, entryEnd }
      return compareUtf8(entry, value) < 0
    })
    return found
  }

  /**
   * Visits the values of `name` that start with `prefix`, ascending. With `part`, only about that many values from the
   * place on where an earlier part ended; returns where the next part begins, undefined at the end.
   */
  forEachValue(
    name: string,
    prefix: string,
    visit: (value: string, listOffset: number, entryEnd: number) => void,
    part?: { readonly from: number | undefined; readonly countMax: number },
  ): number | undefined {
    const stretches = this.#stretches.get(name) ?? []
    const from = part?.from ?? Math.max(0, lastAtOrBefore(stretches, prefix))
    const stretchCount = Math.ceil((part?.countMax ?? Infinity) / sampleEvery)
    const until = Math.min(stretches.length, from + stretchCount)
    let more = true
    let at = from
    for (; more && at < until; at++) {
      this.#scan(stretches[at]!, (value, listOffset, entryEnd) => {
        if (value.startsWith(prefix)) visit(value, listOffset, entryEnd)
        else if (compareUtf8(value, prefix) > 0) more = false
        return more
      })
    }
    return more && at < stretches.length ? at : undefined
  }

  #scan(
    stretch: Stretch,
    visit: (value: string, listOffset: number, entryEnd: number) => boolean,
  ): void {
    const size = stretch.end - stretch.start
    const at = this.#index.cover(stretch.start, size)
    // The visitor may move the window, so the reader holds on to the bytes it began with.
    const reader = new ByteReader(this.#index.bytes, this.#index.file, this.#index.base)
    reader.offset = at
    reader.end = at + size
    while (reader.offset < reader.end) {
      reader.u8()
      reader.skip(reader.uvarint())
      const value = reader.text()
      const listOffset = reader.uvarint()
      if (!visit(value, listOffset, reader.baseOffset + reader.offset)) return
    }
  }
}

// Every so many entries of each name. A table holds a name once per value, so names are compared as bytes.
function* sampled(reader: ByteReader, every: number): Slices<Map<string, Stretch[]>> {
  const { bytes, baseOffset } = reader
  const stretches = new Map<string, Stretch[]>()
  const count = reader.u32()
  let nameStart = 0
  let nameSize = -1
  let position = 0
  let list: Stretch[] = []
  for (let i = 0; i < count; i++) {
    if (i % entriesPerSlice === 0) yield
    const start = baseOffset + reader.offset
    if (reader.u8() !== 2) throw reader.corrupt('an entry of a name and a value', 'another')
    const size = reader.uvarint()
    const at = reader.skip(size)
    if (size !== nameSize || !sameBytes(bytes, nameStart, at, size)) {
      const name = decodeText(bytes, at, at + size)
      list = stretches.get(name) ?? []
      stretches.set(name, list)
      nameStart = at
      nameSize = size
      position = 0
    }
    const valueSize = reader.uvarint()
    const valueStart = reader.skip(valueSize)
    reader.uvarint()
    const end = baseOffset + reader.offset
    if (position++ % every === 0)
      list.push({ value: decodeText(bytes, valueStart, valueStart + valueSize), start, end })
    else list.at(-1)!.end = end
  }
  return stretches
}

function sameBytes(bytes: Uint8Array, a: number, b: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (bytes[a + i] !== bytes[b + i]) return false
  return true
}

function lastAtOrBefore(stretches: readonly Stretch[], value: string): number {
  let low = 0
  let high = stretches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareUtf8(stretches[middle]!.value, value) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}

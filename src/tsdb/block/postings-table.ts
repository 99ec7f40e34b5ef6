// Postings table: where in a block's index the list of series of each label pair stands.
// Memory holds every 32nd value of each name; the entries between are scanned in the file.
// Source: Prometheus tsdb/docs/format/index.md, postings offset table. Version 1 tables are not sorted: all is held.

import { compareUtf8 } from '../../model/index.ts'
import { ByteReader, decodeText } from './byte-reader.ts'
import { type ByteWindow, checkCrcOfSection } from './file-window.ts'
import { SectionReader } from './section-reader.ts'
import type { Slices } from './slices.ts'

const sampleEvery = 32
const entriesPerSlice = 16_384
/** No number takes more. */
const numberSizeBytesMax = 10
/** An object and a string of two dozen bytes. */
const stretchMemoryBytes = 120

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
    yield* checkCrcOfSection(index, offset + 4, size)
    const section = new SectionReader(index, offset + 4, offset + 4 + size)
    const stretches = yield* sampled(section, version === 1 ? 1 : sampleEvery)
    if (version === 1) {
      for (const list of stretches.values()) list.sort((a, b) => compareUtf8(a.value, b.value))
    }
    return new PostingsTable(index, { start: offset, end: offset + 4 + size }, stretches)
  }

  /** About the memory that the table holds. */
  get memoryBytes(): number {
    let count = 0
    for (const list of this.#stretches.values()) count += list.length
    return count * stretchMemoryBytes
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
function* sampled(section: SectionReader, every: number): Slices<Map<string, Stretch[]>> {
  const stretches = new Map<string, Stretch[]>()
  const count = section.present(4).u32()
  let name = new Uint8Array(0)
  let position = 0
  let list: Stretch[] | undefined
  for (let i = 0; i < count; i++) {
    if (i % entriesPerSlice === 0) yield
    const start = section.offset
    const head = section.present(1 + numberSizeBytesMax)
    if (head.u8() !== 2) throw head.corrupt('an entry of a name and a value', 'another')
    const size = head.uvarint()
    const names = section.present(size + numberSizeBytesMax)
    const at = names.skip(size)
    if (list === undefined || !sameBytes(name, names.bytes, at, size)) {
      name = names.bytes.slice(at, at + size)
      const text = decodeText(name, 0, size)
      list = stretches.get(text) ?? []
      stretches.set(text, list)
      position = 0
    }
    const valueSize = names.uvarint()
    const values = section.present(valueSize + numberSizeBytesMax)
    const valueAt = values.skip(valueSize)
    values.uvarint()
    const end = section.offset
    if (position++ % every === 0)
      list.push({ value: decodeText(values.bytes, valueAt, valueAt + valueSize), start, end })
    else list.at(-1)!.end = end
  }
  return stretches
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, at: number, size: number): boolean {
  if (size !== name.length) return false
  for (let i = 0; i < size; i++) if (name[i] !== bytes[at + i]) return false
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

// Window rows: series of one or several windows of a head on their way into a batch: labels as pair ids, and the chunks
// of all windows, copied compressed. A series that stands in several windows becomes one row.
// Units: Unix milliseconds, bounds inclusive. Invariant: a batch's dictionary has each pair once, whatever window it is of.

import { chunkEncoding } from '../../chunk/index.ts'
import { copyOpenChunk, copyWords, type HeadView, headLayout } from '../../kernel/index.ts'
import { HashIndex, type SelectRequest } from '../../storage/index.ts'
import type { BatchBuilder } from '../block/batch-builder.ts'
import { U32List } from '../block/u32-list.ts'
import type { GenerationReader } from './generation-reader.ts'
import { sideChunksOf } from './side-series.ts'

/** What a select found in one window: refs, ascending unless it is the only window. */
export interface WindowPart {
  readonly reader: GenerationReader
  readonly refs: Uint32Array
}

/** Copies rows of the windows, which come oldest first, into batches. */
export class WindowRows {
  readonly #windows: readonly Window[]
  readonly #request: SelectRequest
  readonly #hash = new Uint32Array(4)
  #pairIndex = new HashIndex()

  constructor(parts: readonly WindowPart[], request: SelectRequest) {
    this.#windows = parts.map((part) => new Window(part))
    this.#request = request
  }

  /** A new batch begins, with a dictionary of its own. */
  beginBatch(): void {
    this.#pairIndex = new HashIndex()
    for (const window of this.#windows) window.pairs.clear()
  }

  /** Adds the series at `index` of window `from`, unless an earlier window brought it or the request does not want it. */
  addRow(builder: BatchBuilder, from: number, index: number): void {
    const window = this.#windows[from]!
    const ref = window.refs[index]!
    const { view } = window
    const info = view.infoOf(ref) >>> 2
    const { shard } = this.#request.hints
    if (shard !== undefined && view.words[info]! % shard.count !== shard.index) return
    const known = this.#windows.length > 1 && window.wasTaken(index)
    if (known || !this.#addChunks(builder, from, ref)) return
    builder.beginHashedRow(view.words, info)
    const start = view.words[info + 4]! >>> 2
    const end = start + view.words[info + 5]!
    for (let i = start; i < end; i++) builder.addPairId(this.#pairId(builder, window, i))
    builder.endChunks()
  }

  // Adds the chunks of all windows from this one on; whether there are any.
  #addChunks(builder: BatchBuilder, from: number, ref: number): boolean {
    const isLabelsOnly = this.#request.hints.func === 'series'
    const first = builder.chunkCount
    let found = this.#addChunksOf(builder, this.#windows[from]!, ref, isLabelsOnly)
    if (from + 1 < this.#windows.length) {
      const { view, reader } = this.#windows[from]!
      const info = view.infoOf(ref) >>> 2
      const tenant = reader.source.tenants[view.words[info + 6]!]!
      for (let i = 0; i < 4; i++) this.#hash[i] = view.words[info + i]!
      for (let i = from + 1; i < this.#windows.length; i++) {
        const other = this.#windows[i]!.take(tenant, this.#hash)
        if (other === undefined) continue
        if (this.#addChunksOf(builder, this.#windows[i]!, other, isLabelsOnly)) found = true
      }
    }
    builder.sortChunks(first)
    return found
  }

  // Adds the chunks of one window, or only tells whether it has any in the request's range.
  #addChunksOf(builder: BatchBuilder, window: Window, ref: number, onlyTell: boolean): boolean {
    const { view, older } = window
    const { words } = view
    const { windowStartMs } = window.reader.source.key
    const { minTimeMs, maxTimeMs } = this.#request
    const state = view.stateOf(ref) >>> 2
    older.clear()
    for (let chunk = words[state + 12]!; chunk !== 0; chunk = words[chunk >>> 2]!) {
      const at = chunk >>> 2
      if (windowStartMs + words[at + 2]! < minTimeMs) break
      if (windowStartMs + words[at + 1]! <= maxTimeMs) older.push(chunk)
    }
    const openFirst = windowStartMs + words[state + 10]!
    const openLast = windowStartMs + words[state + 4]!
    const isOpen = words[state + 6] !== 0 && openLast >= minTimeMs && openFirst <= maxTimeMs
    if (onlyTell) return older.length > 0 || isOpen || this.#hasSideChunks(window, ref)
    const before = builder.chunkCount
    for (let i = older.length - 1; i >= 0; i--)
      copyClosed(builder, view, windowStartMs, older.at(i))
    if (isOpen) {
      const to = builder.chunkRoom(headLayout.chunkBlockSizeMax)
      const size = copyOpenChunk(view, ref, builder.chunkWords, builder.chunkBytes, to)
      builder.endChunk(chunkEncoding.xor, openFirst, openLast, size)
    }
    for (const chunk of this.#sideChunks(window, ref)) {
      const { encoding, bytes } = chunk
      builder.addChunk(encoding, chunk.minTimeMs, chunk.maxTimeMs, bytes, 0, bytes.length)
    }
    return builder.chunkCount > before
  }

  #hasSideChunks(window: Window, ref: number): boolean {
    return this.#sideChunks(window, ref).length > 0
  }

  #sideChunks({ reader }: Window, ref: number): ReturnType<typeof sideChunksOf> {
    const side = reader.source.sideOf(ref)
    if (side === undefined) return noChunks
    const { minTimeMs, maxTimeMs } = this.#request
    return sideChunksOf(side).filter(
      (chunk) => chunk.maxTimeMs >= minTimeMs && chunk.minTimeMs <= maxTimeMs,
    )
  }

  // The batch's id of the pair at word `at`: by the window's own number where the batch has met it, else by its hash.
  #pairId(builder: BatchBuilder, { view, reader, pairs }: Window, at: number): number {
    const { words } = view
    const pair = words[at]!
    const known = pairs.get(pair)
    if (known >= 0) return known
    const place = view.pairOf(pair) >>> 2
    const id = this.#pairIndex.add(words, place >>> 2)
    if (id === builder.pairCount) {
      const name = reader.nameBytesOf(words[place + 5]!)
      builder.makeHashedPair(name, view.valueOf(pair), words, place)
    }
    pairs.set(pair, id)
    return id
  }
}

const noChunks: ReturnType<typeof sideChunksOf> = []

function copyClosed(
  builder: BatchBuilder,
  { words }: HeadView,
  windowStartMs: number,
  chunk: number,
): void {
  const at = chunk >>> 2
  const size = words[at + 3]! & 0xffff
  const to = builder.chunkRoom(size)
  copyWords(words, chunk + headLayout.chunkHeadSize, builder.chunkWords, to, size)
  const first = windowStartMs + words[at + 1]!
  builder.endChunk(chunkEncoding.xor, first, windowStartMs + words[at + 2]!, size)
}

/** One window of a select. */
class Window {
  readonly reader: GenerationReader
  readonly view: HeadView
  readonly refs: Uint32Array
  readonly pairs = new PairNumbers()
  /** Scratch: closed chunks of the present row, newest first. */
  readonly older = new U32List(16)
  /** By index of `refs`: 1 where an earlier window brought the series. */
  readonly #taken: Uint8Array
  #tenant: string | undefined
  #tenantId = -1

  constructor({ reader, refs }: WindowPart) {
    this.reader = reader
    this.view = reader.source.view
    this.refs = refs
    this.#taken = new Uint8Array(refs.length)
  }

  wasTaken(index: number): boolean {
    return this.#taken[index] === 1
  }

  /** The series of a tenant with this hash, which from now on counts as brought. */
  take(tenant: string, hash: Uint32Array): number | undefined {
    if (tenant !== this.#tenant) {
      this.#tenant = tenant
      this.#tenantId = this.reader.source.tenants.indexOf(tenant)
    }
    const ref = this.#tenantId < 0 ? undefined : this.view.findSeries(this.#tenantId, hash)
    if (ref !== undefined) {
      const index = indexOf(this.refs, ref)
      if (index >= 0) this.#taken[index] = 1
    }
    return ref
  }
}

function indexOf(refs: Uint32Array, ref: number): number {
  let low = 0
  let high = refs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (refs[middle]! < ref) low = middle + 1
    else high = middle
  }
  return refs[low] === ref ? low : -1
}

/** A window's pairs to those of the batch; open addressing, forgotten with each batch. */
class PairNumbers {
  #count = 0
  /** Pair + 1; 0 = free. At most half are taken. */
  #keys = new Uint32Array(256)
  #ids = new Uint32Array(256)

  get(pair: number): number {
    const mask = this.#keys.length - 1
    let slot = (pair * 5) & mask
    for (;;) {
      const key = this.#keys[slot]!
      if (key === pair + 1) return this.#ids[slot]!
      if (key === 0) return -1
      slot = (slot + 1) & mask
    }
  }

  set(pair: number, id: number): void {
    if (2 * ++this.#count > this.#keys.length) this.#grow()
    const mask = this.#keys.length - 1
    let slot = (pair * 5) & mask
    while (this.#keys[slot] !== 0) slot = (slot + 1) & mask
    this.#keys[slot] = pair + 1
    this.#ids[slot] = id
  }

  clear(): void {
    if (this.#count > 0) this.#keys.fill(0)
    this.#count = 0
  }

  #grow(): void {
    const [keys, ids] = [this.#keys, this.#ids]
    this.#keys = new Uint32Array(2 * keys.length)
    this.#ids = new Uint32Array(2 * keys.length)
    this.#count = 1
    keys.forEach((key, slot) => {
      if (key !== 0) this.set(key - 1, ids[slot]!)
    })
  }
}

// Generation cursor: rows of selected series of one generation, batch by batch; chunk bytes are copied compressed.
// Units: Unix milliseconds, bounds inclusive. Each `next` works for about a millisecond, so that the lane can do
// other things between two of them. Invariant: a batch owns its buffers.

import { chunkEncoding } from '../../chunk/index.ts'
import { copyOpenChunk, headLayout } from '../../kernel/index.ts'
import { compareUtf8 } from '../../model/index.ts'
import type { CancelSignal, SelectRequest, SeriesBatch, SeriesCursor } from '../../storage/index.ts'
import type { BatchBuilder } from '../block/batch-builder.ts'
import type { SpareBuilders } from '../block/spare-builders.ts'
import type { GenerationReader } from './generation-reader.ts'
import { sideChunksOf } from './side-series.ts'

const rowsPerBatch = 1024
const chunkBytesPerBatch = 1 << 20
const sliceMs = 1

interface RowChunk {
  readonly encoding: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** Rows of the series `refs` within the request's range, sorted by labels where it asks. */
export class GenerationCursor implements SeriesCursor {
  readonly warnings: readonly string[] = []
  readonly #reader: GenerationReader
  readonly #request: SelectRequest
  readonly #signal: CancelSignal
  readonly #builders: SpareBuilders
  #lent: BatchBuilder | undefined
  readonly #pairs = new Map<number, number>()
  readonly #open = new Uint8Array(headLayout.chunkBlockSizeMax)
  #text = Buffer.alloc(1024)
  #refs: Uint32Array
  #isSorted: boolean
  #at = 0
  #rowsLeft: number

  constructor(
    reader: GenerationReader,
    refs: Uint32Array,
    request: SelectRequest,
    signal: CancelSignal,
    builders: SpareBuilders,
  ) {
    this.#reader = reader
    this.#refs = refs
    this.#request = request
    this.#signal = signal
    this.#builders = builders
    this.#isSorted = !request.sorted
    this.#rowsLeft = request.hints.limit || Number.POSITIVE_INFINITY
  }

  async next(): Promise<SeriesBatch | undefined> {
    this.#signal.check()
    if (!this.#isSorted) {
      this.#isSorted = true
      this.#refs = sortByLabels(this.#reader, this.#refs, this.#signal)
    }
    this.#pairs.clear()
    const builder = this.#builder
    const deadlineMs = performance.now() + sliceMs
    let bytes = 0
    while (this.#at < this.#refs.length && this.#rowsLeft > 0) {
      bytes += this.#addRow(this.#refs[this.#at++]!)
      if (builder.rowCount >= rowsPerBatch || bytes >= chunkBytesPerBatch) break
      if ((this.#at & 63) === 0 && builder.rowCount > 0 && performance.now() > deadlineMs) break
    }
    if (builder.rowCount > 0) return builder.finish()
    this.close()
    return undefined
  }

  close(): void {
    this.#at = this.#refs.length
    if (this.#lent !== undefined) this.#builders.give(this.#lent)
    this.#lent = undefined
  }

  get #builder(): BatchBuilder {
    this.#lent ??= this.#builders.take()
    return this.#lent
  }

  #addRow(ref: number): number {
    const { view } = this.#reader.source
    const { shard, func } = this.#request.hints
    if (shard !== undefined) {
      const hash = view.words[view.infoOf(ref) >>> 2]!
      if (hash % shard.count !== shard.index) return 0
    }
    const chunks = this.#chunksOf(ref)
    if (chunks.length === 0) return 0
    const builder = this.#builder
    builder.beginRow()
    for (const pair of view.pairsOf(ref)) builder.addPair(this.#pairId(pair))
    let bytes = 0
    if (func !== 'series') {
      for (const chunk of chunks) {
        const { encoding, minTimeMs, maxTimeMs, start, end } = chunk
        builder.addChunk(encoding, minTimeMs, maxTimeMs, chunk.bytes, start, end)
        bytes += end - start
      }
    }
    builder.endChunks()
    this.#rowsLeft -= 1
    return bytes
  }

  #chunksOf(ref: number): RowChunk[] {
    const { view, key, sideOf } = this.#reader.source
    const { words, bytes } = view
    const { minTimeMs, maxTimeMs } = this.#request
    const { windowStartMs } = key
    const chunks: RowChunk[] = []
    const state = view.stateOf(ref) >>> 2
    for (let chunk = words[state + 12]!; chunk !== 0; chunk = words[chunk >>> 2]!) {
      const at = chunk >>> 2
      const first = windowStartMs + words[at + 1]!
      const last = windowStartMs + words[at + 2]!
      if (last < minTimeMs || first > maxTimeMs) continue
      const start = chunk + headLayout.chunkHeadSize
      const end = start + (words[at + 3]! & 0xffff)
      const encoding = chunkEncoding.xor
      chunks.unshift({ encoding, minTimeMs: first, maxTimeMs: last, bytes, start, end })
    }
    if (words[state + 6] !== 0) {
      const first = windowStartMs + words[state + 10]!
      const last = windowStartMs + words[state + 4]!
      if (last >= minTimeMs && first <= maxTimeMs) {
        const end = copyOpenChunk(view, ref, this.#open, 0)
        const encoding = chunkEncoding.xor
        chunks.push({
          encoding,
          minTimeMs: first,
          maxTimeMs: last,
          bytes: this.#open,
          start: 0,
          end,
        })
      }
    }
    const side = sideOf(ref)
    if (side === undefined) return chunks
    for (const chunk of sideChunksOf(side)) {
      if (chunk.maxTimeMs < minTimeMs || chunk.minTimeMs > maxTimeMs) continue
      chunks.push({ ...chunk, start: 0, end: chunk.bytes.length })
    }
    return chunks.sort((a, b) => a.minTimeMs - b.minTimeMs)
  }

  #pairId(pair: number): number {
    const known = this.#pairs.get(pair)
    if (known !== undefined) return known
    const { view } = this.#reader.source
    const name = this.#reader.nameOf(pair)
    const value = view.valueOf(pair)
    const sizeMax = 3 * name.length + value.length
    if (this.#text.length < sizeMax) this.#text = Buffer.alloc(2 * sizeMax)
    const middle = this.#text.write(name, 0)
    this.#text.set(value, middle)
    const id = this.#builder.makePair(this.#text, 0, middle, middle, middle + value.length)
    this.#pairs.set(pair, id)
    return id
  }
}

// Pairs are ranked by name and value once; rows then compare by ranks. No strings: a million values as strings with their
// places took 200 MB.
function sortByLabels(
  reader: GenerationReader,
  refs: Uint32Array,
  signal: CancelSignal,
): Uint32Array {
  const { view } = reader.source
  const ranks = new Uint32Array(view.pairCount)
  for (const ref of refs) for (const pair of view.pairsOf(ref)) ranks[pair] = 1
  signal.check()
  const pairs = new Uint32Array(ranks.reduce((count, isUsed) => count + isUsed, 0))
  let count = 0
  for (let pair = 0; pair < ranks.length; pair++) if (ranks[pair] === 1) pairs[count++] = pair
  sortPairs(reader, pairs)
  signal.check()
  for (let rank = 0; rank < pairs.length; rank++) ranks[pairs[rank]!] = rank
  const { words } = view
  // Read in place: a million rows take twenty million comparisons.
  const compare = (a: number, b: number): number => {
    const left = view.infoOf(a) >>> 2
    const right = view.infoOf(b) >>> 2
    const leftPairs = words[left + 4]! >>> 2
    const rightPairs = words[right + 4]! >>> 2
    const count = Math.min(words[left + 5]!, words[right + 5]!)
    for (let i = 0; i < count; i++) {
      const order = ranks[words[leftPairs + i]!]! - ranks[words[rightPairs + i]!]!
      if (order !== 0) return order
    }
    return words[left + 5]! - words[right + 5]!
  }
  return Uint32Array.from(refs).sort(compare)
}

// By name, then by value; the key that is compared first holds the rank of the name and four bytes of the value.
function sortPairs(reader: GenerationReader, pairs: Uint32Array): void {
  const { view, labelNames } = reader.source
  const { words } = view
  const text = reader.textOf()
  const nameRanks = new Uint32Array(labelNames.length)
  const byName = [...labelNames.keys()].sort((a, b) => compareUtf8(labelNames[a]!, labelNames[b]!))
  byName.forEach((id, rank) => {
    nameRanks[id] = rank
  })
  const keys = new Float64Array(view.pairCount)
  for (const pair of pairs) {
    const at = view.pairOf(pair) >>> 2
    const start = words[at + 6]!
    const size = words[at + 7]!
    let key = nameRanks[words[at + 5]!]!
    for (let i = 0; i < 4; i++) key = key * 256 + (i < size ? text[start + i]! : 0)
    keys[pair] = key
  }
  pairs.sort((a, b) => {
    const difference = keys[a]! - keys[b]!
    if (difference !== 0) return difference
    const left = view.pairOf(a) >>> 2
    const right = view.pairOf(b) >>> 2
    const [leftStart, rightStart] = [words[left + 6]!, words[right + 6]!]
    const leftEnd = leftStart + words[left + 7]!
    return text.compare(text, rightStart, rightStart + words[right + 7]!, leftStart, leftEnd)
  })
}

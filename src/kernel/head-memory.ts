// Head memory: one generation of the head in a shared linear memory, and the kernel that appends to it
// (kernel/as/head.ts). What any thread may read of it is in kernel/head-layout.ts.
// Columns are staged in the same memory, so that one call appends a whole body.
// Units: timestamps in Unix milliseconds. Everything returned as a view holds until the next call.

import { UserError } from '../model/index.ts'
import { HeadView, headLayout, refMissing } from './head-layout.ts'
import { createMemory, instantiateKernel } from './instance.ts'
import type { HashSeed } from './pair-hash.ts'
import { type DecodedBody, plainLabelsMax } from './write-decoder.ts'

interface HeadKernel {
  initialize(windowStartMs: number, a: number, b: number, c: number, d: number): number
  addName(address: number, size: number, id: number): number
  createPlain(
    count: number,
    rows: number,
    base: number,
    tenant: number,
    stage: number,
    strings: number,
    wal: number,
  ): number
  reserve(size: number): number
  recycle(address: number, size: number): void
  lookup(count: number, hashes: number, refs: number): number
  remember(hash: number, ref: number): number
  createSeries(at: number, wal: number): number
  append(
    count: number,
    refs: number,
    starts: number,
    times: number,
    values: number,
    floors: number,
    floorMs: number,
    ceilingMs: number,
    wal: number,
    exceptions: number,
  ): number
  closeFloatChunk(ref: number): number
}

/** Samples of some series, grouped by series. */
export interface SampleColumns {
  readonly seriesCount: number
  readonly sampleCount: number
  /** [seriesCount + 1] */
  readonly sampleStarts: Uint32Array
  readonly timestampsMs: Float64Array
  /** [2 × sampleCount] value bits, low word first. */
  readonly valueWords: Uint32Array
}

/** Why the kernel did not append a sample. */
export const exceptionCode = { outOfOrder: 1, duplicate: 2, tooOld: 3, future: 4 } as const

/** What one call appended. */
export interface AppendedColumns {
  readonly appended: number
  /** Samples that were there already, bit for bit. */
  readonly unchanged: number
  /** The appended samples as a record's payload (docs/formats/wal-records.md), after `recordHeadSize` free bytes. */
  readonly record: Uint8Array
  /** [3 × n] sample index, series index, code. */
  readonly exceptions: Uint32Array
}

/** Free bytes before the payload of `AppendedColumns.record`. */
export const recordHeadSize = 16

const sampleRecordSizeMax = 18
const memoryMaxBytes = 2 ** 32 - 65_536
/** Beyond this the generation takes no more: what one body can need is left. */
const usedBytesMax = memoryMaxBytes - 256 * 2 ** 20

interface Stage {
  readonly address: number
  readonly sizeBytes: number
  readonly seriesMax: number
  readonly sampleMax: number
  readonly hashes: number
  readonly refs: number
  readonly starts: number
  readonly floors: number
  readonly times: number
  readonly values: number
  readonly record: number
  readonly exceptions: number
}

/** Plain series are created in batches of so many rows at most, whose messages span so many bytes at most. */
const plainRowsMax = 1024
const plainSpanMax = 256 * 1024
const plainRowSize = 32

/** Series that were found or created, in the order asked for. */
export interface PlainSeries {
  /** How many of those asked for were dealt with. */
  readonly count: number
  /** [count] refs; `refMissing` where a label name is new, which `createSeries` has to see first. */
  readonly refs: Uint32Array
  readonly createdCount: number
  /** The created ones as they stand in a series record. */
  readonly record: Uint8Array
  /** The memory is full; the series after the last created one was not. */
  readonly isFull: boolean
}

/** One generation's memory, owned by one thread; others read it through a `HeadView`. */
export class HeadMemory {
  readonly memory: WebAssembly.Memory
  readonly view: HeadView
  readonly #kernel: HeadKernel
  #stage: Stage
  #labels: { readonly address: number; readonly sizeBytes: number } = { address: 0, sizeBytes: 0 }

  #plainStage = 0

  /** `seed` is that of the hashes of label pairs. */
  constructor(windowStartMs: number, seed: HashSeed) {
    this.memory = createMemory(2 ** 20, memoryMaxBytes)
    this.#kernel = instantiateKernel<HeadKernel>('head', this.memory)
    const [a, b, c, d] = seed as unknown as [number, number, number, number]
    check(this.#kernel.initialize(windowStartMs, a, b, c, d) !== 0)
    this.view = new HeadView(this.memory.buffer)
    this.#stage = this.#layOut(2048, 4096)
    this.#reserveLabels(65_536)
  }

  /** Whether there is no room for more series or large bodies. */
  get isFull(): boolean {
    return this.view.usedBytes > usedBytesMax
  }

  /** The refs of `count` hashes (16 bytes each); `refMissing` where unknown. A view of the stage. */
  lookup(
    hashes: Uint32Array,
    count: number,
  ): { readonly misses: number; readonly refs: Uint32Array } {
    const stage = this.#staged(count, 0)
    this.view.words.set(hashes.subarray(0, 4 * count), stage.hashes >>> 2)
    const misses = this.#kernel.lookup(count, stage.hashes, stage.refs) >>> 0
    return { misses, refs: this.view.words.subarray(stage.refs >>> 2, (stage.refs >>> 2) + count) }
  }

  /** Remembers that hash `index` of `hashes` names `ref`, or that it is dropped. */
  remember(hashes: Uint32Array, index: number, ref: number): void {
    const stage = this.#stage
    this.view.words.set(hashes.subarray(4 * index, 4 * index + 4), stage.hashes >>> 2)
    check(this.#kernel.remember(stage.hashes, ref) !== 0)
    this.#follow()
  }

  /**
   * Appends what of the columns lies in this window. `refs` names the series of each group; `floorsMs` the oldest
   * time accepted of each, where given; `floorMs` and `ceilingMs` bound all.
   */
  append(
    columns: SampleColumns,
    refs: Uint32Array,
    bounds: {
      readonly floorMs: number
      readonly ceilingMs: number
      readonly floorsMs?: Float64Array
    },
  ): AppendedColumns {
    const { seriesCount, sampleCount } = columns
    const stage = this.#staged(seriesCount, sampleCount)
    const words = this.view.words
    words.set(refs.subarray(0, seriesCount), stage.refs >>> 2)
    words.set(columns.sampleStarts.subarray(0, seriesCount + 1), stage.starts >>> 2)
    words.set(columns.valueWords.subarray(0, 2 * sampleCount), stage.values >>> 2)
    const doubles = new Float64Array(words.buffer)
    doubles.set(columns.timestampsMs.subarray(0, sampleCount), stage.times >>> 3)
    const floors = bounds.floorsMs
    if (floors !== undefined) doubles.set(floors.subarray(0, seriesCount), stage.floors >>> 3)
    const count =
      this.#kernel.append(
        seriesCount,
        stage.refs,
        stage.starts,
        stage.times,
        stage.values,
        floors === undefined ? 0 : stage.floors,
        bounds.floorMs,
        bounds.ceilingMs,
        stage.record,
        stage.exceptions,
      ) >>> 0
    this.#follow()
    check(count !== refMissing)
    const view = this.view
    const at = headLayout.header >>> 2
    const recordEnd = view.words[at + 17]!
    const exceptions = stage.exceptions >>> 2
    return {
      appended: view.words[at + 18]!,
      unchanged: view.words[at + 19]!,
      record: view.bytes.subarray(stage.record - recordHeadSize, recordEnd),
      exceptions: view.words.subarray(exceptions, exceptions + 3 * count),
    }
  }

  /**
   * Where a series to create is described: its address, and room for `labelCount` labels and `sizeBytes` of strings.
   * The strings start at `strings`; the description is what kernel/as/head.ts says of createSeries.
   */
  labelStage(
    labelCount: number,
    sizeBytes: number,
  ): { readonly at: number; readonly strings: number } {
    const head = 16 + 48 * labelCount
    this.#reserveLabels(head + sizeBytes)
    return { at: this.#labels.address, strings: this.#labels.address + head }
  }

  /** Finds or creates the staged series. `record` is its description in a series record when it was created. */
  createSeries(
    labelCount: number,
    sizeBytes: number,
  ): { readonly ref: number; readonly record?: Uint8Array } {
    const sizeMax = sizeBytes + 16 * labelCount + 32
    const stage = this.#staged(0, Math.ceil(sizeMax / sampleRecordSizeMax))
    const ref = this.#kernel.createSeries(this.#labels.address, stage.record) >>> 0
    this.#follow()
    check(ref !== refMissing)
    const words = this.view.words
    const at = headLayout.header >>> 2
    if (words[at + 20] === 0) return { ref }
    return { ref, record: this.view.bytes.subarray(stage.record, words[at + 17]) }
  }

  /** Teaches the kernel the id of a label name, so that `createPlain` can use it. */
  addName(name: string, id: number): void {
    // Not where labels are staged: a name is met while that is filled.
    const { record } = this.#staged(0, Math.ceil((3 * name.length + 16) / sampleRecordSizeMax))
    const size = Buffer.from(this.memory.buffer).write(name, record)
    check(this.#kernel.addName(record, size, id) !== 0)
    this.#follow()
  }

  /**
   * Finds or creates series from the label bytes of a body, and remembers their hashes: `indexes` from `from` on, as many
   * as one batch holds, all of them flagged as plain (kernel/write-decoder.ts). A message larger than a batch is passed
   * over as if a name were new.
   */
  createPlain(
    body: DecodedBody,
    indexes: Uint32Array,
    from: number,
    tenantId: number,
  ): PlainSeries {
    const { rows, base, stage, strings, wal } = this.#plainAddresses()
    const { seriesRanges, hashes, bytes } = body
    const first = seriesRanges[2 * indexes[from]!]!
    const words = this.view.words
    let count = 0
    let end = first
    for (let row = rows >>> 2; count < plainRowsMax && from + count < indexes.length; row += 8) {
      const index = indexes[from + count]!
      const start = seriesRanges[2 * index]!
      const stop = seriesRanges[2 * index + 1]!
      if (stop - first > plainSpanMax) break
      words[row] = start - first
      words[row + 1] = stop - first
      for (let i = 0; i < 4; i++) words[row + 2 + i] = hashes[4 * index + i]!
      end = stop
      count += 1
    }
    if (count === 0) return tooLargeMessage
    this.view.bytes.set(bytes.subarray(first, end), base)
    const done = this.#kernel.createPlain(count, rows, base, tenantId, stage, strings, wal) !== 0
    this.#follow()
    const at = headLayout.header >>> 2
    const refs = new Uint32Array(count)
    for (let i = 0; i < count; i++) refs[i] = this.view.words[(rows >>> 2) + 8 * i + 6]!
    return {
      count,
      refs,
      createdCount: this.view.words[at + 20]!,
      record: this.view.bytes.subarray(wal, this.view.words[at + 17]),
      isFull: !done,
    }
  }

  // Rows, label bytes, the description of one series with its strings, and the record: a label takes no more bytes there
  // than it was sent in.
  #plainAddresses() {
    const sizes = {
      rows: plainRowSize * plainRowsMax,
      base: plainSpanMax + 32,
      stage: 16 + 48 * plainLabelsMax,
      strings: plainSpanMax + 32,
      wal: plainSpanMax + 16 * plainRowsMax,
    }
    if (this.#plainStage === 0)
      this.#plainStage = this.#reserve(Object.values(sizes).reduce((sum, size) => sum + size))
    const rows = this.#plainStage
    const base = rows + sizes.rows
    const stage = base + sizes.base
    const strings = stage + sizes.stage
    return { rows, base, stage, strings, wal: strings + sizes.strings }
  }

  /** Closes the open float chunk of a series, if there is one. */
  closeFloatChunk(ref: number): void {
    check(this.#kernel.closeFloatChunk(ref) !== 0)
    this.#follow()
  }

  // Every call of the kernel that allocates may have grown the memory.
  #follow(): void {
    this.view.follow(this.memory.buffer)
  }

  #staged(seriesCount: number, sampleCount: number): Stage {
    const { seriesMax, sampleMax, address, sizeBytes } = this.#stage
    if (seriesCount > seriesMax || sampleCount > sampleMax) {
      this.#kernel.recycle(address, sizeBytes)
      this.#stage = this.#layOut(
        seriesCount > seriesMax ? seriesCount * 2 : seriesMax,
        sampleCount > sampleMax ? sampleCount * 2 : sampleMax,
      )
    }
    return this.#stage
  }

  #layOut(seriesMax: number, sampleMax: number): Stage {
    let size = 0
    const take = (bytes: number): number => {
      const offset = size
      size += (bytes + 31) & ~15
      return offset
    }
    const offsets = {
      hashes: take(16 * seriesMax + 16),
      refs: take(4 * seriesMax),
      starts: take(4 * seriesMax + 4),
      floors: take(8 * seriesMax),
      times: take(8 * sampleMax),
      values: take(8 * sampleMax),
      record: take(recordHeadSize + sampleRecordSizeMax * sampleMax + 64) + recordHeadSize,
      exceptions: take(12 * sampleMax),
    }
    const address = this.#reserve(size)
    const at = (offset: number): number => address + offset
    return {
      address,
      sizeBytes: size,
      seriesMax,
      sampleMax,
      hashes: at(offsets.hashes),
      refs: at(offsets.refs),
      starts: at(offsets.starts),
      floors: at(offsets.floors),
      times: at(offsets.times),
      values: at(offsets.values),
      record: at(offsets.record),
      exceptions: at(offsets.exceptions),
    }
  }

  #reserveLabels(sizeBytes: number): void {
    if (sizeBytes <= this.#labels.sizeBytes) return
    if (this.#labels.address !== 0)
      this.#kernel.recycle(this.#labels.address, this.#labels.sizeBytes)
    const wanted = Math.max(sizeBytes, 2 * this.#labels.sizeBytes)
    this.#labels = { address: this.#reserve(wanted), sizeBytes: wanted }
  }

  #reserve(sizeBytes: number): number {
    const address = this.#kernel.reserve(sizeBytes) >>> 0
    check(address !== 0)
    this.#follow()
    return address
  }
}

const tooLargeMessage: PlainSeries = {
  count: 1,
  refs: new Uint32Array([refMissing]),
  createdCount: 0,
  record: new Uint8Array(0),
  isFull: false,
}

function check(done: boolean): void {
  if (!done) throw memoryFull()
}

/** Refuses what needs more memory than a generation may have. */
export function memoryFull(): UserError {
  return new UserError('limit_exceeded', {
    what: 'the head has no memory left for this window',
    fix: 'wait until the window is cut, or spread the series over more lanes',
  })
}

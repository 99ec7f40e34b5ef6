// Fetched records: parts of a file in a bucket that were fetched ahead, as a window for the decoding functions of
// blocks. A record's size stands in its first bytes, so it is guessed, and what proves longer is fetched again.
// Units: offsets and sizes in bytes.

import { CorruptionError } from '../model/index.ts'
import { ByteReader, type ByteWindow } from '../tsdb/index.ts'
import { Turns } from './limiter.ts'
import type { ByteRange, PageReader, ReadBudget } from './page-reader.ts'

/** The most that is read as one piece unless one record is larger. */
const pieceSizeBytesMax = 4 * 1024 * 1024
/** Guessed ranges nearer than this become one piece. */
const pieceGapSizeBytesMax = 1024

/** The records to fetch. */
export interface RecordPlan {
  readonly object: string
  /** Ascending. */
  readonly offsets: Float64Array
  /** By record: what it is taken to need; corrected in place. */
  readonly sizesBytes: Float64Array
  /** The size of the record at the reader's offset, with length and checksum, from its first bytes. */
  readonly sizeOf: (reader: ByteReader) => number
  /** No record reaches beyond; Infinity where unknown. */
  readonly fileEnd: number
}

/** What was fetched of a file. Reading elsewhere is a CorruptionError: the file has ended there. */
export class FetchedWindow implements ByteWindow {
  readonly file: string
  readonly sizeBytes: number
  bytes = new Uint8Array(0)
  base = 0
  readonly #bases: readonly number[]
  readonly #pieces: readonly Uint8Array[]

  /** The pieces stand in ascending order of their bases. */
  constructor(file: string, bases: readonly number[], pieces: readonly Uint8Array[]) {
    this.file = file
    this.#bases = bases
    this.#pieces = pieces
    this.sizeBytes = bases.length === 0 ? 0 : bases.at(-1)! + pieces.at(-1)!.length
  }

  cover(offset: number, sizeBytes: number): number {
    if (!this.#holds(offset, sizeBytes)) this.#moveTo(offset)
    if (this.#holds(offset, sizeBytes)) return offset - this.base
    throw new CorruptionError({
      file: this.file,
      offset,
      expected: `${sizeBytes} bytes`,
      found: `${Math.max(0, this.base + this.bytes.length - offset)}`,
    })
  }

  section(offset: number, sizeBytes: number): Uint8Array {
    const at = this.cover(offset, sizeBytes)
    return this.bytes.subarray(at, at + sizeBytes)
  }

  #holds(offset: number, sizeBytes: number): boolean {
    return offset >= this.base && offset + sizeBytes <= this.base + this.bytes.length
  }

  #moveTo(offset: number): void {
    let low = 0
    let high = this.#bases.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#bases[middle]! <= offset) low = middle + 1
      else high = middle
    }
    if (low === 0) return
    this.base = this.#bases[low - 1]!
    this.bytes = this.#pieces[low - 1] as Uint8Array<ArrayBuffer>
  }
}

/** Fetches records. Throws CorruptionError where the file ends within one, UserError for the budget. */
export async function fetchRecords(
  pages: PageReader,
  plan: RecordPlan,
  budget: ReadBudget,
): Promise<FetchedWindow> {
  for (let round = 1; ; round++) {
    const ranges = rangesOf(plan)
    const pieces = await pages.read(plan.object, ranges, budget)
    const bases = ranges.map((range) => range.offset)
    const window = new FetchedWindow(plan.object, bases, pieces)
    // The second time all sizes are known.
    if ((await correctSizes(plan, window)) || round === 2) return window
  }
}

function rangesOf({ offsets, sizesBytes, fileEnd }: RecordPlan): ByteRange[] {
  const ranges: { offset: number; end: number }[] = []
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i]!
    const end = Math.max(offset, Math.min(offset + sizesBytes[i]!, fileEnd))
    const last = ranges.at(-1)
    const joins = last !== undefined && offset <= last.end + pieceGapSizeBytesMax
    // A record that begins within the last piece must not begin another one.
    if (
      last !== undefined &&
      (offset < last.end || (joins && end - last.offset <= pieceSizeBytesMax))
    )
      last.end = Math.max(last.end, end)
    else ranges.push({ offset, end })
  }
  return ranges
}

// Whether all records are there whole; otherwise their sizes are corrected for the next round.
async function correctSizes(plan: RecordPlan, window: FetchedWindow): Promise<boolean> {
  const { offsets, sizesBytes, sizeOf } = plan
  const turns = new Turns()
  let whole = true
  for (let i = 0; i < offsets.length; i++) {
    if ((i & 1023) === 0) await turns.give()
    const at = window.cover(offsets[i]!, 0)
    const reader = new ByteReader(window.bytes, window.file, window.base)
    reader.offset = at
    const sizeBytes = sizeOf(reader)
    sizesBytes[i] = sizeBytes
    if (at + sizeBytes > window.bytes.length) whole = false
  }
  return whole
}

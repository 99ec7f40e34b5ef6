// Row kernel: the float samples of one series at a time. A table's chunks are loaded once for all their rows; the
// samples of a row are decoded into memory of the kernel and stay there, to be copied out or for rate to read.
// Twins: storage/decode-row.ts (samples) and promql/functions/rate-row.ts (rate), equal to the bit.
// Units: Unix milliseconds, bounds inclusive. One instance per thread. What the kernel does not take (bad chunks, too
// large a table) it says by undefined, and the caller goes the twins' way.

import { createMemory, instantiateKernel } from './instance.ts'
import type { ChunkRange } from './xor-columns.ts'

interface Exports {
  sampleCount(
    src: number,
    srcSize: number,
    offsets: number,
    sizes: number,
    from: number,
    to: number,
  ): number
  first(): number
  decode(
    src: number,
    offsets: number,
    sizes: number,
    from: number,
    to: number,
    swapped: number,
    times: number,
    values: number,
    capacity: number,
    minTime: number,
    maxTime: number,
    dropStale: number,
  ): number
  rate(
    times: number,
    values: number,
    count: number,
    drops: number,
    firstEnd: number,
    endStep: number,
    range: number,
    stepCount: number,
    isCounter: number,
    isRate: number,
    workMax: number,
    out: number,
    present: number,
  ): number
}

/** Which samples of a row are kept. */
export interface KeptSamples {
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly dropStale: boolean
}

/** The windows (end − rangeMs, end] of a row; window s ends at firstEndMs + s × endStepMs. */
export interface WindowGrid {
  readonly firstEndMs: number
  readonly endStepMs: number
  readonly rangeMs: number
  readonly stepCount: number
}

/** rate: a counter, per second; increase: a counter; delta: neither. */
export interface RateKind {
  readonly isCounter: boolean
  readonly isRate: boolean
}

// The assembler keeps low addresses for itself.
const inputAddress = 4096
const pageSizeBytes = 65_536
const tableBytesMax = 32 * 2 ** 20
const memoryBytesMax = 256 * 2 ** 20
/** Walking over windows with counter resets cannot be interrupted in here; more is done where it can be. */
const resetWorkMax = 20_000_000

/** The kernel with its memory. */
export class RowKernel {
  readonly #memory = createMemory(4 * pageSizeBytes, memoryBytesMax)
  readonly #exports = instantiateKernel<Exports>('rows', this.#memory)
  #bytes = new Uint8Array(this.#memory.buffer)
  #table: WeakRef<Uint8Array> | undefined
  #tableSize = 0
  #offsets = 0
  #sizes = 0
  #swapped = 0
  #times = 0
  #values = 0
  #scratch = 0
  #count = 0

  /**
   * Decodes the chunks [from, to) of a table, which follow each other in time, and keeps what is asked for.
   * Returns how many samples are held now, undefined where the kernel cannot.
   */
  decode(chunks: ChunkRange, kept: KeptSamples): number | undefined {
    if (!this.#load(chunks)) return undefined
    const { from, to } = chunks
    const { sampleCount, decode } = this.#exports
    const [offsets, sizes] = [this.#offsets, this.#sizes]
    const capacity = sampleCount(inputAddress, this.#tableSize, offsets, sizes, from, to)
    if (capacity < 0 || !this.#layOut(capacity)) return undefined
    const { minTimeMs, maxTimeMs } = kept
    const count = decode(
      inputAddress,
      offsets,
      sizes,
      from,
      to,
      this.#swapped,
      this.#times,
      this.#values,
      capacity,
      minTimeMs,
      maxTimeMs,
      kept.dropStale ? 1 : 0,
    )
    if (count < 0) return undefined
    this.#count = count
    return count
  }

  /** Copies the samples that are held to the start of columns that have room for them. */
  copyTo(timestampsMs: Float64Array, words: Uint32Array): void {
    const first = this.#exports.first()
    const { buffer } = this.#bytes
    timestampsMs.set(new Float64Array(buffer, this.#times + 8 * first, this.#count))
    words.set(new Uint32Array(buffer, this.#values + 8 * first, 2 * this.#count))
  }

  /**
   * rate, increase or delta over the samples that are held: values and presence (1) are written from entry `offset` on.
   * Returns how many samples the windows held together, undefined where the kernel cannot.
   */
  rate(
    grid: WindowGrid,
    kind: RateKind,
    out: Float64Array,
    present: Uint8Array,
    offset: number,
  ): number | undefined {
    const { stepCount } = grid
    const drops = this.#scratch
    const values = align(drops + 4 * this.#count)
    const presence = values + 8 * stepCount
    if (!this.#reserve(presence + stepCount)) return undefined
    const first = this.#exports.first()
    const looked = this.#exports.rate(
      this.#times + 8 * first,
      this.#values + 8 * first,
      this.#count,
      drops,
      grid.firstEndMs,
      grid.endStepMs,
      grid.rangeMs,
      stepCount,
      kind.isCounter ? 1 : 0,
      kind.isRate ? 1 : 0,
      resetWorkMax,
      values,
      presence,
    )
    if (looked < 0) return undefined
    out.set(new Float64Array(this.#bytes.buffer, values, stepCount), offset)
    present.set(this.#bytes.subarray(presence, presence + stepCount), offset)
    return looked
  }

  // Copies a table's bytes, offsets and sizes, unless they are here already.
  #load({ bytes, offsets, sizes }: ChunkRange): boolean {
    if (this.#table?.deref() === bytes) return true
    this.#table = undefined
    const offsetsAt = align(inputAddress + bytes.length)
    const sizesAt = offsetsAt + 4 * offsets.length
    const swapped = align(sizesAt + 4 * sizes.length)
    let largest = 0
    for (let i = 0; i < sizes.length; i++) if (sizes[i]! > largest) largest = sizes[i]!
    const times = align(swapped + largest + 128)
    if (bytes.length > tableBytesMax || !this.#reserve(times)) return false
    this.#bytes.set(bytes, inputAddress)
    new Uint32Array(this.#bytes.buffer, offsetsAt, offsets.length).set(offsets)
    new Uint32Array(this.#bytes.buffer, sizesAt, sizes.length).set(sizes)
    this.#tableSize = bytes.length
    this.#offsets = offsetsAt
    this.#sizes = sizesAt
    this.#swapped = swapped
    this.#times = times
    this.#table = new WeakRef(bytes)
    return true
  }

  #layOut(capacity: number): boolean {
    this.#values = this.#times + 8 * capacity
    this.#scratch = this.#values + 8 * capacity
    return this.#reserve(this.#scratch)
  }

  #reserve(endAddress: number): boolean {
    if (endAddress <= this.#bytes.length) return true
    if (endAddress > memoryBytesMax) return false
    // By half as much again, so that growing tables do not grow the memory each time.
    const wanted = Math.min(Math.ceil(endAddress * 1.5), memoryBytesMax)
    this.#memory.grow(Math.ceil(wanted / pageSizeBytes) - this.#bytes.length / pageSizeBytes)
    this.#bytes = new Uint8Array(this.#memory.buffer)
    return true
  }
}

function align(address: number): number {
  return (address + 15) & ~15
}

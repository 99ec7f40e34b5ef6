// Codec kernel: checksums, snappy and XOR chunks in WebAssembly, over scratch memory of its own.
// Twins: crc32c.ts, snappy.ts, xor-columns.ts; they also word the errors, on the bytes that the kernel refused.
// Units: sizes and addresses in bytes. One instance per thread; results are copies.

import { assert, UserError } from '../model/index.ts'
import { createMemory, instantiateKernel } from './instance.ts'
import { readSnappyHeader, snappyInflate, snappySizeBytesMax } from './snappy.ts'
import type { ChunkRange, DecodeTarget, XorDecoder } from './xor-columns.ts'
import { chunkSampleCount, decodeXorChunks } from './xor-columns.ts'

interface Exports {
  prepare(crcTables: number): void
  crc32c(crcTables: number, start: number, end: number, seed: number): number
  inflate(src: number, srcEnd: number, dst: number, dstEnd: number): number
  deflate(src: number, srcEnd: number, dst: number, table: number): number
  decodeXor(
    src: number,
    sizes: number,
    chunkCount: number,
    swapped: number,
    timestamps: number,
    values: number,
    capacity: number,
  ): number
}

// The fixed part of the memory: 16 KiB of checksum tables, 32 KiB of hash table; input and output follow.
const crcTables = 1024
const hashTable = crcTables + 16 * 1024
const inputAddress = 65_536
const pageSizeBytes = 65_536
const xorSlackBytes = 64

/** The kernel with its memory. */
export class CodecKernel implements XorDecoder {
  readonly #memory: WebAssembly.Memory
  readonly #memoryBytesMax: number
  readonly #exports: Exports
  #bytes: Uint8Array

  /** A kernel whose scratch memory never exceeds `memoryBytesMax`. */
  static create(memoryBytesMax = 512 * 2 ** 20): CodecKernel {
    return new CodecKernel(memoryBytesMax)
  }

  private constructor(memoryBytesMax: number) {
    this.#memoryBytesMax = memoryBytesMax
    this.#memory = createMemory(4 * pageSizeBytes, memoryBytesMax)
    this.#exports = instantiateKernel<Exports>('codec', this.#memory)
    this.#bytes = new Uint8Array(this.#memory.buffer)
    this.#exports.prepare(crcTables)
  }

  /** CRC-32C of all of `bytes`, continuing from `seed`. */
  crc32c(bytes: Uint8Array, seed = 0): number {
    const end = this.#load(bytes, 0)
    return this.#exports.crc32c(crcTables, inputAddress, end, seed) >>> 0
  }

  /** Inflates a snappy block to at most `sizeBytesMax` bytes; throws CorruptionError or UserError body_too_large. */
  inflate(bytes: Uint8Array, sizeBytesMax: number): Uint8Array {
    const { inflatedSizeBytes, elementsOffset } = readSnappyHeader(bytes, sizeBytesMax)
    if (inflatedSizeBytes > bytes.length * 64) return snappyInflate(bytes, sizeBytesMax)
    const inputEnd = this.#load(bytes, inflatedSizeBytes + 64)
    const output = align(inputEnd)
    const outputEnd = output + inflatedSizeBytes
    const ok = this.#exports.inflate(inputAddress + elementsOffset, inputEnd, output, outputEnd)
    return ok !== 0 ? this.#bytes.slice(output, outputEnd) : snappyInflate(bytes, sizeBytesMax)
  }

  /** Deflates bytes to one snappy block. */
  deflate(bytes: Uint8Array): Uint8Array {
    const inputEnd = this.#load(bytes, snappySizeBytesMax(bytes.length) + 64)
    const output = align(inputEnd)
    const outputEnd = this.#exports.deflate(inputAddress, inputEnd, output, hashTable)
    return this.#bytes.slice(output, outputEnd)
  }

  /**
   * Decodes XOR chunks one after the other; the target has room for all. Returns the sample count. Timestamps are
   * exact within ±2^53. Throws CorruptionError; what was written by then is garbage.
   */
  decodeXor(chunks: ChunkRange, target: DecodeTarget): number {
    const { bytes, offsets, sizes, from, to } = chunks
    let total = 0
    let inputBytes = 0
    let largest = 0
    for (let i = from; i < to; i++) {
      total += chunkSampleCount(bytes, offsets[i]!, sizes[i]!)
      inputBytes += sizes[i]!
      largest = Math.max(largest, sizes[i]!)
    }
    assert(target.at + total <= target.timestampsMs.length, 'the target has room for all samples')
    const sizesAddress = align(inputAddress + inputBytes)
    const swapped = align(sizesAddress + 4 * (to - from))
    const timestamps = align(swapped + largest + 16 + xorSlackBytes)
    const values = timestamps + 8 * total
    this.#reserve(values + 8 * total)
    const memory = this.#bytes
    const sizeWords = new Uint32Array(memory.buffer, sizesAddress, to - from)
    let at = inputAddress
    for (let i = from; i < to; i++) {
      const size = sizes[i]!
      memory.set(bytes.subarray(offsets[i]!, offsets[i]! + size), at)
      sizeWords[i - from] = size
      at += size
    }
    const count = this.#exports.decodeXor(
      inputAddress,
      sizesAddress,
      to - from,
      swapped,
      timestamps,
      values,
      total,
    )
    if (count < 0) return decodeXorChunks(chunks, target)
    target.timestampsMs.set(new Float64Array(memory.buffer, timestamps, count), target.at)
    target.words.set(new Uint32Array(memory.buffer, values, 2 * count), 2 * target.at)
    return count
  }

  // Copies `bytes` to the input region, with `extraBytes` of room behind it; returns the input's end.
  #load(bytes: Uint8Array, extraBytes: number): number {
    const end = inputAddress + bytes.length
    this.#reserve(align(end) + extraBytes)
    this.#bytes.set(bytes, inputAddress)
    return end
  }

  #reserve(endAddress: number): void {
    if (endAddress <= this.#bytes.length) return
    if (endAddress > this.#memoryBytesMax)
      throw new UserError('limit_exceeded', {
        what: `${endAddress} bytes of scratch memory are needed, the limit is ${this.#memoryBytesMax}`,
      })
    // By half as much again, so that growing bodies do not grow the memory each time.
    const wanted = Math.min(Math.ceil(endAddress * 1.5), this.#memoryBytesMax)
    this.#memory.grow(Math.ceil(wanted / pageSizeBytes) - this.#bytes.length / pageSizeBytes)
    this.#bytes = new Uint8Array(this.#memory.buffer)
  }
}

function align(address: number): number {
  return Math.ceil(address / 16) * 16
}

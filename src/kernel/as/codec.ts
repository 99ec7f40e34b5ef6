// Codec kernel: checksums, snappy and chunks over scratch memory of the caller. Twins: kernel/{crc32c,snappy,xor-columns}.ts.

import { crc32cOf, fillCrcTables } from './lib-crc32c'
import { deflateBlock, inflateElements } from './lib-snappy'
import { decodeXorChunk } from './lib-xor'

export function prepare(crcTables: usize): void {
  fillCrcTables(crcTables)
}

export function crc32c(crcTables: usize, start: usize, end: usize, seed: u32): u32 {
  return crc32cOf(crcTables, start, end, seed)
}

export function inflate(src: usize, srcEnd: usize, dst: usize, dstEnd: usize): bool {
  return inflateElements(src, srcEnd, dst, dstEnd)
}

export function deflate(src: usize, srcEnd: usize, dst: usize, table: usize): usize {
  return deflateBlock(src, srcEnd, dst, table)
}

/**
 * Decodes `chunkCount` chunks that stand back to back from `src` on, their sizes as u32 at `sizes`, one after
 * the other to the columns. Returns the sample count, or -1 - index of the first corrupt chunk.
 */
export function decodeXor(
  src: usize,
  sizes: usize,
  chunkCount: u32,
  swapped: usize,
  timestamps: usize,
  values: usize,
  capacity: u32,
): i32 {
  let at = src
  let total: u32 = 0
  for (let chunk: u32 = 0; chunk < chunkCount; chunk++) {
    const size = <usize>load<u32>(sizes + (<usize>chunk << 2))
    const done = <usize>total << 3
    const count = decodeXorChunk(at, size, swapped, timestamps + done, values + done, capacity - total)
    if (count < 0) return -1 - <i32>chunk
    total += <u32>count
    at += size
  }
  return <i32>total
}

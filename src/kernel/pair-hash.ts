// Pair hash: the seeded 128-bit hash of one label pair; a series' hash is the sum of its pairs' hashes.
// The seed is random per process and handed to every thread, so nobody outside can aim for a collision.
// Source: MurmurHash3_x86_128 (public domain algorithm) over u32 name length, name bytes, value bytes.

/** Four random words; equal in all threads of a process. */
export type HashSeed = Uint32Array

const c1 = 0x239b961b
const c2 = 0xab0e9789
const c3 = 0x38b34ae5
const c4 = 0xa1e38b93

function rotl(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits))
}

function finalMix(h: number): number {
  let x = h
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/**
 * Hashes `bytes[nameStart, valueStart)` as the name and `bytes[valueStart, end)` as the value into
 * `out[outIndex … outIndex + 3]`.
 */
export function hashPair(
  seed: HashSeed,
  bytes: Uint8Array,
  nameStart: number,
  valueStart: number,
  end: number,
  out: Uint32Array,
  outIndex: number,
): void {
  // The name length goes in first through the seed, so ("ab","c") and ("a","bc") differ.
  let h1 = seed[0]! ^ (valueStart - nameStart)
  let h2 = seed[1]!
  let h3 = seed[2]!
  let h4 = seed[3]!
  let offset = nameStart
  for (; offset + 16 <= end; offset += 16) {
    const k1 = word(bytes, offset)
    const k2 = word(bytes, offset + 4)
    const k3 = word(bytes, offset + 8)
    const k4 = word(bytes, offset + 12)
    h1 = Math.imul(rotl(h1 ^ Math.imul(rotl(Math.imul(k1, c1), 15), c2), 19) + h2, 5) + 0x561ccd1b
    h2 = Math.imul(rotl(h2 ^ Math.imul(rotl(Math.imul(k2, c2), 16), c3), 17) + h3, 5) + 0x0bcaa747
    h3 = Math.imul(rotl(h3 ^ Math.imul(rotl(Math.imul(k3, c3), 17), c4), 15) + h4, 5) + 0x96cd1c35
    h4 = Math.imul(rotl(h4 ^ Math.imul(rotl(Math.imul(k4, c4), 18), c1), 13) + h1, 5) + 0x32ac3b17
  }
  h1 ^= Math.imul(rotl(Math.imul(tailWord(bytes, offset, end), c1), 15), c2)
  h2 ^= Math.imul(rotl(Math.imul(tailWord(bytes, offset + 4, end), c2), 16), c3)
  h3 ^= Math.imul(rotl(Math.imul(tailWord(bytes, offset + 8, end), c3), 17), c4)
  h4 ^= Math.imul(rotl(Math.imul(tailWord(bytes, offset + 12, end), c4), 18), c1)
  finish(h1, h2, h3, h4, end - nameStart, out, outIndex)
}

function finish(
  a: number,
  b: number,
  c: number,
  d: number,
  sizeBytes: number,
  out: Uint32Array,
  outIndex: number,
): void {
  let h1 = a ^ sizeBytes
  let h2 = b ^ sizeBytes
  let h3 = c ^ sizeBytes
  let h4 = d ^ sizeBytes
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = finalMix((h2 + h1) | 0)
  h3 = finalMix((h3 + h1) | 0)
  h4 = finalMix((h4 + h1) | 0)
  h1 = finalMix(h1)
  h1 = (h1 + h2 + h3 + h4) | 0
  out[outIndex] = h1
  out[outIndex + 1] = h2 + h1
  out[outIndex + 2] = h3 + h1
  out[outIndex + 3] = h4 + h1
}

function word(bytes: Uint8Array, offset: number): number {
  return (
    bytes[offset]! |
    (bytes[offset + 1]! << 8) |
    (bytes[offset + 2]! << 16) |
    (bytes[offset + 3]! << 24)
  )
}

// Up to four bytes before `end`, zero-padded.
function tailWord(bytes: Uint8Array, offset: number, end: number): number {
  let value = 0
  for (let i = 0; i < 4 && offset + i < end; i++) value |= bytes[offset + i]! << (8 * i)
  return value
}

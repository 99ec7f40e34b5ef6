// Keyed 128-bit hash of bytes, as kernel/as/lib-hash.ts computes it: its specification, in BigInts and slow.
// Two NH sums (UMAC, RFC 4418) over 32-byte steps with independent keys, mixed per block of 2048 bytes.

const blockSizeBytes = 2048
const mask = (1n << 64n) - 1n

/** Hashes `bytes` under `keys` (`hashKeySizeBytes`) from a seed of four words; four words. */
export function keyedHash(keys: Uint8Array, bytes: Uint8Array, seed: Uint32Array): Uint32Array {
  let low = BigInt(seed[0]!) | (BigInt(seed[1]!) << 32n)
  let high = BigInt(seed[2]!) | (BigInt(seed[3]!) << 32n)
  let at = 0
  do {
    const block = bytes.subarray(at, at + blockSizeBytes)
    low = mix(low ^ nh(keys, 0, block))
    high = mix((high ^ nh(keys, 32, block)) + low)
    at += block.length
  } while (at < bytes.length)
  low = mix(low ^ (BigInt(bytes.length) * 0x9e3779b97f4a7c15n))
  high = mix(high + low)
  const words = [low, low >> 32n, high, high >> 32n]
  return Uint32Array.from(words, (word) => Number(word & 0xffffffffn))
}

// The sum of products of eight words: the first four by the next four, each plus its key.
function nh(keys: Uint8Array, keyOffset: number, block: Uint8Array): bigint {
  let sum = 0n
  for (let step = 0; step < block.length; step += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const x = word(block, step + 4 * lane) + word(keys, keyOffset + step + 4 * lane)
      const y = word(block, step + 16 + 4 * lane) + word(keys, keyOffset + step + 16 + 4 * lane)
      sum += BigInt(x >>> 0) * BigInt(y >>> 0)
    }
  }
  return sum & mask
}

// Four bytes, zeros after the end.
function word(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let i = 3; i >= 0; i--) value = (value << 8) | (bytes[at + i] ?? 0)
  return value >>> 0
}

function mix(value: bigint): bigint {
  let h = value & mask
  h = ((h ^ (h >> 33n)) * 0xff51afd7ed558ccdn) & mask
  h = ((h ^ (h >> 33n)) * 0xc4ceb9fe1a85ec53n) & mask
  return h ^ (h >> 33n)
}

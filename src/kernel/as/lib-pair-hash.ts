// Pair hash: MurmurHash3_x86_128 over name and value, the name's length in the seed. Twin: kernel/pair-hash.ts.

const c1: u32 = 0x239b961b
const c2: u32 = 0xab0e9789
const c3: u32 = 0x38b34ae5
const c4: u32 = 0xa1e38b93

// @ts-ignore: decorator
@inline
function finalMix(h: u32): u32 {
  let x = (h ^ (h >> 16)) * 0x85ebca6b
  x = (x ^ (x >> 13)) * 0xc2b2ae35
  return x ^ (x >> 16)
}

// @ts-ignore: decorator
@inline
function scrambled(k: u32, c: u32, bits: u32, d: u32): u32 {
  return rotl<u32>(k * c, bits) * d
}

/**
 * Hashes the name, `nameSize` bytes at `p`, and the value right after it, `size` bytes together, under the four words at
 * `seed` to the 16 bytes at `out`. May read 15 bytes past the end.
 */
export function hashPair(p: usize, nameSize: u32, size: u32, seed: usize, out: usize): void {
  let h1: u32 = load<u32>(seed) ^ nameSize
  let h2: u32 = load<u32>(seed, 4)
  let h3: u32 = load<u32>(seed, 8)
  let h4: u32 = load<u32>(seed, 12)
  let at = p
  let left = size
  for (; left >= 16; left -= 16, at += 16) {
    h1 = (rotl<u32>(h1 ^ scrambled(load<u32>(at), c1, 15, c2), 19) + h2) * 5 + 0x561ccd1b
    h2 = (rotl<u32>(h2 ^ scrambled(load<u32>(at, 4), c2, 16, c3), 17) + h3) * 5 + 0x0bcaa747
    h3 = (rotl<u32>(h3 ^ scrambled(load<u32>(at, 8), c3, 17, c4), 15) + h4) * 5 + 0x96cd1c35
    h4 = (rotl<u32>(h4 ^ scrambled(load<u32>(at, 12), c4, 18, c1), 13) + h1) * 5 + 0x32ac3b17
  }
  let low: u64 = 0
  let high: u64 = 0
  if (left >= 8) {
    low = load<u64>(at)
    if (left > 8) high = load<u64>(at, 8) & ((<u64>1 << ((left - 8) << 3)) - 1)
  } else if (left > 0) low = load<u64>(at) & ((<u64>1 << (left << 3)) - 1)
  h1 ^= scrambled(<u32>low, c1, 15, c2) ^ size
  h2 ^= scrambled(<u32>(low >> 32), c2, 16, c3) ^ size
  h3 ^= scrambled(<u32>high, c3, 17, c4) ^ size
  h4 ^= scrambled(<u32>(high >> 32), c4, 18, c1) ^ size
  h1 += h2 + h3 + h4
  h2 = finalMix(h2 + h1)
  h3 = finalMix(h3 + h1)
  h4 = finalMix(h4 + h1)
  h1 = finalMix(h1)
  h1 += h2 + h3 + h4
  store<u32>(out, h1)
  store<u32>(out, h2 + h1, 4)
  store<u32>(out, h3 + h1, 8)
  store<u32>(out, h4 + h1, 12)
}

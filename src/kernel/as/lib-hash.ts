// Keyed 128-bit hash of bytes: two NH sums (UMAC, RFC 4418) with independent secret keys over 32-byte steps, mixed
// per block of 2048 bytes with a running state, the length last. The keys are process secrets, the state starts from
// a seed, so equal bytes under different seeds do not meet.
// Memory: keys at `hashKeys` (2048 + 64 bytes), the tail mask at `hashMask` (16 bytes of 0xff, then 16 zeros).

/** Where the key bytes lie. */
export const hashKeys: usize = 4096
/** Where the tail mask lies. */
export const hashMask: usize = 2048

const blockSize: u32 = 2048

/** Result words of the last hash. */
export let hashLow: u64 = 0
/** Result words of the last hash. */
export let hashHigh: u64 = 0

// @ts-ignore: decorator
@inline
function mix(x: u64): u64 {
  let h = x
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53
  return h ^ (h >> 33)
}

// @ts-ignore: decorator
@inline
function laneSum(v: v128): u64 {
  return i64x2.extract_lane(v, 0) + i64x2.extract_lane(v, 1)
}

// @ts-ignore: decorator
@inline
function product(x: v128, y: v128): v128 {
  return i64x2.add(i64x2.extmul_low_i32x4_u(x, y), i64x2.extmul_high_i32x4_u(x, y))
}

/** Hashes [p, p + size) from a seed into hashLow and hashHigh. May read 31 bytes past the end. */
export function hashBytes(p: usize, size: u32, seedLow: u64, seedHigh: u64): void {
  let low = seedLow
  let high = seedHigh
  let at = p
  let rest = size
  do {
    const block = min(rest, blockSize)
    let a = i64x2.splat(0)
    let b = i64x2.splat(0)
    let k: u32 = 0
    for (; k + 32 <= block; k += 32) {
      const x = v128.load(at + k)
      const y = v128.load(at + k + 16)
      const key = hashKeys + k
      a = i64x2.add(a, product(i32x4.add(x, v128.load(key)), i32x4.add(y, v128.load(key, 16))))
      b = i64x2.add(b, product(i32x4.add(x, v128.load(key, 32)), i32x4.add(y, v128.load(key, 48))))
    }
    if (k < block) {
      const left = block - k
      const inFirst: u32 = min<u32>(left, 16)
      const inSecond: u32 = left - inFirst
      const x = v128.and(v128.load(at + k), v128.load(hashMask + 16 - inFirst))
      const y = v128.and(v128.load(at + k + 16), v128.load(hashMask + 16 - inSecond))
      const key = hashKeys + k
      a = i64x2.add(a, product(i32x4.add(x, v128.load(key)), i32x4.add(y, v128.load(key, 16))))
      b = i64x2.add(b, product(i32x4.add(x, v128.load(key, 32)), i32x4.add(y, v128.load(key, 48))))
    }
    low = mix(low ^ laneSum(a))
    high = mix((high ^ laneSum(b)) + low)
    at += block
    rest -= block
  } while (rest > 0)
  hashLow = mix(low ^ ((<u64>size) * 0x9e3779b97f4a7c15))
  hashHigh = mix(high + hashLow)
}

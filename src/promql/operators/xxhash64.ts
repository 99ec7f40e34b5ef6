// xxHash64 with seed 0, in 32-bit halves: limit_ratio picks series by it, so it has to be Prometheus' own.
// Source: xxHash specification, github.com/Cyan4973/xxHash (BSD).

const p1 = 0x9e3779b185ebca87n
const p2 = 0xc2b2ae3d27d4eb4fn
const p3 = 0x165667b19e3779f9n
const p4 = 0x85ebca77c2b2ae63n
const p5 = 0x27d4eb2f165667c5n
const mask = 0xffffffffffffffffn

/** The 64-bit hash of `bytes`. Once per series and query, so big integers are fast enough. */
export function xxhash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 0
  let hash: bigint
  if (bytes.length >= 32) {
    const lanes: [bigint, bigint, bigint, bigint] = [(p1 + p2) & mask, p2, 0n, mask - p1 + 1n]
    for (; offset + 32 <= bytes.length; offset += 32) {
      for (let lane = 0; lane < 4; lane++) {
        lanes[lane] = round(lanes[lane]!, view.getBigUint64(offset + 8 * lane, true))
      }
    }
    hash = rotl(lanes[0], 1n) + rotl(lanes[1], 7n) + rotl(lanes[2], 12n) + rotl(lanes[3], 18n)
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * p1 + p4) & mask
  } else hash = p5
  hash = (hash + BigInt(bytes.length)) & mask
  for (; offset + 8 <= bytes.length; offset += 8) {
    hash = (rotl(hash ^ round(0n, view.getBigUint64(offset, true)), 27n) * p1 + p4) & mask
  }
  if (offset + 4 <= bytes.length) {
    const word = (BigInt(view.getUint32(offset, true)) * p1) & mask
    hash = (rotl(hash ^ word, 23n) * p2 + p3) & mask
    offset += 4
  }
  for (; offset < bytes.length; offset++) {
    hash = (rotl(hash ^ ((BigInt(bytes[offset]!) * p5) & mask), 11n) * p1) & mask
  }
  hash = ((hash ^ (hash >> 33n)) * p2) & mask
  hash = ((hash ^ (hash >> 29n)) * p3) & mask
  return hash ^ (hash >> 32n)
}

function round(accumulator: bigint, input: bigint): bigint {
  return (rotl((accumulator + input * p2) & mask, 31n) * p1) & mask
}

function rotl(value: bigint, bits: bigint): bigint {
  const x = value & mask
  return ((x << bits) | (x >> (64n - bits))) & mask
}

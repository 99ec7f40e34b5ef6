// CRC-32C (Castagnoli): the checksum of WAL records, chunks and index sections. Eight bytes a round by eight tables.
// Source: RFC 3720 appendix B.4; "slicing-by-8", Kounavis and Berry 2005.

// 0x1edc6f41 with its bits reversed, as the sum is taken least significant bit first.
const polynomial = 0x82f63b78

const tables = buildTables()

/**
 * CRC-32C of `bytes[start, end)` as an unsigned number. `seed` is the checksum of what came before, so that
 * crc32c(b, m, e, crc32c(b, s, m)) is crc32c(b, s, e).
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  const t = tables
  let crc = ~seed
  let offset = start
  for (const last = end - 8; offset <= last; offset += 8) {
    const low =
      crc ^
      (bytes[offset]! |
        (bytes[offset + 1]! << 8) |
        (bytes[offset + 2]! << 16) |
        (bytes[offset + 3]! << 24))
    crc =
      t[0x700 + (low & 255)]! ^
      t[0x600 + ((low >>> 8) & 255)]! ^
      t[0x500 + ((low >>> 16) & 255)]! ^
      t[0x400 + (low >>> 24)]! ^
      t[0x300 + bytes[offset + 4]!]! ^
      t[0x200 + bytes[offset + 5]!]! ^
      t[0x100 + bytes[offset + 6]!]! ^
      t[bytes[offset + 7]!]!
  }
  for (; offset < end; offset++) crc = (crc >>> 8) ^ t[(crc ^ bytes[offset]!) & 255]!
  return ~crc >>> 0
}

// Table k of 256 words: the effect of a byte that k more bytes follow.
function buildTables(): Int32Array {
  const words = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    words[byte] = crc
  }
  for (let i = 256; i < words.length; i++) {
    const previous = words[i - 256]!
    words[i] = (previous >>> 8) ^ words[previous & 255]!
  }
  return words
}

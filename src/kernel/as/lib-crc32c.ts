// CRC-32C over linear memory, sixteen bytes a round. Twin: kernel/crc32c.ts.
// The caller owns 16 KiB for the tables and fills them once.

/** Bytes of the tables. */
export const crcTableSize: usize = 16 * 1024

/** Fills the tables at `tables`: table k is the effect of a byte that k more bytes follow. */
export function fillCrcTables(tables: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((0 - (crc & 1)) & 0x82f63b78)
    store<u32>(tables + (<usize>byte << 2), crc)
  }
  for (let i: u32 = 256; i < 16 * 256; i++) {
    const previous = load<u32>(tables + (<usize>(i - 256) << 2))
    const next = (previous >> 8) ^ load<u32>(tables + (<usize>(previous & 255) << 2))
    store<u32>(tables + (<usize>i << 2), next)
  }
}

// @ts-ignore: decorator
@inline
function four(tables: usize, table: usize, word: u32): u32 {
  const base = tables + (table << 10)
  return (
    load<u32>(base + (3 << 10) + (<usize>(word & 255) << 2)) ^
    load<u32>(base + (2 << 10) + (<usize>((word >> 8) & 255) << 2)) ^
    load<u32>(base + (1 << 10) + (<usize>((word >> 16) & 255) << 2)) ^
    load<u32>(base + (<usize>(word >> 24) << 2))
  )
}

/** CRC-32C of [start, end), continuing from `seed`. */
export function crc32cOf(tables: usize, start: usize, end: usize, seed: u32): u32 {
  let crc: u32 = ~seed
  let at = start
  while (end - at >= 16) {
    crc =
      four(tables, 12, load<u32>(at) ^ crc) ^
      four(tables, 8, load<u32>(at, 4)) ^
      four(tables, 4, load<u32>(at, 8)) ^
      four(tables, 0, load<u32>(at, 12))
    at += 16
  }
  while (at < end) {
    crc = (crc >> 8) ^ load<u32>(tables + (<usize>((crc ^ load<u8>(at)) & 255) << 2))
    at++
  }
  return ~crc
}

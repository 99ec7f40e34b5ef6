"use strict";
// CRC-32C over linear memory, sixteen bytes a round. Twin: kernel/crc32c.ts.
// The caller owns 16 KiB for the tables and fills them once.
Object.defineProperty(exports, "__esModule", { value: true });
exports.crcTableSize = void 0;
exports.fillCrcTables = fillCrcTables;
exports.crc32cOf = crc32cOf;
/** Bytes of the tables. */
exports.crcTableSize = 16 * 1024;
/** Fills the tables at `tables`: table k is the effect of a byte that k more bytes follow. */
function fillCrcTables(tables) {
    for (let byte = 0; byte < 256; byte++) {
        let crc = byte;
        for (let bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((0 - (crc & 1)) & 0x82f63b78);
        store(tables + (byte << 2), crc);
    }
    for (let i = 256; i < 16 * 256; i++) {
        const previous = load(tables + ((i - 256) << 2));
        const next = (previous >> 8) ^ load(tables + ((previous & 255) << 2));
        store(tables + (i << 2), next);
    }
}
// @ts-ignore: decorator
function four(tables, table, word) {
    const base = tables + (table << 10);
    return (load(base + (3 << 10) + ((word & 255) << 2)) ^
        load(base + (2 << 10) + (((word >> 8) & 255) << 2)) ^
        load(base + (1 << 10) + (((word >> 16) & 255) << 2)) ^
        load(base + ((word >> 24) << 2)));
}
/** CRC-32C of [start, end), continuing from `seed`. */
function crc32cOf(tables, start, end, seed) {
    let crc = ~seed;
    let at = start;
    while (end - at >= 16) {
        crc =
            four(tables, 12, load(at) ^ crc) ^
                four(tables, 8, load(at, 4)) ^
                four(tables, 4, load(at, 8)) ^
                four(tables, 0, load(at, 12));
        at += 16;
    }
    while (at < end) {
        crc = (crc >> 8) ^ load(tables + (((crc ^ load(at)) & 255) << 2));
        at++;
    }
    return ~crc;
}

"use strict";
// Codec kernel: checksums, snappy and chunks over scratch memory of the caller. Twins: kernel/{crc32c,snappy,xor-columns}.ts.
Object.defineProperty(exports, "__esModule", { value: true });
exports.prepare = prepare;
exports.crc32c = crc32c;
exports.inflate = inflate;
exports.deflate = deflate;
exports.decodeXor = decodeXor;
const lib_crc32c_1 = require("./lib-crc32c");
const lib_snappy_1 = require("./lib-snappy");
const lib_xor_1 = require("./lib-xor");
function prepare(crcTables) {
    (0, lib_crc32c_1.fillCrcTables)(crcTables);
}
function crc32c(crcTables, start, end, seed) {
    return (0, lib_crc32c_1.crc32cOf)(crcTables, start, end, seed);
}
function inflate(src, srcEnd, dst, dstEnd) {
    return (0, lib_snappy_1.inflateElements)(src, srcEnd, dst, dstEnd);
}
function deflate(src, srcEnd, dst, table) {
    return (0, lib_snappy_1.deflateBlock)(src, srcEnd, dst, table);
}
/**
 * Decodes `chunkCount` chunks that stand back to back from `src` on, their sizes as u32 at `sizes`, one after
 * the other to the columns. Returns the sample count, or -1 - index of the first corrupt chunk.
 */
function decodeXor(src, sizes, chunkCount, swapped, timestamps, values, capacity) {
    let at = src;
    let total = 0;
    for (let chunk = 0; chunk < chunkCount; chunk++) {
        const size = load(sizes + (chunk << 2));
        const done = total << 3;
        const count = (0, lib_xor_1.decodeXorChunk)(at, size, swapped, timestamps + done, values + done, capacity - total);
        if (count < 0)
            return -1 - chunk;
        total += count;
        at += size;
    }
    return total;
}

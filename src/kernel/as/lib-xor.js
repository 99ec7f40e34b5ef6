"use strict";
// XOR chunks to columns, a sample in about twenty instructions. Twin: kernel/xor-columns.ts.
// The chunk is first swapped into native 64-bit words, so that any field is two loads and two shifts.
Object.defineProperty(exports, "__esModule", { value: true });
exports.xorScratchSize = xorScratchSize;
exports.decodeXorChunk = decodeXorChunk;
// A sample takes at most 145 bits; a field is read through two words.
const slackSize = 64;
/** Bytes that `swapped` needs for a chunk of `size` bytes. */
function xorScratchSize(size) {
    return ((size + 15) & ~15) + slackSize;
}
function swapWords(src, size, swapped) {
    let at = 0;
    for (; at + 16 <= size; at += 16) {
        const bytes = v128.load(src + at);
        v128.store(swapped + at, v128.shuffle(bytes, bytes, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    }
    v128.store(swapped + at, i64x2(0, 0));
    for (; at < size; at++)
        store(swapped + (at ^ 7), load(src + at));
    memory.fill(swapped + ((size + 15) & ~15), 0, slackSize);
}
// The 64 bits from bit `position` on.
// @ts-ignore: decorator
function peek(swapped, position) {
    const word = swapped + ((position >> 6) << 3);
    const shift = (position & 63);
    return (load(word) << shift) | ((load(word, 8) >> 1) >> (63 - shift));
}
// The pattern with only the top bit set stands for +half, not for -half.
// @ts-ignore: decorator
function signedOf(value, half) {
    return value > half ? (value - 2 * half) : value;
}
/**
 * Decodes the chunk [src, src + size) to `timestamps` and `values` (f64 each). Returns the sample count, or -1 when
 * the chunk is corrupt or holds more than `capacity` samples.
 */
function decodeXorChunk(src, size, swapped, timestamps, values, capacity) {
    if (size < 2)
        return -1;
    const count = (load(src) << 8) | load(src, 1);
    if (count > capacity)
        return -1;
    if (count == 0)
        return 0;
    swapWords(src, size, swapped);
    const end = size << 3;
    let position = 16;
    let timestamp = 0;
    let delta = 0;
    let value = 0;
    let leading = 0;
    let trailing = 0;
    let left = count;
    let to = timestamps;
    const values0 = values - timestamps;
    while (true) {
        if (left + 1 < count) {
            // From the third sample on: a second difference, or a run of samples where neither field changes.
            const bits = peek(swapped, position);
            if (bits >> 62 == 0) {
                let run = bits == 0 ? 32 : (clz(bits) >> 1);
                if (run > left)
                    run = left;
                position += run << 1;
                if (position > end)
                    return -1;
                left -= run;
                for (; run > 0; run--) {
                    timestamp += delta;
                    store(to, timestamp);
                    store(to + values0, value);
                    to += 8;
                }
                if (left == 0)
                    return count;
                continue;
            }
            if (bits >> 63 == 0)
                position += 1;
            else if (bits >> 62 == 0b10) {
                delta += signedOf((bits << 2) >> 50, 0x2000);
                position += 16;
            }
            else if (bits >> 61 == 0b110) {
                delta += signedOf((bits << 3) >> 47, 0x10000);
                position += 20;
            }
            else if (bits >> 60 == 0b1110) {
                delta += signedOf((bits << 4) >> 44, 0x80000);
                position += 24;
            }
            else {
                delta += peek(swapped, position + 4);
                position += 68;
            }
            timestamp += delta;
        }
        else {
            let number = 0;
            let shift = 0;
            while (true) {
                const byte = peek(swapped, position) >> 56;
                position += 8;
                // The tenth byte holds the last of 64 bits.
                if (shift == 63 && byte > 1)
                    return -1;
                number |= (byte & 127) << shift;
                if (byte < 128)
                    break;
                shift += 7;
            }
            if (left == count) {
                timestamp = (number >> 1) ^ -(number & 1);
                value = peek(swapped, position);
                position += 64;
                if (position > end)
                    return -1;
                store(to, timestamp);
                store(to + values0, value);
                to += 8;
                left--;
                if (left == 0)
                    return count;
                continue;
            }
            delta = number;
            timestamp += delta;
        }
        const bits = peek(swapped, position);
        if (bits >> 63 == 0)
            position += 1;
        else {
            if (bits >> 62 == 0b11) {
                leading = (bits << 2) >> 59;
                let significant = (bits << 7) >> 58;
                if (significant == 0)
                    significant = 64;
                if (leading + significant > 64)
                    return -1;
                trailing = 64 - leading - significant;
                position += 13;
            }
            else
                position += 2;
            const width = 64 - leading - trailing;
            value ^= (peek(swapped, position) >> (64 - width)) << trailing;
            position += width;
        }
        if (position > end)
            return -1;
        store(to, timestamp);
        store(to + values0, value);
        to += 8;
        left--;
        if (left == 0)
            return count;
    }
}

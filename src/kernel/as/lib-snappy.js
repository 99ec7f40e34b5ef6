"use strict";
// Snappy block format over linear memory. Twin: kernel/snappy.ts, whose deflater makes the same bytes.
// Nothing outside the given regions is read or written: wide copies are taken only where they end inside.
Object.defineProperty(exports, "__esModule", { value: true });
exports.snappyTableSize = void 0;
exports.inflateElements = inflateElements;
exports.deflatedSizeMax = deflatedSizeMax;
exports.deflateBlock = deflateBlock;
/** Bytes of the deflater's hash table. */
exports.snappyTableSize = 2 << 14;
const blockSize = 65536;
/**
 * Inflates the elements [src, srcEnd) (after the length prefix) into exactly [dst, dstEnd).
 * Returns whether they were well-formed and filled it.
 */
function inflateElements(src, srcEnd, dst, dstEnd) {
    let ip = src;
    let op = dst;
    while (ip < srcEnd) {
        const tag = load(ip);
        ip++;
        if ((tag & 3) == 0) {
            // `last` is the length less one, so that no length can wrap around.
            let last = tag >> 2;
            if (last >= 60) {
                const extra = last - 59;
                if (extra > srcEnd - ip)
                    return false;
                last = littleEndian(ip, extra);
                ip += extra;
            }
            if (last >= srcEnd - ip || last >= dstEnd - op)
                return false;
            copyLiteral(op, ip, last + 1, srcEnd, dstEnd);
            ip += last + 1;
            op += last + 1;
            continue;
        }
        const kind = tag & 3;
        const extra = kind == 3 ? 4 : kind;
        if (extra > srcEnd - ip)
            return false;
        let offset = littleEndian(ip, extra);
        ip += extra;
        let length = (tag >> 2) + 1;
        if (kind == 1) {
            offset |= (tag & 0xe0) << 3;
            length = ((tag >> 2) & 7) + 4;
        }
        if (offset == 0 || offset > op - dst || length > dstEnd - op)
            return false;
        copyMatch(op, offset, length, dstEnd);
        op += length;
    }
    return op == dstEnd;
}
// @ts-ignore: decorator
function littleEndian(at, count) {
    let value = load(at);
    if (count > 1)
        value |= load(at, 1) << 8;
    if (count > 2)
        value |= load(at, 2) << 16;
    if (count > 3)
        value |= load(at, 3) << 24;
    return value;
}
// @ts-ignore: decorator
function copyLiteral(op, ip, length, srcEnd, dstEnd) {
    if (length <= 64 && srcEnd - ip >= 64 && dstEnd - op >= 64) {
        v128.store(op, v128.load(ip));
        if (length > 16) {
            v128.store(op, v128.load(ip, 16), 16);
            if (length > 32) {
                v128.store(op, v128.load(ip, 32), 32);
                v128.store(op, v128.load(ip, 48), 48);
            }
        }
        return;
    }
    memory.copy(op, ip, length);
}
// @ts-ignore: decorator
function copyMatch(op, offset, length, dstEnd) {
    let from = op - offset;
    let to = op;
    const end = op + length;
    if (dstEnd - end >= 16) {
        if (offset >= 16) {
            do {
                v128.store(to, v128.load(from));
                to += 16;
                from += 16;
            } while (to < end);
            return;
        }
        if (offset >= 8) {
            do {
                store(to, load(from));
                to += 8;
                from += 8;
            } while (to < end);
            return;
        }
    }
    while (to < end) {
        store(to, load(from));
        to++;
        from++;
    }
}
/** Largest size that `deflateBlock` writes for `size` bytes. */
function deflatedSizeMax(size) {
    return 32 + size + size / 6;
}
/** Deflates [src, srcEnd) with its length prefix to `dst`, which has room for `deflatedSizeMax`. Returns the end. */
function deflateBlock(src, srcEnd, dst, table) {
    let op = dst;
    let rest = srcEnd - src;
    while (rest >= 128) {
        store(op, (rest | 128));
        op++;
        rest >>= 7;
    }
    store(op, rest);
    op++;
    let at = src;
    while (at < srcEnd) {
        const end = srcEnd - at > blockSize ? at + blockSize : srcEnd;
        op = deflateFragment(at, end, op, table);
        at = end;
    }
    return op;
}
// @ts-ignore: decorator
function slot(table, word, shift) {
    return table + (((word * 0x1e35a7bd) >> shift) << 1);
}
function deflateFragment(src, end, dst, table) {
    let op = dst;
    if (end - src < 16)
        return emitLiteral(op, src, end);
    let tableBits = 8;
    while (tableBits < 14 && (1 << tableBits) < end - src)
        tableBits++;
    const shift = 32 - tableBits;
    memory.fill(table, 0, 2 << tableBits);
    // Sixteen bytes before the end no match is begun, so that four-byte loads stay inside.
    const limit = end - 15;
    let literal = src;
    let ip = src + 1;
    while (true) {
        // The longer nothing matches, the larger the steps.
        let skip = 32;
        let candidate = 0;
        let found = false;
        while (ip < limit) {
            const word = load(ip);
            const at = slot(table, word, shift);
            candidate = src + load(at);
            store(at, (ip - src));
            if (load(candidate) == word) {
                found = true;
                break;
            }
            ip += skip >> 5;
            skip++;
        }
        if (!found)
            break;
        if (literal < ip)
            op = emitLiteral(op, literal, ip);
        const length = 4 + matchLength(candidate + 4, ip + 4, end);
        op = emitCopy(op, ip - candidate, length);
        ip += length;
        literal = ip;
        if (ip >= limit)
            break;
        store(slot(table, load(ip - 1), shift), (ip - 1 - src));
    }
    return literal < end ? emitLiteral(op, literal, end) : op;
}
// @ts-ignore: decorator
function matchLength(a, b, end) {
    let from = a;
    let to = b;
    while (end - to >= 8) {
        const difference = load(from) ^ load(to);
        if (difference != 0)
            return to - b + (ctz(difference) >> 3);
        from += 8;
        to += 8;
    }
    while (to < end && load(from) == load(to)) {
        from++;
        to++;
    }
    return to - b;
}
function emitLiteral(dst, from, to) {
    let op = dst;
    const length = to - from;
    const last = (length - 1);
    if (last < 60) {
        store(op, (last << 2));
        op++;
    }
    else if (last < 256) {
        store(op, 60 << 2);
        store(op, last, 1);
        op += 2;
    }
    else {
        // A fragment holds at most 65536 bytes, so two length bytes are enough.
        store(op, 61 << 2);
        store(op, last, 1);
        op += 3;
    }
    memory.copy(op, from, length);
    return op + length;
}
function emitCopy(dst, offset, length) {
    let op = dst;
    let rest = length;
    // Four bytes at least are left for the last copy, which may be the short form.
    while (rest >= 68) {
        store(op, (63 << 2) | 2);
        store(op, offset, 1);
        op += 3;
        rest -= 64;
    }
    if (rest > 64) {
        store(op, (59 << 2) | 2);
        store(op, offset, 1);
        op += 3;
        rest -= 60;
    }
    if (rest >= 12 || offset >= 2048) {
        store(op, (((rest - 1) << 2) | 2));
        store(op, offset, 1);
        return op + 3;
    }
    store(op, (((offset >> 8) << 5) | ((rest - 4) << 2) | 1));
    store(op, offset, 1);
    return op + 2;
}

// Snappy block format over linear memory. Twin: kernel/snappy.ts, whose deflater makes the same bytes.
// Nothing outside the given regions is read or written: wide copies are taken only where they end inside.

/** Bytes of the deflater's hash table. */
export const snappyTableSize: usize = 2 << 14

const blockSize: usize = 65536

/**
 * Inflates the elements [src, srcEnd) (after the length prefix) into exactly [dst, dstEnd).
 * Returns whether they were well-formed and filled it.
 */
export function inflateElements(src: usize, srcEnd: usize, dst: usize, dstEnd: usize): bool {
  let ip = src
  let op = dst
  while (ip < srcEnd) {
    const tag = <usize>load<u8>(ip)
    ip++
    if ((tag & 3) == 0) {
      // `last` is the length less one, so that no length can wrap around.
      let last = tag >> 2
      if (last >= 60) {
        const extra = last - 59
        if (extra > srcEnd - ip) return false
        last = littleEndian(ip, extra)
        ip += extra
      }
      if (last >= srcEnd - ip || last >= dstEnd - op) return false
      copyLiteral(op, ip, last + 1, srcEnd, dstEnd)
      ip += last + 1
      op += last + 1
      continue
    }
    const kind = tag & 3
    const extra: usize = kind == 3 ? 4 : kind
    if (extra > srcEnd - ip) return false
    let offset = littleEndian(ip, extra)
    ip += extra
    let length = (tag >> 2) + 1
    if (kind == 1) {
      offset |= (tag & 0xe0) << 3
      length = ((tag >> 2) & 7) + 4
    }
    if (offset == 0 || offset > op - dst || length > dstEnd - op) return false
    copyMatch(op, offset, length, dstEnd)
    op += length
  }
  return op == dstEnd
}

// @ts-ignore: decorator
@inline
function littleEndian(at: usize, count: usize): usize {
  let value = <usize>load<u8>(at)
  if (count > 1) value |= <usize>load<u8>(at, 1) << 8
  if (count > 2) value |= <usize>load<u8>(at, 2) << 16
  if (count > 3) value |= <usize>load<u8>(at, 3) << 24
  return value
}

// @ts-ignore: decorator
@inline
function copyLiteral(op: usize, ip: usize, length: usize, srcEnd: usize, dstEnd: usize): void {
  if (length <= 64 && srcEnd - ip >= 64 && dstEnd - op >= 64) {
    v128.store(op, v128.load(ip))
    if (length > 16) {
      v128.store(op, v128.load(ip, 16), 16)
      if (length > 32) {
        v128.store(op, v128.load(ip, 32), 32)
        v128.store(op, v128.load(ip, 48), 48)
      }
    }
    return
  }
  memory.copy(op, ip, length)
}

// @ts-ignore: decorator
@inline
function copyMatch(op: usize, offset: usize, length: usize, dstEnd: usize): void {
  let from = op - offset
  let to = op
  const end = op + length
  if (dstEnd - end >= 16) {
    if (offset >= 16) {
      do {
        v128.store(to, v128.load(from))
        to += 16
        from += 16
      } while (to < end)
      return
    }
    if (offset >= 8) {
      do {
        store<u64>(to, load<u64>(from))
        to += 8
        from += 8
      } while (to < end)
      return
    }
  }
  while (to < end) {
    store<u8>(to, load<u8>(from))
    to++
    from++
  }
}

/** Largest size that `deflateBlock` writes for `size` bytes. */
export function deflatedSizeMax(size: usize): usize {
  return 32 + size + size / 6
}

/** Deflates [src, srcEnd) with its length prefix to `dst`, which has room for `deflatedSizeMax`. Returns the end. */
export function deflateBlock(src: usize, srcEnd: usize, dst: usize, table: usize): usize {
  let op = dst
  let rest = srcEnd - src
  while (rest >= 128) {
    store<u8>(op, <u8>(rest | 128))
    op++
    rest >>= 7
  }
  store<u8>(op, <u8>rest)
  op++
  let at = src
  while (at < srcEnd) {
    const end = srcEnd - at > blockSize ? at + blockSize : srcEnd
    op = deflateFragment(at, end, op, table)
    at = end
  }
  return op
}

// @ts-ignore: decorator
@inline
function slot(table: usize, word: u32, shift: u32): usize {
  return table + (<usize>((word * 0x1e35a7bd) >> shift) << 1)
}

function deflateFragment(src: usize, end: usize, dst: usize, table: usize): usize {
  let op = dst
  if (end - src < 16) return emitLiteral(op, src, end)
  let tableBits: u32 = 8
  while (tableBits < 14 && (<usize>1 << tableBits) < end - src) tableBits++
  const shift: u32 = 32 - tableBits
  memory.fill(table, 0, <usize>2 << tableBits)
  // Sixteen bytes before the end no match is begun, so that four-byte loads stay inside.
  const limit = end - 15
  let literal = src
  let ip = src + 1
  while (true) {
    // The longer nothing matches, the larger the steps.
    let skip: usize = 32
    let candidate: usize = 0
    let found = false
    while (ip < limit) {
      const word = load<u32>(ip)
      const at = slot(table, word, shift)
      candidate = src + <usize>load<u16>(at)
      store<u16>(at, <u16>(ip - src))
      if (load<u32>(candidate) == word) {
        found = true
        break
      }
      ip += skip >> 5
      skip++
    }
    if (!found) break
    if (literal < ip) op = emitLiteral(op, literal, ip)
    const length: usize = 4 + matchLength(candidate + 4, ip + 4, end)
    op = emitCopy(op, ip - candidate, length)
    ip += length
    literal = ip
    if (ip >= limit) break
    store<u16>(slot(table, load<u32>(ip - 1), shift), <u16>(ip - 1 - src))
  }
  return literal < end ? emitLiteral(op, literal, end) : op
}

// @ts-ignore: decorator
@inline
function matchLength(a: usize, b: usize, end: usize): usize {
  let from = a
  let to = b
  while (end - to >= 8) {
    const difference = load<u64>(from) ^ load<u64>(to)
    if (difference != 0) return to - b + <usize>(ctz(difference) >> 3)
    from += 8
    to += 8
  }
  while (to < end && load<u8>(from) == load<u8>(to)) {
    from++
    to++
  }
  return to - b
}

function emitLiteral(dst: usize, from: usize, to: usize): usize {
  let op = dst
  const length = to - from
  const last = <u32>(length - 1)
  if (last < 60) {
    store<u8>(op, <u8>(last << 2))
    op++
  } else if (last < 256) {
    store<u8>(op, 60 << 2)
    store<u8>(op, <u8>last, 1)
    op += 2
  } else {
    // A fragment holds at most 65536 bytes, so two length bytes are enough.
    store<u8>(op, 61 << 2)
    store<u16>(op, <u16>last, 1)
    op += 3
  }
  memory.copy(op, from, length)
  return op + length
}

function emitCopy(dst: usize, offset: usize, length: usize): usize {
  let op = dst
  let rest = length
  // Four bytes at least are left for the last copy, which may be the short form.
  while (rest >= 68) {
    store<u8>(op, (63 << 2) | 2)
    store<u16>(op, <u16>offset, 1)
    op += 3
    rest -= 64
  }
  if (rest > 64) {
    store<u8>(op, (59 << 2) | 2)
    store<u16>(op, <u16>offset, 1)
    op += 3
    rest -= 60
  }
  if (rest >= 12 || offset >= 2048) {
    store<u8>(op, <u8>(((rest - 1) << 2) | 2))
    store<u16>(op, <u16>offset, 1)
    return op + 3
  }
  store<u8>(op, <u8>(((offset >> 8) << 5) | ((rest - 4) << 2) | 1))
  store<u8>(op, <u8>offset, 1)
  return op + 2
}

// Snappy block format: the specification of the kernel's inflater and deflater, which make the same bytes.
// Invariants: every length is checked against what is left of input and output; output never exceeds the bound.
// Source: google/snappy format_description.txt.

import { CorruptionError, UserError } from '../model/index.ts'

const fragmentSizeBytes = 65_536

/** The length prefix of a block: how many bytes it inflates to, and where its elements start. */
export interface SnappyHeader {
  readonly inflatedSizeBytes: number
  readonly elementsOffset: number
}

/** Reads the prefix; throws CorruptionError, or UserError body_too_large above `sizeBytesMax`. */
export function readSnappyHeader(bytes: Uint8Array, sizeBytesMax: number): SnappyHeader {
  let size = 0
  for (let i = 0; i < 5 && i < bytes.length; i++) {
    size += (bytes[i]! & 127) * 2 ** (7 * i)
    if (bytes[i]! >= 128) continue
    if (size > 0xffff_ffff) break
    if (size <= sizeBytesMax) return { inflatedSizeBytes: size, elementsOffset: i + 1 }
    throw new UserError('body_too_large', {
      what: `the body inflates to ${size} bytes, more than the limit of ${sizeBytesMax}`,
      fix: 'send smaller batches, or raise the limit',
    })
  }
  throw corruption(0, 'a length of 32 bits', 'none')
}

/** Inflates a block to at most `sizeBytesMax` bytes; throws CorruptionError or UserError body_too_large. */
export function snappyInflate(bytes: Uint8Array, sizeBytesMax: number): Uint8Array {
  const { inflatedSizeBytes, elementsOffset } = readSnappyHeader(bytes, sizeBytesMax)
  // An element of three bytes makes at most 64, so a short body cannot ask for much memory.
  if (inflatedSizeBytes > bytes.length * 64)
    throw corruption(0, 'a length that the elements can reach', String(inflatedSizeBytes))
  const out = new Uint8Array(inflatedSizeBytes)
  let ip = elementsOffset
  let op = 0
  while (ip < bytes.length) {
    const tag = bytes[ip]!
    const start = ip++
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        const extra = length - 60
        length = littleEndian(bytes, ip, extra) + 1
        ip += extra
      }
      if (length > bytes.length - ip || length > out.length - op)
        throw corruption(start, 'a literal within input and output', `one of ${length} bytes`)
      out.set(bytes.subarray(ip, ip + length), op)
      ip += length
      op += length
      continue
    }
    const extra = kind === 3 ? 4 : kind
    let offset = littleEndian(bytes, ip, extra)
    ip += extra
    let length = (tag >>> 2) + 1
    if (kind === 1) {
      offset |= (tag & 0xe0) << 3
      length = ((tag >>> 2) & 7) + 4
    }
    if (offset === 0 || offset > op || length > out.length - op)
      throw corruption(start, 'a copy within the output', `${length} bytes from ${offset} back`)
    for (const end = op + length; op < end; op++) out[op] = out[op - offset]!
  }
  if (op !== out.length) throw corruption(ip, `${out.length} bytes of output`, String(op))
  return out
}

function littleEndian(bytes: Uint8Array, offset: number, count: number): number {
  if (count > bytes.length - offset) throw corruption(offset, `${count} more bytes`, 'the end')
  let value = 0
  for (let i = 0; i < count; i++) value += bytes[offset + i]! * 2 ** (8 * i)
  return value
}

function corruption(offset: number, expected: string, found: string): CorruptionError {
  return new CorruptionError({ file: 'snappy block', offset, expected, found })
}

/** Largest size of a deflated block of `sizeBytes` bytes. */
export function snappySizeBytesMax(sizeBytes: number): number {
  return 32 + sizeBytes + Math.ceil(sizeBytes / 6)
}

/** Deflates bytes to one block. */
export function snappyDeflate(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(snappySizeBytesMax(bytes.length))
  let op = 0
  let rest = bytes.length
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[op++] = (rest % 128) | 128
  out[op++] = rest
  const table = new Uint16Array(1 << 14)
  for (let start = 0; start < bytes.length; start += fragmentSizeBytes) {
    const end = Math.min(start + fragmentSizeBytes, bytes.length)
    op = deflateFragment(bytes, start, end, out, op, table)
  }
  return out.slice(0, op)
}

// Copies find their source through a hash table of four-byte words, positions counted from the fragment's start.
function deflateFragment(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  table: Uint16Array,
): number {
  if (end - start < 16) return emitLiteral(bytes, start, end, out, at)
  let tableBits = 8
  while (tableBits < 14 && 1 << tableBits < end - start) tableBits++
  const shift = 32 - tableBits
  table.fill(0)
  const limit = end - 15
  let op = at
  let literal = start
  let ip = start + 1
  while (true) {
    // The longer nothing matches, the larger the steps.
    let candidate = -1
    for (let skip = 32; ip < limit; skip++) {
      const slot = slotOf(bytes, ip, shift)
      const seen = start + table[slot]!
      table[slot] = ip - start
      if (wordAt(bytes, seen) === wordAt(bytes, ip)) {
        candidate = seen
        break
      }
      ip += skip >>> 5
    }
    if (candidate < 0) break
    if (literal < ip) op = emitLiteral(bytes, literal, ip, out, op)
    let length = 4
    while (ip + length < end && bytes[candidate + length] === bytes[ip + length]) length++
    op = emitCopy(out, op, ip - candidate, length)
    ip += length
    literal = ip
    if (ip >= limit) break
    table[slotOf(bytes, ip - 1, shift)] = ip - 1 - start
  }
  return literal < end ? emitLiteral(bytes, literal, end, out, op) : op
}

function slotOf(bytes: Uint8Array, offset: number, shift: number): number {
  return Math.imul(wordAt(bytes, offset), 0x1e35a7bd) >>> shift
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    bytes[offset]! |
    (bytes[offset + 1]! << 8) |
    (bytes[offset + 2]! << 16) |
    (bytes[offset + 3]! << 24)
  )
}

function emitLiteral(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  let op = at
  const last = to - from - 1
  if (last < 60) out[op++] = last << 2
  else if (last < 256) {
    out[op++] = 60 << 2
    out[op++] = last
  } else {
    out[op++] = 61 << 2
    out[op++] = last
    out[op++] = last >>> 8
  }
  out.set(bytes.subarray(from, to), op)
  return op + last + 1
}

function emitCopy(out: Uint8Array, at: number, offset: number, length: number): number {
  let op = at
  let rest = length
  while (rest > 64) {
    // Four bytes at least are left for the last copy, which may be the short form.
    const taken = rest >= 68 ? 64 : 60
    op = emitLongCopy(out, op, offset, taken)
    rest -= taken
  }
  if (rest >= 12 || offset >= 2048) return emitLongCopy(out, op, offset, rest)
  out[op++] = ((offset >>> 8) << 5) | ((rest - 4) << 2) | 1
  out[op++] = offset
  return op
}

function emitLongCopy(out: Uint8Array, at: number, offset: number, length: number): number {
  out[at] = ((length - 1) << 2) | 2
  out[at + 1] = offset
  out[at + 2] = offset >>> 8
  return at + 3
}

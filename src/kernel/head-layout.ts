// The bytes of a generation's memory, written by kernel/as/head.ts, read from here by any thread.
// Header at 1024: counts and table addresses. Directories of segment addresses (4096 rows each) for series state
// (64 B a row), series info (32 B), lookup entries (24 B) and label pairs (48 B). Address 0 means none.
// State: 0 last value bits u64 · 8 pending bits u64 (low `count`) · 16 last time · 20 last delta · 24 open chunk ·
//   28 u16 bytes used · 30 u16 bytes of room · 32 u8 pending bit count · 33 u8 leading · 34 u8 trailing ·
//   35 u8 kind of the last sample (0 none, 1 float, 2 histogram, 3 float kept beside) · 36 u16 samples in the open chunk ·
//   40 time of its first sample · 44 its end · 48 newest closed chunk · 52 closed chunks.
// Info: 0 canonical hash (16 B, tenant apart) · 16 address of the pair ids · 20 their count · 24 tenant id.
// Chunk: 0 next older · 4 first time · 8 last time · 12 u16 size · 16 data.
// Pair: 0 hash (16 B) · 16 tenant id · 20 name id · 24 value address · 28 value size · 32 posting count · 36 first ref ·
//   40 head block · 44 tail block. Block: 0 next · 4 capacity · 8 used · 16 refs.
// Units: times are milliseconds from the start of the window. Invariants: posting lists strictly increase; closed
// chunks never change; a row's segment never moves.

/** Addresses and sizes that both sides agree on. */
export const headLayout = {
  header: 1024,
  stateDirectory: 4096,
  infoDirectory: 20_480,
  pairDirectory: 53_248,
  stateSize: 64,
  infoSize: 32,
  pairSize: 48,
  chunkHeadSize: 16,
  chunkBlockSizeMax: 1152,
} as const

/** Ref of no series: unknown to the lookup. */
export const refMissing = 0xffffffff
/** Marker in the lookup: relabelling drops this series. */
export const refDropped = 0xfffffffe
/** Refs at and above this name no series. */
export const refLimit = 0xfffffff0

/** What the last sample of a series was; a started float has its bits in the state, but is in no chunk of the kernel. */
export const sampleKind = { none: 0, float: 1, histogram: 2, startedFloat: 3 } as const

/** Reads one generation's memory. Addresses are bytes; everything is read in place. */
export class HeadView {
  /** All bytes; replaced when the memory grows. */
  bytes: Uint8Array
  /** All words; replaced when the memory grows. */
  words: Uint32Array

  constructor(buffer: SharedArrayBuffer) {
    this.bytes = new Uint8Array(buffer)
    this.words = new Uint32Array(buffer)
  }

  /** Looks at a grown memory from here on. */
  follow(buffer: SharedArrayBuffer): void {
    if (buffer === this.bytes.buffer) return
    this.bytes = new Uint8Array(buffer)
    this.words = new Uint32Array(buffer)
  }

  /** Series created so far: refs are below this. */
  get seriesCount(): number {
    return this.#field(4)
  }

  /** Lookup entries, dropped mappings included. */
  get entryCount(): number {
    return this.#field(8)
  }

  /** Label pairs of all tenants. */
  get pairCount(): number {
    return this.#field(28)
  }

  /** Float chunks, open ones included. */
  get chunkCount(): number {
    return this.#field(40)
  }

  /** Bytes handed out so far: what of the memory may be resident. */
  get usedBytes(): number {
    return this.#field(0)
  }

  /** Offset of the oldest in-order float sample in the window; 0xffffffff where there is none. */
  get minOffsetMs(): number {
    return this.#field(56)
  }

  /** Offset of the newest in-order float sample. */
  get maxOffsetMs(): number {
    return this.#field(60)
  }

  /** In-order float samples stored. */
  get sampleCount(): number {
    return new Float64Array(this.bytes.buffer, headLayout.header + 88, 1)[0]!
  }

  /** Address of a series' state. */
  stateOf(ref: number): number {
    const words = this.words
    return words[(headLayout.stateDirectory >>> 2) + (ref >>> 12)]! + (ref & 4095) * 64
  }

  /** Address of a series' info. */
  infoOf(ref: number): number {
    const words = this.words
    return words[(headLayout.infoDirectory >>> 2) + (ref >>> 12)]! + (ref & 4095) * 32
  }

  /** Address of a pair. */
  pairOf(pair: number): number {
    const words = this.words
    return words[(headLayout.pairDirectory >>> 2) + (pair >>> 12)]! + (pair & 4095) * 48
  }

  /** Tenant id of a series. */
  tenantOf(ref: number): number {
    return this.words[(this.infoOf(ref) >>> 2) + 6]!
  }

  /** Pair ids of a series, sorted by label name; a view. */
  pairsOf(ref: number): Uint32Array {
    const words = this.words
    const info = this.infoOf(ref) >>> 2
    const start = words[info + 4]! >>> 2
    return words.subarray(start, start + words[info + 5]!)
  }

  /** Value bytes of a pair; a view. */
  valueOf(pair: number): Uint8Array {
    const words = this.words
    const at = this.pairOf(pair) >>> 2
    return this.bytes.subarray(words[at + 6]!, words[at + 6]! + words[at + 7]!)
  }

  /** Name id of a pair. */
  nameIdOf(pair: number): number {
    return this.words[(this.pairOf(pair) >>> 2) + 5]!
  }

  /** How many series have the pair. */
  postingCount(pair: number): number {
    return this.words[(this.pairOf(pair) >>> 2) + 8]!
  }

  /** Writes the refs of the series that have the pair to `out` at `index`, increasing; returns the index after. */
  copyPostings(pair: number, out: Uint32Array, index: number): number {
    const words = this.words
    const at = this.pairOf(pair) >>> 2
    let next = index
    if (words[at + 8] !== 0) out[next++] = words[at + 9]!
    for (let block = words[at + 10]!; block !== 0; block = words[block >>> 2]!) {
      const start = (block >>> 2) + 4
      const used = words[(block >>> 2) + 2]!
      for (let i = 0; i < used; i++) out[next++] = words[start + i]!
    }
    return next
  }

  /** The series of a tenant with this canonical hash. */
  findSeries(tenantId: number, hash: Uint32Array): number | undefined {
    const words = this.words
    const table = this.#field(20) >>> 2
    const mask = this.#field(24)
    let slot = (hash[0]! ^ Math.imul(tenantId, 0x9e3779b1)) & mask
    for (; words[table + slot] !== 0; slot = (slot + 1) & mask) {
      const ref = words[table + slot]! - 1
      const at = this.infoOf(ref) >>> 2
      const isEqual =
        words[at] === hash[0] &&
        words[at + 1] === hash[1] &&
        words[at + 2] === hash[2] &&
        words[at + 3] === hash[3]
      if (isEqual && words[at + 6] === tenantId) return ref
    }
    return undefined
  }

  #field(offset: number): number {
    return this.words[(headLayout.header + offset) >>> 2]!
  }
}

// Shorter pieces are copied faster by a loop than by a view of them.
const loopWordsMax = 48

/** Copies `size` bytes from byte `from` of `source` to byte `to` of `target`; all but `size` are multiples of four. */
export function copyWords(
  source: Uint32Array,
  from: number,
  target: Uint32Array,
  to: number,
  size: number,
): void {
  const end = (from + size + 3) >>> 2
  let at = to >>> 2
  let i = from >>> 2
  if (end - i > loopWordsMax) target.set(source.subarray(i, end), at)
  else for (; i < end; i++) target[at++] = source[i]!
}

/**
 * Copies the data of a series' open float chunk, closed as of now, to `bytes` from `index` on, a multiple of four;
 * `words` is the same memory as `bytes`. Returns its size, 0 = no open chunk. There must be room for
 * `chunkBlockSizeMax` bytes.
 */
export function copyOpenChunk(
  view: HeadView,
  ref: number,
  words: Uint32Array,
  bytes: Uint8Array,
  index: number,
): number {
  const state = view.stateOf(ref)
  const from = view.words
  const at = state >>> 2
  const chunk = from[at + 6]!
  if (chunk === 0) return 0
  const used = from[at + 7]! & 0xffff
  copyWords(from, chunk + headLayout.chunkHeadSize, words, index, used)
  const count = from[at + 9]! & 0xffff
  bytes[index] = count >>> 8
  bytes[index + 1] = count
  const pending = view.bytes[state + 32]!
  const tail = (pending + 7) >>> 3
  // The pending bits move up to whole bytes; words and not a bigint, as this runs once per series of a select.
  const shift = tail * 8 - pending
  const low = from[at + 2]!
  const high = shift === 0 ? from[at + 3]! : (from[at + 3]! << shift) | (low >>> (32 - shift))
  for (let i = 0; i < tail; i++) {
    const place = tail - 1 - i
    bytes[index + used + i] =
      place < 4 ? (low << shift) >>> (8 * place) : high >>> (8 * (place - 4))
  }
  return used + tail
}

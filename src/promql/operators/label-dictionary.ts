// Label dictionary: the distinct label pairs of one query, as bytes; ids are dense and stable for the query's life.
// Sources number their pairs batch by batch; here equal pairs get one id, found by a 128-bit hash, so that rows,
// groups and joins compare numbers. Strings are made on demand and kept.
// Invariant: two ids are equal exactly when name and value are (128-bit hashes with a random seed are trusted).

import type { HashSeed } from '../../kernel/index.ts'
import { hashPair } from '../../kernel/index.ts'
import type { MemoryAccount, PairDictionary } from '../../storage/index.ts'
import { HeldBytes, unboundedAccount } from '../../storage/index.ts'

// Hash, offsets, slots and the entry of its string.
const pairSizeBytes = 60

/** The label pairs of one query. */
export class LabelDictionary {
  pairCount = 0
  /** [4 × pairCount] 128-bit hashes. */
  hashes = new Uint32Array(4 * 64)
  /** By pair: the id of its name. */
  nameIds = new Uint32Array(64)

  readonly #seed: HashSeed
  readonly #held: HeldBytes
  #bytes = new Uint8Array(4096)
  #bytesUsed = 0
  /** [2 × pairCount + 1] as in PairDictionary. */
  #offsets = new Uint32Array(129)
  /** Open addressing by hash word 0; entries are pair id + 1, 0 = free; at most half full. */
  #slots = new Uint32Array(256)
  readonly #names: string[] = []
  readonly #idOfName = new Map<string, number>()
  readonly #nameBytes: Uint8Array[] = []
  /** Name ids by a short hash of their bytes. */
  readonly #nameChains = new Map<number, number[]>()
  readonly #values: (string | undefined)[] = []
  readonly #scratch = new Uint32Array(4)
  readonly #text = new TextDecoder()

  constructor(seed: HashSeed, memory: MemoryAccount = unboundedAccount()) {
    this.#seed = seed
    this.#held = new HeldBytes(memory)
  }

  /** Numbers of the pairs of a source's dictionary: by its pair id, ours. */
  importPairs(pairs: PairDictionary): Uint32Array {
    const { bytes, offsets } = pairs
    const ids = new Uint32Array(pairs.pairCount)
    const hashed = this.#hashesAgree(pairs)
    for (let pair = 0; pair < pairs.pairCount; pair++) {
      const nameStart = offsets[2 * pair]!
      const valueStart = offsets[2 * pair + 1]!
      const end = offsets[2 * pair + 2]!
      if (hashed) copyHash(pairs.hashes, 4 * pair, this.#scratch)
      else hashPair(this.#seed, bytes, nameStart, valueStart, end, this.#scratch, 0)
      ids[pair] = this.#intern(bytes, nameStart, valueStart, end)
    }
    return ids
  }

  /** The id of a pair given as strings; `value` is not empty. */
  pairOf(name: string, value: string): number {
    const nameBytes = Buffer.from(name)
    const bytes = Buffer.concat([nameBytes, Buffer.from(value)])
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    hashPair(this.#seed, plain, 0, nameBytes.length, plain.length, this.#scratch, 0)
    return this.#intern(plain, 0, nameBytes.length, plain.length)
  }

  /** The id of a label name, new or known. */
  nameIdOf(name: string): number {
    const known = this.#idOfName.get(name)
    if (known !== undefined) return known
    const bytes = new TextEncoder().encode(name)
    return this.#nameIdOfBytes(bytes, 0, bytes.length)
  }

  /** The label name with this id. */
  nameOfId(nameId: number): string {
    return this.#names[nameId]!
  }

  /** Name of a pair. */
  name(pair: number): string {
    return this.#names[this.nameIds[pair]!]!
  }

  /** Value of a pair. */
  value(pair: number): string {
    const known = this.#values[pair]
    if (known !== undefined) return known
    const value = this.#text.decode(
      this.#bytes.subarray(this.#offsets[2 * pair + 1]!, this.#offsets[2 * pair + 2]!),
    )
    this.#values[pair] = value
    return value
  }

  /** Bytes of all pairs and their offsets, as a source's dictionary has them; for encoders. */
  asPairs(): PairDictionary {
    return {
      pairCount: this.pairCount,
      bytes: this.#bytes.subarray(0, this.#bytesUsed),
      offsets: this.#offsets.subarray(0, 2 * this.pairCount + 1),
      hashes: this.hashes.subarray(0, 4 * this.pairCount),
    }
  }

  // Sources of one process hash with one seed; where it is ours too, nothing has to be hashed again.
  #hashesAgree(pairs: PairDictionary): boolean {
    if (pairs.pairCount === 0) return false
    const { bytes, offsets } = pairs
    hashPair(this.#seed, bytes, offsets[0]!, offsets[1]!, offsets[2]!, this.#scratch, 0)
    return sameHash(pairs.hashes, 0, this.#scratch)
  }

  /** The pair whose hash is in the scratch words, new or known. */
  #intern(bytes: Uint8Array, nameStart: number, valueStart: number, end: number): number {
    const hash = this.#scratch
    const mask = this.#slots.length - 1
    let slot = hash[0]! & mask
    for (;;) {
      const entry = this.#slots[slot]!
      if (entry === 0) break
      if (sameHash(this.hashes, 4 * (entry - 1), hash)) return entry - 1
      slot = (slot + 1) & mask
    }
    this.#slots[slot] = this.pairCount + 1
    return this.#add(bytes, nameStart, valueStart, end)
  }

  #add(bytes: Uint8Array, nameStart: number, valueStart: number, end: number): number {
    const pair = this.pairCount
    this.#reserve(end - nameStart)
    this.#bytes.set(bytes.subarray(nameStart, end), this.#bytesUsed)
    this.#offsets[2 * pair + 1] = this.#bytesUsed + valueStart - nameStart
    this.#bytesUsed += end - nameStart
    this.#offsets[2 * pair + 2] = this.#bytesUsed
    this.hashes.set(this.#scratch, 4 * pair)
    this.nameIds[pair] = this.#nameIdOfBytes(bytes, nameStart, valueStart)
    this.pairCount = pair + 1
    if (2 * this.pairCount > this.#slots.length) this.#rehash()
    return pair
  }

  // Names are few and seen with every pair, so they are compared as bytes; only a new one becomes a string.
  #nameIdOfBytes(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0
    const chain = this.#nameChains.get(hash)
    for (const nameId of chain ?? []) {
      if (sameBytes(this.#nameBytes[nameId]!, bytes, start, end)) return nameId
    }
    // Copied first: the decoder refuses views of shared memory.
    const copy = bytes.slice(start, end)
    const nameId = this.#names.length
    const name = this.#text.decode(copy)
    this.#names.push(name)
    this.#nameBytes.push(copy)
    this.#idOfName.set(name, nameId)
    if (chain === undefined) this.#nameChains.set(hash, [nameId])
    else chain.push(nameId)
    return nameId
  }

  #reserve(sizeBytes: number): void {
    if (this.#bytesUsed + sizeBytes > this.#bytes.length) {
      const capacity = Math.max(2 * this.#bytes.length, this.#bytesUsed + sizeBytes)
      this.#noteSize(capacity, this.nameIds.length)
      const bytes = new Uint8Array(capacity)
      bytes.set(this.#bytes)
      this.#bytes = bytes
    }
    if (this.pairCount < this.nameIds.length) return
    const capacity = 2 * this.nameIds.length
    this.#noteSize(this.#bytes.length, capacity)
    this.nameIds = grown(this.nameIds, capacity)
    this.hashes = grown(this.hashes, 4 * capacity)
    this.#offsets = grown(this.#offsets, 2 * capacity + 1)
  }

  // Values become strings in the end, of up to two bytes a character.
  #noteSize(byteCapacity: number, pairCapacity: number): void {
    this.#held.set(3 * byteCapacity + pairSizeBytes * pairCapacity)
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length)
    const mask = slots.length - 1
    for (let pair = 0; pair < this.pairCount; pair++) {
      let slot = this.hashes[4 * pair]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = pair + 1
    }
    this.#slots = slots
  }
}

function sameHash(hashes: Uint32Array, offset: number, hash: Uint32Array): boolean {
  return (
    hashes[offset] === hash[0] &&
    hashes[offset + 1] === hash[1] &&
    hashes[offset + 2] === hash[2] &&
    hashes[offset + 3] === hash[3]
  )
}

function copyHash(hashes: Uint32Array, offset: number, out: Uint32Array): void {
  out[0] = hashes[offset]!
  out[1] = hashes[offset + 1]!
  out[2] = hashes[offset + 2]!
  out[3] = hashes[offset + 3]!
}

function sameBytes(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}

function grown(column: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(capacity)
  out.set(column)
  return out
}

// Generation reader: from matchers to series of one generation, in the thread that writes it or, once it is sealed, in
// any other. Reads linear memory in place; keeps only an index of label names and a bounded cache of answers.
// Invariant: refs only grow, so an answer found earlier is brought up to date by looking at the refs after it.

import { type HashSeed, type HeadView, hashPair, headLayout } from '../../kernel/index.ts'
import { compareUtf8, type Labels } from '../../model/index.ts'
import type { CancelSignal, CompiledMatcher } from '../../storage/index.ts'
import {
  inOneGo,
  matchInSlices,
  type PostingsSource,
  type Slices,
} from '../block/match-postings.ts'
import { U32List } from '../block/u32-list.ts'
import type { GenerationKey } from './record.ts'
import type { SideSeries } from './side-series.ts'

/** What a reader reads. The lists may grow. */
export interface GenerationSource {
  readonly key: GenerationKey
  readonly view: HeadView
  readonly tenants: readonly string[]
  readonly labelNames: readonly string[]
  readonly seed: HashSeed
  readonly sideOf: (ref: number) => SideSeries | undefined
}

type VisitValue = Parameters<PostingsSource['forEachValue']>[2]

interface CachedAnswer {
  refs: Uint32Array
  seriesCount: number
}

const cachedAnswersMax = 128
/** All cached answers together: 16 MiB. */
const cachedRefsMax = 1 << 22
/** Up to so many new series are looked at one by one; beyond, the question is asked anew. */
const catchUpSeriesMax = 4096

/** Finds series by tenant and matchers. */
export class GenerationReader {
  readonly source: GenerationSource
  #indexedPairs = 0
  /** By tenant id, by name id: pair ids. */
  readonly #index: (Map<number, U32List> | undefined)[] = []
  readonly #answers = new Map<string, CachedAnswer>()
  #cachedRefs = 0
  readonly #nameBytes: Uint8Array[] = []
  #text: Buffer = Buffer.alloc(0)
  #key = Buffer.alloc(256)
  readonly #hash = new Uint32Array(4)

  constructor(source: GenerationSource) {
    this.source = source
  }

  /** Refs of a tenant's series that satisfy all matchers, ascending; series that come while it pauses are not among them. */
  *match(
    tenant: string,
    matchers: readonly CompiledMatcher[],
    signal: CancelSignal,
  ): Slices<Uint32Array> {
    const tenantId = this.source.tenants.indexOf(tenant)
    if (tenantId < 0) return new Uint32Array(0)
    const { seriesCount } = this.source.view
    const question = JSON.stringify([tenantId, matchers.map(({ matcher }) => matcher)])
    const cached = this.#answers.get(question)
    let refs: Uint32Array
    if (cached !== undefined && seriesCount - cached.seriesCount <= catchUpSeriesMax) {
      refs = this.#extend(cached, tenantId, matchers, seriesCount)
    } else {
      const found = yield* matchInSlices(this.#postings(tenantId), matchers, signal)
      // A list that was read late may have series that are newer than those that were read before.
      let known = found.length
      while (known > 0 && found[known - 1]! >= seriesCount) known--
      refs = found.subarray(0, known)
    }
    this.#forget(question)
    this.#answers.set(question, { refs, seriesCount })
    this.#cachedRefs += refs.length
    while (this.#answers.size > cachedAnswersMax || this.#cachedRefs > cachedRefsMax)
      this.#forget(this.#answers.keys().next().value!)
    return refs
  }

  /** Names of the labels of a tenant's series, sorted. */
  labelNames(tenant: string): string[] {
    const names = [...(this.#namesOf(tenant)?.keys() ?? [])].map(
      (id) => this.source.labelNames[id]!,
    )
    return names.sort(compareUtf8)
  }

  /** Pairs of a label in a tenant, in no order; a view. */
  pairsOfName(tenant: string, name: string): Uint32Array {
    const nameId = this.source.labelNames.indexOf(name)
    return this.#namesOf(tenant)?.get(nameId)?.view() ?? new Uint32Array(0)
  }

  /** How many values each label has in a tenant, and how many series each pair of `__name__` has, for statistics. */
  nameStatistics(tenant: string): { name: string; pairs: Uint32Array }[] {
    return [...(this.#namesOf(tenant) ?? [])].map(([id, pairs]) => ({
      name: this.source.labelNames[id]!,
      pairs: pairs.view(),
    }))
  }

  /** A label name as bytes. */
  nameBytesOf(nameId: number): Uint8Array {
    const known = this.#nameBytes[nameId]
    if (known !== undefined) return known
    const bytes = new TextEncoder().encode(this.source.labelNames[nameId]!)
    this.#nameBytes[nameId] = bytes
    return bytes
  }

  /** The value of a pair. */
  valueOf(pair: number): string {
    const { view } = this.source
    const text = this.textOf()
    const at = view.pairOf(pair) >>> 2
    const start = view.words[at + 6]!
    return text.toString('utf8', start, start + view.words[at + 7]!)
  }

  /** The name of a pair. */
  nameOf(pair: number): string {
    return this.source.labelNames[this.source.view.nameIdOf(pair)]!
  }

  /** The value of a label of a series, '' where it has none. */
  labelOf(ref: number, nameId: number): string {
    const { view } = this.source
    for (const pair of view.pairsOf(ref))
      if (view.nameIdOf(pair) === nameId) return this.valueOf(pair)
    return ''
  }

  /** The labels of a series. */
  labelsOf(ref: number): Labels {
    return Array.from(this.source.view.pairsOf(ref), (pair) => ({
      name: this.nameOf(pair),
      value: this.valueOf(pair),
    }))
  }

  /** The series of a tenant with exactly these labels. */
  find(tenant: string, labels: Labels): number | undefined {
    const tenantId = this.source.tenants.indexOf(tenant)
    const sum = new Uint32Array(4)
    for (const { name, value } of labels) {
      if (this.#findPair(tenantId, name, value) === undefined) return undefined
      for (let i = 0; i < 4; i++) sum[i]! += this.#hash[i]!
    }
    return this.source.view.findSeries(tenantId, sum)
  }

  #forget(question: string): void {
    this.#cachedRefs -= this.#answers.get(question)?.refs.length ?? 0
    this.#answers.delete(question)
  }

  #extend(
    cached: CachedAnswer,
    tenantId: number,
    matchers: readonly CompiledMatcher[],
    seriesCount: number,
  ): Uint32Array {
    if (cached.seriesCount === seriesCount) return cached.refs
    const more = new U32List(16)
    const ids = matchers.map(({ matcher }) => this.source.labelNames.indexOf(matcher.name))
    for (let ref = cached.seriesCount; ref < seriesCount; ref++) {
      if (this.source.view.tenantOf(ref) !== tenantId) continue
      if (matchers.every((matcher, i) => matcher.matches(this.labelOf(ref, ids[i]!))))
        more.push(ref)
    }
    if (more.length === 0) return cached.refs
    const refs = new Uint32Array(cached.refs.length + more.length)
    refs.set(cached.refs)
    refs.set(more.view(), cached.refs.length)
    return refs
  }

  #postings(tenantId: number): PostingsSource {
    const { view } = this.source
    const names = this.#catchUp(tenantId)
    const pairsOf = (name: string) => names?.get(this.source.labelNames.indexOf(name))?.view() ?? []
    const visitOne = (pair: number, prefix: string, visit: VisitValue): void => {
      const value = this.valueOf(pair)
      if (value.startsWith(prefix)) visit(value, () => this.#refsOf(pair))
    }
    function* visitValues(name: string, prefix: string, visit: VisitValue): Slices<void> {
      let visited = 0
      for (const pair of pairsOf(name)) {
        visitOne(pair, prefix, visit)
        if ((++visited & 255) === 0) yield
      }
    }
    return {
      allPostings: () => {
        const refs = new U32List()
        const count = view.seriesCount
        for (let ref = 0; ref < count; ref++) if (view.tenantOf(ref) === tenantId) refs.push(ref)
        return refs.view()
      },
      postings: (name, value) => {
        const pair = this.#findPair(tenantId, name, value)
        return pair === undefined ? new Uint32Array(0) : this.#refsOf(pair)
      },
      forEachValue: (name, prefix, visit) => inOneGo(visitValues(name, prefix, visit)),
      visitInSlices: visitValues,
    }
  }

  #refsOf(pair: number): Uint32Array {
    const refs = new Uint32Array(this.source.view.postingCount(pair))
    this.source.view.copyPostings(pair, refs, 0)
    return refs
  }

  #findPair(tenantId: number, name: string, value: string): number | undefined {
    const sizeMax = 3 * (name.length + value.length)
    if (this.#key.length < sizeMax) this.#key = Buffer.alloc(sizeMax)
    const middle = this.#key.write(name, 0)
    const end = middle + this.#key.write(value, middle)
    const hash = this.#hash
    hashPair(this.source.seed, this.#key, 0, middle, end, hash, 0)
    const { view } = this.source
    const words = view.words
    const table = words[(headLayout.header + 32) >>> 2]! >>> 2
    const mask = words[(headLayout.header + 36) >>> 2]!
    let slot = (hash[0]! ^ Math.imul(tenantId, 0x9e3779b1)) & mask
    for (;;) {
      const found = words[table + slot]!
      if (found === 0) return undefined
      const at = view.pairOf(found - 1) >>> 2
      if (
        words[at] === hash[0] &&
        words[at + 1] === hash[1] &&
        words[at + 2] === hash[2] &&
        words[at + 3] === hash[3] &&
        words[at + 4] === tenantId
      )
        return found - 1
      slot = (slot + 1) & mask
    }
  }

  #namesOf(tenant: string): Map<number, U32List> | undefined {
    const tenantId = this.source.tenants.indexOf(tenant)
    return tenantId < 0 ? undefined : this.#catchUp(tenantId)
  }

  // Brings the index of names up to the newest pair.
  #catchUp(tenantId: number): Map<number, U32List> | undefined {
    const { view } = this.source
    const count = view.pairCount
    const words = view.words
    for (let pair = this.#indexedPairs; pair < count; pair++) {
      const at = view.pairOf(pair) >>> 2
      const tenant = words[at + 4]!
      let names = this.#index[tenant]
      if (names === undefined) {
        names = new Map()
        this.#index[tenant] = names
      }
      let pairs = names.get(words[at + 5]!)
      if (pairs === undefined) {
        pairs = new U32List(4)
        names.set(words[at + 5]!, pairs)
      }
      pairs.push(pair)
    }
    this.#indexedPairs = count
    return this.#index[tenantId]
  }

  /** The memory as a Buffer, to read and write strings; valid until it grows. */
  textOf(): Buffer {
    const { bytes } = this.source.view
    if (this.#text.buffer !== bytes.buffer || this.#text.length !== bytes.length)
      this.#text = Buffer.from(bytes.buffer, 0, bytes.length)
    return this.#text
  }
}

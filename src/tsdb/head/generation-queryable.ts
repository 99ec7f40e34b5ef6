// Generation queryable: one generation as a source of series; a sealed one can be attached in another thread.

import { type HashSeed, HeadView } from '../../kernel/index.ts'
import { sortUtf8, type TimeRange, windowMs } from '../../model/index.ts'
import {
  type CancelSignal,
  HashIndex,
  type LabelAnswer,
  type LabelRequest,
  type MatcherCompiler,
  type Queryable,
  type SelectRequest,
  type SeriesCursor,
} from '../../storage/index.ts'
import { inOneGo, type Slices } from '../block/match-postings.ts'
import { SpareBuilders } from '../block/spare-builders.ts'
import type { Generation } from './generation.ts'
import { GenerationCursor } from './generation-cursor.ts'
import { GenerationReader } from './generation-reader.ts'
import type { GenerationKey } from './record.ts'
import { type SideChunk, sideChunksOf } from './side-series.ts'
import type { WindowPart } from './window-rows.ts'

/** Answers from one generation. A tenant that is not in it has no series. */
export class GenerationQueryable implements Queryable {
  readonly #reader: GenerationReader
  readonly #compile: MatcherCompiler
  readonly #builders: SpareBuilders

  constructor(
    reader: GenerationReader,
    compile: MatcherCompiler,
    builders = new SpareBuilders(reader.source.seed),
  ) {
    this.#reader = reader
    this.#compile = compile
    this.#builders = builders
  }

  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    return new GenerationCursor([this.part(request, signal)], request, signal, this.#builders)
  }

  /** What a select finds here, to be read together with what it finds in other windows. */
  *part(request: SelectRequest, signal: CancelSignal): Slices<WindowPart> {
    return { reader: this.#reader, refs: yield* this.#match(request, signal) }
  }

  async labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    const names = new Set<string>()
    if (request.matchers.length === 0 && this.#overlaps(request)) {
      for (const tenant of request.tenants)
        for (const name of this.#reader.labelNames(tenant)) names.add(name)
    } else {
      const { view, labelNames } = this.#reader.source
      const ids = new Set<number>()
      for (const ref of inOneGo(this.#match(request, signal)))
        for (const pair of view.pairsOf(ref)) ids.add(view.nameIdOf(pair))
      for (const id of ids) names.add(labelNames[id]!)
    }
    return answer(names, request.limit)
  }

  async labelValues(
    name: string,
    request: LabelRequest,
    signal: CancelSignal,
  ): Promise<LabelAnswer> {
    return inOneGo(valuesOf([this], name, request, signal))
  }

  /** Pairs of a label that selected series have. */
  *pairsOf(name: string, request: LabelRequest, signal: CancelSignal): Slices<ValuePairs> {
    const reader = this.#reader
    const { view, labelNames } = reader.source
    if (request.matchers.length === 0) {
      const all = this.#overlaps(request) ? request.tenants : []
      return { reader, lists: all.map((tenant) => reader.pairsOfName(tenant, name)) }
    }
    const nameId = labelNames.indexOf(name)
    const pairs = new Set<number>()
    for (const ref of yield* this.#match(request, signal))
      for (const pair of view.pairsOf(ref)) if (view.nameIdOf(pair) === nameId) pairs.add(pair)
    return { reader, lists: [Uint32Array.from(pairs)] }
  }

  /** The times that samples may have. */
  timeRange(): TimeRange {
    const { windowStartMs } = this.#reader.source.key
    return { minTimeMs: windowStartMs, maxTimeMs: windowStartMs + windowMs - 1 }
  }

  #overlaps({ minTimeMs, maxTimeMs }: TimeRange): boolean {
    const own = this.timeRange()
    return own.minTimeMs <= maxTimeMs && own.maxTimeMs >= minTimeMs
  }

  *#match(
    request: Pick<SelectRequest, 'tenants' | 'matchers' | 'minTimeMs' | 'maxTimeMs'>,
    signal: CancelSignal,
  ): Slices<Uint32Array> {
    const matchers = request.matchers.map(this.#compile)
    if (!this.#overlaps(request)) return new Uint32Array(0)
    const lists: Uint32Array[] = []
    for (const tenant of request.tenants)
      lists.push(yield* this.#reader.match(tenant, matchers, signal))
    if (lists.length === 1) return lists[0]!
    return Uint32Array.from(lists.flatMap((list) => [...list])).sort()
  }
}

/** Pairs of one label in one generation, some lists of them. */
export interface ValuePairs {
  readonly reader: GenerationReader
  readonly lists: readonly Uint32Array[]
}

/** Values of a label over several generations: most stand in all of them, and become a string once. */
export function* valuesOf(
  generations: readonly GenerationQueryable[],
  name: string,
  request: LabelRequest,
  signal: CancelSignal,
): Slices<LabelAnswer> {
  const known = new HashIndex()
  const values: string[] = []
  for (const generation of generations) {
    signal.check()
    const { reader, lists } = yield* generation.pairsOf(name, request, signal)
    const { view } = reader.source
    for (const pairs of lists)
      for (const pair of pairs)
        if (known.add(view.words, view.pairOf(pair) >>> 4) === values.length)
          values.push(reader.valueOf(pair))
  }
  return answer(values, request.limit)
}

function answer(values: Iterable<string>, limit = 0): LabelAnswer {
  const sorted = sortUtf8([...values])
  return { values: limit > 0 ? sorted.slice(0, limit) : sorted, warnings: [] }
}

/** A sealed generation, to be sent to another thread by structured clone; the linear memory is shared, not copied. */
export interface SealedDescriptor {
  /** For `Head.dropGeneration`. */
  readonly id: number
  readonly key: GenerationKey
  readonly windowKey: number
  readonly buffer: SharedArrayBuffer
  readonly tenants: readonly string[]
  readonly labelNames: readonly string[]
  readonly seed: HashSeed
  /** Chunks beside the linear memory, by ref. */
  readonly sides: ReadonlyMap<number, readonly SideChunk[]>
}

/** Describes a sealed generation. */
export function describeSealed(generation: Generation, seed: HashSeed): SealedDescriptor {
  const sides = new Map<number, readonly SideChunk[]>()
  for (const [ref, side] of generation.sides) sides.set(ref, sideChunksOf(side))
  return {
    id: generation.id,
    key: generation.key,
    windowKey: generation.windowKey,
    buffer: generation.memory.memory.buffer,
    tenants: [...generation.tenants],
    labelNames: [...generation.labelNames],
    seed,
    sides,
  }
}

/** A sealed generation in a thread that attached it: the source of its blocks. */
export class SealedGeneration extends GenerationQueryable {
  readonly key: GenerationKey
  readonly tenants: readonly string[]

  private constructor(descriptor: SealedDescriptor, compile: MatcherCompiler) {
    const { key, buffer, tenants, labelNames, seed, sides } = descriptor
    const view = new HeadView(buffer)
    const sideOf = (ref: number) => {
      const chunks = sides.get(ref)
      if (chunks === undefined) return undefined
      return {
        chunks: [...chunks],
        outOfOrder: undefined,
        histogram: undefined,
        floats: undefined,
      }
    }
    super(new GenerationReader({ key, view, tenants, labelNames, seed, sideOf }), compile)
    this.key = key
    this.tenants = tenants
  }

  /** Attaches what `describeSealed` described. */
  static attach(descriptor: SealedDescriptor, compile: MatcherCompiler): SealedGeneration {
    return new SealedGeneration(descriptor, compile)
  }
}

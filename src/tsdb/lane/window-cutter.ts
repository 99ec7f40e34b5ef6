// Window cutter: turns windows of all lanes into blocks, one block per tenant and window across lanes.
// Order: seal on every lane, write and adopt the blocks, retire the log's records, and drop the generations a while
// later, because a select that opened its blocks before the adoption must still find the generation.
// Invariant: no sample of a window is in two blocks because of a crash. One between adopting and retiring leaves the
// samples in the log too; so what the blocks of before the start have of a window is left out of its first cut, which
// comes at once, while those blocks are still there.

import { type TimeRange, windowMs } from '../../model/index.ts'
import type { MatcherCompiler, Queryable, SeriesCursor } from '../../storage/index.ts'
import { mergeCursors, neverCancelled } from '../../storage/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Block } from '../block/block.ts'
import type { LocalBlocks } from '../block/local-blocks.ts'
import { withoutSamplesOf } from '../block/without-samples.ts'
import {
  type CutRules,
  generationOfKey,
  SealedGeneration,
  type WindowStats,
  windowsToCut,
} from '../head/index.ts'
import type { SealedWindow } from './storage-lane.ts'

/** A lane as the cutter sees it, be it here or behind a port. */
export interface CuttableLane {
  windows(): Promise<readonly WindowStats[]>
  seal(windowKey: number): Promise<SealedWindow | undefined>
  retire(windowKey: number, mark: SealedWindow['mark']): Promise<void>
  drop(id: number): Promise<void>
}

/** What a cutter works with. */
export interface WindowCutterParts {
  readonly lanes: readonly CuttableLane[]
  readonly blocks: LocalBlocks
  readonly compile: MatcherCompiler
  readonly rules: CutRules
  readonly log: Logger
  readonly clock: () => number
  /** How long a generation is kept after its blocks can be read. */
  readonly dropDelayMs: number
}

/** What one cut did. */
export interface CutOutcome {
  readonly windowKey: number
  readonly blockCount: number
  readonly sampleCount: number
  readonly durationMs: number
}

interface Leaving {
  readonly lane: CuttableLane
  readonly id: number
  readonly atMs: number
}

interface SealedOnLane {
  readonly lane: CuttableLane
  readonly window: SealedWindow
}

/** A cut under way. `sealed` shrinks as the lanes retire the window; `written` holds sample counts by tenant. */
interface Cut {
  readonly windowKey: number
  readonly sealed: SealedOnLane[]
  readonly written: Map<string, number>
  readonly startMs: number
}

/** Cuts windows, one at a time. */
export class WindowCutter {
  readonly #parts: WindowCutterParts
  readonly #leaving: Leaving[] = []
  readonly #unfinished = new Set<Cut>()
  /** By tenant: the half-open ranges of the blocks that were there at the start. */
  readonly #atStart: ReadonlyMap<string, readonly TimeRange[]>
  /** Windows within those ranges that were cut since. */
  readonly #cutSince = new Set<number>()
  #cutting: Promise<unknown> = Promise.resolve()

  constructor(parts: WindowCutterParts) {
    const { blocks } = parts
    this.#parts = parts
    this.#atStart = new Map(
      blocks.tenants().map((tenant) => [
        tenant,
        blocks.blocksOf(tenant).map(({ meta: { minTimeMs, maxTimeMs } }) => {
          return { minTimeMs, maxTimeMs }
        }),
      ]),
    )
  }

  /** Cuts what is due, and once what may be in blocks already; drops what has left. Blocks may be deleted after it only. */
  cutDue(): Promise<CutOutcome[]> {
    return this.#alone(async () => {
      await this.#dropLeft()
      const outcomes = await this.#finishAll()
      const due = new Set<number>()
      for (const lane of this.#parts.lanes) {
        const windows = await lane.windows()
        for (const key of windowsToCut(windows, this.#parts.clock(), this.#parts.rules))
          due.add(key)
        for (const { windowKey, isSealed } of windows)
          if (!isSealed && this.#mayBeInBlocks(windowKey)) due.add(windowKey)
      }
      return [...outcomes, ...(await this.#cutAll([...due].sort((a, b) => a - b)))]
    })
  }

  /** Waits until every generation that was cut is dropped: from then on only blocks hold what they hold. */
  async allDropped(): Promise<void> {
    while (this.#leaving.length > 0) {
      const waitMs = this.#leaving[0]!.atMs - this.#parts.clock()
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, waitMs)))
      await this.#alone(() => this.#dropLeft())
    }
  }

  /** Cuts every open window that overlaps the inclusive range, due or not. */
  cutRange(minTimeMs: number, maxTimeMs: number): Promise<CutOutcome[]> {
    return this.#alone(async () => {
      const outcomes = await this.#finishAll()
      const open = new Set<number>()
      for (const lane of this.#parts.lanes) {
        for (const window of await lane.windows()) {
          const overlaps = window.minTimeMs <= maxTimeMs && window.maxTimeMs >= minTimeMs
          if (overlaps && !window.isSealed) open.add(window.windowKey)
        }
      }
      return [...outcomes, ...(await this.#cutAll([...open].sort((a, b) => a - b)))]
    })
  }

  async #cutAll(windowKeys: readonly number[]): Promise<CutOutcome[]> {
    const outcomes: CutOutcome[] = []
    for (const windowKey of windowKeys) outcomes.push(await this.#cut(windowKey))
    return outcomes
  }

  async #cut(windowKey: number): Promise<CutOutcome> {
    const cut: Cut = { windowKey, sealed: [], written: new Map(), startMs: this.#parts.clock() }
    this.#unfinished.add(cut)
    for (const lane of this.#parts.lanes) {
      const window = await lane.seal(windowKey)
      if (window !== undefined) cut.sealed.push({ lane, window })
    }
    return this.#finish(cut)
  }

  // A cut that failed, because the disk was full say, is taken up again where it stopped.
  async #finishAll(): Promise<CutOutcome[]> {
    const outcomes: CutOutcome[] = []
    for (const cut of [...this.#unfinished]) outcomes.push(await this.#finish(cut))
    return outcomes
  }

  async #finish(cut: Cut): Promise<CutOutcome> {
    const { blocks, log, clock } = this.#parts
    const { windowKey, sealed, written } = cut
    const sources = sealed.map(({ window }) => this.#attach(window))
    const tenants = [...new Set(sources.flatMap((source) => source.tenants))].sort()
    for (const tenant of tenants) {
      if (written.has(tenant)) continue
      const known = this.#knownOf(windowKey, tenant)
      const meta = await blocks.write(tenant, blockRequest(windowKey, tenant, sources, known))
      written.set(tenant, meta?.stats.sampleCount ?? 0)
    }
    while (sealed.length > 0) {
      const { lane, window } = sealed[0]!
      await lane.retire(windowKey, window.mark)
      sealed.shift()
      this.#leaving.push({
        lane,
        id: window.descriptor.id,
        atMs: clock() + this.#parts.dropDelayMs,
      })
    }
    this.#unfinished.delete(cut)
    if (this.#mayBeInBlocks(windowKey)) this.#cutSince.add(windowKey)
    const counts = [...written.values()]
    const blockCount = counts.filter((count) => count > 0).length
    const sampleCount = counts.reduce((sum, count) => sum + count, 0)
    const durationMs = clock() - cut.startMs
    log.info(
      { window: windowKey, blocks: blockCount, samples: sampleCount, durationMs },
      'window cut',
    )
    return { windowKey, blockCount, sampleCount, durationMs }
  }

  #knownOf(windowKey: number, tenant: string): readonly Block[] {
    if (!this.#mayBeInBlocks(windowKey, tenant)) return []
    const { windowStartMs } = generationOfKey(windowKey)
    const overlapping = (block: Block) =>
      block.overlaps(windowStartMs, windowStartMs + windowMs - 1)
    return this.#parts.blocks.blocksOf(tenant).filter(overlapping)
  }

  // Whether a crash may have come between writing the window's blocks and retiring its log.
  #mayBeInBlocks(windowKey: number, tenant?: string): boolean {
    if (this.#cutSince.has(windowKey)) return false
    const { windowStartMs } = generationOfKey(windowKey)
    const endMs = windowStartMs + windowMs
    const all = this.#atStart
    const ranges = tenant === undefined ? [...all.values()].flat() : (all.get(tenant) ?? [])
    return ranges.some((range) => range.minTimeMs < endMs && windowStartMs < range.maxTimeMs)
  }

  #attach(window: SealedWindow): SealedGeneration {
    return SealedGeneration.attach(window.descriptor, this.#parts.compile)
  }

  async #dropLeft(): Promise<void> {
    const nowMs = this.#parts.clock()
    while (this.#leaving.length > 0 && this.#leaving[0]!.atMs <= nowMs) {
      const { lane, id } = this.#leaving.shift()!
      await lane.drop(id)
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#cutting.then(work)
    this.#cutting = result.catch(() => undefined)
    return result
  }
}

function blockRequest(
  windowKey: number,
  tenant: string,
  sources: readonly SealedGeneration[],
  known: readonly Block[],
) {
  const { windowStartMs, isOutOfOrder } = generationOfKey(windowKey)
  const request = {
    tenants: [tenant],
    matchers: [],
    minTimeMs: windowStartMs,
    maxTimeMs: windowStartMs + windowMs - 1,
    sorted: true,
  }
  return {
    minTimeMs: windowStartMs,
    maxTimeMs: windowStartMs + windowMs,
    level: 1,
    hints: isOutOfOrder ? ['from-out-of-order'] : [],
    // The section keeps the sizes of the largest entries for the shipper, who puts in the labels.
    thanos: { labels: {}, source: 'receive' },
    series: (pass: 'labels' | 'samples') => {
      const hints = pass === 'labels' ? { func: 'series' } : {}
      const merged = (from: readonly Queryable[]): SeriesCursor =>
        mergeCursors(
          from.map((source) => source.select({ ...request, hints }, neverCancelled)),
          { sorted: true },
        )
      const isWhole = known.length === 0 || pass === 'labels'
      return isWhole ? merged(sources) : withoutSamplesOf(merged(sources), merged(known))
    },
  }
}

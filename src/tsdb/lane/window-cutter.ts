// Window cutter: turns windows of all lanes into blocks, one block per tenant and window across lanes.
// Order: seal on every lane, write and adopt the blocks, retire the log's records, and drop the generations a while
// later, because a select that opened its blocks before the adoption must still find the generation.

import { windowMs } from '../../model/index.ts'
import type { MatcherCompiler } from '../../storage/index.ts'
import { mergeCursors, neverCancelled } from '../../storage/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { LocalBlocks } from '../block/local-blocks.ts'
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

/** Cuts windows, one at a time. */
export class WindowCutter {
  readonly #parts: WindowCutterParts
  readonly #leaving: Leaving[] = []
  #cutting: Promise<unknown> = Promise.resolve()

  constructor(parts: WindowCutterParts) {
    this.#parts = parts
  }

  /** Cuts what is due; drops what has left. */
  cutDue(): Promise<CutOutcome[]> {
    return this.#alone(async () => {
      await this.#dropLeft()
      const due = new Set<number>()
      for (const lane of this.#parts.lanes) {
        const windows = await lane.windows()
        for (const key of windowsToCut(windows, this.#parts.clock(), this.#parts.rules))
          due.add(key)
      }
      return this.#cutAll([...due].sort((a, b) => a - b))
    })
  }

  /** Cuts every open window that overlaps the inclusive range, due or not. */
  cutRange(minTimeMs: number, maxTimeMs: number): Promise<CutOutcome[]> {
    return this.#alone(async () => {
      const open = new Set<number>()
      for (const lane of this.#parts.lanes) {
        for (const window of await lane.windows()) {
          const overlaps = window.minTimeMs <= maxTimeMs && window.maxTimeMs >= minTimeMs
          if (overlaps && !window.isSealed) open.add(window.windowKey)
        }
      }
      return this.#cutAll([...open].sort((a, b) => a - b))
    })
  }

  async #cutAll(windowKeys: readonly number[]): Promise<CutOutcome[]> {
    const outcomes: CutOutcome[] = []
    for (const windowKey of windowKeys) outcomes.push(await this.#cut(windowKey))
    return outcomes
  }

  async #cut(windowKey: number): Promise<CutOutcome> {
    const { lanes, blocks, log, clock } = this.#parts
    const startMs = clock()
    const sealed: { readonly lane: CuttableLane; readonly window: SealedWindow }[] = []
    for (const lane of lanes) {
      const window = await lane.seal(windowKey)
      if (window !== undefined) sealed.push({ lane, window })
    }
    const sources = sealed.map(({ window }) => this.#attach(window))
    const tenants = [...new Set(sources.flatMap((source) => source.tenants))].sort()
    let blockCount = 0
    let sampleCount = 0
    for (const tenant of tenants) {
      const meta = await blocks.write(tenant, blockRequest(windowKey, tenant, sources))
      if (meta === undefined) continue
      blockCount++
      sampleCount += meta.stats.sampleCount
    }
    for (const { lane, window } of sealed) {
      await lane.retire(windowKey, window.mark)
      this.#leaving.push({
        lane,
        id: window.descriptor.id,
        atMs: clock() + this.#parts.dropDelayMs,
      })
    }
    const durationMs = clock() - startMs
    log.info(
      { window: windowKey, blocks: blockCount, samples: sampleCount, durationMs },
      'window cut',
    )
    return { windowKey, blockCount, sampleCount, durationMs }
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

function blockRequest(windowKey: number, tenant: string, sources: readonly SealedGeneration[]) {
  const { windowStartMs, isOutOfOrder } = generationOfKey(windowKey)
  const request = {
    tenants: [tenant],
    matchers: [],
    minTimeMs: windowStartMs,
    maxTimeMs: windowStartMs + windowMs - 1,
    sorted: true,
    hints: {},
  }
  return {
    minTimeMs: windowStartMs,
    maxTimeMs: windowStartMs + windowMs,
    level: 1,
    hints: isOutOfOrder ? ['from-out-of-order'] : [],
    series: () =>
      mergeCursors(
        sources.map((source) => source.select(request, neverCancelled)),
        { sorted: true },
      ),
  }
}

// Block maintenance: the regular work on local blocks, one thing at a time: cut, ship, merge, retain.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Deletions } from '../bucket/index.ts'
import type { Matcher, TimeRange } from '../model/index.ts'
import { type MatcherCompiler, neverCancelled } from '../storage/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import {
  type CuttableLane,
  formatBlockMeta,
  type LocalBlocks,
  mergeRangesMs,
  WindowCutter,
} from '../tsdb/index.ts'
import { type BlockMetrics, blockMetrics } from './block-metrics.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { BlockThreadData } from './thread-data.ts'

/** A drain has 20 s for everything. */
const closeMsMax = 5000

/** The regular work of the block thread. */
export class BlockMaintenance {
  readonly #parts: {
    readonly data: BlockThreadData
    readonly blocks: LocalBlocks
    readonly deletions: Deletions
    readonly compileMatcher: MatcherCompiler
    readonly log: Logger
  }
  readonly #metrics: BlockMetrics
  #cutter: WindowCutter | undefined
  #timer: NodeJS.Timeout | undefined
  #closing = false
  #round: Promise<void> = Promise.resolve()

  constructor(parts: {
    readonly data: BlockThreadData
    readonly blocks: LocalBlocks
    readonly deletions: Deletions
    readonly compileMatcher: MatcherCompiler
    readonly log: Logger
    readonly metrics: Metrics
  }) {
    this.#parts = parts
    this.#metrics = blockMetrics(parts.metrics, parts.blocks)
  }

  /** Starts the rounds over these lanes. */
  start(lanes: readonly CuttableLane[]): void {
    const { data, blocks, compileMatcher, log } = this.#parts
    const { rules, dropDelayMs } = data
    const parts = { lanes, blocks, rules, log, dropDelayMs }
    this.#cutter = new WindowCutter({ ...parts, compile: compileMatcher, clock: Date.now })
    this.#schedule()
  }

  /** Starts of the windows that are in blocks. */
  windowStarts(): number[] {
    const { blocks } = this.#parts
    const metas = blocks
      .tenants()
      .flatMap((tenant) => blocks.blocksOf(tenant).map(({ meta }) => meta))
    return [...new Set(metas.map((meta) => meta.minTimeMs))]
  }

  /** meta.json of the tenants' blocks, as the status page shows them. */
  metas(tenants: readonly string[]): unknown[] {
    const { blocks } = this.#parts
    const all = tenants.flatMap((tenant) => blocks.blocksOf(tenant))
    return all.map(({ meta }) => JSON.parse(formatBlockMeta(meta)))
  }

  /** Cuts open windows that overlap the range. */
  async cutRange(minTimeMs: number, maxTimeMs: number): Promise<void> {
    await this.#cutter?.cutRange(minTimeMs, maxTimeMs)
  }

  /** Deletes samples: the head's go into blocks first, where they can be hidden; then those of the bucket's blocks. */
  async deleteSeries(
    tenant: string,
    matchers: readonly Matcher[],
    range: TimeRange,
  ): Promise<number> {
    await this.cutRange(range.minTimeMs, range.maxTimeMs)
    await this.#cutter?.allDropped()
    const { blocks, deletions } = this.#parts
    const count = await blocks.deleteSeries(tenant, matchers, range, neverCancelled)
    deletions.add(tenant, { matchers, ...range, createdMs: Date.now() })
    return count
  }

  /** Hard-links all blocks below `directory`; the head is cut first unless it is to be left out. */
  async snapshot(directory: string, skipHead: boolean): Promise<void> {
    if (!skipHead) await this.cutRange(-Infinity, Infinity)
    await this.#parts.blocks.snapshot(directory)
  }

  /** Ends the rounds and closes the blocks. What takes long is left undone: the next start does it again. */
  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#timer)
    const closed = this.#round.then(() => this.#parts.blocks.close())
    await Promise.race([closed, sleep(closeMsMax, undefined, { ref: false })])
  }

  #schedule(): void {
    if (this.#closing) return
    this.#timer = setTimeout(() => {
      this.#round = this.#work()
        .catch((error: unknown) => {
          this.#metrics.noteFailure()
          this.#parts.log.error({ err: error }, 'maintenance of blocks failed')
        })
        .then(() => this.#schedule())
    }, this.#parts.data.cutIntervalMs)
  }

  // What cannot be cut or merged, for want of space say, does not keep old blocks from making room.
  async #work(): Promise<void> {
    try {
      await this.#cutAndMerge()
    } finally {
      await this.#retain()
    }
  }

  async #cutAndMerge(): Promise<void> {
    const { data, blocks } = this.#parts
    const outcomes = await this.#metrics.compaction(
      () => this.#cutter!.cutDue(),
      ({ length }) => length > 0,
    )
    if (outcomes.length > 0) collectGarbage()
    const ranges = mergeRangesMs(data.retentionMs)
    for (const tenant of blocks.tenants()) {
      const merge = () => blocks.mergeNext(tenant, ranges, neverCancelled)
      while (!this.#closing && (await this.#metrics.compaction(merge, Boolean)));
    }
  }

  async #retain(): Promise<void> {
    const { data, blocks } = this.#parts
    const { retentionMs, retentionSizeBytes: sizeBytesMax } = data
    const bounds = { retentionMs, sizeBytesMax, otherSizeBytes: 0 }
    this.#metrics.noteRetired(await blocks.applyRetention(bounds, Date.now()))
  }
}

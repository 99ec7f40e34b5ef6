// Local blocks: the blocks of all tenants below one directory, `TENANT/ULID`: loading, merging, retention, deletion.
// Units: Unix milliseconds; sizes in bytes.
// Invariants: a change of blocks becomes visible to readers in one step; changes of one tenant run one after another;
// a block that was read when it was replaced stays readable until its last reader is done. A crash at any moment
// leaves every sample in exactly one block: what a loaded block names as its parent is dropped.

import { join } from 'node:path'
import { CorruptionError, checkTenant, type Matcher, type TimeRange } from '../../model/index.ts'
import {
  type CancelSignal,
  FanOut,
  type LabelAnswer,
  type LabelRequest,
  mergeCursors,
  type Queryable,
  type SelectRequest,
  type SeriesCursor,
  spanOf,
} from '../../storage/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import { type Files, nodeFiles } from '../files.ts'
import { type Block, type BlockOptions, openBlock } from './block.ts'
import type { BlockMeta } from './block-meta.ts'
import { blockSizeBytes, indexSizeBytes } from './block-size.ts'
import { IndexBudget } from './index-budget.ts'
import { mergeBlocks } from './merge-blocks.ts'
import { planMerge } from './merge-plan.ts'
import { planRetention, type RetainedBlock, type RetentionBounds } from './retention-plan.ts'
import { linkBlock } from './snapshot.ts'
import { isUlid, type UlidFactory } from './ulid.ts'
import { type WriteBlockRequest, writeBlock } from './write-block.ts'

/** What local blocks need of their surroundings. */
export interface LocalBlocksOptions extends BlockOptions {
  /** Holds a directory per tenant; created where absent. */
  readonly directory: string
  readonly nextUlid: UlidFactory
  readonly log: Logger
  /**
   * Whether a block's samples are safe elsewhere. Blocks that are not are neither merged nor deleted for their age or
   * for room; absent = all are.
   */
  readonly isShipped?: (tenant: string, meta: BlockMeta) => boolean
  /** The memory of all open indexes; 128 MiB where absent. */
  readonly indexSizeBytesMax?: number
  /**
   * Blocks whose index is larger than half of this are not merged: merging takes about twice the indexes' size in
   * memory. Absent = any are.
   */
  readonly mergeIndexSizeBytesMax?: number
  /** Hears that what readers see has changed. */
  readonly onChange?: () => void
}

const defaultIndexSizeBytesMax = 128 * 1024 * 1024

interface TenantBlocks {
  /** Oldest first. */
  blocks: readonly Block[]
  /** How often what readers see has changed. */
  changeCount: number
  /** The changes under way: the next waits for it. */
  changing: Promise<unknown>
}

/** All local blocks. Build with `LocalBlocks.open`. */
export class LocalBlocks implements Queryable {
  readonly #options: LocalBlocksOptions
  readonly #files: Files
  readonly #tenants = new Map<string, TenantBlocks>()
  readonly #sizes = new Map<string, number>()

  private constructor(options: LocalBlocksOptions) {
    const indexBudget = new IndexBudget(options.indexSizeBytesMax ?? defaultIndexSizeBytesMax)
    this.#options = { indexBudget, ...options }
    this.#files = options.files ?? nodeFiles
  }

  /** Loads what is there; unfinished directories are removed, unreadable blocks logged and passed over. */
  static async open(options: LocalBlocksOptions): Promise<LocalBlocks> {
    const store = new LocalBlocks(options)
    store.#files.makeDirectory(options.directory)
    for (const tenant of store.#files.list(options.directory)) await store.#load(tenant)
    return store
  }

  /** Tenants that have had blocks, sorted. */
  tenants(): string[] {
    return [...this.#tenants.keys()].sort()
  }

  /** The times that any block has samples for. */
  timeRange(): TimeRange {
    const tenants = [...this.#tenants.values()]
    return spanOf(tenants.flatMap(({ blocks }) => blocks.map(({ meta }) => meta)))
  }

  /** The blocks of a tenant, oldest first. */
  blocksOf(tenant: string): readonly Block[] {
    return this.#tenants.get(tenant)?.blocks ?? []
  }

  /** Grows whenever readers may see other samples of the tenant than before. */
  changeCountOf(tenant: string): number {
    return this.#tenants.get(tenant)?.changeCount ?? 0
  }

  /** Where the blocks of a tenant are; blocks written there by others are taken in by `adopt`. */
  directoryOf(tenant: string): string {
    return join(this.#options.directory, checkTenant(tenant))
  }

  /** The room that all blocks take. */
  sizeBytes(): number {
    let total = 0
    for (const sizeBytes of this.#sizes.values()) total += sizeBytes
    return total
  }

  /** Writes a block of a tenant and takes it in; undefined when it has no samples. */
  async write(
    tenant: string,
    request: Omit<WriteBlockRequest, 'directory' | 'ulid' | 'files'>,
  ): Promise<BlockMeta | undefined> {
    const { nextUlid } = this.#options
    const directory = this.directoryOf(tenant)
    const meta = await writeBlock({ ...request, directory, ulid: nextUlid(), files: this.#files })
    if (meta !== undefined) await this.adopt(tenant, meta.ulid)
    return meta
  }

  /** Takes in a block that was written to the tenant's directory, e.g. by another thread. */
  async adopt(tenant: string, ulid: string): Promise<void> {
    const block = await this.#open(tenant, ulid)
    this.#replace(tenant, [], [block])
  }

  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    const blocks = this.#overlapping(request)
    const cursors: SeriesCursor[] = []
    try {
      for (const block of blocks) cursors.push(block.select(request, signal))
    } catch (error) {
      for (const cursor of cursors) cursor.close()
      throw error
    }
    // Blocks give their rows in order anyway, so merging by labels holds one batch of each at a time.
    return cursors.length === 1 ? cursors[0]! : mergeCursors(cursors, { sorted: true })
  }

  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#listing(request).labelNames(request, signal)
  }

  labelValues(name: string, request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#listing(request).labelValues(name, request, signal)
  }

  /**
   * Carries out the next merge of a tenant; false when there is none. Call until false. Blocks whose merge meets
   * corrupt bytes are logged and left as they are, for good.
   */
  mergeNext(tenant: string, rangesMs: readonly number[], signal: CancelSignal): Promise<boolean> {
    return this.#alone(tenant, async () => {
      const metas = this.blocksOf(tenant)
        .filter((block) => this.#isShipped(tenant, block.meta) && this.#isMergeable(block))
        .map((block) => block.meta)
      const plan = new Set(planMerge(metas, rangesMs))
      const inputs = this.blocksOf(tenant).filter((block) => plan.has(block.meta.ulid))
      if (inputs.length === 0) return false
      try {
        await this.#merge(tenant, inputs, signal)
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error
        this.#options.log.error(
          { err: error, tenant, blocks: [...plan] },
          'blocks cannot be merged',
        )
        for (const block of inputs) block.markMergeFailed()
      }
      return true
    })
  }

  /** Deletes shipped blocks that are too old or too much, of all tenants; returns how many. */
  async applyRetention(bounds: RetentionBounds, nowMs: number): Promise<number> {
    const all: RetainedBlock[] = []
    for (const { blocks } of this.#tenants.values()) {
      for (const { meta, directory } of blocks) {
        const sizeBytes = this.#sizes.get(directory) ?? 0
        all.push({ ulid: meta.ulid, maxTimeMs: meta.maxTimeMs, sizeBytes })
      }
    }
    const doomed = new Set(planRetention(all, bounds, nowMs))
    if (doomed.size === 0) return 0
    let count = 0
    for (const tenant of this.tenants()) {
      count += await this.#alone(tenant, async () => {
        const old = this.blocksOf(tenant).filter(
          ({ meta }) => doomed.has(meta.ulid) && this.#isShipped(tenant, meta),
        )
        this.#replace(tenant, old, [])
        return old.length
      })
    }
    return count
  }

  /** Hides samples of matching series within the inclusive range; returns how many series of blocks had some there. */
  deleteSeries(
    tenant: string,
    matchers: readonly Matcher[],
    range: TimeRange,
    signal: CancelSignal,
  ): Promise<number> {
    return this.#alone(tenant, async () => {
      let count = 0
      try {
        for (const block of this.blocksOf(tenant))
          count += block.deleteSeries(matchers, range, signal)
      } finally {
        this.#stateOf(tenant).changeCount++
      }
      return count
    })
  }

  /** Rewrites the blocks of a tenant (or the one named) that have deleted samples without them; returns how many. */
  cleanTombstones(tenant: string, signal: CancelSignal, ulid?: string): Promise<number> {
    return this.#alone(tenant, async () => {
      const worn = this.blocksOf(tenant).filter(
        ({ meta }) => meta.stats.tombstoneCount > 0 && (ulid === undefined || ulid === meta.ulid),
      )
      for (const block of worn) await this.#merge(tenant, [block], signal)
      return worn.length
    })
  }

  /** Makes all blocks appear below `directory` too, as `TENANT/ULID`, by hard links. */
  async snapshot(directory: string): Promise<void> {
    for (const tenant of this.tenants()) {
      await this.#alone(tenant, async () => {
        for (const block of this.blocksOf(tenant)) {
          const target = join(directory, tenant)
          this.#files.makeDirectory(target)
          linkBlock(this.#files, block.directory, join(target, block.meta.ulid))
        }
      })
    }
  }

  /** Waits for changes under way and closes all blocks. */
  async close(): Promise<void> {
    for (const tenant of this.tenants()) {
      await this.#alone(tenant, async () => {
        for (const block of this.blocksOf(tenant)) block.close()
      })
    }
    this.#tenants.clear()
  }

  #isMergeable({ directory }: Block): boolean {
    const { mergeIndexSizeBytesMax: bound } = this.#options
    return bound === undefined || indexSizeBytes(this.#files, directory) <= bound / 2
  }

  #isShipped(tenant: string, meta: BlockMeta): boolean {
    return this.#options.isShipped?.(tenant, meta) ?? true
  }

  #listing(request: LabelRequest): Queryable {
    return new FanOut(() => this.#overlapping(request).map((queryable) => ({ queryable })))
  }

  #overlapping(request: SelectRequest | LabelRequest): readonly Block[] {
    const blocks = request.tenants.flatMap((tenant) => this.blocksOf(tenant))
    return blocks.filter((block) => block.overlaps(request.minTimeMs, request.maxTimeMs))
  }

  async #load(tenant: string): Promise<void> {
    const directory = join(this.#options.directory, tenant)
    const blocks: Block[] = []
    for (const name of this.#namesIn(directory)) {
      // What was being created or removed when the process died.
      if (name.includes('.tmp')) this.#files.remove(join(directory, name))
      if (!isUlid(name)) continue
      try {
        blocks.push(await this.#open(tenant, name))
      } catch (error) {
        const path = join(directory, name)
        this.#options.log.error({ err: error, path }, 'a block cannot be read and is left out')
      }
    }
    const parents = new Set(
      blocks.flatMap(({ meta }) => meta.compaction.parents.map((parent) => parent.ulid)),
    )
    const replaced = blocks.filter((block) => parents.has(block.meta.ulid))
    if (blocks.length > 0) this.#replace(tenant, replaced, blocks)
  }

  // A stray file among the tenants is nobody's directory.
  #namesIn(directory: string): string[] {
    try {
      return this.#files.list(directory)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error
      return []
    }
  }

  async #open(tenant: string, ulid: string): Promise<Block> {
    const directory = join(this.directoryOf(tenant), ulid)
    const block = await openBlock(directory, this.#options)
    if (block.meta.ulid !== ulid) {
      const parts = { file: join(directory, 'meta.json'), offset: 0 }
      throw new CorruptionError({ ...parts, expected: `ulid ${ulid}`, found: block.meta.ulid })
    }
    this.#sizes.set(directory, blockSizeBytes(this.#files, directory))
    return block
  }

  async #merge(tenant: string, inputs: readonly Block[], signal: CancelSignal): Promise<void> {
    const meta = await mergeBlocks({
      blocks: inputs,
      directory: this.directoryOf(tenant),
      ulid: this.#options.nextUlid(),
      signal,
      files: this.#files,
    })
    this.#replace(tenant, inputs, meta === undefined ? [] : [await this.#open(tenant, meta.ulid)])
  }

  // The one place where readers' view changes.
  #replace(tenant: string, old: readonly Block[], added: readonly Block[]): void {
    const state = this.#stateOf(tenant)
    state.changeCount++
    state.blocks = [...state.blocks, ...added]
      .filter((block) => !old.includes(block))
      .sort((a, b) => a.meta.minTimeMs - b.meta.minTimeMs)
    for (const block of old) {
      this.#sizes.delete(block.directory)
      block.retire()
    }
    this.#options.onChange?.()
  }

  #stateOf(tenant: string): TenantBlocks {
    let state = this.#tenants.get(tenant)
    if (state === undefined) {
      state = { blocks: [], changeCount: 0, changing: Promise.resolve() }
      this.#tenants.set(tenant, state)
    }
    return state
  }

  #alone<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    const state = this.#stateOf(tenant)
    const result = state.changing.then(work)
    state.changing = result.catch(() => undefined)
    return result
  }
}

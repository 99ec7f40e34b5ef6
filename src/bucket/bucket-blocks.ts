// Bucket blocks: what blocks a bucket holds, looked up again and again. Each look lists the top level, then each block's
// own level, which shows meta.json, deletion mark and what is missing in one request; metas are kept on disk.
// Units: Unix milliseconds. Invariant: a look that fails leaves the blocks as the last good one found them.

import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CorruptionError, formatTime, type TimeRange, UserError } from '../model/index.ts'
import { type Bucket, readObject } from '../objstore/index.ts'
import { everything, spanOf } from '../storage/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import {
  type BlockMeta,
  isUlid,
  metaFileName,
  nodeFiles,
  parseBlockMeta,
  writeDurably,
} from '../tsdb/index.ts'
import {
  type BlockState,
  blockStates,
  type Choice,
  type ChoiceRules,
  chooseBlocks,
  type FoundBlock,
} from './choose-blocks.ts'
import { deletionMarkName } from './delete-block.ts'
import { Limiter } from './limiter.ts'

/** What finding blocks needs of its surroundings. */
export interface BucketBlocksOptions extends ChoiceRules {
  readonly bucket: Bucket
  /** Metas are kept below it as `meta-syncer/<ULID>/meta.json`. */
  readonly cacheDirectory: string
  /** How often the bucket is looked at. */
  readonly intervalMs: number
  /** Blocks looked at at a time; 32 where absent. */
  readonly requestCountMax?: number
  /** Blocks whose place another has taken; they are not read. Absent = none. */
  readonly isReplaced?: (ulid: string) => boolean
  readonly log: Logger
  readonly metrics: Metrics
  readonly nowMs?: () => number
  /** Hears that the blocks to read, or what is said about them, may have changed. */
  readonly onChange?: () => void
}

/** How finding blocks goes. */
export interface BucketBlocksStatus {
  readonly counts: Readonly<Record<BlockState, number>>
  readonly lastSuccessMs: number | undefined
  /** Why the last look failed; undefined once one succeeded. */
  readonly lastError: string | undefined
}

const metaDirectoryName = 'meta-syncer'
/** A meta or mark above this is nobody's; 16 MiB holds a block of 400,000 sources. */
const metaSizeBytesMax = 16 * 1024 * 1024
/** A pause after a failed look is no longer than this. */
const retryDelayMsMax = 30_000

/** The blocks of a bucket. */
export class BucketBlocks {
  readonly #options: BucketBlocksOptions
  readonly #nowMs: () => number
  readonly #limiter: Limiter
  readonly #metrics: ReturnType<typeof syncMetrics>
  /** When `add` brought a block. */
  readonly #added = new Map<string, number>()
  /** By tenant: the blocks that were last asked for, and how often they were others. */
  readonly #seen = new Map<string, { readonly key: string; readonly count: number }>()
  #found = new Map<string, FoundBlock>()
  #choice: Choice
  #lastSuccessMs: number | undefined
  #lastError: string | undefined

  constructor(options: BucketBlocksOptions) {
    this.#options = options
    this.#nowMs = options.nowMs ?? Date.now
    this.#limiter = new Limiter(options.requestCountMax ?? 32)
    this.#choice = chooseBlocks([], options, 0)
    this.#metrics = syncMetrics(options.metrics, () => this.#choice.counts)
  }

  /** The blocks to read for a tenant, oldest first. */
  blocksOf(tenant: string): readonly BlockMeta[] {
    return this.#choice.byTenant.get(tenant) ?? []
  }

  /** Grows whenever the blocks to read for a tenant are others than when it was asked before. */
  changeCountOf(tenant: string): number {
    const ulids = this.blocksOf(tenant).map(({ ulid }) => ulid)
    const key = ulids.join()
    const seen = this.#seen.get(tenant)
    if (seen?.key === key) return seen.count
    const count = (seen?.count ?? 0) + 1
    this.#seen.set(tenant, { key, count })
    return count
  }

  /** Tenants that have blocks in the bucket, sorted. */
  tenants(): string[] {
    return [...this.#choice.byTenant.keys()].sort()
  }

  get status(): BucketBlocksStatus {
    return {
      counts: this.#choice.counts,
      lastSuccessMs: this.#lastSuccessMs,
      lastError: this.#lastError,
    }
  }

  /** The times that blocks to read have samples for; all times where not all are known. */
  timeRange(): TimeRange {
    return this.warnings().length > 0
      ? everything
      : spanOf([...this.#choice.byTenant.values()].flat())
  }

  /** What an answer must say about blocks that are not known. */
  warnings(): readonly string[] {
    if (this.#lastError === undefined)
      return this.#lastSuccessMs === undefined ? ['the bucket has not been listed yet'] : []
    const seen =
      this.#lastSuccessMs === undefined ? 'never' : `last at ${formatTime(this.#lastSuccessMs)}`
    return [`the bucket could not be listed (${seen}): ${this.#lastError}`]
  }

  /** Looks until the signal aborts. Resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    const { intervalMs } = this.#options
    while (!signal.aborted) {
      const good = await this.refresh(signal)
      try {
        const pauseMs = good ? intervalMs : Math.min(intervalMs, retryDelayMsMax)
        await sleep(pauseMs, undefined, { signal })
      } catch {
        return
      }
    }
  }

  /** Looks at the bucket once; false (logged, counted, in the status) where that failed. */
  async refresh(signal: AbortSignal): Promise<boolean> {
    const startedMs = this.#nowMs()
    this.#metrics.syncs.inc()
    try {
      const found = await this.#look(signal)
      // Blocks that were added meanwhile may have been uploaded after the listing.
      for (const [ulid, block] of this.#found)
        if (this.#addedMs(ulid) >= startedMs && !found.has(ulid)) found.set(ulid, block)
      this.#found = found
      this.choose()
      this.#lastSuccessMs = this.#nowMs()
      this.#lastError = undefined
      await this.#forgetOthers()
      return true
    } catch (error) {
      if (signal.aborted) return false
      this.#metrics.failures.inc()
      this.#lastError = error instanceof Error ? error.message : String(error)
      this.#options.log.warn({ err: error }, 'the bucket could not be listed; trying again')
      return false
    } finally {
      this.#options.onChange?.()
      this.#metrics.duration.observe((this.#nowMs() - startedMs) / 1000)
    }
  }

  /** Takes in a block that has just been uploaded, before the next look finds it. */
  add(meta: BlockMeta): void {
    this.#added.set(meta.ulid, this.#nowMs())
    this.#found.set(meta.ulid, { ulid: meta.ulid, meta })
    this.choose()
  }

  /** Takes out a block that has just been deleted. */
  remove(ulid: string): void {
    this.#found.delete(ulid)
    this.choose()
  }

  /** Chooses again among the blocks that are known, after something was replaced. */
  choose(): void {
    const { isReplaced } = this.#options
    const all = [...this.#found.values()]
    const known =
      isReplaced === undefined
        ? all
        : all.map((block) =>
            isReplaced(block.ulid) ? { ...block, deletionMarkMs: -Infinity } : block,
          )
    this.#choice = chooseBlocks(known, this.#options, this.#nowMs())
    this.#options.onChange?.()
  }

  #addedMs(ulid: string): number {
    return this.#added.get(ulid) ?? -Infinity
  }

  async #look(signal: AbortSignal): Promise<Map<string, FoundBlock>> {
    const looks: Promise<FoundBlock | undefined>[] = []
    for await (const entry of this.#options.bucket.list('', 'flat', signal)) {
      const ulid = entry.name.slice(0, -1)
      if (entry.kind === 'prefix' && isUlid(ulid))
        looks.push(this.#limiter.run(() => this.#lookAt(ulid, signal)))
    }
    const found = new Map<string, FoundBlock>()
    let failure: PromiseRejectedResult | undefined
    for (const result of await Promise.allSettled(looks)) {
      if (result.status === 'rejected') failure ??= result
      else if (result.value !== undefined) found.set(result.value.ulid, result.value)
    }
    if (failure !== undefined) throw failure.reason
    return found
  }

  async #lookAt(ulid: string, signal: AbortSignal): Promise<FoundBlock | undefined> {
    signal.throwIfAborted()
    let hasMeta = false
    let hasMark = false
    let count = 0
    for await (const entry of this.#options.bucket.list(`${ulid}/`, 'flat', signal)) {
      count++
      if (entry.kind !== 'object') continue
      const name = entry.name.slice(ulid.length + 1)
      const usable = entry.sizeBytes <= metaSizeBytesMax
      if (name === metaFileName && usable) hasMeta = true
      if (name === deletionMarkName && usable) hasMark = true
    }
    // Deleted between the two listings.
    if (count === 0) return undefined
    const meta = hasMeta ? await this.#metaOf(ulid, signal) : 'partial'
    const deletionMarkMs = hasMark ? await this.#deletionMarkMs(ulid, signal) : undefined
    return { ulid, meta, ...(deletionMarkMs === undefined ? {} : { deletionMarkMs }) }
  }

  // From memory, from disk, from the bucket: a block's meta.json never changes what a reader needs of it.
  async #metaOf(ulid: string, signal: AbortSignal): Promise<FoundBlock['meta']> {
    const known = this.#found.get(ulid)?.meta
    if (typeof known === 'object') return known
    const directory = join(this.#options.cacheDirectory, metaDirectoryName, ulid)
    const kept = await readKept(join(directory, metaFileName), ulid)
    if (kept !== undefined) return kept
    const name = `${ulid}/${metaFileName}`
    try {
      const bytes = await readObject(this.#options.bucket, name, signal)
      const meta = parseMeta(Buffer.from(bytes).toString('utf8'), name, ulid)
      nodeFiles.makeDirectory(directory)
      writeDurably(nodeFiles, join(directory, metaFileName), [bytes])
      return meta
    } catch (error) {
      if (error instanceof UserError && error.code === 'not_found') return 'partial'
      if (!(error instanceof CorruptionError)) throw error
      this.#options.log.warn({ err: error, ulid }, 'a block in the bucket has a bad meta.json')
      return 'corrupt'
    }
  }

  // A mark that cannot be read is none, as in Thanos; the compactor will say so.
  async #deletionMarkMs(ulid: string, signal: AbortSignal): Promise<number | undefined> {
    const known = this.#found.get(ulid)?.deletionMarkMs
    if (known !== undefined) return known
    try {
      const bytes = await readObject(this.#options.bucket, `${ulid}/${deletionMarkName}`, signal)
      const mark: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
      if (typeof mark !== 'object' || mark === null || !('deletion_time' in mark)) return undefined
      return typeof mark.deletion_time === 'number' ? mark.deletion_time * 1000 : undefined
    } catch (error) {
      if (error instanceof SyntaxError) return undefined
      if (error instanceof UserError && error.code === 'not_found') return undefined
      throw error
    }
  }

  // Kept metas and index headers of blocks that are gone.
  async #forgetOthers(): Promise<void> {
    const { cacheDirectory } = this.#options
    for (const ulid of this.#added.keys()) if (!this.#found.has(ulid)) this.#added.delete(ulid)
    for (const directory of [cacheDirectory, join(cacheDirectory, metaDirectoryName)]) {
      for (const name of await listed(directory)) {
        if (!isUlid(name) || this.#found.has(name)) continue
        await rm(join(directory, name), { recursive: true, force: true })
      }
    }
  }
}

async function listed(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch {
    return []
  }
}

async function readKept(path: string, ulid: string): Promise<BlockMeta | undefined> {
  try {
    return parseMeta(await readFile(path, 'utf8'), path, ulid)
  } catch {
    return undefined
  }
}

function parseMeta(text: string, file: string, ulid: string): BlockMeta {
  const meta = parseBlockMeta(text, file)
  if (meta.ulid === ulid) return meta
  throw new CorruptionError({ file, offset: 0, expected: `the ULID ${ulid}`, found: meta.ulid })
}

function syncMetrics(metrics: Metrics, counts: () => Readonly<Record<BlockState, number>>) {
  metrics.gauge(
    'thanos_blocks_meta_synced',
    'Blocks in the bucket by what became of them at the last look.',
    ['state'],
    (gauge) => {
      for (const state of blockStates) gauge.set({ state }, counts()[state])
    },
  )
  return {
    syncs: metrics.counter('thanos_blocks_meta_syncs_total', 'Looks at the blocks of the bucket.'),
    failures: metrics.counter('thanos_blocks_meta_sync_failures_total', 'Looks that failed.'),
    duration: metrics.histogram(
      'thanos_blocks_meta_sync_duration_seconds',
      'How long a look at the blocks of the bucket takes.',
      [0.01, 0.1, 1, 5, 10, 30, 60, 300],
    ),
  }
}

// Rewriter: rewrites blocks of the bucket of which samples were deleted. The new block is whole in the bucket before the
// old one is marked, and the old one goes, meta.json first, once readers have had time to find the new one.
// Units: Unix milliseconds. Invariants: one rewrite at a time; what was deleted is hidden by readers until then.
// Source: Thanos' `tools bucket rewrite` (its section of meta.json), and its deletion marks.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bucket } from '../objstore/index.ts'
import { type CancelSignal, neverCancelled, type SelectRequest } from '../storage/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import {
  type BlockMeta,
  type Files,
  metaFileName,
  nodeFiles,
  type UlidFactory,
  writeBlock,
} from '../tsdb/index.ts'
import { BucketBlockReader, type BucketIndexes } from './bucket-block-reader.ts'
import type { BucketBlocks } from './bucket-blocks.ts'
import { deleteBlock, markForDeletion } from './delete-block.ts'
import type { Deletion, Deletions, Rewrite } from './deletions.ts'
import { ReadBudget } from './page-reader.ts'
import { uploadBlock } from './upload-block.ts'

/** What the rewriter needs of its surroundings. */
export interface RewriterOptions {
  readonly bucket: Bucket
  readonly found: Pick<BucketBlocks, 'blocksOf' | 'status' | 'add' | 'remove' | 'choose'>
  readonly indexes: BucketIndexes
  readonly deletions: Deletions
  /** Where blocks are written before they are uploaded; a directory of its own, emptied. */
  readonly directory: string
  readonly nextUlid: UlidFactory
  /** How often deletions are looked at. */
  readonly intervalMs: number
  /** How long a block stays after another has taken its place. */
  readonly deleteDelayMs: number
  readonly files?: Files
  readonly log: Logger
  readonly metrics: Metrics
  readonly nowMs?: () => number
}

const everything: SelectRequest = {
  tenants: [],
  matchers: [],
  minTimeMs: -Infinity,
  maxTimeMs: Infinity,
  sorted: true,
  hints: {},
}

/** Rewrites blocks. `run` does it for ever, `rewriteOnce` once. */
export class Rewriter {
  readonly #options: RewriterOptions
  readonly #nowMs: () => number
  readonly #files: Files
  readonly #metrics: ReturnType<typeof rewriterMetrics>
  #lastError: string | undefined

  constructor(options: RewriterOptions) {
    this.#options = options
    this.#nowMs = options.nowMs ?? Date.now
    this.#files = options.files ?? nodeFiles
    this.#metrics = rewriterMetrics(options.metrics, options.deletions)
  }

  /** Why the last round left something behind; undefined where it did not. */
  get lastError(): string | undefined {
    return this.#lastError
  }

  /** Rewrites until the signal aborts; failures are logged, counted and tried again. Resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.rewriteOnce(signal)
      try {
        await sleep(this.#options.intervalMs, undefined, { signal })
      } catch {
        return
      }
    }
  }

  /** Rewrites what can be rewritten now; false where something could not be. */
  async rewriteOnce(signal: AbortSignal): Promise<boolean> {
    const { deletions, log } = this.#options
    // Before the bucket was listed nothing is known of its blocks.
    if (this.#options.found.status.lastSuccessMs === undefined) return true
    this.#lastError = undefined
    for (const tenant of deletions.tenants()) {
      try {
        await this.#rewriteTenant(tenant, signal)
      } catch (error) {
        if (signal.aborted) return false
        this.#metrics.failures.inc()
        this.#lastError = error instanceof Error ? error.message : String(error)
        log.warn({ err: error, tenant }, 'a block could not be rewritten; trying again')
      }
    }
    return this.#lastError === undefined
  }

  async #rewriteTenant(tenant: string, signal: AbortSignal): Promise<void> {
    const { deletions, found } = this.#options
    for (const rewrite of deletions.rewrites(tenant)) await this.#finish(tenant, rewrite, signal)
    for (const meta of found.blocksOf(tenant)) {
      signal.throwIfAborted()
      const hiding = deletions.hiding(tenant, meta)
      // A block that is about to take another's place will be made once more if it was made too early.
      const isUnfinished = deletions
        .rewrites(tenant)
        .some(({ to, replacedMs }) => to === meta.ulid && replacedMs === undefined)
      if (hiding.length > 0 && !isUnfinished) await this.#rewrite(tenant, meta, hiding, signal)
    }
    deletions.forget(tenant, found.blocksOf(tenant), this.#nowMs())
  }

  async #rewrite(
    tenant: string,
    meta: BlockMeta,
    hiding: readonly Deletion[],
    signal: AbortSignal,
  ): Promise<void> {
    const { indexes, deletions, nextUlid, found, log } = this.#options
    const cancel = cancelOf(signal)
    const budget = new ReadBudget(Number.POSITIVE_INFINITY, cancel)
    const reader = new BucketBlockReader(meta, indexes, () => budget, hiding)
    if (!(await reader.hidesAny(cancel))) return deletions.markClean(tenant, meta.ulid, hiding)
    const begun = deletions.rewrites(tenant).find(({ from }) => from === meta.ulid)
    const rewrite = begun ?? { from: meta.ulid, to: nextUlid() }
    if (begun === undefined) deletions.noteRewrite(tenant, rewrite)
    deletions.markClean(tenant, rewrite.to, hiding)
    const replacement = await this.#replacement({ meta, ulid: rewrite.to, reader, hiding }, signal)
    if (replacement !== undefined) found.add(replacement)
    const details = `samples were deleted; ${rewrite.to} holds the others`
    const nowMs = this.#nowMs()
    await markForDeletion(this.#options.bucket, meta.ulid, { details, timeMs: nowMs }, signal)
    deletions.noteRewrite(tenant, { ...rewrite, replacedMs: nowMs })
    found.choose()
    this.#metrics.rewrites.inc()
    log.info({ tenant, from: meta.ulid, to: replacement?.ulid }, 'block rewritten after a deletion')
  }

  // The block without what was deleted, in the bucket; undefined where no sample is left.
  async #replacement(
    made: {
      readonly meta: BlockMeta
      readonly ulid: string
      readonly reader: BucketBlockReader
      readonly hiding: readonly Deletion[]
    },
    signal: AbortSignal,
  ): Promise<BlockMeta | undefined> {
    const { bucket, directory } = this.#options
    const { meta, ulid, reader, hiding } = made
    // What an earlier attempt left; its files may have other names.
    await deleteBlock(bucket, ulid, signal)
    this.#files.remove(directory)
    const { labels } = meta.thanos!
    const written = await writeBlock({
      directory,
      ulid,
      minTimeMs: meta.minTimeMs,
      maxTimeMs: meta.maxTimeMs,
      level: meta.compaction.level,
      hints: meta.compaction.hints,
      thanos: { ...meta.thanos!, source: 'bucket.rewrite' },
      series: (pass) => {
        const hints = pass === 'labels' ? { func: 'series' } : {}
        return reader.select({ ...everything, hints }, cancelOf(signal))
      },
      files: this.#files,
    })
    if (written === undefined) return undefined
    try {
      return await uploadBlock({
        bucket,
        files: this.#files,
        directory: join(directory, ulid),
        meta: withRewrite(written, meta, hiding),
        labels,
        source: 'bucket.rewrite',
        nowMs: this.#nowMs,
        signal,
      })
    } finally {
      this.#files.remove(directory)
    }
  }

  // The old block goes when its time has come; a rewrite whose old block somebody else deleted is over.
  async #finish(tenant: string, rewrite: Rewrite, signal: AbortSignal): Promise<void> {
    const { bucket, deletions, found, deleteDelayMs } = this.#options
    const { from, to, replacedMs } = rewrite
    if (replacedMs === undefined) {
      if ((await bucket.attributes(`${from}/${metaFileName}`, signal)) !== undefined) return
      if ((await bucket.attributes(`${to}/${metaFileName}`, signal)) === undefined)
        await deleteBlock(bucket, to, signal)
    } else {
      if (this.#nowMs() - replacedMs < deleteDelayMs) return
      await deleteBlock(bucket, from, signal)
    }
    found.remove(from)
    deletions.endRewrite(tenant, from)
  }
}

function cancelOf(signal: AbortSignal): CancelSignal {
  return { ...neverCancelled, check: () => signal.throwIfAborted() }
}

const matcherTypes = ['=', '!=', '=~', '!~']

function withRewrite(meta: BlockMeta, old: BlockMeta, hiding: readonly Deletion[]): BlockMeta {
  const applied = hiding.map(({ matchers, minTimeMs, maxTimeMs }) => ({
    matchers: matchers.map(({ type, name, value }) => ({
      Type: matcherTypes.indexOf(type),
      Name: name,
      Value: value,
    })),
    intervals: [{ Mint: minTimeMs, Maxt: maxTimeMs }],
  }))
  const rewrite = { sources: old.compaction.sources, deletions_applied: applied }
  const rewrites = [...(old.thanos!.rewrites ?? []), rewrite]
  return { ...meta, thanos: { ...meta.thanos!, rewrites } }
}

function rewriterMetrics(metrics: Metrics, deletions: Deletions) {
  metrics.gauge(
    'crowsnest_bucket_deletions_pending',
    'Deletions that are kept in mind because blocks in the bucket may hold what they deleted.',
    [],
    (gauge) =>
      gauge.set(
        deletions.tenants().reduce((count, tenant) => count + deletions.all(tenant).length, 0),
      ),
  )
  return {
    rewrites: metrics.counter(
      'crowsnest_bucket_block_rewrites_total',
      'Blocks in the bucket that were rewritten without deleted samples.',
    ),
    failures: metrics.counter(
      'crowsnest_bucket_block_rewrite_failures_total',
      'Attempts to rewrite blocks that failed.',
    ),
  }
}

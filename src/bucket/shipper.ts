// Shipper: uploads finished local blocks of all tenants to the bucket, oldest first, and tries again for as long as it
// takes. Units: Unix milliseconds.
// Invariants: one upload at a time; a block counts as shipped only when the bucket has its meta.json; a block of which
// samples were deleted is rewritten without them before it is shipped; whole blocks in the bucket are never touched.
// Source: Thanos' shipper (facts: bucket layout, upload order).

import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../model/index.ts'
import type { Bucket } from '../objstore/index.ts'
import { neverCancelled } from '../storage/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import {
  type BlockMeta,
  type Files,
  type LocalBlocks,
  metaFileName,
  nodeFiles,
} from '../tsdb/index.ts'
import { deleteBlock } from './delete-block.ts'
import type { Deletions } from './deletions.ts'
import { planUploads } from './ship-plan.ts'
import type { ShippedRecord } from './shipped-record.ts'
import { uploadBlock } from './upload-block.ts'

/** What the shipper needs of its surroundings. */
export interface ShipperOptions {
  readonly blocks: Pick<LocalBlocks, 'tenants' | 'blocksOf' | 'cleanTombstones'>
  readonly record: ShippedRecord
  /** What is deleted in the bucket: blocks that are shipped later have nothing of it. */
  readonly deletions: Deletions
  readonly bucket: Bucket
  /** Labels of every block; with the tenant's label there is always one. */
  readonly externalLabels: Readonly<Record<string, string>>
  /** The label that carries the tenant. */
  readonly tenantLabel: string
  /** How often new blocks are looked for. */
  readonly intervalMs: number
  /** The disk; this machine's where absent. */
  readonly files?: Files
  /** Bounds of the pause after a failure; it doubles with each. */
  readonly retryDelayMsMin?: number
  readonly retryDelayMsMax?: number
  readonly log: Logger
  readonly metrics: Metrics
  readonly nowMs?: () => number
  /** Told of each block that has just arrived in the bucket, with its meta there. */
  readonly onUploaded?: (meta: BlockMeta) => void
}

/** How shipping goes. */
export interface ShipperStatus {
  /** Blocks that the last look found and that are not in the bucket yet. */
  readonly pendingCount: number
  /** The earliest sample among them; undefined where none is pending. */
  readonly pendingMinTimeMs: number | undefined
  /** When a look last ended with everything shipped. */
  readonly lastSuccessMs: number | undefined
  /** Failed looks in a row. */
  readonly failureCount: number
  /** Why the last look failed; undefined once one succeeded. */
  readonly lastError: string | undefined
}

interface Pending {
  readonly tenant: string
  readonly meta: BlockMeta
}

const retryDelayMsMinDefault = 1000
const retryDelayMsMaxDefault = 60_000

/** Ships blocks. `run` does it for ever, `shipOnce` once. */
export class Shipper {
  readonly #options: ShipperOptions
  readonly #nowMs: () => number
  readonly #metrics: ShipperMetrics
  #status: ShipperStatus = {
    pendingCount: 0,
    pendingMinTimeMs: undefined,
    lastSuccessMs: undefined,
    failureCount: 0,
    lastError: undefined,
  }

  constructor(options: ShipperOptions) {
    this.#options = options
    this.#nowMs = options.nowMs ?? Date.now
    this.#metrics = shipperMetrics(options.metrics, () => this.#status)
  }

  get status(): ShipperStatus {
    return this.#status
  }

  /** Ships until the signal aborts; failures are logged, counted and tried again. Resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.shipOnce(signal)
      try {
        await sleep(this.#pauseMs(), undefined, { signal })
      } catch {
        return
      }
    }
  }

  /** Uploads what is not in the bucket yet; false where something could not be. */
  async shipOnce(signal: AbortSignal): Promise<boolean> {
    const pending = this.#pending()
    let left = pending.length
    let failure: unknown
    this.#metrics.looks.inc()
    this.#showPending(pending)
    for (const [index, { tenant, meta }] of pending.entries()) {
      if (signal.aborted) break
      try {
        await this.#ship(tenant, meta, signal)
        left--
      } catch (error) {
        if (signal.aborted) break
        failure = error
        this.#noteFailure(tenant, meta, error)
        // The next block would meet the same outage.
        if (error instanceof UserError && error.code === 'unavailable') break
      }
      this.#showPending(pending.slice(index + 1), left)
    }
    this.#showPending(left === 0 ? [] : this.#pending())
    return this.#conclude(failure, signal)
  }

  #conclude(failure: unknown, signal: AbortSignal): boolean {
    if (signal.aborted) return false
    if (failure === undefined) {
      this.#status = {
        ...this.#status,
        lastSuccessMs: this.#nowMs(),
        failureCount: 0,
        lastError: undefined,
      }
      return true
    }
    this.#metrics.lookFailures.inc()
    this.#status = {
      ...this.#status,
      failureCount: this.#status.failureCount + 1,
      lastError: messageOf(failure),
    }
    return false
  }

  #noteFailure(tenant: string, meta: BlockMeta, error: unknown): void {
    this.#metrics.uploadFailures.inc()
    const { log } = this.#options
    log.warn({ err: error, tenant, ulid: meta.ulid }, 'a block could not be shipped; trying again')
  }

  #showPending(pending: readonly Pending[], pendingCount = pending.length): void {
    this.#status = {
      ...this.#status,
      pendingCount,
      pendingMinTimeMs: pending[0]?.meta.minTimeMs,
    }
  }

  // Oldest first over all tenants, so that none waits behind the backlog of another for ever.
  #pending(): Pending[] {
    const { blocks, record } = this.#options
    return blocks
      .tenants()
      .flatMap((tenant) => {
        const metas = blocks.blocksOf(tenant).map((block) => block.meta)
        return planUploads(metas, record.shipped(tenant)).map((meta) => ({ tenant, meta }))
      })
      .sort((a, b) => a.meta.minTimeMs - b.meta.minTimeMs)
  }

  async #ship(tenant: string, meta: BlockMeta, signal: AbortSignal): Promise<void> {
    const { blocks, record, deletions } = this.#options
    const isWanted = ({ meta: { ulid } }: { readonly meta: BlockMeta }) => ulid === meta.ulid
    // Merged or deleted since the look: whatever replaced it is in the next one.
    if (!blocks.blocksOf(tenant).some(isWanted)) return
    const covering = await this.#coveringUlids(meta, signal)
    const block = blocks.blocksOf(tenant).find(isWanted)
    if (block === undefined) return
    if (covering === undefined) {
      if (block.meta.stats.tombstoneCount > 0) return this.#shipCleaned(tenant, meta.ulid, signal)
      const known = deletions.all(tenant)
      await this.#upload(tenant, block, signal)
      deletions.markClean(tenant, meta.ulid, known)
    }
    const shipped = covering ?? [meta.ulid, ...meta.compaction.sources]
    const local = blocks.blocksOf(tenant).map((other) => other.meta)
    record.add(tenant, shipped, local)
  }

  async #upload(
    tenant: string,
    { meta, directory }: { readonly meta: BlockMeta; readonly directory: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { bucket, externalLabels, tenantLabel, log, onUploaded, files } = this.#options
    const shown = await uploadBlock({
      bucket,
      files: files ?? nodeFiles,
      directory,
      meta,
      labels: { ...externalLabels, [tenantLabel]: tenant },
      source: 'receive',
      nowMs: this.#nowMs,
      signal,
    })
    this.#metrics.uploads.inc()
    log.info({ tenant, ulid: meta.ulid, samples: meta.stats.sampleCount }, 'block shipped')
    onUploaded?.(shown)
  }

  // An upload of the block that broke off before samples were deleted will not be gone on with.
  async #shipCleaned(tenant: string, ulid: string, signal: AbortSignal): Promise<void> {
    const { blocks, bucket } = this.#options
    await deleteBlock(bucket, ulid, signal)
    await blocks.cleanTombstones(tenant, neverCancelled, ulid)
    const cleaned = blocks
      .blocksOf(tenant)
      .find(({ meta }) => meta.compaction.parents.some((parent) => parent.ulid === ulid))
    if (cleaned !== undefined) await this.#ship(tenant, cleaned.meta, signal)
  }

  // The ULIDs in the bucket that already hold the block, where it is there or all its parts are.
  async #coveringUlids(
    meta: BlockMeta,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const { sources } = meta.compaction
    if (await this.#bucketHas(meta.ulid, signal)) return [meta.ulid, ...sources]
    const parts = sources.filter((source) => source !== meta.ulid)
    if (parts.length < sources.length || parts.length === 0) return undefined
    for (const part of parts) if (!(await this.#bucketHas(part, signal))) return undefined
    return [meta.ulid, ...parts]
  }

  async #bucketHas(ulid: string, signal: AbortSignal): Promise<boolean> {
    const { bucket } = this.#options
    return (await bucket.attributes(`${ulid}/${metaFileName}`, signal)) !== undefined
  }

  #pauseMs(): number {
    const { failureCount } = this.#status
    const {
      intervalMs,
      retryDelayMsMin = retryDelayMsMinDefault,
      retryDelayMsMax = retryDelayMsMaxDefault,
    } = this.#options
    if (failureCount === 0) return intervalMs
    return Math.min(retryDelayMsMin * 2 ** Math.min(failureCount - 1, 20), retryDelayMsMax)
  }
}

type ShipperMetrics = ReturnType<typeof shipperMetrics>

function shipperMetrics(metrics: Metrics, status: () => ShipperStatus) {
  metrics.gauge(
    'crowsnest_shipper_pending_blocks',
    'Local blocks that are not in the bucket yet.',
    [],
    (gauge) => gauge.set(status().pendingCount),
  )
  metrics.gauge(
    'crowsnest_shipper_last_success_timestamp_seconds',
    'When everything there was to ship was last in the bucket; 0 = not since the start.',
    [],
    (gauge) => gauge.set((status().lastSuccessMs ?? 0) / 1000),
  )
  return {
    looks: metrics.counter('thanos_shipper_dir_syncs_total', 'Looks for blocks to ship.'),
    lookFailures: metrics.counter(
      'thanos_shipper_dir_sync_failures_total',
      'Looks after which a block was left behind.',
    ),
    uploads: metrics.counter('thanos_shipper_uploads_total', 'Blocks uploaded.'),
    uploadFailures: metrics.counter(
      'thanos_shipper_upload_failures_total',
      'Attempts to upload a block that failed.',
    ),
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// The bucket's side of the block thread: shipping local blocks, finding those in the bucket, and reading them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BucketBlocks,
  BucketIndexes,
  BucketQueryable,
  type Deletions,
  localCover,
  PageReader,
  Rewriter,
  type ShippedRecord,
  Shipper,
} from '../bucket/index.ts'
import { type TimeRange, UserError } from '../model/index.ts'
import { bucketFromConfig } from '../objstore/index.ts'
import type { MatcherCompiler, Queryable } from '../storage/index.ts'
import type { Logger, Metrics } from '../telemetry/index.ts'
import type { LocalBlocks, UlidFactory } from '../tsdb/index.ts'
import type { BlockThreadData } from './thread-data.ts'

/** A day: a marked block is read for so long, as Thanos' store does. */
const ignoreDeletionMarksDelayMs = 86_400_000
const refreshIntervalMs = 60_000

/** The bucket as the block thread uses it. */
export interface BlockBucket {
  readonly queryable: Queryable
  tenants(): string[]
  timeRange(): TimeRange
  /** Grows whenever a tenant's blocks to read change. */
  changeCountOf(tenant: string): number
  status(): unknown
  close(): Promise<void>
}

/** Opens the bucket and starts shipping and looking. Throws UserError bad_config; an absent store is only logged. */
export async function openBlockBucket(parts: {
  readonly data: BlockThreadData
  readonly blocks: LocalBlocks
  readonly record: ShippedRecord
  readonly deletions: Deletions
  readonly nextUlid: UlidFactory
  readonly compileMatcher: MatcherCompiler
  readonly log: Logger
  readonly metrics: Metrics
  readonly onChange: () => void
}): Promise<BlockBucket> {
  const { data, blocks, record, deletions, nextUlid, compileMatcher, log, metrics } = parts
  const { tenantLabel, cacheDirectory, seed } = data
  const environment = process.env
  const text = configText(data)
  const bucket = await bucketFromConfig(text, { environment, log, metrics, nowMs: Date.now })
  const found = new BucketBlocks({
    bucket,
    cacheDirectory,
    tenantLabel,
    ignoreDeletionMarksDelayMs,
    intervalMs: refreshIntervalMs,
    isReplaced: deletions.isReplaced,
    onChange: parts.onChange,
    log,
    metrics,
  })
  const shipper = new Shipper({
    blocks,
    record,
    deletions,
    bucket,
    tenantLabel,
    externalLabels: data.externalLabels,
    intervalMs: data.shipIntervalMs,
    log,
    metrics,
    onUploaded: (meta) => found.add(meta),
  })
  const pages = new PageReader({ bucket, cacheSizeBytes: data.bucketCacheSizeBytes, metrics })
  const headerCacheSizeBytes = data.bucketCacheSizeBytes
  const indexes = new BucketIndexes({
    pages,
    cacheDirectory,
    headerCacheSizeBytes,
    seed,
    compileMatcher,
  })
  const ending = new AbortController()
  const rewriter = new Rewriter({
    bucket,
    found,
    indexes,
    deletions,
    directory: join(cacheDirectory, 'rewrite'),
    nextUlid,
    intervalMs: data.shipIntervalMs,
    deleteDelayMs: data.deleteDelayMs,
    log,
    metrics,
  })
  const running = [shipper, found, rewriter].map((each) => each.run(ending.signal))
  return {
    queryable: new BucketQueryable({
      blocks: found,
      indexes,
      isLocal: localCover(blocks),
      deletionsOf: (tenant, meta) => deletions.hiding(tenant, meta),
      readSizeBytesMax: data.bucketReadSizeBytesMax,
    }),
    tenants: () => found.tenants(),
    timeRange: () => found.timeRange(),
    changeCountOf: (tenant) => found.changeCountOf(tenant),
    status: () => ({
      shipper: shipper.status,
      blocks: found.status,
      rewriter: { lastError: rewriter.lastError },
    }),
    async close() {
      ending.abort()
      await Promise.all(running)
      await bucket.close()
    },
  }
}

function configText({ objstoreConfigFile, bucketDirectory }: BlockThreadData): string {
  if (objstoreConfigFile === '') {
    return `type: FILESYSTEM\nconfig:\n  directory: ${JSON.stringify(bucketDirectory)}\n`
  }
  try {
    return readFileSync(objstoreConfigFile, 'utf8')
  } catch (cause) {
    const what = `cannot read ${objstoreConfigFile}: ${(cause as Error).message}`
    throw new UserError('bad_config', { what, fix: 'see objstore.configFile', cause })
  }
}

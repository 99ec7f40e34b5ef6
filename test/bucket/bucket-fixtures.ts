// A gateway's storage in miniature for the tests of buckets: local blocks, a bucket in memory, shipper and readers.
import { join } from 'node:path'
import {
  BucketBlocks,
  BucketIndexes,
  BucketQueryable,
  Deletions,
  localCover,
  PageReader,
  Rewriter,
  ShippedRecord,
  Shipper,
} from '../../src/bucket/index.ts'
import type { Bucket } from '../../src/objstore/index.ts'
import { neverCancelled, type Queryable, type SelectRequest } from '../../src/storage/index.ts'
import { createLogger, Metrics } from '../../src/telemetry/index.ts'
import { createUlidFactory, type Files, LocalBlocks } from '../../src/tsdb/index.ts'
import {
  blockOptions,
  cursorOf,
  type ModelSeries,
  readCursor,
  type Sample,
  seed,
  selectAll,
  temporaryDirectory,
} from '../tsdb/block/block-fixtures.ts'

export const hourMs = 3_600_000
export const log = createLogger('silent')

/** Everything wired together over one bucket. */
export interface Storage {
  readonly directory: string
  readonly metrics: Metrics
  readonly record: ShippedRecord
  readonly deletions: Deletions
  readonly rewriter: Rewriter
  readonly local: LocalBlocks
  readonly shipper: Shipper
  readonly found: BucketBlocks
  readonly bucketSeries: BucketQueryable
  /** The same, as if no block were on disk. */
  readonly withoutLocal: BucketQueryable
}

export interface StorageOptions {
  readonly pageSizeBytes?: number
  readonly readSizeBytesMax?: number
  readonly retryDelayMsMin?: number
  readonly nowMs?: () => number
  /** The disk of the deletions' file; this machine's where absent. */
  readonly deletionFiles?: Files
}

let lastMs = 1_700_000_000_000

export async function openStorage(
  bucket: Bucket,
  directory = temporaryDirectory(),
  options: StorageOptions = {},
): Promise<Storage> {
  const { pageSizeBytes = 512, readSizeBytesMax = 1 << 30, retryDelayMsMin = 10, nowMs } = options
  const metrics = new Metrics()
  const blocksDirectory = join(directory, 'blocks')
  const record = new ShippedRecord(blocksDirectory)
  const { deletionFiles: files } = options
  const deletions = new Deletions(blocksDirectory, files === undefined ? {} : { files })
  const { isShipped } = record
  const nextUlid = createUlidFactory(() => ++lastMs)
  const local = await LocalBlocks.open({
    ...blockOptions,
    directory: blocksDirectory,
    nextUlid,
    log,
    isShipped,
  })
  const cacheDirectory = join(directory, 'bucket-cache')
  const found = new BucketBlocks({
    bucket,
    cacheDirectory,
    tenantLabel: 'tenant_id',
    ignoreDeletionMarksDelayMs: 24 * hourMs,
    intervalMs: 20,
    isReplaced: deletions.isReplaced,
    log,
    metrics,
  })
  const shipper = new Shipper({
    blocks: local,
    record,
    deletions,
    bucket,
    externalLabels: { crowsnest: 'test' },
    tenantLabel: 'tenant_id',
    intervalMs: 20,
    retryDelayMsMin,
    log,
    metrics,
    onUploaded: (meta) => found.add(meta),
  })
  const pages = new PageReader({
    bucket,
    cacheSizeBytes: 1 << 26,
    pageSizeBytes,
    gapSizeBytesMax: 2 * pageSizeBytes,
    metrics,
  })
  const indexes = new BucketIndexes({
    pages,
    cacheDirectory,
    headerCacheSizeBytes: 1 << 24,
    seed,
    compileMatcher: blockOptions.compileMatcher,
  })
  const bucketSeries = new BucketQueryable({
    blocks: found,
    indexes,
    isLocal: localCover(local),
    deletionsOf: (tenant, meta) => deletions.hiding(tenant, meta),
    readSizeBytesMax,
  })
  const withoutLocal = new BucketQueryable({
    blocks: found,
    indexes,
    deletionsOf: (tenant, meta) => deletions.hiding(tenant, meta),
    readSizeBytesMax,
  })
  const rewriter = new Rewriter({
    bucket,
    found,
    indexes,
    deletions,
    directory: join(cacheDirectory, 'rewrite'),
    nextUlid,
    intervalMs: 20,
    deleteDelayMs: 1000,
    log,
    metrics,
    ...(nowMs === undefined ? {} : { nowMs }),
  })
  const kept = { directory, metrics, record, deletions, local, shipper, found, rewriter }
  return { ...kept, bucketSeries, withoutLocal }
}

/** Writes a two-hour block. */
export async function writeBlockOf(
  { local }: Storage,
  tenant: string,
  windowHours: number,
  series: readonly ModelSeries[],
): Promise<string> {
  const meta = await local.write(tenant, {
    minTimeMs: windowHours * hourMs,
    maxTimeMs: (windowHours + 2) * hourMs,
    level: 1,
    series: () => cursorOf(series),
    thanos: { labels: {}, source: 'receive' },
  })
  return meta!.ulid
}

/** Deletes all local blocks. */
export async function deleteLocal({ local }: Storage): Promise<number> {
  const bounds = { retentionMs: 1, sizeBytesMax: 0, otherSizeBytes: 0 }
  return local.applyRetention(bounds, Number.MAX_SAFE_INTEGER)
}

/** Samples by series, and what is missing. */
export async function answerOf(
  source: Queryable,
  request: Partial<SelectRequest> = {},
): Promise<{ series: Map<string, Sample[]>; warnings: readonly string[] }> {
  const cursor = source.select({ ...selectAll(), ...request }, neverCancelled)
  const series = await readCursor(cursor)
  return { series, warnings: cursor.warnings }
}

/** Some series in a window, with values that tell window and series. */
export function someSeries(windowHours: number, count: number, chunkCount = 2): ModelSeries[] {
  const start = windowHours * hourMs
  return Array.from({ length: count }, (_, i) => ({
    labels: {
      __name__: i % 3 === 0 ? 'up' : 'load',
      instance: `host-${i}`,
      ...(i % 2 === 0 ? { job: 'node' } : {}),
    },
    chunks: Array.from({ length: chunkCount }, (__, chunk) =>
      Array.from({ length: 20 }, (___, step): Sample => {
        return [start + chunk * 600_000 + step * 15_000, windowHours + i + step / 7]
      }),
    ),
  }))
}

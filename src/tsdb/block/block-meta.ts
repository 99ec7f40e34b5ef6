// Block meta: meta.json, which says what a block holds and which blocks it came from, with Thanos' section.
// Units: Unix milliseconds; a block's times are half-open: minTimeMs is in it, maxTimeMs is not.
// Source: Prometheus tsdb block meta version 1; Thanos metadata.Meta. Printed with tabs and in the order that Go prints.

import { join } from 'node:path'
import { CorruptionError } from '../../model/index.ts'
import { type Files, nodeFiles, readWhole, writeDurably } from '../files.ts'
import { isUlid } from './ulid.ts'

/** The name of the meta file within a block's directory. */
export const metaFileName = 'meta.json'

/** What a block counts; 0 where nothing is known. */
export interface BlockStats {
  readonly sampleCount: number
  readonly floatSampleCount: number
  readonly histogramSampleCount: number
  readonly seriesCount: number
  readonly chunkCount: number
  readonly tombstoneCount: number
}

/** A direct input of a merge. */
export interface BlockParent {
  readonly ulid: string
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

/** How a block came to be. */
export interface BlockCompaction {
  readonly level: number
  readonly sources: readonly string[]
  readonly parents: readonly BlockParent[]
  readonly deletable: boolean
  readonly failed: boolean
  /** Sorted: from-out-of-order, from-stale-series, … */
  readonly hints: readonly string[]
}

/** One file of a block as Thanos lists it; meta.json itself has no size. */
export interface BlockFile {
  readonly relPath: string
  readonly sizeBytes?: number
  readonly sha256?: string
}

/** The largest entries of a block, from which a store gateway sizes its range reads; 0 = unknown. */
export interface IndexStats {
  readonly seriesSizeBytesMax: number
  readonly chunkSizeBytesMax: number
}

/** Thanos' section of meta.json. */
export interface ThanosMeta {
  readonly labels: Readonly<Record<string, string>>
  /** 0 raw, 300000 or 3600000. */
  readonly downsampleResolutionMs: number
  readonly source: string
  readonly segmentFiles: readonly string[]
  readonly files: readonly BlockFile[]
  /** Kept as it was read. */
  readonly rewrites?: readonly unknown[]
  readonly indexStats: IndexStats
  /** Kept as it was read. */
  readonly extensions?: unknown
  readonly uploadTimeMs?: number
}

/** A block's meta.json. */
export interface BlockMeta {
  readonly ulid: string
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly stats: BlockStats
  readonly compaction: BlockCompaction
  readonly thanos?: ThanosMeta
}

const unsetUploadTime = '0001-01-01T00:00:00Z'

/** meta.json as bytes would be written: tab-indented, final newline, Go's key order and escapes. */
export function formatBlockMeta(meta: BlockMeta): string {
  const { stats, compaction, thanos } = meta
  const shown = {
    ulid: meta.ulid,
    minTime: meta.minTimeMs,
    maxTime: meta.maxTimeMs,
    stats: {
      numSamples: stats.sampleCount || undefined,
      numFloatSamples: stats.floatSampleCount || undefined,
      numHistogramSamples: stats.histogramSampleCount || undefined,
      numSeries: stats.seriesCount || undefined,
      numChunks: stats.chunkCount || undefined,
      numTombstones: stats.tombstoneCount || undefined,
    },
    compaction: {
      level: compaction.level,
      sources: compaction.sources.length === 0 ? undefined : compaction.sources,
      deletable: compaction.deletable || undefined,
      parents: compaction.parents.length === 0 ? undefined : compaction.parents.map(shownParent),
      failed: compaction.failed || undefined,
      hints: compaction.hints.length === 0 ? undefined : [...compaction.hints].sort(),
    },
    version: 1,
    thanos: thanos === undefined ? undefined : shownThanos(thanos),
  }
  return `${escapeHtml(JSON.stringify(shown, null, '\t'))}\n`
}

/** Parses meta.json; `file` names it in errors. Throws CorruptionError when it is not a version 1 meta. */
export function parseBlockMeta(text: string, file: string): BlockMeta {
  const raw = asObject(parseJson(text, file))
  if (raw.version !== 1) throw badMeta(file, 'version 1', `version ${JSON.stringify(raw.version)}`)
  const ulid = asText(raw.ulid)
  if (!isUlid(ulid)) throw badMeta(file, 'a ULID', JSON.stringify(raw.ulid))
  if (!Number.isSafeInteger(raw.minTime) || !Number.isSafeInteger(raw.maxTime)) {
    throw badMeta(file, 'integer minTime and maxTime', `${raw.minTime}, ${raw.maxTime}`)
  }
  const thanos = raw.thanos === undefined ? undefined : parseThanos(asObject(raw.thanos), file)
  return {
    ulid,
    minTimeMs: asNumber(raw.minTime),
    maxTimeMs: asNumber(raw.maxTime),
    stats: parseStats(asObject(raw.stats)),
    compaction: parseCompaction(asObject(raw.compaction)),
    ...(thanos === undefined ? {} : { thanos }),
  }
}

/** Reads `directory`/meta.json. Throws CorruptionError, or the file system's error when it is absent. */
export function readBlockMeta(directory: string, files: Files = nodeFiles): BlockMeta {
  const file = join(directory, metaFileName)
  return parseBlockMeta(Buffer.from(readWhole(files, file)).toString('utf8'), file)
}

/** Replaces `directory`/meta.json durably: temporary file, sync, rename, directory sync. */
export function writeBlockMeta(directory: string, meta: BlockMeta, files: Files = nodeFiles): void {
  writeDurably(files, join(directory, metaFileName), [Buffer.from(formatBlockMeta(meta))])
}

function shownParent(parent: BlockParent): object {
  return { ulid: parent.ulid, minTime: parent.minTimeMs, maxTime: parent.maxTimeMs }
}

function shownThanos(thanos: ThanosMeta): object {
  const { indexStats, uploadTimeMs } = thanos
  return {
    version: 1,
    labels: Object.fromEntries(Object.entries(thanos.labels).sort(([a], [b]) => (a < b ? -1 : 1))),
    downsample: { resolution: thanos.downsampleResolutionMs },
    source: thanos.source,
    segment_files: thanos.segmentFiles.length === 0 ? undefined : thanos.segmentFiles,
    files: thanos.files.length === 0 ? undefined : thanos.files.map(shownFile),
    rewrites: thanos.rewrites,
    index_stats: {
      series_max_size: indexStats.seriesSizeBytesMax || undefined,
      chunk_max_size: indexStats.chunkSizeBytesMax || undefined,
    },
    extensions: thanos.extensions,
    upload_time: uploadTimeMs === undefined ? unsetUploadTime : goTime(uploadTimeMs),
  }
}

// RFC 3339 as Go prints it: without the zeros that end a fraction.
function goTime(timestampMs: number): string {
  return new Date(timestampMs).toISOString().replace(/\.?0+Z$/, 'Z')
}

function shownFile(file: BlockFile): object {
  const hash = file.sha256 === undefined ? undefined : { hashFunc: 'SHA256', value: file.sha256 }
  return { rel_path: file.relPath, size_bytes: file.sizeBytes || undefined, hash }
}

// Go's encoder writes these so that JSON can stand in HTML; equal bytes make metas comparable.
function escapeHtml(json: string): string {
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  return json.replace(/[<>&\u2028\u2029]/g, escaped)
}

function parseStats(raw: Record<string, unknown>): BlockStats {
  return {
    sampleCount: asNumber(raw.numSamples),
    floatSampleCount: asNumber(raw.numFloatSamples),
    histogramSampleCount: asNumber(raw.numHistogramSamples),
    seriesCount: asNumber(raw.numSeries),
    chunkCount: asNumber(raw.numChunks),
    tombstoneCount: asNumber(raw.numTombstones),
  }
}

function parseCompaction(raw: Record<string, unknown>): BlockCompaction {
  return {
    level: asNumber(raw.level),
    sources: asList(raw.sources).map(asText),
    parents: asList(raw.parents).map((item) => {
      const parent = asObject(item)
      return {
        ulid: asText(parent.ulid),
        minTimeMs: asNumber(parent.minTime),
        maxTimeMs: asNumber(parent.maxTime),
      }
    }),
    deletable: raw.deletable === true,
    failed: raw.failed === true,
    hints: asList(raw.hints).map(asText),
  }
}

function parseThanos(raw: Record<string, unknown>, file: string): ThanosMeta {
  const version = raw.version ?? 0
  if (version !== 0 && version !== 1) throw badMeta(file, 'thanos version 1', String(version))
  const stats = asObject(raw.index_stats)
  const labels = Object.entries(asObject(raw.labels)).map(([name, value]) => [name, asText(value)])
  const uploadTimeMs =
    raw.upload_time === undefined ? Number.NaN : Date.parse(asText(raw.upload_time))
  return {
    labels: Object.fromEntries(labels),
    downsampleResolutionMs: asNumber(asObject(raw.downsample).resolution),
    source: asText(raw.source),
    segmentFiles: asList(raw.segment_files).map(asText),
    files: asList(raw.files).map(parseFile),
    ...(raw.rewrites === undefined ? {} : { rewrites: asList(raw.rewrites) }),
    indexStats: {
      seriesSizeBytesMax: asNumber(stats.series_max_size),
      chunkSizeBytesMax: asNumber(stats.chunk_max_size),
    },
    ...(raw.extensions === undefined ? {} : { extensions: raw.extensions }),
    // Year 1 is how Go writes a time that was never set.
    ...(uploadTimeMs > 0 ? { uploadTimeMs } : {}),
  }
}

function parseFile(item: unknown): BlockFile {
  const raw = asObject(item)
  const hash = asObject(raw.hash)
  return {
    relPath: asText(raw.rel_path),
    ...(typeof raw.size_bytes === 'number' ? { sizeBytes: raw.size_bytes } : {}),
    ...(hash.hashFunc === 'SHA256' ? { sha256: asText(hash.value) } : {}),
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CorruptionError({ file, offset: 0, expected: 'JSON', found: String(cause), cause })
  }
}

function badMeta(file: string, expected: string, found: string): CorruptionError {
  return new CorruptionError({ file, offset: 0, expected, found })
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

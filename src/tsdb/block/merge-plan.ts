// Merge plan: which local blocks to merge next. Overlapping blocks first, then blocks that fill a longer window, then
// blocks of which much is deleted. Pure: facts in, ULIDs out.
// Units: Unix milliseconds, bounds half-open. Source: Prometheus' leveled compaction (2 h × 3^k).

import { windowMs } from '../../model/index.ts'
import type { BlockMeta } from './block-meta.ts'

/** Longest block, whatever the retention. */
const blockDurationMsMax = 31 * 86_400_000
/** A block is rewritten alone when this share of its series has deleted samples. */
const tombstoneShareMax = 0.05

/** The lengths of blocks, shortest first: 2 h × 3^k up to a tenth of the retention and 31 days. */
export function mergeRangesMs(retentionMs: number): readonly number[] {
  const longestMs = Math.min(retentionMs / 10, blockDurationMsMax)
  const ranges = [windowMs]
  for (let rangeMs = 3 * windowMs; rangeMs <= longestMs; rangeMs *= 3) ranges.push(rangeMs)
  return ranges
}

/**
 * ULIDs of the blocks of one tenant to merge next, oldest first; empty when there is nothing to do. The newest block
 * is left alone unless it overlaps another: what follows may still belong to its window.
 */
export function planMerge(blocks: readonly BlockMeta[], rangesMs: readonly number[]): string[] {
  const sorted = [...blocks].sort((a, b) => a.minTimeMs - b.minTimeMs || a.maxTimeMs - b.maxTimeMs)
  const overlapping = firstOverlap(sorted)
  if (overlapping.length > 0) return ulidsOf(overlapping)
  const older = sorted.slice(0, -1)
  const newestMinMs = sorted.at(-1)?.minTimeMs ?? 0
  for (const rangeMs of rangesMs.slice(1)) {
    const window = firstFullWindow(older, rangeMs, newestMinMs)
    if (window.length > 0) return ulidsOf(window)
  }
  const longEnoughMs = rangesMs[Math.floor(rangesMs.length / 2)]!
  const worn = older.filter(({ stats, compaction, minTimeMs, maxTimeMs }) => {
    const share = stats.tombstoneCount / (stats.seriesCount + 1)
    return !compaction.failed && maxTimeMs - minTimeMs >= longEnoughMs && share > tombstoneShareMax
  })
  return ulidsOf(worn.slice(-1))
}

function ulidsOf(blocks: readonly BlockMeta[]): string[] {
  return blocks.map((block) => block.ulid)
}

// The first run of blocks in which each overlaps what came before it, unless merging it has failed before.
function firstOverlap(sorted: readonly BlockMeta[]): readonly BlockMeta[] {
  let run: BlockMeta[] = []
  let runMaxMs = -Infinity
  for (const block of sorted) {
    if (block.minTimeMs < runMaxMs) {
      run.push(block)
    } else if (isOverlap(run)) {
      return run
    } else {
      run = [block]
    }
    runMaxMs = Math.max(runMaxMs, block.maxTimeMs)
  }
  return isOverlap(run) ? run : []
}

function isOverlap(run: readonly BlockMeta[]): boolean {
  return run.length > 1 && !run.some((block) => block.compaction.failed)
}

// The blocks of the first aligned window that is full, or that lies behind the newest block and gets no fuller.
function firstFullWindow(
  blocks: readonly BlockMeta[],
  rangeMs: number,
  newestMinMs: number,
): readonly BlockMeta[] {
  const windows = new Map<number, BlockMeta[]>()
  for (const block of blocks) {
    const start = Math.floor(block.minTimeMs / rangeMs) * rangeMs
    // A block that reaches beyond its window belongs to a longer one.
    if (block.maxTimeMs > start + rangeMs) continue
    const window = windows.get(start)
    if (window === undefined) windows.set(start, [block])
    else window.push(block)
  }
  for (const [start, window] of windows) {
    if (window.length < 2 || window.some((block) => block.compaction.failed)) continue
    const spanMs = window.at(-1)!.maxTimeMs - window[0]!.minTimeMs
    if (spanMs === rangeMs || start + rangeMs <= newestMinMs) return window
  }
  return []
}

// Ship plan: which local blocks to upload, and in which order. Pure: facts in, blocks out.
// A block needs no upload when it has no samples, or when each level-1 block behind it is in the bucket: what was merged
// or cleaned locally has been shipped in its parts.

import type { BlockMeta } from '../tsdb/index.ts'

/** Whether everything in the block is in the bucket, given the ULIDs that are there or stand for what is there. */
export function isCovered(meta: BlockMeta, shipped: ReadonlySet<string>): boolean {
  if (meta.stats.sampleCount === 0 || shipped.has(meta.ulid)) return true
  const { sources } = meta.compaction
  return sources.length > 0 && sources.every((source) => shipped.has(source))
}

/** The blocks to upload, oldest samples first. */
export function planUploads(
  local: readonly BlockMeta[],
  shipped: ReadonlySet<string>,
): readonly BlockMeta[] {
  return local
    .filter((meta) => !isCovered(meta, shipped))
    .sort((a, b) => a.minTimeMs - b.minTimeMs || (a.ulid < b.ulid ? -1 : 1))
}

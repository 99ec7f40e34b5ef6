// Retention plan: which local blocks to delete for their age or for the room they take. Pure.
// Units: Unix milliseconds; sizes in bytes. Age counts from the wall clock, so that one sender with a clock that runs
// ahead cannot age the samples of all others.

/** What the plan needs to know of one block. */
export interface RetainedBlock {
  readonly ulid: string
  /** Exclusive. */
  readonly maxTimeMs: number
  readonly sizeBytes: number
}

/** How long and how much to keep; 0 = no bound. */
export interface RetentionBounds {
  readonly retentionMs: number
  readonly sizeBytesMax: number
  /** What else counts against the size, as the write-ahead log; nothing where absent. */
  readonly otherSizeBytes?: number
}

/** ULIDs to delete: blocks whose last sample is too old, and the oldest blocks beyond the size. */
export function planRetention(
  blocks: readonly RetainedBlock[],
  bounds: RetentionBounds,
  nowMs: number,
): string[] {
  const newestFirst = [...blocks].sort((a, b) => b.maxTimeMs - a.maxTimeMs)
  let sizeBytes = bounds.otherSizeBytes ?? 0
  let full = false
  return newestFirst
    .filter((block) => {
      sizeBytes += block.sizeBytes
      // Once one block is too much, older ones go as well: history has no holes.
      full ||= bounds.sizeBytesMax > 0 && sizeBytes > bounds.sizeBytesMax
      return full || (bounds.retentionMs > 0 && block.maxTimeMs <= nowMs - bounds.retentionMs)
    })
    .map((block) => block.ulid)
}

// Choosing blocks: which of the blocks in a bucket a reader asks, and whose they are. Pure.
// Units: Unix milliseconds. Source: Thanos' block filters (facts: fetching metas).

import type { BlockMeta } from '../tsdb/index.ts'

/** A block in the bucket as it was found. */
export interface FoundBlock {
  readonly ulid: string
  /** Undefined where meta.json is absent ('partial') or cannot be read ('corrupt'). */
  readonly meta: BlockMeta | 'partial' | 'corrupt'
  /** When the block was marked for deletion, where it was. */
  readonly deletionMarkMs?: number
}

/** How to choose. */
export interface ChoiceRules {
  /** The label that names a block's tenant. */
  readonly tenantLabel: string
  /** A block marked for deletion is read for this long, so that its replacement can be found first. */
  readonly ignoreDeletionMarksDelayMs: number
}

/** What becomes of a block. `downsampled` ones are not read, `no-tenant` ones belong to somebody else. */
export type BlockState =
  | 'loaded'
  | 'no-meta-json'
  | 'corrupted-meta-json'
  | 'marked-for-deletion'
  | 'duplicate'
  | 'downsampled'
  | 'no-tenant'

/** All states, for metrics. */
export const blockStates: readonly BlockState[] = [
  'loaded',
  'no-meta-json',
  'corrupted-meta-json',
  'marked-for-deletion',
  'duplicate',
  'downsampled',
  'no-tenant',
]

/** The outcome. */
export interface Choice {
  /** By tenant, oldest first. */
  readonly byTenant: ReadonlyMap<string, readonly BlockMeta[]>
  readonly counts: Readonly<Record<BlockState, number>>
}

/** Chooses the blocks to read. A block is a duplicate when one with more sources has all of its own. */
export function chooseBlocks(
  found: readonly FoundBlock[],
  rules: ChoiceRules,
  nowMs: number,
): Choice {
  const counts = Object.fromEntries(blockStates.map((state) => [state, 0])) as Record<
    BlockState,
    number
  >
  const candidates: BlockMeta[] = []
  for (const block of found) {
    const state = stateOf(block, rules, nowMs)
    if (state === 'loaded' && typeof block.meta !== 'string') candidates.push(block.meta)
    else counts[state]++
  }
  const kept = withoutDuplicates(candidates)
  counts.loaded = kept.length
  counts.duplicate = candidates.length - kept.length
  const byTenant = new Map<string, BlockMeta[]>()
  for (const meta of kept) {
    const tenant = meta.thanos!.labels[rules.tenantLabel]!
    const blocks = byTenant.get(tenant)
    if (blocks === undefined) byTenant.set(tenant, [meta])
    else blocks.push(meta)
  }
  for (const blocks of byTenant.values()) blocks.sort((a, b) => a.minTimeMs - b.minTimeMs)
  return { byTenant, counts }
}

function stateOf(block: FoundBlock, rules: ChoiceRules, nowMs: number): BlockState {
  const { meta, deletionMarkMs } = block
  if (meta === 'partial') return 'no-meta-json'
  if (meta === 'corrupt') return 'corrupted-meta-json'
  if (deletionMarkMs !== undefined && nowMs - deletionMarkMs > rules.ignoreDeletionMarksDelayMs)
    return 'marked-for-deletion'
  if (!Object.hasOwn(meta.thanos?.labels ?? {}, rules.tenantLabel)) return 'no-tenant'
  return meta.thanos!.downsampleResolutionMs === 0 ? 'loaded' : 'downsampled'
}

function withoutDuplicates(metas: readonly BlockMeta[]): BlockMeta[] {
  const sorted = [...metas].sort(
    (a, b) =>
      b.compaction.sources.length - a.compaction.sources.length || (a.ulid < b.ulid ? -1 : 1),
  )
  // By source: the kept blocks that have it, so that a block is compared only with its own kin.
  const keptBySource = new Map<string, Set<string>[]>()
  return sorted.filter((meta) => {
    const sources = meta.compaction.sources.length > 0 ? meta.compaction.sources : [meta.ulid]
    const kin = keptBySource.get(sources[0]!) ?? []
    if (kin.some((other) => sources.every((source) => other.has(source)))) return false
    const own = new Set(sources)
    for (const source of sources) {
      const list = keptBySource.get(source)
      if (list === undefined) keptBySource.set(source, [own])
      else list.push(own)
    }
    return true
  })
}

// Writing a block: a sorted stream of series becomes a directory in Prometheus' format, whole or not at all.

import type { SeriesCursor } from '../../storage/index.ts'
import type { BlockParent, ThanosMeta } from './block-meta.ts'

/** What a new block is made of. */
export interface WriteBlockRequest {
  /** The directory that will hold `<ULID>`; created where absent. */
  readonly directory: string
  readonly ulid: string
  /** Half-open: samples at or after minTimeMs and before maxTimeMs are written, others are left out. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** 1 for a fresh block. */
  readonly level: number
  /** The level-1 blocks behind it; absent = the block itself. */
  readonly sources?: readonly string[]
  readonly parents?: readonly BlockParent[]
  readonly hints?: readonly string[]
  /** Labels and source of Thanos' section; absent = no section. */
  readonly thanos?: Pick<ThanosMeta, 'labels' | 'source'> &
    Partial<Pick<ThanosMeta, 'downsampleResolutionMs' | 'extensions'>>
  /** Opens the series, sorted by labels, each label set once; called twice: for the symbols and for the chunks. */
  readonly series: () => SeriesCursor
  /** A chunk segment is closed before it would exceed this; 512 MiB where absent. */
  readonly segmentSizeBytesMax?: number
}

// Merging blocks: several blocks of one tenant become one, without their deleted samples.
// Units: Unix milliseconds, a block's bounds half-open.
// Source: Prometheus tsdb compaction: level above the highest parent's, sources united.

import type { CancelSignal, SelectRequest, SeriesCursor } from '../../storage/index.ts'
import { mergeCursors } from '../../storage/index.ts'
import type { Files } from '../files.ts'
import type { Block } from './block.ts'
import type { BlockMeta } from './block-meta.ts'
import { writeBlock } from './write-block.ts'

/** What to merge and where the result goes. */
export interface MergeRequest {
  /** At least one; where two have a sample of one series and time, the earlier in the list wins. */
  readonly blocks: readonly Block[]
  readonly directory: string
  readonly ulid: string
  readonly signal: CancelSignal
  readonly files?: Files
}

/** Writes the merged block; undefined when no sample is left. The inputs stay as they are. */
export function mergeBlocks(request: MergeRequest): Promise<BlockMeta | undefined> {
  const { blocks, directory, ulid, files } = request
  const metas = blocks.map((block) => block.meta)
  const thanos = metas[0]!.thanos
  return writeBlock({
    directory,
    ulid,
    minTimeMs: Math.min(...metas.map((meta) => meta.minTimeMs)),
    maxTimeMs: Math.max(...metas.map((meta) => meta.maxTimeMs)),
    // One block alone is only rid of its deleted samples: that does not make it coarser.
    level: Math.max(...metas.map((meta) => meta.compaction.level)) + (metas.length > 1 ? 1 : 0),
    sources: [...new Set(metas.flatMap((meta) => meta.compaction.sources))],
    parents: metas.map(({ ulid: parent, minTimeMs, maxTimeMs }) => {
      return { ulid: parent, minTimeMs, maxTimeMs }
    }),
    hints: sharedHints(metas),
    series: (pass) => openAll(request, pass === 'labels'),
    ...(thanos === undefined ? {} : { thanos }),
    ...(files === undefined ? {} : { files }),
  })
}

function openAll({ blocks, signal }: MergeRequest, labelsOnly: boolean): SeriesCursor {
  const everything: SelectRequest = {
    tenants: [],
    matchers: [],
    minTimeMs: -Infinity,
    maxTimeMs: Infinity,
    sorted: true,
    hints: labelsOnly ? { func: 'series' } : {},
  }
  const cursors: SeriesCursor[] = []
  try {
    for (const block of blocks) cursors.push(block.select(everything, signal))
  } catch (error) {
    for (const cursor of cursors) cursor.close()
    throw error
  }
  return mergeCursors(cursors, { sorted: true })
}

// A hint holds for the result only if it holds for every part of it.
function sharedHints(metas: readonly BlockMeta[]): string[] {
  const [first, ...rest] = metas
  return first!.compaction.hints.filter((hint) =>
    rest.every((meta) => meta.compaction.hints.includes(hint)),
  )
}

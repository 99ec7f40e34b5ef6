// Bucket queryable: all blocks of a bucket as one source of series. What is on local disk too is left to the local
// blocks, and a block that cannot be read is named in the answer's warnings, which then holds everything else.

import { compareUtf8, UserError } from '../model/index.ts'
import {
  type CancelSignal,
  type LabelAnswer,
  type LabelRequest,
  mergeCursors,
  type Queryable,
  type SelectRequest,
  type SeriesBatch,
  type SeriesCursor,
  warningsOf,
} from '../storage/index.ts'
import type { BlockMeta, LocalBlocks } from '../tsdb/index.ts'
import { BucketBlockReader, type BucketIndexes } from './bucket-block-reader.ts'
import type { BucketBlocks } from './bucket-blocks.ts'
import { ReadAheadCursor } from './deferred-cursor.ts'
import type { Deletion } from './deletions.ts'
import { Turns } from './limiter.ts'
import { ReadBudget } from './page-reader.ts'
import { isCovered } from './ship-plan.ts'

/** What the queryable needs of its surroundings. */
export interface BucketQueryableOptions {
  readonly blocks: Pick<BucketBlocks, 'blocksOf' | 'warnings'>
  readonly indexes: BucketIndexes
  /** Blocks whose samples a local block answers for; absent = none. */
  readonly isLocal?: (tenant: string, meta: BlockMeta) => boolean
  /** What was deleted of a block; absent = nothing. */
  readonly deletionsOf?: (tenant: string, meta: BlockMeta) => readonly Deletion[]
  /** The most that one select or listing reads of all blocks together, from caches or not. */
  readonly readSizeBytesMax: number
}

/** Whether the local blocks of the tenant hold everything that a block in the bucket does, asked at each request. */
export function localCover(
  local: Pick<LocalBlocks, 'blocksOf'>,
): (tenant: string, meta: BlockMeta) => boolean {
  // The list of a tenant's blocks is replaced whenever it changes.
  const known = new WeakMap<readonly unknown[], ReadonlySet<string>>()
  return (tenant, meta) => {
    const blocks = local.blocksOf(tenant)
    let ulids = known.get(blocks)
    if (ulids === undefined) {
      ulids = new Set(blocks.flatMap(({ meta: m }) => [m.ulid, ...m.compaction.sources]))
      known.set(blocks, ulids)
    }
    return isCovered(meta, ulids)
  }
}

/** A source of series over the blocks in a bucket. */
export class BucketQueryable implements Queryable {
  readonly #options: BucketQueryableOptions

  constructor(options: BucketQueryableOptions) {
    this.#options = options
  }

  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    const readers = this.#readers(request, signal)
    const cursors = readers.map(
      (reader) =>
        new ReadAheadCursor(new TolerantCursor(reader.meta, reader.select(request, signal))),
    )
    // Blocks give their rows in order anyway, so merging by labels holds two batches of each at a time.
    return withWarnings(mergeCursors(cursors, { sorted: true }), this.#options.blocks.warnings())
  }

  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, signal, (reader) => reader.labelNames(request, signal))
  }

  labelValues(name: string, request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    return this.#list(request, signal, (reader) => reader.labelValues(name, request, signal))
  }

  async #list(
    request: LabelRequest,
    signal: CancelSignal,
    ask: (reader: BucketBlockReader) => Promise<LabelAnswer>,
  ): Promise<LabelAnswer> {
    const asked = this.#readers(request, signal).map(async (reader): Promise<LabelAnswer> => {
      try {
        return await ask(reader)
      } catch (error) {
        return { values: [], warnings: [warningOf(reader.meta, error)] }
      }
    })
    const answers = await Promise.all(asked)
    const values = answers.length === 1 ? answers[0]!.values : await union(answers)
    const { limit = 0 } = request
    return {
      values: limit > 0 ? values.slice(0, limit) : values,
      warnings: [...this.#options.blocks.warnings(), ...warningsOf(answers)],
    }
  }

  #readers(request: SelectRequest | LabelRequest, signal: CancelSignal): BucketBlockReader[] {
    const { blocks, indexes, isLocal, deletionsOf, readSizeBytesMax } = this.#options
    const shared = new ReadBudget(readSizeBytesMax, signal)
    return request.tenants.flatMap((tenant) =>
      blocks
        .blocksOf(tenant)
        .filter((meta) => isLocal?.(tenant, meta) !== true)
        .map((meta) => {
          const deletions = deletionsOf?.(tenant, meta)
          return new BucketBlockReader(meta, indexes, () => shared, deletions)
        })
        .filter((reader) => reader.overlaps(request.minTimeMs, request.maxTimeMs)),
    )
  }
}

// Each answer is sorted, so sorting is needed, and takes its time, only where one adds to those before it.
async function union(answers: readonly LabelAnswer[]): Promise<readonly string[]> {
  const turns = new Turns()
  const distinct = new Set<string>()
  let sorted = true
  for (const answer of answers) {
    const before = distinct.size
    for (const value of answer.values) distinct.add(value)
    sorted &&= before === 0 || distinct.size === before
    await turns.give()
  }
  return sorted ? [...distinct] : [...distinct].sort(compareUtf8)
}

/** Ends, with a warning, where its block cannot be read. */
class TolerantCursor implements SeriesCursor {
  readonly #meta: BlockMeta
  readonly #cursor: SeriesCursor
  #warning: string | undefined

  constructor(meta: BlockMeta, cursor: SeriesCursor) {
    this.#meta = meta
    this.#cursor = cursor
  }

  get warnings(): readonly string[] {
    return this.#warning === undefined ? this.#cursor.warnings : [this.#warning]
  }

  async next(): Promise<SeriesBatch | undefined> {
    if (this.#warning !== undefined) return undefined
    try {
      return await this.#cursor.next()
    } catch (error) {
      this.#warning = warningOf(this.#meta, error)
      this.#cursor.close()
      return undefined
    }
  }

  close(): void {
    this.#cursor.close()
  }
}

// What concerns the caller is thrown on; what concerns the block becomes a warning.
function warningOf(meta: BlockMeta, error: unknown): string {
  const isBlocks =
    !(error instanceof UserError) || error.code === 'unavailable' || error.code === 'not_found'
  if (!isBlocks) throw error
  const from = new Date(meta.minTimeMs).toISOString()
  const to = new Date(meta.maxTimeMs).toISOString()
  const reason = error instanceof Error ? error.message : String(error)
  return `block ${meta.ulid} (${from} to ${to}) in the bucket could not be read: ${reason}`
}

function withWarnings(cursor: SeriesCursor, warnings: readonly string[]): SeriesCursor {
  if (warnings.length === 0) return cursor
  return {
    next: () => cursor.next(),
    close: () => cursor.close(),
    get warnings() {
      return [...warnings, ...cursor.warnings]
    },
  }
}

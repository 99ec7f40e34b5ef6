// Shipped record: which blocks of each tenant are in the bucket, kept as `thanos.shipper.json` beside the blocks.
// Invariant: a ULID is recorded only after the bucket has acknowledged the block's meta.json. A lost record costs a look
// into the bucket per block, nothing more.
// Source: Thanos' shipper meta file, version 1.

import { join } from 'node:path'
import { type BlockMeta, type Files, nodeFiles, readWhole, writeDurably } from '../tsdb/index.ts'
import { isCovered } from './ship-plan.ts'

/** The record's file within the directory of a tenant's blocks. */
export const shipperFileName = 'thanos.shipper.json'

/** What has been shipped, by tenant. */
export class ShippedRecord {
  readonly #directory: string
  readonly #files: Files
  readonly #shipped = new Map<string, ReadonlySet<string>>()

  /** `directory` holds a directory per tenant. */
  constructor(directory: string, files: Files = nodeFiles) {
    this.#directory = directory
    this.#files = files
  }

  /** Whether a local block may be merged or deleted without losing samples. */
  readonly isShipped = (tenant: string, meta: BlockMeta): boolean =>
    isCovered(meta, this.shipped(tenant))

  /** ULIDs that are in the bucket, or were parts of what is there. */
  shipped(tenant: string): ReadonlySet<string> {
    let known = this.#shipped.get(tenant)
    if (known === undefined) {
      known = new Set(readShipped(this.#files, join(this.#directory, tenant, shipperFileName)))
      this.#shipped.set(tenant, known)
    }
    return known
  }

  /** Records blocks as shipped, durably, and forgets those of which no block in `local` consists any more. */
  add(tenant: string, ulids: readonly string[], local: readonly BlockMeta[]): void {
    const alive = new Set(local.flatMap((meta) => [meta.ulid, ...meta.compaction.sources]))
    for (const ulid of ulids) alive.add(ulid)
    const next = new Set([...this.shipped(tenant), ...ulids].filter((ulid) => alive.has(ulid)))
    const directory = join(this.#directory, tenant)
    this.#files.makeDirectory(directory)
    const text = `${JSON.stringify({ version: 1, uploaded: [...next].sort() }, null, '\t')}\n`
    writeDurably(this.#files, join(directory, shipperFileName), [Buffer.from(text)])
    this.#shipped.set(tenant, next)
  }
}

// An unreadable record is the same as none: the bucket knows.
function readShipped(files: Files, path: string): string[] {
  try {
    const text = Buffer.from(readWhole(files, path)).toString('utf8')
    const { version, uploaded } = JSON.parse(text) as Record<string, unknown>
    if (version !== 1 || !Array.isArray(uploaded)) return []
    return uploaded.filter((ulid) => typeof ulid === 'string')
  } catch {
    return []
  }
}

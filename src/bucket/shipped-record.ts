// Shipped record: which blocks of each tenant are in the bucket, kept as `thanos.shipper.json` beside the blocks.
// Invariant: a ULID is recorded only after the bucket has acknowledged the block's meta.json. A lost record costs a look
// into the bucket per block, nothing more.
// Source: Thanos' shipper meta file, version 1.

import { mkdirSync, readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlockMeta } from '../tsdb/index.ts'
import { isCovered } from './ship-plan.ts'

/** The record's file within the directory of a tenant's blocks. */
export const shipperFileName = 'thanos.shipper.json'

/** What has been shipped, by tenant. */
export class ShippedRecord {
  readonly #directory: string
  readonly #shipped = new Map<string, ReadonlySet<string>>()

  /** `directory` holds a directory per tenant. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** Whether a local block may be merged or deleted without losing samples. */
  readonly isShipped = (tenant: string, meta: BlockMeta): boolean =>
    isCovered(meta, this.shipped(tenant))

  /** ULIDs that are in the bucket, or were parts of what is there. */
  shipped(tenant: string): ReadonlySet<string> {
    let known = this.#shipped.get(tenant)
    if (known === undefined) {
      known = new Set(readShipped(join(this.#directory, tenant, shipperFileName)))
      this.#shipped.set(tenant, known)
    }
    return known
  }

  /** Records blocks as shipped, durably, and forgets those of which no block in `local` consists any more. */
  async add(tenant: string, ulids: readonly string[], local: readonly BlockMeta[]): Promise<void> {
    const alive = new Set(local.flatMap((meta) => [meta.ulid, ...meta.compaction.sources]))
    for (const ulid of ulids) alive.add(ulid)
    const next = new Set([...this.shipped(tenant), ...ulids].filter((ulid) => alive.has(ulid)))
    const directory = join(this.#directory, tenant)
    mkdirSync(directory, { recursive: true })
    const text = `${JSON.stringify({ version: 1, uploaded: [...next].sort() }, null, '\t')}\n`
    await replaceFile(directory, shipperFileName, Buffer.from(text))
    this.#shipped.set(tenant, next)
  }
}

/** Writes a file so that after a power cut either the old or the new content is there. */
export async function replaceFile(
  directory: string,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const path = join(directory, name)
  await syncing(`${path}.tmp`, 'w', async (handle) => handle.writeFile(content))
  await rename(`${path}.tmp`, path)
  await syncing(directory, 'r', async () => undefined)
}

async function syncing(
  path: string,
  flags: string,
  work: (handle: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const handle = await open(path, flags)
  try {
    await work(handle)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

// An unreadable record is the same as none: the bucket knows.
function readShipped(path: string): string[] {
  try {
    const { version, uploaded } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    if (version !== 1 || !Array.isArray(uploaded)) return []
    return uploaded.filter((ulid) => typeof ulid === 'string')
  } catch {
    return []
  }
}

// Deletions: which samples of the bucket's blocks were deleted, until those blocks are rewritten without them; kept as
// `deletions.json` beside the tenant's local blocks.
// Units: Unix milliseconds, intervals inclusive at both ends.
// Invariants: a deletion is on disk before it is acknowledged, and hides samples of every block that is older than it
// and not known to be without them; a rewrite is on disk before the bucket sees anything of it, so that a crash at any
// moment leads to one new block in place of each old one.

import { join } from 'node:path'
import { CorruptionError, type Matcher, UserError } from '../model/index.ts'
import {
  type BlockMeta,
  type Files,
  nodeFiles,
  readWhole,
  ulidTimeMs,
  writeDurably,
} from '../tsdb/index.ts'

/** The file within the directory of a tenant's blocks. */
export const deletionsFileName = 'deletions.json'

/** Samples that were deleted: those of matching series within the inclusive range. */
export interface Deletion {
  readonly matchers: readonly Matcher[]
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Blocks made later hold samples that were written after the deletion. */
  readonly createdMs: number
}

/** A block of the bucket and the one that takes its place. */
export interface Rewrite {
  readonly from: string
  readonly to: string
  /** Since when `to` is whole in the bucket, or was found to have no sample; undefined = not yet. */
  readonly replacedMs?: number
}

interface KnownDeletion extends Deletion {
  /** Blocks that are older and have no such sample. */
  readonly clean: Set<string>
}

interface TenantDeletions {
  deletions: KnownDeletion[]
  rewrites: Rewrite[]
}

/** How long a deletion that hides nothing more is kept, for blocks that were being merged by others meanwhile. */
const keepMs = 86_400_000
/** How far the clocks of others who write to the bucket may run ahead. */
const clockSkewMsMax = 60_000
const countMaxDefault = 1000

/** The deletions of all tenants. */
export class Deletions {
  readonly #directory: string
  readonly #files: Files
  readonly #countMax: number
  readonly #tenants = new Map<string, TenantDeletions>()

  /**
   * Reads what is below `directory`, which holds a directory per tenant. `countMax` bounds the deletions under way per
   * tenant. Throws CorruptionError for a file that cannot be read: forgetting it would bring deleted samples back.
   */
  constructor(
    directory: string,
    options: { readonly files?: Files; readonly countMax?: number } = {},
  ) {
    this.#directory = directory
    this.#files = options.files ?? nodeFiles
    this.#countMax = options.countMax ?? countMaxDefault
    for (const tenant of this.#files.list(directory)) {
      const path = this.#pathOf(tenant)
      if (this.#files.exists(path)) this.#tenants.set(tenant, readDeletions(this.#files, path))
    }
  }

  /** Tenants with deletions or rewrites under way. */
  tenants(): string[] {
    return [...this.#tenants.keys()].sort()
  }

  /** All deletions of a tenant that are under way. */
  all(tenant: string): readonly Deletion[] {
    return this.#tenants.get(tenant)?.deletions ?? []
  }

  /** Adds a deletion, durably. Throws UserError limit_exceeded where too many are under way. */
  add(tenant: string, deletion: Deletion): void {
    const state = this.#tenants.get(tenant) ?? { deletions: [], rewrites: [] }
    if (state.deletions.length >= this.#countMax)
      throw new UserError('limit_exceeded', {
        what: `${state.deletions.length} deletions are under way, which is the limit`,
        where: `tenant ${tenant}`,
        fix: 'wait until the blocks in the bucket are rewritten, or delete with fewer, wider selectors',
      })
    this.#change(tenant, {
      ...state,
      deletions: [...state.deletions, { ...deletion, clean: new Set() }],
    })
  }

  /** The deletions that hide samples of a block in the bucket, as far as is known. */
  hiding(tenant: string, meta: BlockMeta): readonly Deletion[] {
    const state = this.#tenants.get(tenant)
    if (state === undefined) return []
    const { sources } = meta.compaction
    const oldestMs = Math.min(...(sources.length > 0 ? sources : [meta.ulid]).map(ulidTimeMs))
    return state.deletions.filter(
      (deletion) =>
        oldestMs <= deletion.createdMs + clockSkewMsMax &&
        deletion.minTimeMs < meta.maxTimeMs &&
        meta.minTimeMs <= deletion.maxTimeMs &&
        !deletion.clean.has(meta.ulid),
    )
  }

  /** Notes, durably, that a block has no sample that these deletions name. */
  markClean(tenant: string, ulid: string, deletions: readonly Deletion[]): void {
    const state = this.#tenants.get(tenant)
    const known = state?.deletions.filter((each) => deletions.includes(each)) ?? []
    if (state === undefined || known.length === 0) return
    for (const { clean } of known) clean.add(ulid)
    this.#change(tenant, state)
  }

  /** Rewrites under way. */
  rewrites(tenant: string): readonly Rewrite[] {
    return this.#tenants.get(tenant)?.rewrites ?? []
  }

  /** Whether another block, or nothing, has taken the place of this one. */
  readonly isReplaced = (ulid: string): boolean => {
    for (const { rewrites } of this.#tenants.values())
      if (rewrites.some(({ from, replacedMs }) => from === ulid && replacedMs !== undefined))
        return true
    return false
  }

  /** Adds a rewrite, or puts it in the place of the one that has the same `from`; durably. */
  noteRewrite(tenant: string, rewrite: Rewrite): void {
    const state = this.#tenants.get(tenant)!
    const others = state.rewrites.filter(({ from }) => from !== rewrite.from)
    this.#change(tenant, { ...state, rewrites: [...others, rewrite] })
  }

  /** Forgets a rewrite whose old block is gone; durably. */
  endRewrite(tenant: string, from: string): void {
    const state = this.#tenants.get(tenant)!
    const rewrites = state.rewrites.filter((rewrite) => rewrite.from !== from)
    this.#change(tenant, { ...state, rewrites })
  }

  /** Forgets deletions that hide nothing of `blocks`, which are all that the bucket has of the tenant. */
  forget(tenant: string, blocks: readonly BlockMeta[], nowMs: number): void {
    const state = this.#tenants.get(tenant)
    if (state === undefined) return
    const hiding = new Set(blocks.flatMap((meta) => this.hiding(tenant, meta)))
    const deletions = state.deletions.filter(
      (deletion) => hiding.has(deletion) || nowMs - deletion.createdMs < keepMs,
    )
    if (deletions.length < state.deletions.length) this.#change(tenant, { ...state, deletions })
  }

  #change(tenant: string, state: TenantDeletions): void {
    const path = this.#pathOf(tenant)
    this.#files.makeDirectory(join(this.#directory, tenant))
    writeDurably(this.#files, path, [Buffer.from(formatDeletions(state))])
    if (state.deletions.length + state.rewrites.length > 0) this.#tenants.set(tenant, state)
    else this.#tenants.delete(tenant)
  }

  #pathOf(tenant: string): string {
    return join(this.#directory, tenant, deletionsFileName)
  }
}

function formatDeletions({ deletions, rewrites }: TenantDeletions): string {
  const shown = deletions.map((deletion) => ({ ...deletion, clean: [...deletion.clean].sort() }))
  return `${JSON.stringify({ version: 1, deletions: shown, rewrites }, null, '\t')}\n`
}

function readDeletions(files: Files, path: string): TenantDeletions {
  const text = Buffer.from(readWhole(files, path)).toString('utf8')
  try {
    const { version, deletions, rewrites } = JSON.parse(text)
    if (version !== 1) throw new Error(`version ${version}`)
    return {
      deletions: deletions.map((deletion: Deletion & { readonly clean: readonly string[] }) => ({
        ...deletion,
        clean: new Set(deletion.clean),
      })),
      rewrites,
    }
  } catch (cause) {
    const found = String(cause)
    throw new CorruptionError({ file: path, offset: 0, expected: 'version 1', found, cause })
  }
}

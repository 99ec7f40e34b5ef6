// A script storage whose queries read from a block: what was loaded is written to one, and that is opened.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine, LoadSeries, ScriptStorage } from '../../src/promql/index.ts'
import { ChunkStorage } from '../../src/promql/index.ts'
import type { Queryable } from '../../src/storage/index.ts'

import type { Block } from '../../src/tsdb/index.ts'
import { createUlidFactory, openBlock, writeBlock } from '../../src/tsdb/index.ts'

const minTimeMs = -(2 ** 40)
const maxTimeMs = 2 ** 50

export class BlockStorage implements ScriptStorage {
  readonly #engine: Engine
  readonly #loaded: ChunkStorage
  readonly #directory = mkdtempSync(join(tmpdir(), 'promql-blocks-'))
  readonly #nextUlid = createUlidFactory(Date.now)
  #block: Block | undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.#loaded = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
  }

  get queryable(): Queryable {
    return this.#block ?? this.#loaded
  }

  async append(series: readonly LoadSeries[]): Promise<void> {
    await this.#loaded.append(series)
    await this.#rewrite()
  }

  async clear(): Promise<void> {
    await this.#loaded.clear()
    await this.#rewrite()
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #rewrite(): Promise<void> {
    const ulid = this.#nextUlid()
    const request = { tenants: ['scripts'], matchers: [], minTimeMs, maxTimeMs: maxTimeMs - 1 }
    const meta = await writeBlock({
      directory: this.#directory,
      ulid,
      minTimeMs,
      maxTimeMs,
      level: 1,
      series: () => this.#loaded.select({ ...request, sorted: true, hints: {} }),
    })
    await this.#block?.close()
    const { compileMatcher, hashSeed } = this.#engine.options
    const options = { compileMatcher, seed: hashSeed }
    this.#block = meta && (await openBlock(join(this.#directory, ulid), options))
  }
}

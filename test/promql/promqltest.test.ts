// PromQL is specified in itself: every evaluation of our scripts, and of $CONFORMANCE_DIR/promqltest, holds, with the
// data in memory, in the head and in a block.
import { afterAll, describe, expect, test } from 'vitest'
import type { ScriptStorage } from '../../src/promql/index.ts'
import {
  ChunkStorage,
  createScriptEngine,
  evaluateWith,
  runScriptFiles,
} from '../../src/promql/index.ts'
import { HeadScriptStorage, scriptTenant } from '../../src/roles/script-storage.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { BlockStorage } from './block-storage.ts'

const engine = createScriptEngine()
const blocks = new BlockStorage(engine)
afterAll(() => blocks.close())

const storages: readonly (readonly [string, ScriptStorage])[] = [
  ['chunks in memory', new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)],
  ['the head', new HeadScriptStorage(engine.options)],
  ['a block', blocks],
]

const conformance = process.env.CONFORMANCE_DIR
const folders = ['test/promql/scripts']
if (conformance !== undefined) folders.push(`${conformance}/promqltest`)

// Blocks are synced to disk after every load: slow on a busy machine.
const timeoutMs = 240_000

describe.each(storages)('over %s', (_name, storage) => {
  test.each(folders)('every evaluation of %s holds', { timeout: timeoutMs }, async (folder) => {
    const report: string[] = []
    const { passedCount } = await runScriptFiles([folder], {
      storage,
      evaluate: evaluateWith(engine, scriptTenant, neverCancelled),
      print: (line) => report.push(line),
    })
    expect(report).toEqual([`${passedCount} passed, 0 failed`])
    expect(passedCount).toBeGreaterThan(100)
  })
})

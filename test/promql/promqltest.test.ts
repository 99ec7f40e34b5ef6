// PromQL is specified in itself: every evaluation of our scripts, and of $CONFORMANCE_DIR/promqltest, holds, with the
// data in memory and again with it in a block.
import { afterAll, describe, expect, test } from 'vitest'
import type { ScriptStorage } from '../../src/promql/index.ts'
import {
  ChunkStorage,
  createScriptEngine,
  evaluateWith,
  runScriptFiles,
} from '../../src/promql/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'
import { BlockStorage } from './block-storage.ts'

const engine = createScriptEngine()
const blocks = new BlockStorage(engine)
afterAll(() => blocks.close())

const storages: readonly (readonly [string, ScriptStorage])[] = [
  ['chunks in memory', new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)],
  ['a block', blocks],
]

const conformance = process.env.CONFORMANCE_DIR
const folders = ['test/promql/scripts']
if (conformance !== undefined) folders.push(`${conformance}/promqltest`)

describe.each(storages)('over %s', (_name, storage) => {
  test.each(folders)('every evaluation of %s holds', async (folder) => {
    const report: string[] = []
    const { passedCount } = await runScriptFiles([folder], {
      storage,
      evaluate: evaluateWith(engine, 'scripts', neverCancelled),
      print: (line) => report.push(line),
    })
    expect(report).toEqual([`${passedCount} passed, 0 failed`])
    expect(passedCount).toBeGreaterThan(100)
  })
})

// PromQL is specified in itself: every evaluation of our scripts, and of $CONFORMANCE_DIR/promqltest, holds.
import { expect, test } from 'vitest'
import {
  ChunkStorage,
  createScriptEngine,
  evaluateWith,
  runScriptFiles,
} from '../../src/promql/index.ts'
import { neverCancelled } from '../../src/storage/index.ts'

async function failuresOf(path: string): Promise<{ passed: number; report: string[] }> {
  const engine = createScriptEngine()
  const report: string[] = []
  const { passedCount } = await runScriptFiles([path], {
    storage: new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed),
    evaluate: evaluateWith(engine, 'scripts', neverCancelled),
    print: (line) => report.push(line),
  })
  report.pop()
  return { passed: passedCount, report }
}

test('our own scripts hold', async () => {
  const { passed, report } = await failuresOf('test/promql/scripts')
  expect(report).toEqual([])
  expect(passed).toBeGreaterThan(100)
})

const conformance = process.env.CONFORMANCE_DIR

test.skipIf(conformance === undefined)('the conformance scripts hold', async () => {
  const { passed, report } = await failuresOf(`${conformance}/promqltest`)
  expect(report).toEqual([])
  expect(passed).toBeGreaterThan(0)
})

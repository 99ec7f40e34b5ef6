// Runs PromQL test scripts: node scripts/promqltest.ts FILE|DIR...
// Prints each failing evaluation and ends with `N passed, N failed`; exit code 1 where something failed.

import {
  ChunkStorage,
  createScriptEngine,
  evaluateWith,
  runScriptFiles,
} from '../src/promql/index.ts'
import { neverCancelled } from '../src/storage/index.ts'

const paths = process.argv.slice(2)
if (paths.length === 0) {
  console.error('usage: promqltest FILE|DIR...')
  process.exit(2)
}
const engine = createScriptEngine()
const storage = new ChunkStorage(engine.options.compileMatcher, engine.options.hashSeed)
const { failures } = await runScriptFiles(paths, {
  storage,
  evaluate: evaluateWith(engine, 'scripts', neverCancelled),
  print: (line) => console.log(line),
})
process.exitCode = failures.length > 0 ? 1 : 0

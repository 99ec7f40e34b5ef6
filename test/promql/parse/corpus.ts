// Expressions that tests of the parser go through: our own corpus, and those of the conformance data where the
// environment says where it lies.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname

/** Every expression, once. */
export function corpus(): string[] {
  const own = readFileSync(join(here, '..', 'corpus.txt'), 'utf8').split('\n')
  const folder = process.env.CONFORMANCE_DIR
  const given = folder === undefined ? [] : conformanceExpressions(join(folder, 'promqltest'))
  return [...new Set([...own, ...given])].filter((line) => line !== '' && !line.startsWith('#'))
}

function conformanceExpressions(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.test'))
  if (files.length === 0) throw new Error(`no .test files in ${folder}`)
  const command =
    /^eval(?:_\w+)?\s+(?:instant\s+at\s+\S+|range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+)\s+(.+)$/
  return files.flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .map((line) => command.exec(line.trim())?.[1])
      .filter((expr) => expr !== undefined),
  )
}

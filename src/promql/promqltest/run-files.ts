// Runs script files and folders of them, and reports in text: each failing evaluation with file and line, the last
// line `N passed, N failed`.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../model/index.ts'
import type { Evaluate, ScriptFailure, ScriptOutcome } from './run-script.ts'
import { runScript } from './run-script.ts'
import type { ScriptStorage } from './script-storage.ts'

/** Where scripts load to and who evaluates. */
export interface ScriptRunOptions {
  readonly storage: ScriptStorage
  readonly evaluate: Evaluate
  /** Takes one line of the report. */
  readonly print: (line: string) => void
}

/** Script files (`*.test`) of a folder and the folders in it, or the file itself; throws UserError bad_data for none. */
export function scriptFilesOf(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new UserError('bad_data', { what: `${path} does not exist` })
  if (!stat.isDirectory()) return [path]
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test'))
    .sort()
    .map((name) => join(path, name))
  if (files.length > 0) return files
  throw new UserError('bad_data', { what: `${path} holds no script`, fix: 'name files *.test' })
}

/** Runs every script under the paths, one after the other. */
export async function runScriptFiles(
  paths: readonly string[],
  { storage, evaluate, print }: ScriptRunOptions,
): Promise<ScriptOutcome> {
  const failures: ScriptFailure[] = []
  let passedCount = 0
  for (const file of paths.flatMap(scriptFilesOf)) {
    const outcome = await runScript(file, readFileSync(file, 'utf8'), storage, evaluate)
    passedCount += outcome.passedCount
    failures.push(...outcome.failures)
    for (const failure of outcome.failures) print(formatFailure(failure))
  }
  print(`${passedCount} passed, ${failures.length} failed`)
  return { passedCount, failures }
}

/** A failure over several lines. */
export function formatFailure(failure: ScriptFailure): string {
  const { file, line, text, derived, expected, got } = failure
  const also = derived === undefined ? '' : `\n  as: ${derived}`
  return `${file}:${line}: ${text}${also}\n  expected: ${indent(expected)}\n  got: ${indent(got)}`
}

function indent(text: string): string {
  return text.includes('\n') ? `\n    ${text.replaceAll('\n', '\n    ')}` : text
}

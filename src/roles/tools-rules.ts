// `crowsnest tools rules ...`: checks rule files and runs unit tests of rules, with the verdicts of promtool.

import { globSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { UserError } from '../model/index.ts'
import {
  formatRuleFaults,
  parseRuleFile,
  parseRuleFiles,
  parseUnitTestFile,
  type RuleGroup,
  runUnitTests,
} from '../rules/index.ts'

/** Adds the `rules` command below `tools`. */
export function addRulesTools(tools: Command): void {
  const rules = tools.command('rules').description('Rule files.')
  rules
    .command('check')
    .description('Checks rule files; every fault is told with file and line.')
    .argument('<files...>', 'rule files of Prometheus or Thanos')
    .action(checkFiles)
  rules
    .command('test')
    .description('Runs unit tests of rules, in the format of promtool.')
    .argument('<files...>', 'unit-test files')
    .action(testFiles)
}

function checkFiles(files: readonly string[]): void {
  for (const file of files) {
    print(`Checking ${file}`)
    try {
      const { groups, faults } = parseRuleFile(file, readText(file))
      if (faults.length > 0) fail(formatRuleFaults(faults))
      else {
        for (const name of duplicates(groups)) print(`  duplicate rule: ${name}`)
        const count = groups.reduce((sum, group) => sum + group.rules.length, 0)
        print(`  SUCCESS: ${count} rules found`)
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      fail(error.message)
    }
  }
}

async function testFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    print(`Unit Testing:  ${file}`)
    try {
      const failures = await testFile(file)
      if (failures.length > 0) fail(failures.join('\n'))
      else print('  SUCCESS')
    } catch (error) {
      fail((error as Error).message)
    }
  }
}

async function testFile(file: string): Promise<string[]> {
  const test = parseUnitTestFile(readText(file))
  const found = test.ruleFiles.flatMap((pattern) => {
    const matches = globSync(resolve(dirname(file), pattern)).sort()
    if (matches.length === 0) print(`  WARNING: no file match pattern ${pattern}`)
    return matches
  })
  const groups = parseRuleFiles(
    [...new Set(found)].map((path) => ({ file: path, text: readText(path) })),
  )
  return runUnitTests(test, groups)
}

// Rules that write the same series twice; told, but no fault.
function duplicates(groups: readonly RuleGroup[]): string[] {
  const rules = groups.flatMap((group) => group.rules)
  const keys = rules.map(
    ({ name, labels }) => `${name} ${JSON.stringify(Object.entries(labels).sort())}`,
  )
  return [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))]
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const what = `cannot read ${file}: ${(cause as Error).message}`
    throw new UserError('bad_config', { what, cause })
  }
}

function fail(text: string): void {
  print(`  FAILED:\n${text.replaceAll(/^/gm, '    ')}\n`)
  process.exitCode = 1
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

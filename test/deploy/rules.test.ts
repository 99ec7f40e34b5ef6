// The rules that are shipped: each has a unit test that it passes, a runbook section, and inputs that somebody writes.
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type AlertingRule,
  parseRuleFiles,
  parseUnitTestFile,
  runUnitTests,
} from '../../src/rules/index.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const files = globSync('deploy/rules/*.yaml', { cwd: root }).sort()
const groupsOf = (file: string) => parseRuleFiles([{ file, text: read(file) }])
const rulesOf = (file: string) => groupsOf(file).flatMap((group) => group.rules)
const alertsOf = (file: string) =>
  rulesOf(file).filter((rule): rule is AlertingRule => rule.kind === 'alert')
const testOf = (file: string): string =>
  read(file.replace('rules/', 'rules/tests/').replace('.yaml', '.test.yaml'))

describe('the shipped rules', () => {
  it('are there', () => {
    expect(files.map((file) => file.replace(/.*\//, ''))).toEqual([
      'acm-hub.yaml',
      'fleet.yaml',
      'gateway.yaml',
    ])
  })

  it.each(files)('pass their unit tests: %s', async (file) => {
    expect(await runUnitTests(parseUnitTestFile(testOf(file)), groupsOf(file))).toEqual([])
  })

  it.each(files)('have a test of each alert, quiet and firing: %s', (file) => {
    const tests = parseUnitTestFile(testOf(file)).tests.flatMap((test) => test.alertTests)
    for (const { name } of alertsOf(file)) {
      const counts = tests
        .filter(({ alertName }) => alertName === name)
        .map(({ expected }) => expected.length)
      expect(counts.toSorted(), name).toEqual([0, 1])
    }
  })

  it('have a section of the runbooks each, and no section is left over', () => {
    const sections = [...read('docs/runbooks.md').matchAll(/^### (\w+)$/gm)].map((one) => one[1])
    const alerts = files.flatMap(alertsOf)
    expect(sections.toSorted()).toEqual(alerts.map(({ name }) => name).toSorted())
    for (const { name, annotations, labels } of alerts) {
      expect(annotations.runbook_url).toBe(`docs/runbooks.md#${name.toLowerCase()}`)
      expect(annotations.summary).not.toBe('')
      expect(labels.severity).toMatch(/^(critical|warning|info|\{\{ \$labels\.severity \}\})$/)
    }
  })

  it('read fleet series that are documented', () => {
    const documented = read('docs/fleet-series.md')
    const queries = [...rulesOf(files[0]!), ...rulesOf(files[1]!)].map(({ query }) => query).join()
    const names = queries.match(/\b(crowsnest_fleet|acm_managed|policy_governance)_\w+/g)!
    expect(names.length).toBeGreaterThan(10)
    for (const name of names) expect(documented).toContain(`| \`${name}\` |`)
  })

  it('read metrics that the gateway has', () => {
    const source = globSync('src/**/*.ts', { cwd: root }).map(read).join()
    const names = rulesOf(files[2]!).flatMap(
      ({ query }) => query.match(/\b(crowsnest|prometheus|thanos)_\w+/g) ?? [],
    )
    expect(names.length).toBeGreaterThan(10)
    for (const name of names) expect(source).toContain(`'${name}'`)
  })
})

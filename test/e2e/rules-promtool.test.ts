// Debian's promtool as oracle: the same rule files and unit tests get the same verdicts, the same templates the same text.

import { execFile } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'rules-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Outcome {
  readonly passed: boolean
  readonly text: string
}

function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((done) => {
    execFile(command, [...args], { cwd: root }, (error, stdout, stderr) =>
      done({ passed: error === null, text: stdout + stderr }),
    )
  })
}

const promtool = (...args: string[]): Promise<Outcome> => run('promtool', args)
const ours = (...args: string[]): Promise<Outcome> =>
  run(process.execPath, ['src/main.ts', 'tools', 'rules', ...args])

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const rule = (fields: string): string =>
  `groups:\n- name: g\n  rules:\n  - ${fields.trim().split('\n').join('\n    ')}\n`

const ruleFiles: Readonly<Record<string, string>> = {
  nothing: '',
  'no groups': 'groups: []',
  'a group without rules': 'groups: [{name: g}]',
  'every field': `groups:
- name: g
  interval: 30s
  limit: 5
  rules:
  - record: a:b
    expr: sum(up)
    labels: {x: y}
  - alert: A
    expr: up == 0
    for: 5m
    keep_firing_for: 10m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.job }}"}`,
  'a repeated group': 'groups: [{name: g}, {name: g}]',
  'a group without name': 'groups: [{rules: []}]',
  'an unknown key': 'groups: [{name: g, intervall: 1m}]',
  'an unknown top key': 'group: []',
  'a bad interval': 'groups: [{name: g, interval: 5}]',
  'a bad limit': 'groups: [{name: g, limit: many}]',
  'groups that are no list': 'groups: {name: g}',
  'no YAML': 'groups: [',
  'a repeated key': 'groups: []\ngroups: []',
  'record and alert': rule('record: a\nalert: b\nexpr: up'),
  'neither record nor alert': rule('expr: up'),
  'no expr': rule('record: a'),
  'a bad expr': rule('record: a\nexpr: sum('),
  'a type error': rule('record: a\nexpr: rate(up)'),
  'for on a recording rule': rule('record: a\nexpr: up\nfor: 1m'),
  'keep_firing_for on a recording rule': rule('record: a\nexpr: up\nkeep_firing_for: 1m'),
  'annotations on a recording rule': rule('record: a\nexpr: up\nannotations: {a: b}'),
  'braces in a recorded name': rule('record: "a{b}"\nexpr: up'),
  'a label __name__': rule('record: a\nexpr: up\nlabels: {__name__: b}'),
  'a number as label value': rule('record: a\nexpr: up\nlabels: {b: 1}'),
  'a bad for': rule('alert: a\nexpr: up\nfor: 5 minutes'),
  'a template that is not closed': rule('alert: a\nexpr: up\nlabels: {b: "{{ $value"}'),
  'a template with an unknown function': rule('alert: a\nexpr: up\nannotations: {b: "{{ nope }}"}'),
  'a template that fails only when it runs': rule(
    'alert: a\nexpr: up\nannotations: {b: "{{ title $value }}"}',
  ),
  'the same rule twice': `${rule('record: a\nexpr: up')}  - {record: a, expr: up}\n`,
}

describe('crowsnest tools rules check', () => {
  it('agrees with promtool check rules on every file', { timeout: 120_000 }, async () => {
    const verdicts: Record<string, readonly [string, boolean]> = {}
    for (const [index, [name, text]] of Object.entries(ruleFiles).entries()) {
      const path = write(`check${index}.yml`, text)
      verdicts[name] = [path, (await promtool('check', 'rules', path)).passed]
    }
    const { text } = await ours('check', ...Object.values(verdicts).map(([path]) => path))
    const parts = text.split('Checking ').slice(1)
    const got = Object.keys(verdicts).map((name, index) => [
      name,
      parts[index]!.includes('SUCCESS'),
    ])
    expect(got).toEqual(Object.entries(verdicts).map(([name, [, passed]]) => [name, passed]))
    expect(new Set(got.map(([, passed]) => passed)).size).toBe(2)
  })
})

const rules = `groups:
- name: first
  rules:
  - record: job:m:sum
    expr: sum by (job) (m)
  - alert: High
    expr: job:m:sum > 10
    for: 2m
    labels: {severity: '{{ if gt $value 20.0 }}page{{ else }}warn{{ end }}'}
    annotations: {summary: '{{ $labels.job }} has {{ $value }}'}
- name: second
  rules:
  - alert: Follows
    expr: ALERTS{alertname="High", alertstate="firing"}
  - alert: Kept
    expr: n > 0
    keep_firing_for: 3m
`

const unitTest = (fields: string): string => `rule_files: [unit.rules.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {series: 'm{job="a", i="1"}', values: '0+5x10'}
  - {series: 'm{job="b", i="1"}', values: '1x10'}
  - {series: 'n', values: '1 1 0x10'}
${fields.replaceAll(/^/gm, '  ')}`

const alert = (time: string, name: string, expected: string): string =>
  `alert_rule_test:\n- {eval_time: ${time}, alertname: ${name}, exp_alerts: [${expected}]}`
const expression = (expr: string, time: string, samples: string): string =>
  `promql_expr_test:\n- {expr: '${expr}', eval_time: ${time}, exp_samples: [${samples}]}`
const high = (severity: string, value: number): string =>
  `{exp_labels: {job: a, severity: ${severity}}, exp_annotations: {summary: a has ${value}}}`

const unitTests: Readonly<Record<string, string>> = {
  'firing after its for': alert('5m', 'High', high('page', 25)),
  // The label changes at 25: a new alert, which is pending again.
  'firing under the label of before': alert('6m', 'High', high('warn', 30)),
  'pending is not firing': alert('3m', 'High', ''),
  'pending taken for firing': alert('3m', 'High', high('warn', 15)),
  'a wrong annotation': alert('7m', 'High', high('page', 36)),
  'right later': alert('7m', 'High', high('page', 35)),
  'a time between ticks': alert('7m30s', 'High', high('page', 35)),
  'an alert that nobody knows': alert('5m', 'Nope', ''),
  'an unknown alert that must fire': alert('5m', 'Nope', '{}'),
  'a rule that sees ALERTS': alert(
    '7m',
    'Follows',
    '{exp_labels: {alertstate: firing, job: a, severity: page}}',
  ),
  'kept firing': alert('4m', 'Kept', '{}'),
  'not kept for ever': alert('6m', 'Kept', ''),
  'an expression': expression(
    'job:m:sum',
    '2m',
    `{labels: 'job:m:sum{job="a"}', value: 10}, {labels: 'job:m:sum{job="b"}', value: 1}`,
  ),
  'an expression with a missing sample': expression(
    'job:m:sum',
    '2m',
    `{labels: 'job:m:sum{job="a"}', value: 10}`,
  ),
  'an expression with a wrong value': expression('sum(m)', '2m', `{value: 12}`),
  'a scalar': expression('1 + 1', '2m', `{value: 2}`),
  'an expression that fails': expression('m + on(nope) n * on() group_left() m', '2m', ''),
  'an unknown field': 'alert_rule_tests: []',
}

describe('crowsnest tools rules test', () => {
  it('agrees with promtool test rules on every file', { timeout: 120_000 }, async () => {
    write('unit.rules.yml', rules)
    const paths: string[] = []
    const expected: [string, boolean][] = []
    for (const [index, [name, text]] of Object.entries(unitTests).entries()) {
      const path = write(`unit${index}.yml`, unitTest(text))
      paths.push(path)
      expected.push([name, (await promtool('test', 'rules', path)).passed])
    }
    const parts = (await ours('test', ...paths)).text.split('Unit Testing:').slice(1)
    expect(expected.map(([name], index) => [name, parts[index]!.includes('SUCCESS')])).toEqual(
      expected,
    )
    expect(new Set(expected.map(([, passed]) => passed)).size).toBe(2)
  })

  it('prints templates as promtool prints them', { timeout: 60_000 }, async () => {
    const annotations = templates.map((text, index) => `a${index}: ${JSON.stringify(text)}`)
    write(
      'template.rules.yml',
      rule(`alert: A\nexpr: m > 0\nannotations:\n  ${annotations.join('\n  ')}`),
    )
    const path = write(
      'template.yml',
      `rule_files: [template.rules.yml]
tests:
- external_labels: {region: eu}
  external_url: http://example.org/prom
  input_series:
  - {series: 'm{job="j", instance="h.example.org:90", v="1.5"}', values: '1234567.891x5'}
  - {series: 'q{job="b"}', values: '2x5'}
  - {series: 'q{job="a"}', values: '1x5'}
  alert_rule_test:
  - {eval_time: 2m, alertname: A, exp_alerts: []}`,
    )
    const texts = ({ text }: Outcome): string[] =>
      [...text.matchAll(/\ba(\d+)="((?:[^"\\]|\\.)*)"/g)]
        .map(([, index, body]) => `${templates[Number(index)]} => ${body}`)
        .sort()
    const theirs = texts(await promtool('test', 'rules', path))
    expect(theirs).toHaveLength(templates.length)
    expect(texts(await ours('test', path))).toEqual(theirs)
  })
})

const templates = [
  '{{ $value }} {{ $value | humanize }} {{ humanize1024 $value }} {{ humanizePercentage 0.1234567 }}',
  '{{ humanizeDuration $value }} {{ humanizeDuration 0.0123 }} {{ humanizeDuration -61.5 }} {{ humanizeDuration 1.23456 }}',
  '{{ humanizeTimestamp 1435781451.781 }} {{ humanizeTimestamp 0 }}',
  '{{ $labels.instance | stripPort }} {{ stripDomain $labels.instance }} {{ stripDomain "10.0.0.1:9" }}',
  '{{ $externalLabels.region }} {{ $externalURL }}',
  '{{ range query "q" | sortByLabel "job" }}{{ .Labels.job }}={{ .Value }};{{ end }}',
  '{{ with query "nope" }}x{{ else }}none{{ end }}',
  '{{ query "q{job=\'a\'}" | first | value }} {{ query "q" | sortByLabel "job" | first | label "job" }}',
  '{{ title "the quick-brown fox" }} {{ toUpper "ab" }} {{ toLower "AB" }}',
  '{{ match "a.c" "xabcx" }} {{ reReplaceAll "(.)b" "$1-$$" "abcb" }}',
  '{{ graphLink "up{a=\\"b\\"} > 1" }} {{ tableLink "rate(x[5m])" }}',
  '{{ parseDuration "1h30m" }} {{ toTime 1435781451 }} {{ (toTime 1435781451).Format "2006-01-02T15:04" }}',
  '{{ printf "%6.2f|%-8s|%+d|%x|%q|%v|%e|%08.3f|%5t|%c|%U" $value "ab" 5 255 "q" $labels 1234.5 3.14159 true 65 65 }}',
  '{{ printf "%d %s" 1 }} {{ printf "%d" 1 2 }} {{ printf "%z" 1 }} {{ printf "%" }}',
  '{{ eq 1 2 1 }} {{ ne "a" "b" }} {{ lt 1.5 2.5 }} {{ and true 0 }} {{ or "" "x" }} {{ not true }}',
  '{{ if and (eq $labels.job "j") (gt $value 1.0) }}yes{{ else if true }}maybe{{ end }}',
  '{{ $x := 1 }}{{ range $i, $e := args "a" "b" }}{{ $x = $i }}{{ $e }}{{ end }}{{ $x }}',
  '{{ html "<a&b>" }} {{ js "it\'s" }} {{ urlquery "a b&c" }}',
  '{{ slice "abcdef" 2 }} {{ index "abc" 1 }} {{ len $labels }}',
  "{{ 0x1F }} {{ 1e3 }} {{ 'a' }} {{ 1_000 }} {{ -5 }} {{ 1.0 }}",
  '{{ eq 1 1.0 }}',
  '{{ index $labels 1 }}',
  '{{ $labels.job.foo }}',
  '{{ slice "abc" 5 }}',
  '{{ label "x" 5 }}',
  '{{ printf 5 }}',
  '{{ humanize }}',
  '{{ "a" "b" }}',
  '{{ $labels 1 }}',
  '{{ (query "q" | first).Foo }}',
  '{{ range 5.5 }}{{ end }}',
  '{{ query "sum(" }}',
  '{{ template "x" }}',
  '{{ define "y" }}{{ .nope.foo }}{{ end }}{{ template "y" $labels }}',
  '{{ 5 | len }}',
  '{{ lt 1 "a" }}',
  '{{ args 1 | printf "%v" }}',
  '{{- /* c */ -}} x {{- " y " -}} z',
  '{{ humanizeDuration "abc" }}',
  '{{ first 5 }}',
  '{{ .Value | printf "%.1f" }} {{ .Labels.job }} {{ $.ExternalURL }}',
]

describe('the shipped rules', () => {
  const shipped = globSync('deploy/rules/*.yaml', { cwd: root })
  const tests = globSync('deploy/rules/tests/*.yaml', { cwd: root })

  it('pass promtool, and its run of their unit tests, as ours', async () => {
    expect(shipped.length).toBe(tests.length)
    for (const [command, paths] of [
      ['check', shipped],
      ['test', tests],
    ] as const) {
      const theirs = await run('promtool', [command, 'rules', ...paths])
      expect(theirs, theirs.text).toMatchObject({ passed: true })
      const own = await ours(command, ...paths)
      expect(own, own.text).toMatchObject({ passed: true })
    }
  })
})

// Alert templates. What stands in `printed` is what promtool 2.42 printed for the same text over m{job="j"} 1e6.
import { describe, expect, it } from 'vitest'
import { AlertTemplate } from '../../../src/rules/index.ts'

const data = {
  labels: { __name__: 'm', job: 'j' },
  externalLabels: {},
  externalUrl: '',
  value: 1e6,
  timeMs: 120_000,
}
const samples = [{ labels: { __name__: 'm', job: 'j' }, value: 1e6 }]

function expand(text: string): Promise<string> {
  return new AlertTemplate('A', text).expand(data, async (query) => {
    if (query === 'broken(') throw new Error('parse error')
    return query === 'm' ? samples : []
  })
}

function failed(column: number, at: string, reason: string, line = 1): string {
  const head = '<error expanding template: error executing template __alert_A: template: __alert_A'
  return `${head}:${line}:${column}: executing "__alert_A" at <${at}>: ${reason}>`
}

const printed: readonly (readonly [text: string, expected: string])[] = [
  ['plain', 'plain'],
  [
    '{{ $value }} {{ printf "%v %.3f %d" $value $value $value }}',
    '1e+06 1e+06 1000000.000 %!d(float64=1e+06)',
  ],
  [
    '{{ title $value }}',
    failed(121, '$value', 'wrong type for value; expected string; got float64'),
  ],
  [
    '{{ .Labels }} {{ printf "%q %5s|%-5s|%05d|%x|%t|%T" "ab" "c" "d" 42 255 true .Labels }}',
    'map[__name__:m job:j] "ab"     c|d    |00042|ff|true|map[string]string',
  ],
  [
    '{{ if gt $value 1 }}x{{end}}',
    failed(118, 'gt $value 1', 'error calling gt: incompatible types for comparison'),
  ],
  ['{{ if gt $value 1.0 }}x{{ else }}y{{end}}', 'x'],
  ['{{ query "m" | first | value | humanizeTimestamp }}', '1970-01-12 13:46:40 +0000 UTC'],
  [
    '{{ .ExternalURL.foo }}',
    failed(127, '.ExternalURL.foo', "can't evaluate field foo in type string"),
  ],
  [
    '{{ range $i, $x := query "m" }}{{ $i }}={{ .Value }} {{ label "job" $x }}{{ end }}',
    '0=1e+06 j',
  ],
  [
    '{{ first (query "nope") }}',
    failed(
      115,
      'first (query "nope")',
      'error calling first: first() called on vector with no elements',
    ),
  ],
  [
    '{{ len .Labels }} {{ index .Labels "job" }} {{ slice "abcdef" 1 3 }} {{ print 1 2 "a" 3 }}',
    '2 j bc 1 2a3',
  ],
  ['{{ toTime 5 }} {{ (toTime 5).Year }}', '1970-01-01 00:00:05 +0000 UTC 1970'],
  [
    '{{ .Labels.nope }}|{{ $labels.nope }}|{{ args 1 2 }}|{{ (args 1 2).arg5 }}',
    '||map[arg0:1 arg1:2]|<no value>',
  ],
  ['{{ call 3 }}', failed(115, 'call 3', 'error calling call: non-function of type int')],
  ['{{ template "nope" }}', failed(124, '{{template "nope"}}', 'template "nope" not defined')],
  [
    '{{define "x"}}<{{.}}>{{end}}{{template "x" 3.5}}{{ block "y" $value }}{{ . }}{{ end }}',
    '<3.5>1e+06',
  ],
  ['{{ 1e20 }} {{ 123456789.5 }} {{ 0.00001 }}', '1e+20 1.234567895e+08 1e-05'],
  [
    '{{ humanize "abc" }}',
    failed(
      115,
      'humanize "abc"',
      'error calling humanize: strconv.ParseFloat: parsing "abc": invalid syntax',
    ),
  ],
  ['{{ printf "%d" 3 | printf "%s %s" "x" }}', 'x 3'],
  [
    'line\n{{ "aé" | len }}{{ index .Labels 1 }}',
    failed(20, 'index .Labels 1', 'error calling index: value has type int; should be string', 2),
  ],
  ['{{ with $x := .Labels.job }}{{ $x }}{{ else }}none{{ end }}', 'j'],
]

describe('alert templates', () => {
  for (const [text, expected] of printed) {
    it(`prints ${text.slice(0, 60).replaceAll('\n', ' ')} as promtool does`, async () => {
      expect(await expand(text)).toBe(expected)
    })
  }

  it('keeps variables in their block, and an assignment reaches outwards', async () => {
    const text =
      '{{ $x := "a" }}{{ if true }}{{ $x = "b" }}{{ $x := "c" }}{{ $x }}{{ end }}{{ $x }}'
    expect(await expand(text)).toBe('cb')
  })

  it('trims spaces beside dashes and leaves comments out', async () => {
    expect(await expand('a  {{- 1 -}}  b {{/* no */}}c {{- /* no */ -}} d')).toBe('a1b cd')
  })

  it('stops and goes on in a range', async () => {
    const text =
      '{{ range 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}'
    expect(await expand(text)).toBe('02')
  })

  it('says in the text why a query failed', async () => {
    expect(await expand('{{ query "broken(" }}')).toContain('error calling query: parse error')
  })

  it('refuses what is no template when it is parsed', () => {
    const fault = (text: string): string | undefined => new AlertTemplate('A', text).fault
    expect(fault('{{ nope }}')).toBe('template: __alert_A:1: function "nope" not defined')
    expect(fault('{{ $nope }}')).toBe('template: __alert_A:1: undefined variable "$nope"')
    expect(fault('{{ if }}')).toBe('template: __alert_A:1: missing value for if')
    expect(fault('{{ if true }}')).toBe('template: __alert_A:1: unexpected EOF')
    expect(fault('{{ .Labels')).toBe('template: __alert_A:1: unclosed action')
  })

  it('ends a template that would not end', async () => {
    expect(await expand('{{define "x"}}{{template "x"}}{{end}}{{template "x"}}')).toContain(
      'exceeded maximum template depth',
    )
    expect(await expand('{{ range 1000 }}{{ range 10000 }}{{ end }}{{ end }}')).toContain(
      'too many steps',
    )
  })
})

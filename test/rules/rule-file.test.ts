import { describe, expect, it } from 'vitest'
import { parseRuleFile } from '../../src/rules/index.ts'

describe('a rule file', () => {
  it('is read with every field of Prometheus and Thanos', () => {
    const { groups, faults } = parseRuleFile(
      'f.yml',
      `groups:
- name: g
  interval: 30s
  query_offset: 1m
  limit: 10
  partial_response_strategy: warn
  labels: {a: "1", b: "2"}
  rules:
  - record: job:up:sum
    expr: sum(up)   by (job)
    labels: {b: "3"}
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 10m
    annotations: {summary: "{{ $value }}"}`,
    )
    expect(faults).toEqual([])
    expect(groups).toMatchObject([
      {
        name: 'g',
        intervalMs: 30_000,
        queryOffsetMs: 60_000,
        limit: 10,
        partialResponse: 'warn',
        rules: [
          { kind: 'record', query: 'sum by (job) (up)', labels: { a: '1', b: '3' } },
          { kind: 'alert', forMs: 300_000, keepFiringForMs: 600_000 },
        ],
      },
    ])
  })

  it('is refused whole, with file, line and reason of every fault', () => {
    const { groups, faults } = parseRuleFile(
      'f.yml',
      `groups:
- name: g
  intervall: 30s
  rules:
  - record: a
    alert: b
    expr: up
  - expr: sum(
    record: x
  - alert: C
    expr: up
    for: 5 minutes
    annotations: {a: "{{ nope }}"}
    labels: {__name__: x}
- name: g`,
    )
    expect(groups).toEqual([])
    expect(faults.map(({ line, reason }) => `${line}: ${reason.split(':')[0]}`)).toEqual([
      '3: unknown field intervall in a group',
      '5: only one of record and alert may be set',
      '8: could not parse expression',
      '14: "__name__" is not a label that a rule may set',
      '12: "5 minutes" is not a duration',
      '10: annotation "a"',
      '15: the group name "g" is repeated in the file',
    ])
  })

  it('may be empty, and says so when it is no YAML', () => {
    expect(parseRuleFile('f.yml', '')).toEqual({ groups: [], faults: [] })
    expect(parseRuleFile('f.yml', 'groups: [').faults).toHaveLength(1)
    expect(parseRuleFile('f.yml', '- a').faults).toMatchObject([{ line: 1 }])
  })
})

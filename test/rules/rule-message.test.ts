import { describe, expect, it } from 'vitest'
import { thanos } from '../../src/encoding/index.ts'
import { type GroupView, groupMessage } from '../../src/rules/index.ts'

const tail = {
  labels: { severity: 'page', a: 'b' },
  health: 'ok',
  evaluationTime: 0.5,
  lastEvaluation: '2026-01-02T03:04:05.678Z',
}
const alert = (state: string) => ({
  labels: { alertname: 'A' },
  annotations: { text: 'x' },
  state,
  activeAt: '1969-12-31T23:59:59.500Z',
  value: '1e+00',
})
const group: GroupView = {
  name: 'g',
  file: 'f.yml',
  interval: 30,
  limit: 5,
  partialResponseStrategy: 'WARN',
  evaluationTime: 0.7,
  lastEvaluation: '0001-01-01T00:00:00Z',
  rules: [
    { type: 'recording', name: 'r', query: 'up', ...tail, lastError: 'no' },
    {
      type: 'alerting',
      name: 'A',
      query: 'up == 0',
      state: 'firing',
      duration: 60,
      keepFiringFor: 120,
      annotations: { text: '{{ $value }}' },
      alerts: [alert('firing'), alert('pending')],
      ...tail,
    },
  ],
}

function decoded(numbering: 'v0.41' | 'before v0.41') {
  const bytes = thanos.RuleGroup.encode(groupMessage(group, numbering)).finish()
  return thanos.RuleGroup.toObject(thanos.RuleGroup.decode(bytes), {
    longs: Number,
    defaults: true,
  })
}

describe("a rule group as Thanos' message", () => {
  it('carries every field', () => {
    const { rules, ...rest } = decoded('v0.41')
    expect(rest).toEqual({
      name: 'g',
      file: 'f.yml',
      interval: 30,
      evaluationDurationSeconds: 0.7,
      lastEvaluation: { seconds: -62_135_596_800, nanos: 0 },
      partialResponseStrategy: 0,
      limit: 5,
    })
    const labels = {
      labels: [
        { name: 'a', value: 'b' },
        { name: 'severity', value: 'page' },
      ],
    }
    const lastEvaluation = { seconds: 1_767_323_045, nanos: 678_000_000 }
    const shared = { labels, health: 'ok', evaluationDurationSeconds: 0.5, lastEvaluation }
    expect(rules[0]).toEqual({
      recording: { name: 'r', query: 'up', ...shared, lastError: 'no' },
    })
    expect(rules[1].alert).toMatchObject({
      name: 'A',
      query: 'up == 0',
      ...shared,
      durationSeconds: 60,
      keepFiringForSeconds: 120,
      annotations: { labels: [{ name: 'text', value: '{{ $value }}' }] },
    })
    expect(rules[1].alert.alerts[0]).toMatchObject({
      labels: { labels: [{ name: 'alertname', value: 'A' }] },
      activeAt: { seconds: -1, nanos: 500_000_000 },
      value: '1e+00',
      partialResponseStrategy: 0,
    })
  })

  it('numbers states as the querier does', () => {
    const statesOf = (numbering: 'v0.41' | 'before v0.41'): number[] => {
      const { alert: rule } = decoded(numbering).rules[1]
      return [rule.state, ...rule.alerts.map((one: { state: number }) => one.state)]
    }
    expect(statesOf('v0.41')).toEqual([3, 3, 2])
    expect(statesOf('before v0.41')).toEqual([2, 2, 1])
  })
})

import { describe, expect, it } from 'vitest'
import { mergeAllowlists, readAllowlist } from '../../../src/fleet/index.ts'

const base = readAllowlist(
  'metrics_list.yaml',
  `
names: [up, a, b]
matches: ['__name__="x",job="j"']
renames: { old: new }
recording_rules: [{ record: r1, expr: sum(a) }]
collect_rules:
  - group: HighCPU
    selector: { matchExpressions: [{ key: clusterType, operator: NotIn, values: [SNO] }] }
    rules:
      - { collect: cpu, expr: a > 1, for: 2m, dynamic_metrics: { names: [c] } }
  - group: Other
`,
)

describe('an allowlist', () => {
  it('gains what a custom list adds, once, and loses what it takes away', () => {
    const custom = readAllowlist(
      'custom',
      `
names: [c, up, -a, d, -d]
matches: ['-__name__="x",job="j"', '__name__="y"']
renames: { old: newer, more: other }
rules: [{ record: r2, expr: sum(b) }]
collect_rules: [{ group: -HighCPU }, { group: Mine, rules: [] }]
`,
    )
    expect(mergeAllowlists(base, custom)).toEqual({
      names: ['up', 'b', 'c'],
      matches: ['__name__="y"'],
      renames: { old: 'newer', more: 'other' },
      recordingRules: [
        { record: 'r1', expr: 'sum(a)' },
        { record: 'r2', expr: 'sum(b)' },
      ],
      collectGroups: [{ group: 'Mine', rules: [] }, { group: 'Other' }],
    })
  })

  it('is refused whole where it is wrong, with every fault and where it stands', () => {
    expect(() => readAllowlist('cm', 'names: up\nrename: {}')).toThrow(/names: .*\(cm\)/)
    expect(() => readAllowlist('cm', 'names: [')).toThrow(/faults/)
    expect(() => readAllowlist('cm', 'recording_rules: [{ record: a }]')).toThrow(/recording_rules/)
  })

  it('is empty where nothing is said', () => {
    expect(readAllowlist('cm', '').names).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { explain } from '../../../src/fleet/index.ts'
import { cluster, placed, world } from './world-of.ts'

const set = 'cluster.open-cluster-management.io/clusterset'

describe('a placement explained', () => {
  const clusters = [
    cluster('deleted', { deleting: true }),
    cluster('elsewhere', { labels: { [set]: 'dev' } }),
    cluster('far', { labels: { region: 'us' } }),
    cluster('first', { labels: { region: 'eu' } }),
    cluster('second', { labels: { region: 'eu' } }),
    cluster('sick', {
      labels: { region: 'eu' },
      taints: [{ key: 'cluster.open-cluster-management.io/unreachable', effect: 'NoSelect' }],
    }),
  ]
  const sets = [{ metadata: { name: 'prod' } }, { metadata: { name: 'dev' } }]
  const spec = {
    numberOfClusters: 1,
    predicates: [{ requiredClusterSelector: { labelSelector: { matchLabels: { region: 'eu' } } } }],
  }
  const told = explain(placed(spec), world(clusters, { sets, decided: { 'apps/web': ['far'] } }))

  it('says for each cluster which step removed it, and why', () => {
    expect(
      told.clusters.map(({ cluster: name, removedBy, why }) => [name, removedBy, why]),
    ).toEqual([
      ['deleted', 'Deleting', 'the cluster is being deleted'],
      ['elsewhere', 'ClusterSet', 'the cluster belongs to dev; eligible are prod'],
      ['far', 'Predicate', 'label region in (eu), but it is "us"'],
      ['first', undefined, undefined],
      ['second', 'NumberOfClusters', 'rank 2 is behind the 1 that are wanted'],
      [
        'sick',
        'TaintToleration',
        'taint cluster.open-cluster-management.io/unreachable:NoSelect is not tolerated',
      ],
    ])
  })

  it('shows scores times weights, totals and ranks of those that passed the filters', () => {
    expect(told.clusters.find(({ cluster: name }) => name === 'second')).toMatchObject({
      scores: [
        { name: 'Balance', weight: 1, score: 100 },
        { name: 'Steady', weight: 1, score: 0 },
      ],
      total: 100,
      rank: 2,
    })
  })

  it('says where the written decisions differ', () => {
    expect(told.differs).toEqual({ missing: ['first'], surplus: ['far'] })
    expect(told.warnings).toContain('the written decisions lack first')
    expect(told.warnings).toContain('the written decisions also hold far')
  })

  it('warns of hub taints that are not tolerated, or only for a while', () => {
    const warnings = (tolerations: object[]): readonly string[] =>
      explain(placed({ tolerations }), world([])).warnings
    expect(warnings([{ operator: 'Exists' }])).toEqual([])
    const unreachable = 'cluster.open-cluster-management.io/unreachable'
    const [short, missing] = warnings([
      { key: unreachable, operator: 'Exists', tolerationSeconds: 600 },
    ])
    expect(short).toContain(`${unreachable} is tolerated for 600 s only`)
    expect(missing).toContain('unavailable is not tolerated')
  })

  it('compares with decisions that somebody else writes', () => {
    const disabled = {
      'cluster.open-cluster-management.io/experimental-scheduling-disable': 'true',
    }
    const of = world([cluster('a')], { decided: { 'apps/web': [] } })
    expect(explain(placed({}, disabled), of).differs).toEqual({ missing: ['a'], surplus: [] })
  })

  it('tells a mistake in the placement among the warnings', () => {
    const { warnings, decision } = explain(
      placed({ tolerations: [{ operator: 'Equal' }] }),
      world([cluster('a')]),
    )
    expect(decision.outcome).toBe('misconfigured')
    expect(warnings[0]).toContain('needs operator Exists')
  })
})

import { describe, expect, it } from 'vitest'
import { decide, placementMistake } from '../../../src/fleet/index.ts'
import { createRandom } from '../../random.ts'
import { cluster, nowMs, placed, world } from './world-of.ts'

const exact = (...configurations: object[]): object => ({
  prioritizerPolicy: { mode: 'Exact', configurations },
})
const builtIn = (name: string, weight?: number): object => ({
  scoreCoordinate: { type: 'BuiltIn', builtIn: name },
  ...(weight === undefined ? {} : { weight }),
})
const labels = (matchLabels: object): object => ({
  requiredClusterSelector: { labelSelector: { matchLabels } },
})
const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `c${String(i).padStart(3, '0')}`)
const scoresOf = (
  spec: object,
  of: ReturnType<typeof world>,
  name: string,
): (number | undefined)[] => {
  const { trace } = decide(placed(spec), of)
  const found = trace.prioritizers.find((entry) => entry.name === name)!
  return trace.candidates.map((candidate) => found.scores.get(candidate))
}
const reasonOf = (spec: object, of: ReturnType<typeof world>): string =>
  decide(placed(spec), of).conditions.find(({ type }) => type === 'PlacementSatisfied')!.reason

describe('eligibility', () => {
  it('takes clusters of sets that are bound into the namespace and exist', () => {
    const clusters = [
      cluster('a'),
      cluster('b', { labels: { 'cluster.open-cluster-management.io/clusterset': 'dev' } }),
    ]
    const sets = [{ metadata: { name: 'prod' } }, { metadata: { name: 'dev' } }]
    const bindings = [
      { metadata: { namespace: 'apps', name: 'prod' } },
      { metadata: { namespace: 'apps', name: 'gone' } },
      { metadata: { namespace: 'other', name: 'dev' } },
    ]
    expect(decide(placed(), world(clusters, { sets, bindings })).clusters).toEqual(['a'])
  })

  it('leaves out clusters that are being deleted', () => {
    const of = world([cluster('a', { deleting: true }), cluster('b')])
    expect(decide(placed(), of).clusters).toEqual(['b'])
  })

  it('counts a cluster without a set label to the set default, and every cluster to a set of all labels', () => {
    const set = 'cluster.open-cluster-management.io/clusterset'
    const clusters = [cluster('a'), cluster('b', { labels: { [set]: '' } })]
    const all = { selectorType: 'LabelSelector', labelSelector: {} }
    const sets = [
      { metadata: { name: 'default' } },
      { metadata: { name: 'global' }, spec: { clusterSelector: all } },
      { metadata: { name: 'none' }, spec: { clusterSelector: { selectorType: 'LabelSelector' } } },
    ]
    const bindings = sets.map(({ metadata: { name } }) => ({
      metadata: { namespace: 'apps', name },
    }))
    const decided = (clusterSets: string[]): readonly string[] =>
      decide(placed({ clusterSets }), world(clusters, { sets, bindings })).clusters
    expect(decided(['default'])).toEqual(['b'])
    expect(decided(['global'])).toEqual(['a', 'b'])
    expect(decided(['none'])).toEqual([])
  })
})

describe('predicates', () => {
  const clusters = [
    cluster('a', { labels: { region: 'eu', tier: 'gold' }, claims: { 'id.k8s.io': 'x' } }),
    cluster('b', { labels: { region: 'eu' }, claims: { 'id.k8s.io': 'y' } }),
    cluster('c', { labels: { region: 'us' } }),
  ]

  it('are ORed, and what stands within one is ANDed', () => {
    const both = {
      requiredClusterSelector: {
        labelSelector: { matchLabels: { region: 'eu' } },
        claimSelector: { matchExpressions: [{ key: 'id.k8s.io', operator: 'In', values: ['y'] }] },
      },
    }
    const spec = { predicates: [both, labels({ region: 'us' })] }
    expect(decide(placed(spec), world(clusters)).clusters).toEqual(['b', 'c'])
  })

  it('let NotIn and DoesNotExist hold where the label is missing', () => {
    const of = (expression: object): readonly string[] =>
      decide(
        placed({
          predicates: [
            { requiredClusterSelector: { labelSelector: { matchExpressions: [expression] } } },
          ],
        }),
        world(clusters),
      ).clusters
    expect(of({ key: 'tier', operator: 'NotIn', values: ['gold'] })).toEqual(['b', 'c'])
    expect(of({ key: 'tier', operator: 'DoesNotExist' })).toEqual(['b', 'c'])
    expect(of({ key: 'tier', operator: 'Exists' })).toEqual(['a'])
  })
})

describe('taints and tolerations', () => {
  const taint = (effect: string, more: object = {}): object => ({ key: 'maint', effect, ...more })
  const decided = (taints: object[], tolerations: object[], previous: string[] = []): boolean =>
    decide(
      placed({ tolerations }),
      world([cluster('a', { taints })], { decided: { 'apps/web': previous } }),
    ).clusters.length === 1

  it('NoSelect needs a toleration, PreferNoSelect never does, NoSelectIfNew only where the cluster is new', () => {
    expect(decided([taint('NoSelect')], [], ['a'])).toBe(false)
    expect(decided([taint('NoSelect')], [{ key: 'maint', operator: 'Exists' }])).toBe(true)
    expect(decided([taint('PreferNoSelect')], [])).toBe(true)
    expect(decided([taint('NoSelectIfNew')], [])).toBe(false)
    expect(decided([taint('NoSelectIfNew')], [], ['a'])).toBe(true)
  })

  it('match on key, value and effect; an empty key with Exists matches all', () => {
    const valued = [taint('NoSelect', { value: 'v' })]
    expect(decided(valued, [{ key: 'maint', value: 'v' }])).toBe(true)
    expect(decided(valued, [{ key: 'maint', operator: 'Equal', value: 'w' }])).toBe(false)
    expect(decided(valued, [{ operator: 'Exists' }])).toBe(true)
    expect(decided(valued, [{ operator: 'Exists', effect: 'NoSelectIfNew' }])).toBe(false)
    expect(
      decided([taint('NoSelect'), { key: 'other', effect: 'NoSelect' }], [{ key: 'maint' }]),
    ).toBe(false)
  })

  it('a toleration ends tolerationSeconds after the taint was added, and says when to look again', () => {
    const added = new Date(nowMs - 60_000).toISOString()
    const of = world([cluster('a', { taints: [taint('NoSelect', { timeAdded: added })] })])
    const spec = { tolerations: [{ key: 'maint', operator: 'Exists', tolerationSeconds: 300 }] }
    const early = decide(placed(spec), of)
    expect(early.clusters).toEqual(['a'])
    expect(early.recheckAtMs).toBe(nowMs + 240_000)
    expect(decide(placed(spec), { ...of, nowMs: nowMs + 239_999 }).clusters).toEqual(['a'])
    const late = decide(placed(spec), { ...of, nowMs: nowMs + 240_000 })
    expect(late.clusters).toEqual([])
    expect(late.recheckAtMs).toBeUndefined()
  })
})

describe('prioritizers', () => {
  it('Balance gives 100, 32, -32 and -100 for 0, 1, 2 and 3 decisions elsewhere', () => {
    const decided = {
      'x/1': ['b', 'c', 'd'],
      'x/2': ['c', 'd'],
      'x/3': ['d'],
      'apps/web': ['a', 'b', 'c'],
    }
    const of = world(
      ['a', 'b', 'c', 'd'].map((name) => cluster(name)),
      { decided },
    )
    expect(scoresOf({}, of, 'Balance')).toEqual([100, 32, -32, -100])
  })

  it('Balance counts clusters that are no candidates in its maximum', () => {
    const decided = { 'x/1': ['b', 'z'], 'x/2': ['z'] }
    expect(scoresOf({}, world([cluster('b')], { decided }), 'Balance')).toEqual([0])
  })

  it('ResourceAllocatableCPU gives -100, -33 and 100 for 2, 4 and 8 cores, 100 for equals', () => {
    const spec = exact(builtIn('ResourceAllocatableCPU'))
    const cpus = (list: (string | undefined)[]): ReturnType<typeof world> =>
      world(list.map((cpu, i) => cluster(`c${i}`, cpu === undefined ? {} : { cpu })))
    const of = (list: (string | undefined)[]): unknown =>
      scoresOf(spec, cpus(list), 'ResourceAllocatableCPU')
    expect(of(['2', '4000m', '8'])).toEqual([-100, -33, 100])
    expect(of(['4', '4'])).toEqual([100, 100])
    expect(of(['4', undefined, '8'])).toEqual([-100, undefined, 100])
  })

  it('AddOn scores come from the cluster namespace, 0 where they are missing or have expired', () => {
    const score = (namespace: string, value: number, validUntil?: string): object => ({
      metadata: { namespace, name: 'capacity' },
      status: { scores: [{ name: 'free', value }], ...(validUntil ? { validUntil } : {}) },
    })
    const scores = [
      score('a', 40),
      score('b', -70, '2026-03-01T11:59:59Z'),
      score('d', 20, '2026-03-01T12:00:00Z'),
    ]
    const of = world(
      ['a', 'b', 'c', 'd'].map((name) => cluster(name)),
      { scores },
    )
    const addOn = { resourceName: 'capacity', scoreName: 'free' }
    const spec = exact({ scoreCoordinate: { type: 'AddOn', addOn }, weight: 2 })
    expect(scoresOf(spec, of, 'AddOn/capacity/free')).toEqual([40, 0, 0, 20])
    const decision = decide(placed(spec), of)
    expect(decision.clusters).toEqual(['a', 'd', 'b', 'c'])
    expect(decision.trace.totals.get('a')).toBe(80)
    expect(decision.warnings).toEqual(['scores capacity have expired and count as 0 on b'])
  })

  it('Additive starts from Balance and Steady, Exact from nothing, and weight 0 removes one', () => {
    const of = world([cluster('a')])
    const used = (spec: object): [string, number][] =>
      decide(placed(spec), of).trace.prioritizers.map(({ name, weight }) => [name, weight])
    expect(used({})).toEqual([
      ['Balance', 1],
      ['Steady', 1],
    ])
    const additive = { configurations: [builtIn('Steady', 3), builtIn('Balance', 0)] }
    expect(used({ prioritizerPolicy: additive })).toEqual([['Steady', 3]])
    expect(used(exact(builtIn('Steady')))).toEqual([['Steady', 1]])
    expect(used(exact())).toEqual([])
  })

  it('ties go by name, and Steady keeps what was decided', () => {
    const of = world(
      ['c', 'a', 'b'].map((name) => cluster(name)),
      { decided: { 'apps/web': ['c'] } },
    )
    expect(decide(placed({ numberOfClusters: 2 }), of).clusters).toEqual(['c', 'a'])
  })
})

describe('decision groups', () => {
  it('of 25% of ten clusters are 3, 3, 3 and 1', () => {
    const groupStrategy = { clustersPerDecisionGroup: '25%' }
    const of = world(names(10).map((name) => cluster(name)))
    const decision = decide(placed({ decisionStrategy: { groupStrategy } }), of)
    expect(decision.groups.map(({ clusters }) => clusters.length)).toEqual([3, 3, 3, 1])
  })

  it('take what their selector matches in order, the rest has no name', () => {
    const group = (groupName: string, matchLabels: object): object => ({
      groupName,
      groupClusterSelector: { labelSelector: { matchLabels } },
    })
    const groupStrategy = {
      clustersPerDecisionGroup: 2,
      decisionGroups: [group('canary', { canary: 'yes' }), group('eu', { region: 'eu' })],
    }
    const of = world([
      cluster('a', { labels: { region: 'eu' } }),
      cluster('b', { labels: { region: 'eu', canary: 'yes' } }),
      cluster('c', { labels: { region: 'eu' } }),
      cluster('d', { labels: { region: 'eu' } }),
      cluster('e'),
    ])
    const { groups, objects } = decide(placed({ decisionStrategy: { groupStrategy } }), of)
    expect(groups.map(({ name, clusters }) => [name, clusters])).toEqual([
      ['canary', ['b']],
      ['eu', ['a', 'c']],
      ['eu', ['d']],
      ['', ['e']],
    ])
    expect(objects[2]).toEqual({
      namespace: 'apps',
      name: 'web-decision-3',
      labels: {
        'cluster.open-cluster-management.io/placement': 'web',
        'cluster.open-cluster-management.io/decision-group-name': 'eu',
        'cluster.open-cluster-management.io/decision-group-index': '2',
      },
      clusters: ['d'],
    })
  })

  it('are cut in shards of at most 100, numbered over all groups, sorted by name', () => {
    const of = world(
      names(250)
        .reverse()
        .map((name) => cluster(name)),
    )
    const groupStrategy = { clustersPerDecisionGroup: 150 }
    const { groups, objects } = decide(placed({ decisionStrategy: { groupStrategy } }), of)
    expect(groups.map((group) => group.objects)).toEqual([
      ['web-decision-1', 'web-decision-2'],
      ['web-decision-3'],
    ])
    expect(objects.map(({ clusters }) => clusters.length)).toEqual([100, 50, 100])
    expect(objects.flatMap(({ clusters }) => clusters)).toEqual(names(250))
  })

  it('are one empty group with one empty shard where nothing is selected', () => {
    const { groups, objects } = decide(placed(), world([]))
    expect(groups).toEqual([{ index: 0, name: '', clusters: [], objects: ['web-decision-1'] }])
    expect(objects.map(({ clusters }) => clusters)).toEqual([[]])
  })
})

describe('conditions', () => {
  it('name the first thing that is missing', () => {
    const a = [cluster('a')]
    expect(reasonOf({}, world(a, { bindings: [] }))).toBe('NoManagedClusterSetBindings')
    expect(reasonOf({ clusterSets: ['dev'] }, world(a))).toBe('NoIntersection')
    expect(reasonOf({}, world([]))).toBe('AllManagedClusterSetsEmpty')
    expect(reasonOf({ predicates: [labels({ no: 'one' })] }, world(a))).toBe(
      'NoManagedClusterMatched',
    )
    expect(reasonOf({ numberOfClusters: 3 }, world(a))).toBe('NotAllDecisionsScheduled')
    expect(decide(placed({ numberOfClusters: 3 }), world(a)).unscheduledCount).toBe(2)
    expect(reasonOf({ numberOfClusters: 1 }, world(a))).toBe('AllDecisionsScheduled')
  })

  it.each([
    ['a toleration without key', { tolerations: [{ operator: 'Equal' }] }],
    ['Exists with a value', { tolerations: [{ key: 'k', operator: 'Exists', value: 'v' }] }],
    [
      'an unknown operator',
      {
        predicates: [
          {
            requiredClusterSelector: {
              labelSelector: { matchExpressions: [{ key: 'k', operator: 'Gt', values: ['1'] }] },
            },
          },
        ],
      },
    ],
    [
      'In without values',
      {
        predicates: [
          {
            requiredClusterSelector: {
              claimSelector: { matchExpressions: [{ key: 'k', operator: 'In' }] },
            },
          },
        ],
      },
    ],
    ['an unknown prioritizer', exact(builtIn('Fastest'))],
    ['an unknown mode', { prioritizerPolicy: { mode: 'Random' } }],
    [
      'a group size in words',
      { decisionStrategy: { groupStrategy: { clustersPerDecisionGroup: 'many' } } },
    ],
    [
      'a CEL selector that calls what there is not',
      { predicates: [{ requiredClusterSelector: { celSelector: { celExpressions: ['no()'] } } }] },
    ],
  ])('%s is a misconfiguration, and the previous decisions stay', (_, spec) => {
    const of = world([cluster('a'), cluster('b')], { decided: { 'apps/web': ['b'] } })
    const decision = decide(placed(spec), of)
    expect(decision.outcome).toBe('misconfigured')
    expect(decision.clusters).toEqual(['b'])
    expect(decision.objects).toEqual([])
    expect(decision.conditions[1]).toMatchObject({ status: 'True', reason: 'Misconfigured' })
    expect(placementMistake(placed(spec))).toBeTypeOf('string')
  })

  it('CEL expressions select beside labels and claims, and failing ones select nothing', () => {
    const predicate = (...celExpressions: string[]) => ({
      requiredClusterSelector: {
        labelSelector: { matchLabels: { region: 'eu' } },
        celSelector: { celExpressions },
      },
    })
    const of = world(
      [
        cluster('a', { labels: { region: 'eu', tier: '1' } }),
        cluster('b', { labels: { region: 'eu' } }),
        cluster('c', { labels: { region: 'us', tier: '1' } }),
      ],
      {
        scores: [
          {
            metadata: { namespace: 'b', name: 'free' },
            status: { scores: [{ name: 'cpu', value: 7 }] },
          },
        ],
      },
    )
    const decided = (...predicates: object[]) => decide(placed({ predicates }), of).clusters
    expect(decided(predicate('managedCluster.metadata.labels.tier == "1"'))).toEqual(['a'])
    const scored = predicate('managedCluster.scores("free")[0].value == 7', 'true')
    expect(decided(scored)).toEqual(['b'])
    expect(decided(predicate('has(managedCluster.metadata.labels.tier)'), scored)).toEqual([
      'a',
      'b',
    ])
  })

  it('a placement whose decisions somebody else writes is skipped', () => {
    const disabled = {
      'cluster.open-cluster-management.io/experimental-scheduling-disable': 'true',
    }
    const of = world([cluster('a')], { decided: { 'apps/web': ['z'] } })
    expect(decide(placed({}, disabled), of)).toMatchObject({ outcome: 'skipped', clusters: ['z'] })
  })
})

describe('any placement in any world', () => {
  it('decides the same again once its decisions are written, whatever the order of the input', () => {
    const seed = 20_261_124
    const random = createRandom(seed)
    for (let round = 0; round < 200; round++) {
      const clusters = names(1 + Math.floor(random() * 12)).map((name) =>
        cluster(name, {
          cpu: String(1 + Math.floor(random() * 4)),
          labels: { region: random() < 0.5 ? 'eu' : 'us' },
          taints:
            random() < 0.3
              ? [{ key: 't', effect: random() < 0.5 ? 'NoSelect' : 'NoSelectIfNew' }]
              : [],
        }),
      )
      const spec = {
        numberOfClusters: Math.floor(random() * 6),
        predicates: random() < 0.5 ? [labels({ region: 'eu' })] : [],
        tolerations: random() < 0.5 ? [{ key: 't', operator: 'Exists' }] : [],
        prioritizerPolicy: {
          configurations: [builtIn('ResourceAllocatableCPU', Math.floor(random() * 3))],
        },
      }
      const elsewhere = { 'x/1': names(Math.floor(random() * 12)) }
      const first = decide(placed(spec), world(clusters, { decided: elsewhere }))
      const again = decide(
        placed(spec),
        world(clusters.toReversed(), { decided: { ...elsewhere, 'apps/web': first.clusters } }),
      )
      expect(again.clusters.toSorted(), `seed ${seed}, round ${round}`).toEqual(
        first.clusters.toSorted(),
      )
      expect(again.objects).toEqual(first.objects)
      expect(first.clusters.length + first.unscheduledCount).toBe(spec.numberOfClusters)
    }
  })
})

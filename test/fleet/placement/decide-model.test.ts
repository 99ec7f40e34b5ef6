// The scheduler against a simple model of it: every rule of the fact sheet written once more, naively, over the
// Kubernetes objects themselves. What the two share is the input, no code.
import { describe, expect, it } from 'vitest'
import { decide, readPlacement } from '../../../src/fleet/index.ts'
import { createRandom } from '../../random.ts'
import { nowMs, world } from './world-of.ts'

interface Taint {
  readonly key: string
  readonly effect: string
  readonly timeAdded: string
}
interface Toleration {
  readonly key?: string
  readonly operator: string
  readonly value?: string
  readonly effect?: string
  readonly tolerationSeconds?: number
}
interface Cluster {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> }
  readonly spec: { readonly taints: readonly Taint[] }
  readonly status: {
    readonly allocatable: Record<string, string>
    readonly capacity: Record<string, string>
  }
}
interface Score {
  readonly metadata: { readonly namespace: string; readonly name: string }
  readonly status: {
    readonly scores: readonly { readonly name: string; readonly value: number }[]
    readonly validUntil?: string
  }
}
interface Spec {
  readonly numberOfClusters?: number
  readonly predicates: readonly {
    readonly requiredClusterSelector: {
      readonly labelSelector: { readonly matchLabels: Record<string, string> }
    }
  }[]
  readonly tolerations: readonly Toleration[]
  readonly prioritizerPolicy: {
    readonly mode: string
    readonly configurations: readonly {
      readonly scoreCoordinate: { readonly type: string; readonly builtIn?: string }
      readonly weight: number
    }[]
  }
}
interface Input {
  readonly clusters: readonly Cluster[]
  readonly scores: readonly Score[]
  readonly decided: Readonly<Record<string, readonly string[]>>
  readonly spec: Spec
}

function modelTolerates(toleration: Toleration, taint: Taint): boolean {
  if ((toleration.effect ?? '') !== '' && toleration.effect !== taint.effect) return false
  if ((toleration.key ?? '') !== '' && toleration.key !== taint.key) return false
  if (toleration.operator === 'Equal' && (toleration.value ?? '') !== '') return false
  if (toleration.tolerationSeconds === undefined) return true
  return nowMs < Date.parse(taint.timeAdded) + toleration.tolerationSeconds * 1000
}

function modelScore(
  name: string,
  cluster: Cluster,
  left: readonly Cluster[],
  input: Input,
): number {
  const own = cluster.metadata.name
  if (name === 'Steady') return (input.decided['apps/web'] ?? []).includes(own) ? 100 : 0
  if (name === 'Balance') {
    const others = Object.entries(input.decided).filter(([key]) => key !== 'apps/web')
    const all = others.flatMap(([, names]) => names)
    const countOf = (one: string): number => all.filter((other) => other === one).length
    if (countOf(own) === 0) return 100
    return 2 * Math.trunc(100 * (0.5 - countOf(own) / Math.max(...all.map(countOf))))
  }
  if (name === 'ResourceAllocatableCPU') {
    const known = left.filter(({ status }) => status.allocatable.cpu && status.capacity.cpu)
    if (!known.includes(cluster)) return 0
    const amounts = known.map(({ status }) => Number(status.allocatable.cpu))
    const [min, max] = [Math.min(...amounts), Math.max(...amounts)]
    if (min === max) return 100
    return Math.trunc(((Number(cluster.status.allocatable.cpu) - min) / (max - min) - 0.5) * 200)
  }
  const entry = input.scores.find(({ metadata }) => metadata.namespace === own)
  if (entry === undefined) return 0
  if (entry.status.validUntil !== undefined && nowMs > Date.parse(entry.status.validUntil)) return 0
  return entry.status.scores[0]!.value
}

function modelDecide(input: Input): string[] {
  const { spec } = input
  const decided = input.decided['apps/web'] ?? []
  const left = input.clusters.filter(({ metadata, spec: { taints } }) => {
    const isMatched = spec.predicates.some(({ requiredClusterSelector: { labelSelector } }) =>
      Object.entries(labelSelector.matchLabels).every(([k, v]) => metadata.labels[k] === v),
    )
    if (spec.predicates.length > 0 && !isMatched) return false
    return taints.every(
      (taint) =>
        taint.effect === 'PreferNoSelect' ||
        (taint.effect === 'NoSelectIfNew' && decided.includes(metadata.name)) ||
        spec.tolerations.some((toleration) => modelTolerates(toleration, taint)),
    )
  })
  const weights: Record<string, number> =
    spec.prioritizerPolicy.mode === 'Exact' ? {} : { Balance: 1, Steady: 1 }
  for (const { scoreCoordinate, weight } of spec.prioritizerPolicy.configurations)
    weights[scoreCoordinate.builtIn ?? 'AddOn'] = weight
  const total = (cluster: Cluster): number =>
    Object.entries(weights).reduce(
      (sum, [name, weight]) => sum + (weight && weight * modelScore(name, cluster, left, input)),
      0,
    )
  const totals = new Map(left.map((cluster) => [cluster.metadata.name, total(cluster)]))
  return [...totals]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, spec.numberOfClusters ?? totals.size)
    .map(([name]) => name)
}

function randomInput(random: () => number): Input {
  const pick = <T>(...list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const some = <T>(countMax: number, make: (index: number) => T): T[] =>
    Array.from({ length: Math.floor(random() * (countMax + 1)) }, (_, index) => make(index))
  const ago = (): string => new Date(nowMs - pick(0, 1000, 60_000, 600_000)).toISOString()
  const names = Array.from({ length: 1 + Math.floor(random() * 9) }, (_, index) => `c${index}`)
  const clusters = names.map((name) => ({
    metadata: {
      name,
      labels: {
        'cluster.open-cluster-management.io/clusterset': 'prod',
        region: pick('eu', 'us'),
        tier: pick('1', '2'),
      },
    },
    spec: {
      taints: some(2, () => ({
        key: pick('a', 'b'),
        effect: pick('NoSelect', 'PreferNoSelect', 'NoSelectIfNew', 'NoSelectIfNew'),
        timeAdded: ago(),
      })),
    },
    status: {
      allocatable: pick<Record<string, string>>({ cpu: '2' }, { cpu: '4' }, { cpu: '7' }, {}),
      capacity: pick<Record<string, string>>({ cpu: '8' }, { cpu: '8' }, { cpu: '8' }, {}),
    },
  }))
  const number = pick(undefined, 0, 1, 2, 5)
  const addOn = { resourceName: 'cost', scoreName: 'cheap' }
  return {
    clusters,
    scores: names
      .filter(() => random() < 0.7)
      .map((namespace) => ({
        metadata: { namespace, name: 'cost' },
        status: {
          scores: [{ name: 'cheap', value: Math.floor(random() * 201) - 100 }],
          ...(random() < 0.5
            ? { validUntil: new Date(nowMs + pick(-1000, 0, 1000)).toISOString() }
            : {}),
        },
      })),
    decided: {
      'x/1': names.filter(() => random() < 0.5),
      'x/2': [...names.filter(() => random() < 0.5), 'gone'],
      'x/3': names.filter(() => random() < 0.3),
      'apps/web': names.filter(() => random() < 0.3),
    },
    spec: {
      ...(number === undefined ? {} : { numberOfClusters: number }),
      predicates: some(2, () => ({
        requiredClusterSelector: {
          labelSelector: {
            matchLabels: pick<Record<string, string>>(
              { region: 'eu' },
              { tier: '1' },
              { region: 'us', tier: '2' },
            ),
          },
        },
      })),
      tolerations: some(2, () => ({
        ...pick<Toleration>(
          { operator: 'Exists' },
          { key: 'a', operator: 'Exists' },
          { key: 'b', operator: 'Equal' },
          { key: 'a', operator: 'Equal', value: 'v' },
        ),
        ...pick<Partial<Toleration>>({}, { effect: 'NoSelect' }, { effect: 'NoSelectIfNew' }),
        ...pick<Partial<Toleration>>({}, { tolerationSeconds: 60 }, { tolerationSeconds: 0 }),
      })),
      prioritizerPolicy: {
        mode: pick('Additive', 'Exact', ''),
        configurations: [
          { scoreCoordinate: { type: 'BuiltIn', builtIn: 'ResourceAllocatableCPU' } },
          { scoreCoordinate: { type: 'BuiltIn', builtIn: 'Balance' } },
          { scoreCoordinate: { type: 'BuiltIn', builtIn: 'Steady' } },
          { scoreCoordinate: { type: 'AddOn', addOn } },
        ]
          .filter(() => random() < 0.5)
          .map((configuration) => ({ ...configuration, weight: pick(-10, -1, 0, 1, 3, 10) })),
      },
    },
  }
}

describe('the scheduler and its simple model', () => {
  it('decide the same, in the same order, in 3,000 random worlds', () => {
    const seed = 4
    const random = createRandom(seed)
    let selectedCount = 0
    for (let round = 0; round < 3000; round++) {
      const input = randomInput(random)
      const placement = { metadata: { namespace: 'apps', name: 'web' }, spec: input.spec }
      const of = world(input.clusters, { scores: input.scores, decided: input.decided })
      const { clusters, outcome } = decide(readPlacement(placement), of)
      expect(outcome).toBe('decided')
      expect(clusters, `seed ${seed}, round ${round}`).toEqual(modelDecide(input))
      selectedCount += clusters.length
    }
    expect(selectedCount).toBeGreaterThan(3000)
  })
})

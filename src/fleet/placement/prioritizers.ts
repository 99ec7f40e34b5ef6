// The prioritizers of the scheduler: Balance, Steady, allocatable CPU and memory, and scores of addons.
// Each scores the filtered clusters, −100…100; weights and modes say how much a score counts.
// Invariants: truncation is towards zero; a cluster that a prioritizer does not score gets 0.
// Source: facts/fleet.md §4, steps 6 and 7 and the table of prioritizers.

import {
  type Candidate,
  countDecided,
  type Placement,
  type PlacementWorld,
  placementKey,
} from './world.ts'

/** The scores that one prioritizer gave, by cluster, and how much they count. */
export interface PrioritizerScores {
  readonly name: string
  readonly weight: number
  readonly scores: ReadonlyMap<string, number>
  readonly warning?: string
  /** When scores that were used run out, where they do. */
  readonly recheckAtMs?: number
}

const builtIns = new Set([
  'Balance',
  'Steady',
  'ResourceAllocatableCPU',
  'ResourceAllocatableMemory',
])

/** Weights by prioritizer, zeros left out, in order of name; or what is wrong with the policy. */
export function weightsOf(
  spec: Placement['spec'],
): { readonly weights: ReadonlyMap<string, number> } | { readonly mistake: string } {
  const { prioritizerMode: mode } = spec
  if (mode !== '' && mode !== 'Additive' && mode !== 'Exact')
    return { mistake: `"${mode}" is not a mode of the prioritizer policy: use Additive or Exact` }
  const weights = new Map<string, number>(
    mode === 'Exact'
      ? []
      : [
          ['Balance', 1],
          ['Steady', 1],
        ],
  )
  for (const { name, weight } of spec.prioritizers) weights.set(name, weight)
  const named = [...weights].filter(([, weight]) => weight !== 0)
  const bad = named.find(([name]) => !builtIns.has(name) && !/^AddOn\/[^/]+\/.+$/.test(name))
  if (bad !== undefined) return { mistake: `"${bad[0]}" is not a prioritizer` }
  return { weights: new Map(named.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** Scores the filtered clusters with one prioritizer. */
export function score(
  { name, weight }: { readonly name: string; readonly weight: number },
  clusters: readonly Candidate[],
  placement: Placement,
  world: PlacementWorld,
): PrioritizerScores {
  if (name === 'Balance') return { name, weight, scores: balance(clusters, placement, world) }
  if (name === 'Steady') return { name, weight, scores: steady(clusters, placement, world) }
  if (name === 'ResourceAllocatableCPU')
    return { name, weight, scores: allocatable(clusters, 'cpu') }
  if (name === 'ResourceAllocatableMemory')
    return { name, weight, scores: allocatable(clusters, 'memory') }
  return { name, weight, ...addOnScores(name, clusters, world) }
}

function balance(
  clusters: readonly Candidate[],
  placement: Placement,
  world: PlacementWorld,
): ReadonlyMap<string, number> {
  const all = world.decidedCounts ?? countDecided(world.decided)
  const own = new Set(world.decided.get(placementKey(placement)))
  const countOf = (name: string, count: number): number => (own.has(name) ? count - 1 : count)
  let max = 0
  for (const [name, count] of all) max = Math.max(max, countOf(name, count))
  return new Map(
    clusters.map(({ name }) => {
      const count = countOf(name, all.get(name) ?? 0)
      return [name, count <= 0 ? 100 : 2 * Math.trunc(100 * (0.5 - count / max)) || 0]
    }),
  )
}

function steady(
  clusters: readonly Candidate[],
  placement: Placement,
  world: PlacementWorld,
): ReadonlyMap<string, number> {
  const decided = new Set(world.decided.get(placementKey(placement)))
  return new Map(clusters.map(({ name }) => [name, decided.has(name) ? 100 : 0]))
}

function allocatable(
  clusters: readonly Candidate[],
  resource: string,
): ReadonlyMap<string, number> {
  const known = clusters.filter(
    (cluster) => cluster.allocatable.has(resource) && cluster.capacity.has(resource),
  )
  const amounts = known.map((cluster) => cluster.allocatable.get(resource)!)
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const amount of amounts) {
    min = Math.min(min, amount)
    max = Math.max(max, amount)
  }
  return new Map(
    known.map(({ name }, index) => {
      if (max === min) return [name, 100]
      return [name, Math.trunc(((amounts[index]! - min) / (max - min) - 0.5) * 2 * 100) || 0]
    }),
  )
}

function addOnScores(
  prioritizer: string,
  clusters: readonly Candidate[],
  world: PlacementWorld,
): Omit<PrioritizerScores, 'name' | 'weight'> {
  const [, resourceName, ...rest] = prioritizer.split('/')
  const scoreName = rest.join('/')
  const byCluster = new Map(
    world.scores.flatMap((entry) =>
      entry.resourceName === resourceName ? [[entry.cluster, entry] as const] : [],
    ),
  )
  const scores = new Map<string, number>()
  const expired: string[] = []
  let recheckAtMs = Number.POSITIVE_INFINITY
  for (const { name } of clusters) {
    const entry = byCluster.get(name)
    const validUntilMs = entry?.validUntilMs ?? Number.POSITIVE_INFINITY
    const isExpired = world.nowMs > validUntilMs
    if (isExpired) expired.push(name)
    else recheckAtMs = Math.min(recheckAtMs, validUntilMs + 1)
    scores.set(name, isExpired ? 0 : (entry?.scores.get(scoreName) ?? 0))
  }
  return {
    scores,
    ...(Number.isFinite(recheckAtMs) ? { recheckAtMs } : {}),
    ...(expired.length === 0
      ? {}
      : { warning: `scores ${resourceName} have expired and count as 0 on ${expired.join(', ')}` }),
  }
}

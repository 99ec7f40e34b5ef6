// Which clusters may take a new revision now, by the rollout strategies of Open Cluster Management.
// Invariants: pure; clusters that are under way go on whatever else is so; never more than the strategy's concurrency are begun
// or under way; after more failures than are tolerated nothing new begins; mandatory groups come first and tolerate none.
// Where a stock addon manager begins by name whatever is under way, and takes a cluster that timed out for one that is done, this counts.
// Units: times in Unix milliseconds or milliseconds.
// Source: facts/fleet.md §5.

import type { RolloutStrategy, Threshold } from '../../fleet/index.ts'
import type { DecisionGroup } from './decision-groups.ts'

/** How a cluster is with regard to the new revision. `skip`: it is left alone. */
export type RolloutStatus =
  | 'to_apply'
  | 'progressing'
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'skip'

/** A cluster that the revision is meant for, with since when it is so, where that is known. */
export interface ClusterRollout {
  readonly cluster: string
  readonly status: RolloutStatus
  readonly sinceMs?: number
}

/** What is to be decided. */
export interface RolloutQuestion {
  readonly strategy: RolloutStrategy
  readonly groups: readonly DecisionGroup[]
  /** Clusters that are known; those of the groups that are not are `to_apply`. */
  readonly known: readonly ClusterRollout[]
  readonly nowMs: number
}

/** What may happen now. Lists are in order of name. */
export interface RolloutPlan {
  /** May take the revision now. */
  readonly begin: readonly string[]
  /** Take it now, failed and have time left, or succeeded so lately that they still take a place. */
  readonly underWay: readonly string[]
  /** Had their time. */
  readonly timedOut: readonly string[]
  /** Have to wait for their turn. */
  readonly waiting: readonly string[]
  /** Are known, and in no group any more. */
  readonly removed: readonly string[]
  /** More have failed than is tolerated: nothing begins until somebody puts that right. */
  readonly isBreached: boolean
  /** When the plan may be another one although nothing else changed. */
  readonly lookAgainInMs?: number
}

/** A cluster as it is judged at the time of the question. */
interface Judged {
  readonly cluster: string
  readonly status: RolloutStatus
  /** Takes a place. */
  readonly isUnderWay: boolean
  /** When its soaking or its time ends. */
  readonly dueMs: number | undefined
}

/** Plans the next step of a rollout. */
export function planRollout(question: RolloutQuestion): RolloutPlan {
  const { strategy, groups, known, nowMs } = question
  const judged = judgeAll(question)
  const { names, isBreached } = beginnersOf(strategy, groups, judged)
  const all = [...judged.values()]
  const begin = new Set(names)
  const dueMs = all.flatMap((one) => (one.isUnderWay ? (one.dueMs ?? []) : []))
  const namesOf = (isWanted: (one: Judged) => boolean): readonly string[] =>
    all.flatMap((one) => (isWanted(one) ? one.cluster : [])).sort()
  return {
    begin: [...begin].sort(),
    underWay: namesOf(({ isUnderWay }) => isUnderWay),
    timedOut: namesOf(({ status }) => status === 'timed_out'),
    waiting: namesOf(({ status, cluster }) => status === 'to_apply' && !begin.has(cluster)),
    removed: known.flatMap(({ cluster }) => (judged.has(cluster) ? [] : cluster)).sort(),
    isBreached,
    ...(dueMs.length === 0 ? {} : { lookAgainInMs: Math.max(0, Math.min(...dueMs) - nowMs) }),
  }
}

function judgeAll({ strategy, groups, known, nowMs }: RolloutQuestion): Map<string, Judged> {
  const byName = new Map(known.map((one) => [one.cluster, one]))
  const judged = new Map<string, Judged>()
  for (const { clusters } of groups)
    for (const cluster of clusters) {
      const one = byName.get(cluster) ?? { cluster, status: 'to_apply' as const }
      judged.set(cluster, judge(one, strategy, nowMs))
    }
  return judged
}

// Since when is not always known: then it is now, so that nothing times out for the lack of it.
function judge(
  { cluster, status, sinceMs }: ClusterRollout,
  { minSuccessMs, deadlineMs }: RolloutStrategy,
  nowMs: number,
): Judged {
  const since = sinceMs ?? nowMs
  if (status === 'succeeded') {
    const dueMs = since + minSuccessMs
    return { cluster, status, isUnderWay: nowMs < dueMs, dueMs }
  }
  if (status !== 'progressing' && status !== 'failed')
    return { cluster, status, isUnderWay: false, dueMs: undefined }
  const dueMs = deadlineMs === undefined ? undefined : since + deadlineMs
  if (dueMs !== undefined && nowMs >= dueMs)
    return { cluster, status: 'timed_out', isUnderWay: false, dueMs }
  return { cluster, status, isUnderWay: true, dueMs }
}

interface Beginners {
  readonly names: readonly string[]
  readonly isBreached: boolean
}

function beginnersOf(
  strategy: RolloutStrategy,
  groups: readonly DecisionGroup[],
  judged: ReadonlyMap<string, Judged>,
): Beginners {
  const inOrder = groups.toSorted((a, b) => a.index - b.index)
  if (strategy.type === 'All')
    return { names: namesToApply(membersOf(inOrder, judged)), isBreached: false }
  const mandatory = inOrder.filter((group) => isMandatory(group, strategy))
  const rest = inOrder.filter((group) => !isMandatory(group, strategy))
  const first = groupByGroup(mandatory, judged, { count: 0 })
  if (first !== undefined) return first
  const { maxFailures, maxConcurrency } = strategy
  if (strategy.type === 'ProgressivePerGroup')
    return groupByGroup(rest, judged, maxFailures) ?? { names: [], isBreached: false }
  const failureCount = failuresIn([...judged.values()])
  if (failureCount > sizeOf(maxFailures, judged.size, 0)) return { names: [], isBreached: true }
  const members = membersOf(rest, judged)
  const places = sizeOf(maxConcurrency, members.length, members.length)
  const free = places - members.filter(({ isUnderWay }) => isUnderWay).length
  return { names: namesToApply(members).slice(0, Math.max(0, free)), isBreached: false }
}

// The first group that is not done decides; undefined where all are. What failed as often as is tolerated holds nothing up.
function groupByGroup(
  groups: readonly DecisionGroup[],
  judged: ReadonlyMap<string, Judged>,
  maxFailures: Threshold,
): Beginners | undefined {
  for (const group of groups) {
    const members = membersOf([group], judged)
    const isBreached = failuresIn(members) > sizeOf(maxFailures, members.length, 0)
    if (isBreached) return { names: [], isBreached }
    const names = namesToApply(members)
    const isBusy = members.some(({ isUnderWay, status }) => isUnderWay && status !== 'failed')
    if (names.length > 0 || isBusy) return { names, isBreached }
  }
  return undefined
}

function membersOf(
  groups: readonly DecisionGroup[],
  judged: ReadonlyMap<string, Judged>,
): readonly Judged[] {
  const names = new Set(groups.flatMap(({ clusters }) => clusters))
  return [...names].sort().map((name) => judged.get(name)!)
}

function namesToApply(members: readonly Judged[]): readonly string[] {
  return members.flatMap(({ cluster, status }) => (status === 'to_apply' ? cluster : []))
}

function failuresIn(members: readonly Judged[]): number {
  return members.filter(({ status }) => status === 'failed' || status === 'timed_out').length
}

function isMandatory(group: DecisionGroup, { mandatoryGroups }: RolloutStrategy): boolean {
  return mandatoryGroups.some((wanted) =>
    'name' in wanted ? wanted.name === group.name : wanted.index === group.index,
  )
}

// What is none of the clusters, or more than all, says nothing.
function sizeOf(threshold: Threshold | undefined, total: number, fallback: number): number {
  if (threshold === undefined) return fallback
  const size = 'count' in threshold ? threshold.count : Math.ceil((threshold.percent / 100) * total)
  return size <= 0 || size > total ? fallback : size
}

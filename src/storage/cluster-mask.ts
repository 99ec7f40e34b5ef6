// Cluster masks: when the clusters of a selector with virtual labels pass its conditions on them.
// `=` member of that one, `=~` of any that match, `!=` and `!~` of none; several conditions must hold together; a
// series without a cluster is a member of none.
// Here: from matchers and the history to a mask, and from a mask to the matcher that sources are sent.
// Units: Unix milliseconds. The times of a range are reference times: of membership, not of samples.

import {
  always,
  anyOf,
  clusterLabel,
  complementOf,
  formatMatcher,
  formatTime,
  type Intervals,
  intersectionOf,
  intervalsWithin,
  type Matcher,
  type MembershipGroup,
  type MembershipHistory,
  type MembershipLabel,
  type MembershipMatcher,
  never,
  placementLabel,
  quoteRegex,
  type TimeRange,
  UserError,
  unionOf,
} from '../model/index.ts'
import type { MatcherCompiler } from './matcher-compiler.ts'

/** When clusters pass; of times outside of the range that it was made for it says nothing. */
export interface ClusterMask {
  readonly byCluster: ReadonlyMap<string, Intervals>
  /** Whether all other clusters, and series without one, pass: they always do or never. */
  readonly others: boolean
}

/** A mask, and what its author should know: names that nobody has heard of, times before the history begins. */
export interface MaskAnswer {
  readonly mask: ClusterMask
  readonly warnings: readonly string[]
}

/** What a mask is made from. */
export interface MaskParts {
  readonly history: MembershipHistory
  readonly compileMatcher: MatcherCompiler
}

/** The mask of conditions on virtual labels over a range. Throws UserError limit_exceeded, forbidden. */
export function clusterMask(
  matchers: readonly MembershipMatcher[],
  range: TimeRange,
  parts: MaskParts,
): MaskAnswer {
  const warnings: string[] = []
  const { sinceMs, intervalsMax } = parts.history
  let mask: ClusterMask = { byCluster: new Map(), others: true }
  let intervalCount = 0
  let known = false
  for (const matcher of matchers) {
    const groups = groupsOf(matcher, parts)
    if (groups.length > 0) known = true
    else warnings.push(`no ${nounOf(matcher.name)} is known by ${formatMatcher(matcher)}`)
    const lists = new Map<string, Intervals[]>()
    for (const { members } of groups) {
      for (const [cluster, intervals] of members) {
        const within = intervalsWithin(intervals, range)
        if (within.length === 0) continue
        intervalCount += within.length / 2
        if (intervalCount > intervalsMax) throw tooMany(matcher, intervalsMax)
        const list = lists.get(cluster)
        if (list === undefined) lists.set(cluster, [within])
        else list.push(within)
      }
    }
    mask = both(mask, maskOf(matcher, lists))
  }
  if (known && range.minTimeMs < sinceMs) {
    warnings.push(`memberships are known since ${formatTime(sinceMs)} only`)
  }
  return { mask, warnings }
}

/**
 * What sources are to be asked so that every series that passes the mask at any time of the range is there;
 * undefined = none passes.
 */
export function sourceMatchers(
  mask: ClusterMask,
  range: TimeRange,
): readonly Matcher[] | undefined {
  const { byCluster, others } = mask
  const named: string[] = []
  for (const [cluster, intervals] of byCluster) {
    const passes = intervalsWithin(intervals, range).length > 0
    if (passes !== others) named.push(cluster)
  }
  if (named.length === 0) return others ? [] : undefined
  if (!others) return [anyOf(clusterLabel, named.sort())]
  return [{ type: '!~', name: clusterLabel, value: named.sort().map(quoteRegex).join('|') }]
}

/** When one cluster passes; '' = no cluster. */
export function maskIntervals({ byCluster, others }: ClusterMask, cluster: string): Intervals {
  return byCluster.get(cluster) ?? (others ? always : never)
}

/** The groups that a condition speaks of, whether as those to be in or not. Throws UserError forbidden. */
export function groupsOf(
  { type, name, value }: MembershipMatcher,
  { history, compileMatcher }: MaskParts,
): readonly MembershipGroup[] {
  if (type === '=' || type === '!=') {
    const group = history.group(name, value)
    return group === undefined ? [] : [group]
  }
  const compiled = compileMatcher({ type: '=~', name, value })
  const names = history.names(name).filter((candidate) => compiled.matches(candidate))
  return names.flatMap((candidate) => history.group(name, candidate) ?? [])
}

function maskOf(
  { type }: MembershipMatcher,
  lists: ReadonlyMap<string, readonly Intervals[]>,
): ClusterMask {
  const others = type === '!=' || type === '!~'
  const byCluster = new Map<string, Intervals>()
  for (const [cluster, list] of lists) {
    const member = unionOf(list)
    byCluster.set(cluster, others ? complementOf(member) : member)
  }
  return { byCluster, others }
}

function both(one: ClusterMask, other: ClusterMask): ClusterMask {
  const byCluster = new Map<string, Intervals>()
  for (const cluster of new Set([...one.byCluster.keys(), ...other.byCluster.keys()])) {
    const passes = intersectionOf(maskIntervals(one, cluster), maskIntervals(other, cluster))
    byCluster.set(cluster, passes)
  }
  return { byCluster, others: one.others && other.others }
}

function nounOf(label: MembershipLabel): string {
  return label === placementLabel ? 'placement' : 'cluster set'
}

function tooMany(matcher: MembershipMatcher, intervalsMax: number): UserError {
  return new UserError('limit_exceeded', {
    what: `${formatMatcher(matcher)} needs more than ${intervalsMax} membership intervals (clusters × changes)`,
    fix: 'name fewer placements or sets, ask for a shorter range, or raise fleet.membershipIntervals',
  })
}

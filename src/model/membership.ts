// Memberships: which clusters belonged to which placements and cluster sets, and when. Selectors ask for them with the
// virtual labels below; no series carries these.
// Here: the seam between whoever keeps the fleet and whoever evaluates queries.
// Units: Unix milliseconds.

import type { Intervals } from './intervals.ts'
import type { Matcher } from './matchers.ts'

/** Virtual label of placements; its values are `NAMESPACE/NAME`. */
export const placementLabel = '__placement__'
/** Virtual label of cluster sets; its values are names. */
export const clusterSetLabel = '__clusterset__'
/** The label that names the cluster of a series. */
export const clusterLabel = 'cluster'

/** See the constants. */
export type MembershipLabel = typeof placementLabel | typeof clusterSetLabel

/** A condition on a virtual label. */
export type MembershipMatcher = Matcher & { readonly name: MembershipLabel }

/** Whether a name is that of a virtual label. */
export function isMembershipLabel(name: string): name is MembershipLabel {
  return name === placementLabel || name === clusterSetLabel
}

/** Whether a matcher is one on a virtual label. */
export function isMembershipMatcher(matcher: Matcher): matcher is MembershipMatcher {
  return isMembershipLabel(matcher.name)
}

/** The clusters that ever belonged to one placement or set, as far as is known, and when. */
export interface MembershipGroup {
  /** Another number whenever anything of the group is another, and for every group. */
  readonly revision: number
  readonly members: ReadonlyMap<string, Intervals>
}

/** What is known of memberships at one moment; never changes. */
export interface MembershipHistory {
  /** From when on memberships are known; Infinity = nothing is. */
  readonly sinceMs: number
  /** Most intervals (clusters × changes) that one selector may look at. */
  readonly intervalsMax: number
  /** Values of the label that are known now or were once. */
  names(label: MembershipLabel): readonly string[]
  /** Undefined where the name was never heard of. Throws UserError forbidden where the caller may not see it. */
  group(label: MembershipLabel, name: string): MembershipGroup | undefined
}

/** Nothing is known, as where there is no fleet. */
export const noMembership: MembershipHistory = {
  sinceMs: Number.POSITIVE_INFINITY,
  intervalsMax: 0,
  names: () => [],
  group: () => undefined,
}

// Memberships as a reader sees them: of the clusters that the scope shows. A placement or set of which no cluster is
// shown is refused with the same words whether it exists or not.

import {
  type Intervals,
  type MembershipHistory,
  type MembershipLabel,
  type Scope,
  seesCluster,
  UserError,
} from '../model/index.ts'

/** The history that a scope shows; the history itself where it shows everything. */
export function visibleMembership(history: MembershipHistory, scope: Scope): MembershipHistory {
  if (scope === 'all') return history
  const membersOf = (label: MembershipLabel, name: string): ReadonlyMap<string, Intervals> => {
    const members = history.group(label, name)?.members ?? new Map<string, Intervals>()
    return new Map([...members].filter(([cluster]) => seesCluster(scope, cluster)))
  }
  return {
    sinceMs: history.sinceMs,
    intervalsMax: history.intervalsMax,
    names: (label) => history.names(label).filter((name) => membersOf(label, name).size > 0),
    group(label, name) {
      const group = history.group(label, name)
      const members = membersOf(label, name)
      if (group === undefined || members.size === 0) throw forbidden(label, name)
      return { revision: group.revision, members }
    },
  }
}

function forbidden(label: MembershipLabel, name: string): UserError {
  return new UserError('forbidden', {
    what: `you see no cluster of ${label}="${name}"`,
    fix: 'name a placement or cluster set with clusters that you may see',
  })
}

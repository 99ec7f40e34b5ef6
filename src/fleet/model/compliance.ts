// How compliance adds up: template's messages, template, replicated policy, root policy, policy set.
// Invariants: no status is never compliant; pending waits for a dependency and is no failure.
// Source: facts/fleet.md §9, compliance computation.

import type { Compliance, PolicyDetail } from './parts.ts'

/** Compliance as Kubernetes objects spell it; anything but the three words is no status. */
export function complianceOf(text: string): Compliance {
  if (text === 'Compliant') return 'compliant'
  if (text === 'NonCompliant') return 'non_compliant'
  return text === 'Pending' ? 'pending' : 'no_status'
}

/** Compliance of a template from the newest message of its history. */
export function complianceOfMessage(message: string): Compliance {
  const text = message.replace(/^\s*\(combined from similar events\):\s*/, '').trimStart()
  if (/^compliant/i.test(text)) return 'compliant'
  return /^pending/i.test(text) ? 'pending' : 'non_compliant'
}

/** Of a replicated policy from its details. A detail without state blocks `compliant`: `previous` stays. */
export function complianceOfReplicated(
  details: readonly PolicyDetail[],
  previous: Compliance,
): Compliance {
  const states = new Set(details.map(({ compliance }) => compliance))
  if (states.has('non_compliant')) return 'non_compliant'
  if (states.has('pending')) return 'pending'
  return states.has('no_status') ? previous : 'compliant'
}

/** Compliance over the clusters that a policy is placed on. */
export function complianceOfClusters(clusters: Iterable<Compliance>): Compliance {
  const states = new Set(clusters)
  if (states.has('non_compliant')) return 'non_compliant'
  if (states.has('pending')) return 'pending'
  return states.size === 0 || states.has('no_status') ? 'no_status' : 'compliant'
}

/** One member of a policy set, judged on the clusters that the set places it on; undefined: it does not exist. */
export interface SetMember {
  readonly name: string
  readonly compliance: Compliance | undefined
}

/** Compliance of a policy set and what is to be said of its members. */
export function complianceOfSet(members: readonly SetMember[]): {
  readonly compliance: Compliance
  readonly message: string
} {
  const counted = members.flatMap(({ compliance }) =>
    compliance === undefined || compliance === 'disabled' ? [] : [compliance],
  )
  const named = (word: string, wanted: Compliance | undefined): string[] => {
    const names = members.filter(({ compliance }) => compliance === wanted).map(({ name }) => name)
    return names.length === 0 ? [] : [`${word}: ${names.sort().join(', ')}`]
  }
  return {
    compliance: counted.includes('no_status') ? 'no_status' : complianceOfClusters(counted),
    message: [
      ...named('disabled', 'disabled'),
      ...named('deleted', undefined),
      ...named('pending', 'pending'),
      ...named('no status', 'no_status'),
    ].join('; '),
  }
}

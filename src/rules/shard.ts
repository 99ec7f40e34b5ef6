// Shards: which of several rulers evaluates a group. Rendezvous hashing: each group goes to the member with the highest
// weight for it, so that a member that comes or goes moves only the groups that are its own.

import { createHash } from 'node:crypto'

/** The member that a group belongs to; undefined where there is none. `members` are addresses in any order. */
export function ownerOf(group: string, members: Iterable<string>): string | undefined {
  let owner: string | undefined
  let highest = -1
  for (const member of members) {
    const weight = weightOf(group, member)
    if (weight < highest || (weight === highest && member > owner!)) continue
    owner = member
    highest = weight
  }
  return owner
}

function weightOf(group: string, member: string): number {
  return createHash('sha256').update(`${member}\n${group}`).digest().readUIntBE(0, 6)
}

/** What a ruler says of itself. */
export interface RulerAnswer {
  /** Other for every process. */
  readonly id: string
  /** A leaving ruler evaluates nothing any more. */
  readonly state: 'active' | 'leaving'
}

/** What is known of one address. */
export interface RulerSeen extends RulerAnswer {
  readonly seenAtMs: number
}

/** A member that has not answered for so many heartbeats is gone. */
const heartbeatsMissedMax = 3

/** Addresses of rulers that evaluate, as far as they were seen. */
export function membersOf(
  seen: ReadonlyMap<string, RulerSeen>,
  nowMs: number,
  heartbeatMs: number,
): string[] {
  return [...seen]
    .filter(([, { state }]) => state === 'active')
    .filter(([, { seenAtMs }]) => nowMs - seenAtMs <= heartbeatsMissedMax * heartbeatMs)
    .map(([address]) => address)
    .sort()
}

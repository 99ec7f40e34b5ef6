// A snapshot of memberships as columns in shared memory: made once where the fleet is kept, read by every query thread
// without a copy.
// Invariants: groups are sorted by label and name, the members of a group by cluster; bounds are as in intervals.ts.

import type { Intervals } from './intervals.ts'
import type { MembershipGroup, MembershipHistory, MembershipLabel } from './membership.ts'

/** What crosses threads. All columns are views of shared memory. */
export interface MembershipColumns {
  readonly sinceMs: number
  readonly intervalsMax: number
  /** JSON of `SnapshotNames`, as UTF-8. */
  readonly names: Uint8Array
  /** [groupCount + 1] where each group's members start. */
  readonly groupStarts: Uint32Array
  /** [memberCount] index into the clusters' names. */
  readonly memberClusters: Uint32Array
  /** [memberCount + 1] where each member's bounds start. */
  readonly boundStarts: Uint32Array
  readonly boundsMs: Float64Array
}

interface SnapshotNames {
  readonly clusters: readonly string[]
  readonly groups: readonly (readonly [MembershipLabel, string, number])[]
}

/** A group to be put into a snapshot. */
export interface SnapshotGroup extends MembershipGroup {
  readonly label: MembershipLabel
  readonly name: string
}

/** Columns of groups; their order does not matter. */
export function membershipColumns(
  groups: readonly SnapshotGroup[],
  limits: Pick<MembershipHistory, 'sinceMs' | 'intervalsMax'>,
): MembershipColumns {
  const clusters = [...new Set(groups.flatMap(({ members }) => [...members.keys()]))].sort()
  const indexOf = new Map(clusters.map((name, index) => [name, index]))
  const ordered = groups.toSorted((a, b) => compare(keyOf(a), keyOf(b)))
  const memberCount = ordered.reduce((sum, { members }) => sum + members.size, 0)
  const groupStarts = sharedWords(ordered.length + 1)
  const memberClusters = sharedWords(memberCount)
  const boundStarts = sharedWords(memberCount + 1)
  const boundsMs = sharedFloats(boundCountOf(ordered))
  let member = 0
  let bound = 0
  for (const [index, { members }] of ordered.entries()) {
    for (const [cluster, intervals] of [...members].sort(([a], [b]) => compare(a, b))) {
      memberClusters[member] = indexOf.get(cluster)!
      boundsMs.set(intervals, bound)
      bound += intervals.length
      boundStarts[++member] = bound
    }
    groupStarts[index + 1] = member
  }
  const names: SnapshotNames = {
    clusters,
    groups: ordered.map(({ label, name, revision }) => [label, name, revision]),
  }
  const { sinceMs, intervalsMax } = limits
  const columns = { groupStarts, memberClusters, boundStarts, boundsMs }
  return { sinceMs, intervalsMax, names: sharedBytes(JSON.stringify(names)), ...columns }
}

/** The history that columns hold. */
export function readMembership(columns: MembershipColumns): MembershipHistory {
  const { sinceMs, intervalsMax, groupStarts, memberClusters, boundStarts, boundsMs } = columns
  // Decoders refuse shared memory.
  const text = new TextDecoder().decode(columns.names.slice())
  const { clusters, groups } = JSON.parse(text) as SnapshotNames
  const indexes = new Map(groups.map(([label, name], index) => [`${label}=${name}`, index]))
  return {
    sinceMs,
    intervalsMax,
    names: (wanted) => groups.flatMap(([label, name]) => (label === wanted ? [name] : [])),
    group(label, name) {
      const index = indexes.get(`${label}=${name}`)
      if (index === undefined) return undefined
      return {
        revision: groups[index]![2],
        get members() {
          const members = new Map<string, Intervals>()
          for (let member = groupStarts[index]!; member < groupStarts[index + 1]!; member++) {
            const bounds = boundsMs.subarray(boundStarts[member]!, boundStarts[member + 1]!)
            members.set(clusters[memberClusters[member]!]!, bounds)
          }
          return members
        },
      }
    },
  }
}

function keyOf({ label, name }: SnapshotGroup): string {
  return `${label}=${name}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function boundCountOf(groups: readonly SnapshotGroup[]): number {
  let count = 0
  for (const { members } of groups) for (const bounds of members.values()) count += bounds.length
  return count
}

function sharedWords(count: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(4 * count))
}

function sharedFloats(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(8 * count))
}

function sharedBytes(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text)
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return shared
}

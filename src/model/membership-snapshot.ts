// A snapshot of memberships as columns in shared memory: made once where the fleet is kept, read by every query thread
// without a copy.
// Invariants: groups are sorted by label and name; bounds are as in intervals.ts.

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

/** One group's part of the columns; it stays as it is until the group changes. */
export interface SnapshotPiece {
  readonly label: MembershipLabel
  readonly name: string
  readonly revision: number
  /** [memberCount] */
  readonly memberClusters: Uint32Array
  /** [memberCount + 1] where each member's bounds start in `boundsMs`. */
  readonly boundStarts: Uint32Array
  readonly boundsMs: Float64Array
}

/** Columns of groups; their order does not matter. */
export function membershipColumns(
  groups: readonly SnapshotGroup[],
  limits: Pick<MembershipHistory, 'sinceMs' | 'intervalsMax'>,
): MembershipColumns {
  const clusters = [...new Set(groups.flatMap(({ members }) => [...members.keys()]))]
  const indexOf = new Map(clusters.map((name, index) => [name, index]))
  const pieces = groups.map((group) => snapshotPiece(group, (name) => indexOf.get(name)!))
  return joinPieces(pieces, clusters, limits)
}

/** The piece of one group; `indexOf` numbers clusters. */
export function snapshotPiece(
  { label, name, revision, members }: SnapshotGroup,
  indexOf: (cluster: string) => number,
): SnapshotPiece {
  let boundCount = 0
  for (const bounds of members.values()) boundCount += bounds.length
  const memberClusters = new Uint32Array(members.size)
  const boundStarts = new Uint32Array(members.size + 1)
  const boundsMs = new Float64Array(boundCount)
  let member = 0
  let bound = 0
  for (const [cluster, intervals] of members) {
    memberClusters[member] = indexOf(cluster)
    boundsMs.set(intervals, bound)
    bound += intervals.length
    boundStarts[++member] = bound
  }
  return { label, name, revision, memberClusters, boundStarts, boundsMs }
}

/** Columns of pieces; `clusters` are the names by number. */
export function joinPieces(
  pieces: readonly SnapshotPiece[],
  clusters: readonly string[],
  { sinceMs, intervalsMax }: Pick<MembershipHistory, 'sinceMs' | 'intervalsMax'>,
): MembershipColumns {
  const ordered = pieces.toSorted((a, b) => compare(keyOf(a), keyOf(b)))
  const memberCount = ordered.reduce((sum, piece) => sum + piece.memberClusters.length, 0)
  const boundCount = ordered.reduce((sum, piece) => sum + piece.boundsMs.length, 0)
  const groupStarts = sharedWords(ordered.length + 1)
  const memberClusters = sharedWords(memberCount)
  const boundStarts = sharedWords(memberCount + 1)
  const boundsMs = sharedFloats(boundCount)
  let member = 0
  let bound = 0
  for (const [index, piece] of ordered.entries()) {
    const count = piece.memberClusters.length
    memberClusters.set(piece.memberClusters, member)
    for (let i = 0; i < count; i++) boundStarts[member + i] = bound + piece.boundStarts[i]!
    boundsMs.set(piece.boundsMs, bound)
    member += count
    bound += piece.boundsMs.length
    groupStarts[index + 1] = member
  }
  boundStarts[memberCount] = bound
  const names: SnapshotNames = {
    clusters,
    groups: ordered.map(({ label, name, revision }) => [label, name, revision]),
  }
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

function keyOf({ label, name }: SnapshotPiece): string {
  return `${label}=${name}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
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

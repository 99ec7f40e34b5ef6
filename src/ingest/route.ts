// Routing: which lane a request goes to. A whole body goes to one lane, so it is inflated, logged and synced once.
// Invariants: one (tenant, cluster) always goes to the same lane of a given count; samples of a series never split.

import type { Appendable, AppendRequest, SenderIdentity } from '../storage/index.ts'

/** The lane of a tenant's request: by tenant and cluster where the identity fixes the cluster, else by tenant. */
export function laneOf(tenant: string, sender: SenderIdentity, laneCount: number): number {
  if (laneCount <= 1) return 0
  const cluster = sender.labels.cluster ?? ''
  // The high bits decide, so that names which differ in their last letter only spread as well.
  return Math.floor((mix(fnv1a(`${tenant}\0${cluster}`)) / 2 ** 32) * laneCount)
}

/** Sends each request to its lane. */
export function routeTo(lanes: readonly Appendable[]): Appendable {
  return {
    append: (request: AppendRequest) =>
      lanes[laneOf(request.tenant, request.sender, lanes.length)]!.append(request),
  }
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

// The finalizer of MurmurHash3: every input bit reaches every output bit.
function mix(hash: number): number {
  let word = hash
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return (word ^ (word >>> 16)) >>> 0
}

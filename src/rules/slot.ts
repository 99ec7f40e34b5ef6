// Slots: a group is due at k · interval + offset, where the offset is a hash of the group, so that groups are spread
// over their interval and evaluation times stay on one grid across restarts.

import { createHash } from 'node:crypto'

/** The first slot of a group at or after `timeMs`. `key` names the group. */
export function slotAtOrAfter(key: string, intervalMs: number, timeMs: number): number {
  const digest = createHash('sha256').update(key).digest()
  const offsetMs = digest.readUIntBE(0, 6) % intervalMs
  return Math.ceil((timeMs - offsetMs) / intervalMs) * intervalMs + offsetMs
}

/** The slot after `slotMs`, leaving out those that passed while it was evaluated; `missed` is how many. */
export function nextSlot(
  slotMs: number,
  intervalMs: number,
  nowMs: number,
): { readonly slotMs: number; readonly missed: number } {
  const missed = Math.max(0, Math.floor((nowMs - slotMs) / intervalMs) - 1)
  return { slotMs: slotMs + (missed + 1) * intervalMs, missed }
}

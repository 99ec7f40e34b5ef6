// A lane behind a port as the cutter wants it.

import type { LaneConnection } from '../lane/index.ts'
import type { CuttableLane, SealedWindow, WindowStats } from '../tsdb/index.ts'

/** Turns the cutter's calls into named calls of the lane. */
export function cuttableLane(lane: LaneConnection): CuttableLane {
  return {
    windows: async () => (await lane.call('windows')) as readonly WindowStats[],
    seal: async (windowKey) => (await lane.call('seal', windowKey)) as SealedWindow | undefined,
    retire: async (windowKey, mark) => void (await lane.call('retire', { windowKey, mark })),
    drop: async (id) => void (await lane.call('drop', id)),
  }
}

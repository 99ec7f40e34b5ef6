// What answers are made from: the fleet as it is now, and what is known beside it. Plain values, never changed in place.
// Invariants: a fleet's entries that did not change between two views are the same objects, so that what was made
// from them is kept; ids of events have no gaps.
// Units: times in Unix milliseconds.

import type { Fleet } from '../model/fleet.ts'
import type { Placement, PlacementWorld } from '../placement/world.ts'
import type { FleetEvent } from './call.ts'

/** What the gateway's own data say of a cluster; what is not known is left out. */
export interface ClusterData {
  readonly lastSampleMs?: number
  /** How far the newest sample was behind the clock when it was written. */
  readonly delayMs?: number
  readonly samplesPerSecond?: number
  readonly activeSeries?: number
  readonly rejectedSamples?: number
}

/** One kind of object, or one file, of a source. */
export interface SourcePart {
  readonly name: string
  readonly objectCount: number
  /** When its objects were last known to be current, where it is followed. */
  readonly lastSyncMs?: number
  /** Why it is not read, or not read whole: forbidden, absent, a mistake in the file. */
  readonly mistake?: string
}

/** How a source is. `syncing`: it has not been read whole yet; `failing`: what is shown may be old. */
export interface SourceStatus {
  /** The hub's name in every entry. */
  readonly name: string
  readonly kind: string
  readonly state: 'syncing' | 'synced' | 'failing'
  readonly sinceMs: number
  readonly message: string
  readonly parts: readonly SourcePart[]
}

/** The events that are kept, by id. None is kept where `newestId` is below `oldestId`. */
export interface FleetEventLog {
  readonly oldestId: number
  readonly newestId: number
  /** The event with an id from `oldestId` to `newestId`. */
  at(id: number): FleetEvent
}

/** Placements of one hub, to be explained. */
export interface HubPlacements {
  /** By `NS/NAME`. */
  readonly placements: ReadonlyMap<string, Placement>
  readonly world: PlacementWorld
}

/** Everything that answers are made from. */
export interface FleetView {
  /** All hubs together. */
  readonly fleet: Fleet
  readonly nowMs: number
  readonly sources: readonly SourceStatus[]
  /** Names of hubs that have not been read whole since the start: nothing of them is in `fleet`. */
  readonly unread: ReadonlySet<string>
  /** By name of cluster. */
  readonly data: ReadonlyMap<string, ClusterData>
  readonly events: FleetEventLog
  /** By name of hub; made when asked, since it is asked rarely. */
  placementsOf(hub: string): HubPlacements | undefined
}

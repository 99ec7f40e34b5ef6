// The fleet of all hubs, kept joined as their sources change.
// Invariants: lists and entries that did not change are the same objects, so that views, diffs and series skip them.

import type { DataFacts } from '../model/addons.ts'
import type { Fleet } from '../model/fleet.ts'
import type { Decided } from '../model/placements.ts'
import type { HubDecisions } from '../placement/decision-store.ts'
import type { HubPlacements } from '../view/fleet-view.ts'
import { HubState } from './hub-state.ts'
import type { SourceChange } from './source.ts'

const empty: Fleet = {
  clusters: [],
  sets: [],
  placements: [],
  addons: [],
  addonDefinitions: [],
  works: [],
  policies: [],
  policySets: [],
  applications: [],
}

/** All hubs' objects as one fleet. */
export class FleetState {
  readonly #hubs = new Map<string, HubState>()
  #fleet: Fleet = empty
  #joined: readonly Fleet[] = []

  /** Names a hub. With `embedded`, what we decided so far, its placements are decided here. */
  addHub(hub: string, embedded?: Decided): void {
    this.#hubs.set(hub, new HubState(hub, embedded))
  }

  /** Takes a source's change in; seen after the next `join`. */
  apply(hub: string, change: Pick<SourceChange, 'upserts' | 'deletes'>): void {
    this.#hubs.get(hub)?.apply(change)
  }

  /**
   * Joins what changed. The same fleet as before where nothing did. Hubs that are not ready, because what is missing
   * of them is not known to be gone, show nothing.
   */
  join(data: DataFacts, isReady: (hub: string) => boolean = () => true): Fleet {
    const joined = [...this.#hubs].map(([name, hub]) => (isReady(name) ? hub.join(data) : empty))
    const list = <K extends keyof Fleet>(name: K): Fleet[K] => {
      if (joined.every((fleet, i) => fleet[name] === this.#joined[i]?.[name]))
        return this.#fleet[name]
      if (joined.length === 1) return joined[0]![name]
      return joined.flatMap((fleet): readonly unknown[] => fleet[name]) as unknown as Fleet[K]
    }
    const fleet: Fleet = {
      clusters: list('clusters'),
      sets: list('sets'),
      placements: list('placements'),
      addons: list('addons'),
      addonDefinitions: list('addonDefinitions'),
      works: list('works'),
      policies: list('policies'),
      policySets: list('policySets'),
      applications: list('applications'),
    }
    this.#joined = joined
    const names = Object.keys(fleet) as (keyof Fleet)[]
    if (names.some((name) => fleet[name] !== this.#fleet[name])) this.#fleet = fleet
    return this.#fleet
  }

  /** The fleet as of the last `join`. */
  get fleet(): Fleet {
    return this.#fleet
  }

  /** The fleet of one hub as of the last `join`. */
  fleetOf(hub: string): Fleet {
    return this.#hubs.get(hub)?.fleet ?? empty
  }

  /** A hub's decisions as of the last `join`. */
  decisionsOf(hub: string): HubDecisions {
    return this.#hubs.get(hub)?.decisions ?? { decided: new Map(), decisions: new Map() }
  }

  /** What a hub's placements are decided from. */
  placementsOf(hub: string, nowMs: number): HubPlacements | undefined {
    return this.#hubs.get(hub)?.placements(nowMs)
  }
}

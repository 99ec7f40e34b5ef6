// What happens in the demo: outages, clocks that go wrong, policies that drift and are put right, versions that roll
// out cluster by cluster and sometimes fail on the first.
// Here: the state of everything at a time, as a pure function of seed, pace and time.
// Invariants: at any time at least one cluster is out or about to be, within four beats; what is enforced is put right
// sooner; a version that fails on its first cluster goes no further until it is put right.
// Units: times in Unix milliseconds; a beat is one step of the demo.

import {
  clustersOf,
  type DemoApplication,
  type DemoCluster,
  type DemoPolicy,
  demoClusters,
  demoPolicies,
  hasJoined,
} from './cast.ts'
import { type Chance, chanceOf } from './chance.ts'

/** What makes one demo this one. */
export interface DemoPace {
  readonly seed: number
  readonly beatMs: number
}

/** A state with since when. */
export interface Since<S> {
  readonly state: S
  readonly sinceMs: number
}

/** How a cluster is. */
export type DemoClusterState = 'available' | 'unreachable' | 'unavailable' | 'not_joined'

/** How a policy is on a cluster. */
export type DemoCompliance = 'Compliant' | 'NonCompliant' | 'Pending'

/** How a version is on a cluster. */
export type DemoRollout = 'old' | 'progressing' | 'failed' | 'new'

/** The demo at one time. */
export interface DemoCourse {
  readonly nowMs: number
  cluster(cluster: DemoCluster): Since<DemoClusterState>
  /** Whether the clock of a cluster is wrong. */
  clock(cluster: DemoCluster): Since<boolean>
  policy(policy: DemoPolicy, cluster: DemoCluster): Since<DemoCompliance>
  application(application: DemoApplication, cluster: DemoCluster): Since<DemoRollout>
  /** The version that is being rolled out. */
  version(application: DemoApplication): number
}

/** Beats of an outage's cycle; a cluster is out in the middle ones. */
const outageCycle = 4
const driftCycle = 6
const rolloutCycle = 12

/** Cycles that are looked through for the last time that something happened. */
const lookBackMax = 200

/** The demo at a time. */
export function demoAt({ seed, beatMs }: DemoPace, nowMs: number): DemoCourse {
  const chance = chanceOf(seed)
  const beat = Math.floor(nowMs / beatMs)
  const at = <S>(state: S, sinceBeat: number): Since<S> => ({ state, sinceMs: sinceBeat * beatMs })
  return {
    nowMs,
    cluster(cluster) {
      const [state, since] = clusterState(chance, cluster, beat)
      return at(state, since)
    },
    clock(cluster) {
      const [isWrong, since] = clockState(chance, cluster, beat)
      return at(isWrong, since)
    },
    policy(policy, cluster) {
      const [state, since] = drift(chance, policy, cluster, beat)
      return at(state, since)
    },
    application(application, cluster) {
      const [state, since] = rollout(chance, application, cluster, beat)
      return at(state, since)
    },
    version: (application) => 1 + (rolling(chance, application, beat).cycle % 900),
  }
}

type State<S> = readonly [state: S, sinceBeat: number]

// One cluster of those that can be is out in beats 1 and 2 of each cycle of four.
function clusterState(chance: Chance, cluster: DemoCluster, beat: number): State<DemoClusterState> {
  if (!hasJoined(cluster)) return ['not_joined', 0]
  const cycle = Math.floor(beat / outageCycle)
  const start = cycle * outageCycle
  const isOut = victim(chance, 'outage', cycle) === cluster.name
  if (isOut && beat - start >= 1 && beat - start <= 2) {
    const state = chance('kind', cycle) < 0.3 ? 'unavailable' : 'unreachable'
    return [state, start + 1]
  }
  if (isOut && beat - start === 3) return ['available', start + 3]
  for (let past = cycle - 1; past > cycle - lookBackMax; past--) {
    if (victim(chance, 'outage', past) === cluster.name)
      return ['available', past * outageCycle + 3]
  }
  return ['available', (cycle - lookBackMax) * outageCycle]
}

function clockState(chance: Chance, cluster: DemoCluster, beat: number): State<boolean> {
  const cycle = Math.floor(beat / driftCycle)
  const isWrong = victim(chance, 'clock', cycle) === cluster.name
  return [isWrong, cycle * driftCycle]
}

function victim(chance: Chance, what: string, cycle: number): string {
  const joined = demoClusters.filter((one) => hasJoined(one) && one.manager === 'ocm')
  return joined[Math.floor(chance(what, cycle) * joined.length)]!.name
}

// Each policy drifts on some clusters in each cycle; each pair has a cycle of its own.
function drift(
  chance: Chance,
  policy: DemoPolicy,
  cluster: DemoCluster,
  beat: number,
): State<DemoCompliance> {
  const pair = [policy.name, cluster.name]
  const offset = Math.floor(chance('drift offset', ...pair) * driftCycle)
  const cycle = Math.floor((beat + offset) / driftCycle)
  const start = cycle * driftCycle - offset
  const badBeats = policy.enforced ? 2 : 4
  const isBad = (of: number): boolean => chance('drift', ...pair, of) < 0.3
  if (isBad(cycle) && beat - start < badBeats) return ['NonCompliant', start]
  let past = cycle
  while (!isBad(past) && past > cycle - lookBackMax) past--
  const since = start - (cycle - past) * driftCycle + badBeats
  // What a policy needs has no needs of its own, or waiting would never end.
  const needed = demoPolicies.find(({ name }) => name === policy.needs)
  if (needed === undefined) return ['Compliant', since]
  const [state, neededSince] = drift(chance, needed, cluster, beat)
  const latest = Math.max(since, neededSince)
  return state === 'Compliant' ? ['Compliant', latest] : ['Pending', latest]
}

interface Rolling {
  readonly cycle: number
  /** Beat at which the version begins. */
  readonly start: number
}

function rolling(chance: Chance, { name }: DemoApplication, beat: number): Rolling {
  const offset = Math.floor(chance('rollout offset', name) * rolloutCycle)
  const cycle = Math.floor((beat + offset) / rolloutCycle)
  return { cycle, start: cycle * rolloutCycle - offset }
}

// A version goes to one cluster a beat; the first keeps it for two beats longer where it fails.
function rollout(
  chance: Chance,
  application: DemoApplication,
  cluster: DemoCluster,
  beat: number,
): State<DemoRollout> {
  const { cycle, start } = rolling(chance, application, beat)
  const index = clustersOf(application).findIndex(({ name }) => name === cluster.name)
  const fails = chance('rollout', application.name, cycle) < 0.35
  const begin = start + index + (fails && index > 0 ? 2 : 0)
  if (beat < begin) return ['old', start]
  if (beat === begin) return ['progressing', begin]
  if (fails && index === 0 && beat <= begin + 2) return ['failed', begin + 1]
  return ['new', begin + (fails && index === 0 ? 3 : 1)]
}

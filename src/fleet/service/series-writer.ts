// When the fleet's samples are written: every minute, at every change, and a stale marker when a series is gone.
// Invariants: a sample says what is so when it is written, never what was so when a round began; a round is spread
// over bodies of bounded size; a series that is gone gets one stale marker.
// Units: times in Unix milliseconds.

import { apart, withoutSameClusters } from '../model/differences.ts'
import type { Application, Cluster, Fleet, Policy } from '../model/fleet.ts'
import type { ClusterData, SourceStatus } from '../view/fleet-view.ts'
import {
  type ClusterIds,
  clusterIdsOf,
  type Emit,
  emitAddon,
  emitApplication,
  emitApplicationOnCluster,
  emitCluster,
  emitClusterData,
  emitPlacement,
  emitPolicy,
  emitPolicyOnCluster,
  emitPolicySet,
  emitSet,
  emitSource,
  emitWork,
  labelNamesOf,
} from './fleet-series.ts'
import { SampleBody } from './sample-body.ts'
import type { SeriesName } from './series-table.ts'

/** Samples of one body: enough to make a write worth its while, few enough to be made in milliseconds. */
const bodySampleCount = 2000

/** Takes a body, and resolves when it is stored (or was given up). */
export type WriteBody = (body: Uint8Array<ArrayBuffer>) => Promise<void>

/** What samples are made from, as it is when it is asked, and where they go. */
export interface SeriesWriterParts {
  readonly fleet: () => Fleet
  readonly sources: () => readonly SourceStatus[]
  readonly data: () => ReadonlyMap<string, ClusterData>
  readonly write: WriteBody
  readonly now: () => number
}

interface Named {
  readonly hub: string
  readonly name: string
  readonly namespace?: string
  readonly kind?: string
  readonly cluster?: string
}

/** One list of the fleet, and the series of a thing in it. */
interface Kind {
  readonly list: keyof Fleet
  readonly emit: (thing: never, ids: ClusterIds, put: Emit) => void
  /** Whether its series carry ids of clusters. */
  readonly hasIds?: boolean
}

const kinds: readonly Kind[] = [
  { list: 'clusters', emit: emitCluster, hasIds: true },
  { list: 'sets', emit: (set: never, _, put) => emitSet(set, put) },
  { list: 'placements', emit: (placement: never, _, put) => emitPlacement(placement, put) },
  { list: 'addons', emit: emitAddon, hasIds: true },
  { list: 'works', emit: emitWork, hasIds: true },
  { list: 'policySets', emit: (set: never, _, put) => emitPolicySet(set, put) },
  {
    list: 'policies',
    emit(policy: Policy, _: ClusterIds, put: Emit) {
      emitPolicy(policy, put)
      for (const entry of policy.clusters) emitPolicyOnCluster(policy, entry, put)
    },
  },
  {
    list: 'applications',
    emit(application: Application, _: ClusterIds, put: Emit) {
      emitApplication(application, put)
      for (const entry of application.clusters) emitApplicationOnCluster(application, entry, put)
    },
  },
]

/** Writes the fleet's samples. */
export class SeriesWriter {
  readonly #parts: SeriesWriterParts
  /** Empty whenever anything is waited for, so that rounds and changes share it. */
  readonly #body = new SampleBody()
  #bodyMs = 0
  #clusters: readonly Cluster[] = []
  #ids: ClusterIds = clusterIdsOf([])
  /** Names of labels that the last round wrote, by hub. */
  readonly #labelNames = new Map<string, ReadonlySet<string>>()

  constructor(parts: SeriesWriterParts) {
    this.#parts = parts
  }

  /** Writes what is another than before, and marks what is gone. */
  async change(before: Fleet, after: Fleet): Promise<void> {
    const [idsBefore, ids] = [clusterIdsOf(before.clusters), clusterIdsOf(after.clusters)]
    const isRenamed = renamed(before, after, idsBefore, ids)
    for (const { list, emit, hasIds = false } of kinds) {
      // Readers go between one list and the next.
      await new Promise((resolve) => setImmediate(resolve))
      for (const [was, is] of [
        ...pairsOf<Named>(before[list], after[list]),
        ...(isRenamed === undefined || !hasIds
          ? []
          : renamedPairs(before[list], after[list], isRenamed)),
      ]) {
        const left = new Set<string>()
        if (is !== undefined)
          emit(is as never, ids, (name, labels, value) => {
            left.add([name, ...labels].join('\u0000'))
            this.#put(name, labels, value)
          })
        if (was !== undefined)
          emit(was as never, idsBefore, (name, labels) => {
            if (!left.has([name, ...labels].join('\u0000'))) this.#put(name, labels, undefined)
          })
        if (this.#body.sampleCount >= bodySampleCount) await this.#flush()
      }
    }
    await this.#flush()
  }

  /** Writes every series once. `pause` is waited for between bodies. */
  async round(pause: () => Promise<void>): Promise<void> {
    const put: Emit = (name, labels, value) => this.#put(name, labels, value)
    const step = async (): Promise<void> => {
      if (this.#body.sampleCount < bodySampleCount) return
      await this.#flush()
      await pause()
    }
    const { fleet, sources, data } = this.#parts
    for (const source of sources()) {
      emitSource(source, fleet(), put)
      this.#putLabelNames(source.name)
    }
    for (const [cluster, facts] of data()) {
      emitClusterData(cluster, facts, put)
      await step()
    }
    for (const { list, emit } of kinds) {
      // Looked up at each step: between two bodies things change, and only what is so now is written.
      for (let at = 0; at < fleet()[list].length; at++) {
        emit(fleet()[list][at] as never, this.#idsOf(fleet()), put)
        await step()
      }
    }
    await this.#flush()
  }

  // Bodies never share a time, so that of two samples of a series the later one is newer.
  #put(name: SeriesName, labels: readonly string[], value: number | undefined): void {
    if (this.#body.sampleCount === 0) this.#bodyMs = Math.max(this.#bodyMs + 1, this.#parts.now())
    this.#body.add(name, labels, value, this.#bodyMs)
  }

  #putLabelNames(hub: string): void {
    const names = new Set(labelNamesOf(this.#parts.fleet().clusters, hub))
    for (const name of this.#labelNames.get(hub) ?? [])
      if (!names.has(name))
        this.#put('acm_label_names', ['hub', hub, 'label_name', name], undefined)
    for (const name of names) this.#put('acm_label_names', ['hub', hub, 'label_name', name], 1)
    this.#labelNames.set(hub, names)
  }

  #idsOf({ clusters }: Fleet): ClusterIds {
    if (clusters !== this.#clusters) {
      this.#clusters = clusters
      this.#ids = clusterIdsOf(clusters)
    }
    return this.#ids
  }

  async #flush(): Promise<void> {
    if (this.#body.sampleCount > 0) await this.#parts.write(this.#body.take())
  }
}

// Things that differ, before and after; of policies and applications only the clusters that differ.
function pairsOf<T extends Named>(
  before: readonly T[],
  after: readonly T[],
): readonly (readonly [T | undefined, T | undefined])[] {
  const [gone, come] = apart(before, after)
  const old = new Map(gone.map((thing) => [keyOf(thing), thing]))
  const pairs = come.map((is) => {
    const was = old.get(keyOf(is))
    old.delete(keyOf(is))
    return was === undefined ? ([undefined, is] as const) : narrowed(was, is)
  })
  return [...pairs, ...[...old.values()].map((was) => [was, undefined] as const)]
}

type IsRenamed = (hub: string, cluster: string) => boolean

// Whose series have other labels than before although the things themselves are the same; undefined: nobody's.
function renamed(
  before: Fleet,
  after: Fleet,
  idsBefore: ClusterIds,
  ids: ClusterIds,
): IsRenamed | undefined {
  if (before.clusters === after.clusters) return undefined
  const isRenamed = (hub: string, cluster: string): boolean =>
    idsBefore.ofHub(hub) !== ids.ofHub(hub) || idsBefore.of(hub, cluster) !== ids.of(hub, cluster)
  const clusters = [...before.clusters, ...after.clusters]
  return clusters.some(({ hub, name }) => isRenamed(hub, name)) ? isRenamed : undefined
}

function renamedPairs(
  before: readonly Named[],
  after: readonly Named[],
  isRenamed: IsRenamed,
): readonly (readonly [Named, Named])[] {
  const old = new Set(before)
  return after
    .filter((thing) => old.has(thing) && isRenamed(thing.hub, thing.cluster ?? thing.name))
    .map((thing) => [thing, thing] as const)
}

function narrowed<T extends Named>(was: T, is: T): readonly [T, T] {
  if (!hasStates(was) || !hasStates(is)) return [was, is]
  const [clusters, clustersNow] = withoutSameClusters(was, is)
  return [
    { ...was, clusters },
    { ...is, clusters: clustersNow },
  ]
}

function hasStates(thing: Named): thing is Named & Pick<Policy, 'clusters'> {
  const clusters: unknown = 'clusters' in thing ? thing.clusters : undefined
  return Array.isArray(clusters) && typeof clusters[0] === 'object'
}

function keyOf({ hub, kind = '', namespace = '', cluster = '', name }: Named): string {
  return [hub, kind, namespace, cluster, name].join('\u0000')
}

// The states of a fleet as the journal keeps them: written now and then, read at the start, brought up to date with
// the events since; so that a start finds what changed while nobody watched.
// Here: the bytes (JSON, a line per thing), and applying events. Elsewhere: the file (journal), finding what changed
// (model/transitions.ts).
// Invariants: what is read back has every state that was written, and no reasons or messages; clusters of a thing are
// numbers into the first line, since most states are one of few on one of many.
// Units: times in Unix milliseconds.

import type { AddonRollout } from '../model/addon-rollout.ts'
import type {
  Addon,
  Application,
  ApplicationOnCluster,
  Cluster,
  PlacementStatus,
  Policy,
  PolicySet,
} from '../model/fleet.ts'
import type { FleetStates, Transition, TransitionKind } from '../model/transitions.ts'

/** A kind of thing with states: of its own, and on clusters. */
type ThingKind =
  | Exclude<
      TransitionKind,
      'policy_on_cluster' | 'application_on_cluster' | 'placement_member' | 'set_member'
    >
  | 'set'

interface Thing {
  readonly kind: ThingKind
  readonly hub: string
  readonly type: string
  readonly namespace: string
  readonly name: string
  readonly cluster: string
  /** '' where it has none of its own. */
  state: string
  readonly on: Map<string, string>
}

/** Written lines: names of clusters; then of each thing its fields and, by state, the clusters where it is in it. */
type Line = readonly [
  kind: ThingKind,
  hub: string,
  type: string,
  namespace: string,
  name: string,
  cluster: string,
  state: string,
  on: Readonly<Record<string, readonly number[]>>,
]

/** The states of a fleet as bytes. `atMs` is when they were seen last. */
export function encodeStates(fleet: FleetStates, atMs: number): Uint8Array {
  const clusters = new Map<string, number>()
  const indexOf = (name: string): number => {
    const known = clusters.get(name)
    if (known !== undefined) return known
    clusters.set(name, clusters.size)
    return clusters.size - 1
  }
  const lines = linesOf(fleet, indexOf)
  const head = JSON.stringify({ atMs, clusters: [...clusters.keys()] })
  return new TextEncoder().encode([head, ...lines.map((line) => JSON.stringify(line))].join('\n'))
}

type On = Line[7]

function linesOf(fleet: FleetStates, indexOf: (name: string) => number): readonly Line[] {
  const lines: Line[] = []
  const add = (thing: Omit<Thing, 'on'>, on: On = {}): void => {
    const { kind, hub, type, namespace, name, cluster, state } = thing
    lines.push([kind, hub, type, namespace, name, cluster, state, on])
  }
  const members = (names: readonly string[]): On =>
    names.length === 0 ? {} : { member: names.map(indexOf) }
  const spanning = { namespace: '', cluster: '' }
  for (const { hub, name, status } of fleet.clusters) {
    const { kind: type } = status.by
    add({ kind: 'cluster', hub, type, namespace: '', name, cluster: name, state: status.state })
  }
  for (const { hub, name, clusters } of fleet.sets) {
    const set = { kind: 'set' as const, hub, type: 'ManagedClusterSet', name, state: '' }
    add({ ...spanning, ...set }, members(clusters))
  }
  for (const { kind: type, status, clusters, ...named } of fleet.placements)
    add({ kind: 'placement', type, state: status.state, cluster: '', ...named }, members(clusters))
  for (const { hub, cluster, name, status, health: state, rollout } of fleet.addons) {
    const named = { hub, type: status.by.kind, namespace: cluster, name, cluster }
    add({ kind: 'addon', ...named, state })
    if (rollout !== undefined) add({ kind: 'addon_rollout', ...named, state: rollout.status.state })
  }
  for (const { hub, namespace, name, compliance: state, clusters } of fleet.policies)
    add(
      { kind: 'policy', hub, type: 'Policy', namespace, name, cluster: '', state },
      byState(clusters, ({ compliance }) => compliance, indexOf),
    )
  for (const { hub, namespace, name, compliance: state } of fleet.policySets)
    add({ kind: 'policy_set', hub, type: 'PolicySet', namespace, name, cluster: '', state })
  for (const { hub, kind: type, namespace, name, state, clusters } of fleet.applications)
    add(
      { kind: 'application', hub, type, namespace, name, cluster: '', state },
      byState(clusters, (entry) => entry.state, indexOf),
    )
  return lines
}

function byState<T extends { readonly cluster: string }>(
  entries: readonly T[],
  stateOf: (entry: T) => string,
  indexOf: (name: string) => number,
): On {
  const on: Record<string, number[]> = {}
  for (const entry of entries) {
    const state = stateOf(entry)
    on[state] ??= []
    on[state].push(indexOf(entry.cluster))
  }
  return on
}

const thingOf: Partial<Record<TransitionKind, ThingKind>> = {
  policy_on_cluster: 'policy',
  application_on_cluster: 'application',
  placement_member: 'placement',
  set_member: 'set',
}

/** What was recorded, until every hub has been seen again. */
export class RecordedStates {
  readonly #things = new Map<string, Thing>()
  #atMs: number

  /** From bytes of `encodeStates`; undefined = nothing was recorded yet. */
  constructor(bytes: Uint8Array | undefined) {
    const [head, ...lines] = bytes === undefined ? [] : new TextDecoder().decode(bytes).split('\n')
    const { atMs, clusters } = (
      head === undefined ? { atMs: 0, clusters: [] } : JSON.parse(head)
    ) as { readonly atMs: number; readonly clusters: readonly string[] }
    this.#atMs = atMs
    for (const text of lines) {
      const [kind, hub, type, namespace, name, cluster, state, on] = JSON.parse(text) as Line
      const thing = { kind, hub, type, namespace, name, cluster, state, on: new Map() }
      for (const [other, indexes] of Object.entries(on))
        for (const index of indexes) thing.on.set(clusters[index]!, other)
      this.#things.set(keyOf(thing), thing)
    }
  }

  /** When the recorded states were last known to hold; 0 where nothing is recorded. */
  get atMs(): number {
    return this.#atMs
  }

  /** Brings the states up to date with an event after them. */
  apply({ kind, to, atMs, ...event }: Transition & { readonly atMs: number }): void {
    this.#atMs = Math.max(this.#atMs, atMs)
    const onCluster = thingOf[kind]
    const own = onCluster === undefined ? event.cluster : ''
    const fields = { ...event, kind: onCluster ?? (kind as ThingKind), cluster: own }
    const key = keyOf(fields)
    let thing = this.#things.get(key)
    if (thing === undefined) {
      const { hub, type, namespace, name } = event
      thing = {
        kind: fields.kind,
        hub,
        type,
        namespace,
        name,
        cluster: own,
        state: '',
        on: new Map(),
      }
      this.#things.set(key, thing)
    }
    if (onCluster === undefined) thing.state = to ?? ''
    else if (to === undefined) thing.on.delete(event.cluster)
    else thing.on.set(event.cluster, to)
    if (thing.state === '' && thing.on.size === 0) this.#things.delete(key)
  }

  /** Hubs of which anything is recorded. */
  hubs(): ReadonlySet<string> {
    return new Set([...this.#things.values()].map(({ hub }) => hub))
  }

  /** The states of one hub. */
  statesOf(hub: string): FleetStates {
    const things = [...this.#things.values()].filter((thing) => thing.hub === hub)
    const of = (kind: ThingKind): readonly Thing[] => things.filter((thing) => thing.kind === kind)
    const rollouts = new Map(
      of('addon_rollout').map((thing) => [`${thing.cluster}/${thing.name}`, thing]),
    )
    return {
      clusters: of('cluster').map((thing) => ({
        hub,
        name: thing.name,
        status: saidOf<Cluster>(thing),
      })),
      sets: of('set').map(({ name, on }) => ({ hub, name, clusters: [...on.keys()] })),
      placements: of('placement').map((thing) => ({
        hub,
        kind: thing.type as PlacementStatus['kind'],
        namespace: thing.namespace,
        name: thing.name,
        status: saidOf<PlacementStatus>(thing),
        clusters: [...thing.on.keys()].sort(),
      })),
      addons: of('addon').map((thing) => {
        const { cluster, name } = thing
        const rollout = rollouts.get(`${cluster}/${name}`)
        return {
          hub,
          cluster,
          name,
          status: saidOf<Addon>(thing),
          health: thing.state as Addon['health'],
          ...(rollout === undefined ? {} : { rollout: { status: saidOf<AddonRollout>(rollout) } }),
        }
      }),
      policies: of('policy').map(({ namespace, name, state, on }) => ({
        hub,
        namespace,
        name,
        compliance: state as Policy['compliance'],
        clusters: sorted(on).map(([cluster, compliance]) => ({
          cluster,
          compliance: compliance as Policy['compliance'],
          details: [],
        })),
      })),
      policySets: of('policy_set').map(({ namespace, name, state }) => ({
        hub,
        namespace,
        name,
        compliance: state as PolicySet['compliance'],
        message: '',
      })),
      applications: of('application').map(({ type, namespace, name, state, on }) => ({
        hub,
        kind: type as Application['kind'],
        namespace,
        name,
        state: state as Application['state'],
        clusters: sorted(on).map(([cluster, own]) => ({
          cluster,
          state: own as ApplicationOnCluster['state'],
          message: '',
        })),
      })),
    }
  }
}

function keyOf({ kind, hub, type, namespace, name, cluster }: Omit<Thing, 'state' | 'on'>): string {
  return [kind, hub, type, namespace, name, cluster].join('\u0000')
}

function sorted(on: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...on].sort(([one], [other]) => (one < other ? -1 : 1))
}

function saidOf<T extends { readonly status: unknown }>({ type, namespace, name, state }: Thing) {
  const by = { kind: type, namespace, name }
  return { state, reason: '', message: '', by } as unknown as T['status']
}

// A hub's Kubernetes API as a source of the fleet: every kind that matters there, followed by a reflector each.
// Invariants: what is absent or forbidden is reported and tried again, and holds nothing else up; a hub that cannot
// be reached keeps what it said; a key names one object whatever version it is read in.
// Units: times in Unix milliseconds.
// Source: facts/fleet.md §1, §15; facts/ecosystem.md §1.2.

import {
  type ApiObject,
  KubeApiError,
  KubeClient,
  type KubeEndpoint,
  type KubeResource,
  keyOf,
  Reflector,
  type ReflectorChange,
  type ReflectorOptions,
  resourceName,
} from '../../kube/index.ts'
import type { FleetSource, SourceChange } from '../service/source.ts'
import type { SourcePart, SourceStatus } from '../view/fleet-view.ts'
import {
  type FollowedKind,
  federatedGroup,
  type KubeManager,
  kindsOfManagers,
  kubeManagers,
} from './kube-kinds.ts'

/** Which hub, how it is reached, and what is followed there. */
export interface KubeSourceOptions {
  readonly name: string
  /** Opens the way to the API server; tried again where it throws. */
  readonly open: () => Promise<KubeEndpoint>
  readonly managers: readonly KubeManager[]
  /** How often versions and kinds that come and go are looked for. */
  readonly discoveryMs: number
  /** The wait after the hub could not be asked for them, or not be opened at all. */
  readonly retryMs: number
  /** Kinds of KubeFed's users that are followed; those beyond are left out. */
  readonly federatedKindsMax: number
  readonly reflector: Partial<ReflectorOptions>
  readonly now: () => number
}

/** Defaults: all managers, since what a hub does not have costs one request a minute. */
export const kubeSourceDefaults: Omit<KubeSourceOptions, 'name' | 'open'> = {
  managers: kubeManagers,
  discoveryMs: 60_000,
  retryMs: 5000,
  federatedKindsMax: 100,
  reflector: {},
  now: Date.now,
}

/** One hub. */
export class KubeFleetSource implements FleetSource {
  readonly name: string
  readonly kind = 'kubernetes'
  readonly #options: KubeSourceOptions
  /** By `PLURAL.GROUP`. */
  readonly #reflectors = new Map<string, Reflector>()
  readonly #closing = new AbortController()
  #onChange: (change: SourceChange) => void = () => undefined
  #client: KubeClient | undefined
  #timer: NodeJS.Timeout | undefined
  #discovery: Promise<void> = Promise.resolve()
  #wasDiscovered = false
  #wasSynced = false
  /** Why the last discovery failed, and what is wrong as a whole. */
  #undiscovered = ''
  #problem = ''
  #state: SourceStatus['state'] = 'syncing'
  #sinceMs: number

  constructor(options: Partial<KubeSourceOptions> & Pick<KubeSourceOptions, 'name' | 'open'>) {
    this.name = options.name
    this.#options = { ...kubeSourceDefaults, ...options }
    this.#sinceMs = this.#options.now()
  }

  /** Begins; a hub that cannot be reached yet is tried again. */
  start(onChange: (change: SourceChange) => void): Promise<void> {
    this.#onChange = onChange
    this.#discover()
    return Promise.resolve()
  }

  /** How the hub is, with a line for every kind that is followed. */
  status(): SourceStatus {
    const parts = [...this.#reflectors].map(([name, reflector]) => partOf(name, reflector))
    return {
      name: this.name,
      kind: this.kind,
      state: this.#state,
      sinceMs: this.#sinceMs,
      message: this.#problem,
      parts: parts.sort((a, b) => (a.name < b.name ? -1 : 1)),
    }
  }

  /** Ends all watches. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
    await this.#discovery
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.close()))
  }

  // Runs again and again: versions and KubeFed's kinds come and go while we watch.
  #discover(): void {
    this.#discovery = this.#discoverOnce().then(
      () => this.#judge(''),
      (cause) => this.#judge(cause instanceof Error ? cause.message : String(cause)),
    )
    void this.#discovery.then(() => {
      if (this.#closing.signal.aborted) return
      const { discoveryMs, retryMs } = this.#options
      const delayMs = this.#undiscovered === '' ? discoveryMs : retryMs
      this.#timer = setTimeout(() => this.#discover(), delayMs)
      this.#timer.unref()
    })
  }

  async #discoverOnce(): Promise<void> {
    const { open, managers, federatedKindsMax } = this.#options
    this.#client ??= new KubeClient(await open())
    for (const kind of kindsOfManagers(managers)) {
      if (this.#closing.signal.aborted) return
      await this.#followBest(this.#client, kind)
    }
    if (managers.includes('kubefed')) {
      const { group, version } = federatedGroup
      const found = await this.#client.resources(group, version).catch(noneIfForbidden)
      for (const resource of found.slice(0, federatedKindsMax)) this.#follow(resource, {})
    }
    this.#wasDiscovered = true
  }

  // The first version is taken without asking; others are looked for where the server does not have it.
  async #followBest(
    client: KubeClient,
    { resource, olderVersions, selection }: FollowedKind,
  ): Promise<void> {
    const known = this.#reflectors.get(resourceName(resource))
    if (known === undefined) {
      this.#follow(resource, selection)
      return
    }
    if (olderVersions.length === 0 || known.status().state !== 'absent') return
    for (const version of [resource.version, ...olderVersions]) {
      const served = await client.resources(resource.group, version)
      if (!served.some(({ plural }) => plural === resource.plural)) continue
      if (version === known.resource.version) return
      await known.close()
      this.#reflectors.delete(resourceName(resource))
      this.#follow({ ...resource, version }, selection)
      return
    }
  }

  #follow(resource: KubeResource, selection: FollowedKind['selection']): void {
    const name = resourceName(resource)
    if (this.#client === undefined || this.#reflectors.has(name)) return
    const reflector = new Reflector(
      {
        client: this.#client,
        resource,
        selection,
        onChange: (change) => this.#hear(name, change),
      },
      { now: this.#options.now, ...this.#options.reflector },
    )
    this.#reflectors.set(name, reflector)
    reflector.start()
  }

  #hear(name: string, change: ReflectorChange): void {
    const keyed = (object: ApiObject): SourceChange['upserts'][number] => ({
      key: `${name} ${keyOf(object)}`,
      object,
    })
    const upserts = change.upserts.map(keyed)
    const deletes = change.deletes.map((key) => `${name} ${key}`)
    const { unseenSinceMs } = change
    const isNews = this.#assess()
    if (upserts.length === 0 && deletes.length === 0 && !isNews) return
    this.#onChange({
      upserts,
      deletes,
      synced: this.#wasSynced,
      ...(unseenSinceMs === undefined ? {} : { unseenSinceMs }),
    })
  }

  #judge(problem: string): void {
    this.#undiscovered = problem
    if (this.#closing.signal.aborted) return
    if (this.#assess()) this.#onChange({ upserts: [], deletes: [], synced: this.#wasSynced })
  }

  // True where the state is another than before.
  #assess(): boolean {
    const all = [...this.#reflectors.values()].map((reflector) => reflector.status())
    const failing = all.find(({ state }) => state === 'failing')
    const before = { state: this.#state, wasSynced: this.#wasSynced }
    this.#wasSynced ||= this.#wasDiscovered && all.every(({ isSettled }) => isSettled)
    this.#problem = failing?.message ?? this.#undiscovered
    this.#state = this.#problem !== '' ? 'failing' : this.#wasSynced ? 'synced' : 'syncing'
    if (before.state !== this.#state) this.#sinceMs = this.#options.now()
    return before.state !== this.#state || before.wasSynced !== this.#wasSynced
  }
}

function noneIfForbidden(cause: unknown): readonly KubeResource[] {
  if (cause instanceof KubeApiError && cause.isForbidden) return []
  throw cause
}

function partOf(name: string, reflector: Reflector): SourcePart {
  const { state, objectCount, message, lastSyncMs } = reflector.status()
  const mistake = {
    syncing: 'not read yet',
    synced: undefined,
    absent: 'the API server does not serve this kind',
    forbidden: message,
    failing: message,
    too_many: message,
  }[state]
  return {
    name,
    objectCount,
    ...(lastSyncMs === undefined ? {} : { lastSyncMs }),
    ...(mistake === undefined ? {} : { mistake }),
  }
}

// What the hub holds of the kinds that parts follow: one reflector per kind and selection, and the objects as they came.
// Invariants: a kind that is failing keeps its objects; a kind that is absent, forbidden or cut off at the bound is not known.

import {
  type ApiObject,
  type KubeClient,
  keyOf,
  Reflector,
  type ReflectorOptions,
  resourceName,
} from '../kube/index.ts'
import type { Followed, World } from './part.ts'

/** How a kind is, for those who look after the hub. */
export interface FollowedStatus {
  /** `managedclusters.cluster.open-cluster-management.io`, with its selection where there is one. */
  readonly name: string
  readonly state: string
  readonly message: string
  readonly objectCount: number
}

interface Follow {
  readonly name: string
  readonly reflector: Reflector
  readonly objects: Map<string, ApiObject>
  /** Made anew when it is asked for and something has changed. */
  sorted: readonly ApiObject[] | undefined
}

/** The kinds of all parts, followed until closed. */
export class FollowedKinds implements World {
  readonly #follows = new Map<string, Follow>()

  constructor(
    client: KubeClient,
    kinds: readonly Followed[],
    watcher: { readonly onChange: () => void; readonly reflector: Partial<ReflectorOptions> },
  ) {
    for (const followed of kinds) {
      const name = nameOf(followed)
      if (this.#follows.has(name)) continue
      const objects = new Map<string, ApiObject>()
      const { resource, selection = {} } = followed
      const onChange: ConstructorParameters<typeof Reflector>[0]['onChange'] = (change) => {
        for (const object of change.upserts) objects.set(keyOf(object), object)
        for (const key of change.deletes) objects.delete(key)
        follow.sorted = undefined
        watcher.onChange()
      }
      const reflector = new Reflector({ client, resource, selection, onChange }, watcher.reflector)
      const follow: Follow = { name, reflector, objects, sorted: undefined }
      this.#follows.set(name, follow)
    }
  }

  /** Begins to follow; nothing is awaited. */
  start(): void {
    for (const { reflector } of this.#follows.values()) reflector.start()
  }

  list(followed: Followed): readonly ApiObject[] {
    const follow = this.#follow(followed)
    follow.sorted ??= [...follow.objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
    return follow.sorted
  }

  get(followed: Followed, key: string): ApiObject | undefined {
    return this.#follow(followed).objects.get(key)
  }

  isKnown(followed: Followed): boolean {
    return this.problemOf(followed) === ''
  }

  /** Why a kind is not known whole; '' when it is. */
  problemOf(followed: Followed): string {
    const { name, reflector } = this.#follow(followed)
    const { state, message, isSettled } = reflector.status()
    if (!isSettled) return message === '' ? `${name} is being read` : `${name}: ${message}`
    return state === 'synced' || state === 'failing' ? '' : `${name} is ${state}: ${message}`
  }

  /** How every kind is. */
  status(): readonly FollowedStatus[] {
    return [...this.#follows.values()].map(({ name, reflector }) => {
      const { state, message, objectCount } = reflector.status()
      return { name, state, message, objectCount }
    })
  }

  /** Ends following; resolves when nothing changes any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#follows.values()].map(({ reflector }) => reflector.close()))
  }

  #follow(followed: Followed): Follow {
    const follow = this.#follows.get(nameOf(followed))
    if (follow === undefined) throw new Error(`${nameOf(followed)} is followed by no part`)
    return follow
  }
}

function nameOf({ resource, selection = {} }: Followed): string {
  const { namespace, labelSelector, fieldSelector, metadataOnly } = selection
  const chosen = [namespace, labelSelector, fieldSelector, metadataOnly === true ? 'metadata' : '']
  const text = chosen.filter((one) => one !== undefined && one !== '').join(' ')
  const name = `${resourceName(resource)}/${resource.version}`
  return text === '' ? name : `${name} (${text})`
}

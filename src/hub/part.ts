// The seam of this room: what a part of the hub role is, what it is shown, and what it may want.
// A part is a pure function of what the hub holds and of the time: it names the kinds that it looks at, and `plan` says what should be
// there. It never writes: the applier compares what is wanted with what is there, and writes the difference.
// Invariants: `plan` runs only while every kind of `required` is known whole, since what is not known must not look like what is gone.

import type { ApiObject, KubeClient, KubeResource, KubeSelection } from '../kube/index.ts'

/** A kind that is followed, whole or in part. Parts that name the same share it. */
export interface Followed {
  readonly resource: KubeResource
  readonly selection?: KubeSelection
}

/** What the hub holds, as far as it is followed. */
export interface World {
  /** All objects of a kind, in the order of their keys. */
  list(followed: Followed): readonly ApiObject[]
  /** The object of a key: `NS/NAME`, or `NAME` for kinds without namespaces. */
  get(followed: Followed, key: string): ApiObject | undefined
  /** Whether a kind of `optional` is served to us, and known whole. */
  isKnown(followed: Followed): boolean
}

/** An object that should be there, with the fields that it names; other fields of it are left alone. Written by server-side apply. */
export interface Apply {
  readonly resource: KubeResource
  readonly object: ApiObject
  /** What is there now, as the world shows it. */
  readonly current: ApiObject | undefined
}

/** An object that should not be there. It is deleted only if it is still the one that was looked at. */
export interface Deletion {
  readonly resource: KubeResource
  readonly current: ApiObject
}

/**
 * Fields that an object should have: a JSON merge patch of it, or of its status. Written only over the version that was looked at, so
 * that lists, which it replaces whole, are not written over somebody else's.
 */
export interface Patch {
  readonly resource: KubeResource
  readonly current: ApiObject
  readonly patch: Readonly<Record<string, unknown>>
  readonly subresource?: 'status'
}

/** What none of the others is, such as approving a signing request. Wanted for as long as it is not done. */
export interface Act {
  /** Names it in messages, and tells it apart from others of the part. */
  readonly name: string
  run(client: KubeClient): Promise<unknown>
}

/** Something that people should know: why a cluster is left out, what of the configuration is wrong. Logged when it begins. */
export interface Note {
  readonly level: 'info' | 'warn'
  /** What it is about, such as `cluster west`. */
  readonly about: string
  readonly text: string
}

/** What a part wants. What is left out is wanted as it is. */
export interface Wanted {
  readonly applies?: readonly Apply[]
  readonly deletions?: readonly Deletion[]
  readonly patches?: readonly Patch[]
  readonly acts?: readonly Act[]
  readonly notes?: readonly Note[]
  /** When the plan may be another one although no object changed, from now. */
  readonly lookAgainInMs?: number
}

/** A part of the hub role. */
export interface Part {
  readonly name: string
  /** Kinds without which nothing is planned. */
  readonly required: readonly Followed[]
  /** Kinds that may be absent or forbidden; see `World.isKnown`. */
  readonly optional?: readonly Followed[]
  /** Pure: the same world at the same time gives the same wants. It may await, as cryptography makes it. */
  plan(world: World, nowMs: number): Wanted | Promise<Wanted>
}

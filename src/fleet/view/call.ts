// What readers ask of the fleet, and what they get: plain values that cross threads.
// The thread that keeps the fleet answers with encoded bodies; the door adds headers.
// Units: times in Unix milliseconds.

import type { Scope } from '../../model/index.ts'
import type { Transition } from '../model/transitions.ts'

/** Lists that the API has. */
export const fleetLists = [
  'clusters',
  'clustersets',
  'placements',
  'addons',
  'rollouts',
  'policies',
  'policysets',
  'applications',
  'events',
  'sources',
] as const

/** See `fleetLists`. */
export type FleetList = (typeof fleetLists)[number]

/** Which things of a list are meant; absent = any. Values of one filter are alternatives. */
export interface FleetFilter {
  readonly hub?: readonly string[]
  /** A Kubernetes label selector, as `kubectl -l` takes it; of the thing, or of its cluster where it has no labels. */
  readonly selector?: string
  readonly set?: readonly string[]
  /** `NS/NAME`. */
  readonly placement?: readonly string[]
  readonly cluster?: readonly string[]
  readonly state?: readonly string[]
  readonly namespace?: readonly string[]
  /** A part of the name, case ignored. */
  readonly name?: string
  /** Policies: what they are there for. */
  readonly standard?: readonly string[]
  readonly category?: readonly string[]
  readonly control?: readonly string[]
  /** Kinds of the object; of events, kinds of what changed. */
  readonly kind?: readonly string[]
  /** Events: a half-open range of time. */
  readonly fromMs?: number
  readonly toMs?: number
}

/** One page of a list. */
export interface FleetListCall {
  readonly kind: 'list'
  readonly list: FleetList
  readonly scope: Scope
  readonly filter: FleetFilter
  /** Dotted path of a field; a leading `-` turns the order round. */
  readonly sort?: string
  readonly limit: number
  /** As a previous answer gave it. */
  readonly cursor?: string
  /** Dotted paths of the fields wanted; absent = all. */
  readonly fields?: readonly string[]
  readonly format: 'json' | 'csv'
}

/**
 * One thing of a list, by hub (absent = any), namespace ('' = none; of an addon, its cluster) and name (of an event,
 * its id). A policy, an application or a rollout comes with a page of its clusters: `limit` and `cursor` are of these, and
 * where `filter.cluster` names some, each comes with all that is known of it.
 */
export interface FleetObjectCall {
  readonly kind: 'object'
  readonly list: FleetList
  readonly scope: Scope
  readonly filter: FleetFilter
  /** Kind of the object, where one name has several. */
  readonly type?: string
  readonly namespace: string
  readonly name: string
  readonly limit: number
  readonly cursor?: string
}

/** Counts over the whole fleet that the scope shows. */
export interface FleetSummaryCall {
  readonly kind: 'summary'
  readonly scope: Scope
  readonly filter: FleetFilter
}

/** Why a placement is as it is; with `manifest`, how one would be that does not exist yet (a Placement as JSON). */
export interface FleetExplainCall {
  readonly kind: 'explain'
  readonly scope: Scope
  readonly hub?: string
  readonly namespace: string
  readonly name: string
  readonly manifest?: unknown
}

/** Anything that is asked once. */
export type FleetCall = FleetListCall | FleetObjectCall | FleetSummaryCall | FleetExplainCall

/** An encoded answer. The tag is that of its content: equal tags, equal bodies. */
export interface FleetAnswer {
  readonly contentType: string
  readonly etag: string
  readonly body: Uint8Array
  /** The cursor of the next page, where there is one. */
  readonly next?: string
}

/** A transition as the journal keeps it. Ids grow by one each, without gaps, over restarts. */
export interface FleetEvent extends Transition {
  readonly id: number
  /** When it was seen. */
  readonly atMs: number
  /** Where nobody watched for a while before: it happened at some time since. */
  readonly unseenSinceMs?: number
}

/** The fleet as doors see it, wherever it is kept. */
export interface FleetPort {
  /** Throws UserError not_found, bad_data (a filter, a cursor, a manifest), forbidden. */
  ask(call: FleetCall): Promise<FleetAnswer>
  /**
   * Events after an id, oldest first, in batches, until the signal fires. Throws UserError gone where events after
   * that id are no longer kept, so that a follower lists again.
   */
  follow(
    options: { readonly afterId: number; readonly scope: Scope },
    signal: AbortSignal,
  ): AsyncIterable<readonly FleetEvent[]>
}

// Query call: one question of a reader, as it crosses from the front to a query thread.
// Everything here is structured-clonable. Units: Unix milliseconds.

import type { Scope } from '../model/index.ts'
import type { ContentCoding } from './compression.ts'

/** What every call carries. */
interface CallBase {
  /** Tenants to read, already allowed; at least one. */
  readonly tenants: readonly string[]
  /** What of them the reader sees. */
  readonly scope: Scope
  /** Who reads, for limits and lists. */
  readonly reader: string
  /** What the answer has to say about the request itself, where it says anything. */
  readonly warnings?: readonly string[]
  /** Wall-clock time at which the answer is given up. */
  readonly deadlineMs: number
  /** A content coding that the reader understands. */
  readonly coding?: ContentCoding | undefined
  /** What limits of the reader and the tenants leave; set where the call is admitted. */
  readonly bounds?: CallBounds
}

/** Bounds of a call, each with the option that sets it. */
export interface CallBounds {
  /** Samples held at a time. */
  readonly samples?: { readonly max: number; readonly option: string }
  /** How far beyond the times of the call selectors may look; how long a remote read may be. */
  readonly range?: { readonly maxMs: number; readonly option: string }
}

/** How much is said about the work: nothing, totals, or per step. */
export type StatsWanted = 'none' | 'totals' | 'all'

interface EvaluationBase extends CallBase {
  readonly query: string
  readonly lookbackMs: number | undefined
  /** Most series in the answer; 0 = all. */
  readonly limit: number
  readonly stats: StatsWanted
  /** Adds the plan as a tree: as planned, or with figures per operator after the run. */
  readonly explain: 'none' | 'plan' | 'analyze'
}

/** An expression at one time. */
export interface InstantCall extends EvaluationBase {
  readonly kind: 'instant'
  readonly timeMs: number
}

/** An expression at the steps of a range; stepMs > 0. */
export interface RangeCall extends EvaluationBase {
  readonly kind: 'range'
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
  /** Whether steps may come from the cache. */
  readonly useCache: boolean
}

/** An expression at one time whose answer stays a value: see `readVector`. */
export interface VectorCall extends CallBase {
  readonly kind: 'vector'
  readonly query: string
  readonly timeMs: number
  readonly lookbackMs: number | undefined
  /** More samples than these are an error. */
  readonly samplesMax: number
}

interface ListingBase extends CallBase {
  /** The texts of match[]; a series is listed when one of them matches. */
  readonly selectors: readonly string[]
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Most entries; 0 = all. */
  readonly limit: number
}

/** Label sets. */
export interface SeriesCall extends ListingBase {
  readonly kind: 'series'
}

/** Label names. */
export interface LabelNamesCall extends ListingBase {
  readonly kind: 'labelNames'
}

/** Values of one label. */
export interface LabelValuesCall extends ListingBase {
  readonly kind: 'labelValues'
  readonly name: string
}

/** The newest sample of each series in the text exposition format. */
export interface FederateCall extends CallBase {
  readonly kind: 'federate'
  readonly selectors: readonly string[]
  readonly timeMs: number
  readonly externalLabels: Readonly<Record<string, string>>
}

/** A remote-read request: the decompressed protobuf of a ReadRequest. */
export interface RemoteReadCall extends CallBase {
  readonly kind: 'remoteRead'
  readonly request: Uint8Array
  readonly externalLabels: Readonly<Record<string, string>>
}

/** Tables of how many series there are of what. */
export interface CardinalityCall extends CallBase {
  readonly kind: 'cardinality'
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Most entries of a table. */
  readonly limit: number
}

/** Any call. */
export type QueryCall =
  | InstantCall
  | RangeCall
  | VectorCall
  | SeriesCall
  | LabelNamesCall
  | LabelValuesCall
  | FederateCall
  | RemoteReadCall
  | CardinalityCall

/** What a call asks, in a line, for logs and the list of running queries. */
export function describeCall(call: QueryCall): string {
  if (call.kind === 'instant' || call.kind === 'range' || call.kind === 'vector') return call.query
  if (call.kind === 'remoteRead') return 'remote read'
  if (call.kind === 'cardinality') return 'cardinality'
  const what = call.kind === 'labelValues' ? `labelValues(${call.name})` : call.kind
  return call.selectors.length === 0 ? what : `${what} ${call.selectors.join(' or ')}`
}

// The read seam: how queries ask any source (head, block, bucket, peer) for series.

import type { Matcher } from '../model/index.ts'
import type { MemoryAccount } from './memory-account.ts'
import type { SeriesBatch } from './series-batch.ts'

/** What the caller will do with the samples; a source may use it to send less, never to change an answer. */
export interface SelectHints {
  readonly stepMs?: number
  /** The function or aggregation around the selector, '' or absent where none; 'series' = labels only, no chunks. */
  readonly func?: string
  readonly rangeMs?: number
  readonly grouping?: readonly string[]
  readonly by?: boolean
  /** Enough rows; 0 or absent = all. */
  readonly limit?: number
  /** This caller wants rows whose hash word 0 modulo `count` is `index`. */
  readonly shard?: { readonly index: number; readonly count: number }
}

/** One selector over a time range of some tenants. */
export interface SelectRequest {
  /** Tenants to read, already checked; at least one. */
  readonly tenants: readonly string[]
  readonly matchers: readonly Matcher[]
  /** Inclusive bounds: chunks that overlap them are returned whole. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Rows come sorted by labels (bytewise). Otherwise the order is the source's own. */
  readonly sorted: boolean
  readonly hints: SelectHints
}

/** One label listing; no matchers = all series. */
export interface LabelRequest {
  readonly tenants: readonly string[]
  readonly matchers: readonly Matcher[]
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly limit?: number
}

/** A sorted list of names or values, and what could not be asked. */
export interface LabelAnswer {
  readonly values: readonly string[]
  readonly warnings: readonly string[]
}

/** Stops work on behalf of a caller who has gone or whose time is up; checked per batch and in long loops. */
export interface CancelSignal {
  /** Throws UserError canceled or timeout once the caller must stop. Cheap enough for inner loops. */
  check(): void
  /** Counts what is held for the caller; absent = not bounded here. */
  readonly memory?: MemoryAccount
}

/** Batches on demand. Pull until undefined; close early to free what the cursor holds. */
export interface SeriesCursor {
  /** Works towards the first batch for about a millisecond; true once `next` needs no more of it. */
  prepare?(): boolean
  next(): Promise<SeriesBatch | undefined>
  close(): void
  /** Set once the cursor knows that `next` has nothing more; it need not know before it is asked. */
  readonly ended?: boolean
  /** What is missing from the answer, complete once `next` returned undefined. */
  readonly warnings: readonly string[]
}

/** A source of series. All methods throw UserError for the caller's faults and limits. */
export interface Queryable {
  select(request: SelectRequest, signal: CancelSignal): SeriesCursor
  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer>
  labelValues(name: string, request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer>
}

// What the front and a query thread say to each other. Bytes travel by transfer, everything else by structured clone.

import type { ErrorCode, MembershipColumns } from '../model/index.ts'
import type { QueryCall } from './call.ts'

/** From the front: run a call, send more pieces of its answer, or know another history. */
export type ToThread =
  | {
      readonly type: 'run'
      readonly id: number
      readonly call: QueryCall
      /** The call's word in the shared array of cancel words. */
      readonly cancelIndex: number
    }
  | { readonly type: 'more'; readonly id: number }
  /** What is known of memberships from here on. */
  | { readonly type: 'membership'; readonly columns: MembershipColumns }

/** What one finished call cost, for logs and metrics. */
export interface CallReport {
  readonly samplesRead: number
  readonly peakSamples: number
  readonly evaluationMs: number
  /** Steps of an expression, and how many of them came from the cache. */
  readonly steps: number
  readonly cachedSteps: number
}

/**
 * From the thread: once that it serves; then per call a short answer whole; a longer one in order head, pieces, end; or an
 * error instead of or after any of them.
 */
export type FromThread = { readonly type: 'serving' } | CallMessage

/** What a thread says about one call. */
export type CallMessage =
  | {
      readonly type: 'whole'
      readonly id: number
      readonly headers: Readonly<Record<string, string>>
      readonly bytes: Uint8Array
      readonly report: CallReport
    }
  | {
      readonly type: 'head'
      readonly id: number
      readonly headers: Readonly<Record<string, string>>
    }
  | { readonly type: 'piece'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly id: number; readonly report: CallReport }
  | {
      readonly type: 'error'
      readonly id: number
      readonly code: ErrorCode
      readonly message: string
      /** Set where the error is a programmer's: it belongs into the log, not to the reader. */
      readonly stack?: string
    }

/** Pieces of one answer that may be on their way to the front at a time. */
export const piecesInFlightMax = 4

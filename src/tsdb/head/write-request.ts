// Write request: one decoded body on its way into the head, how its new series are admitted, and its bounds.
// Units: Unix milliseconds.

import type { DecodedBody, LabelBounds } from '../../kernel/index.ts'
import type { Label, Labels } from '../../model/index.ts'
import type { Rejection, SenderIdentity } from '../../storage/index.ts'

/** What becomes of a new series: stored under canonical labels, dropped, or refused. */
export type Admitted =
  | { readonly labels: Labels }
  | { readonly dropped: true }
  | { readonly rejection: Rejection }

/** Decides about series on first sight: identity labels, relabelling, label limits. `sent` in any order. */
export type AdmitSeries = (
  tenant: string,
  sender: SenderIdentity,
  sent: readonly Label[],
) => Admitted

/** Bounds and limits of one request. */
export interface WriteBounds {
  readonly outOfOrderWindowMs: number
  readonly oldestAcceptedMs: number
  readonly newestAcceptedMs: number
  /** Series a tenant may have in one window; 0 = unlimited. */
  readonly seriesMax: number
  /** No new series while this is so; known ones go on. */
  readonly isMemoryFull: () => boolean
  readonly droppedMappingsMax: number
  /** Bounds of the labels of series that are stored as sent; undefined where none is. */
  readonly plain: LabelBounds | undefined
  /** Start timestamps are kept; where they are not, they end here. */
  readonly startTimestamps: boolean
}

/** One request, decoded. */
export interface WriteRequest {
  readonly tenant: string
  readonly sender: SenderIdentity
  readonly body: DecodedBody
  readonly nowMs: number
}

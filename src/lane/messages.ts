// Messages between a lane and its clients: plain data for structured clone, big bytes by transfer.
// Invariant: every request but `close` gets exactly one reply with its id.

import { isMarkedAsUntransferable } from 'node:worker_threads'
import { type ErrorCode, UserError } from '../model/index.ts'
import type {
  AppendRequest,
  AppendResult,
  CancelPlace,
  LabelAnswer,
  LabelRequest,
  SelectRequest,
  SeriesBatch,
} from '../storage/index.ts'

/** What a client asks. `cursor` names a cursor of this port; the client chooses the number. */
export type LaneRequest =
  | { readonly kind: 'append'; readonly id: number; readonly request: AppendRequest }
  | { readonly kind: 'call'; readonly id: number; readonly method: string; readonly args: unknown }
  | {
      readonly kind: 'next'
      readonly id: number
      readonly cursor: number
      /** Opens the cursor: comes with the first pull. */
      readonly open?: { readonly request: SelectRequest; readonly place: CancelPlace }
    }
  | {
      readonly kind: 'labels'
      readonly id: number
      /** Values of this label; names where absent. */
      readonly name?: string
      readonly request: LabelRequest
      readonly place: CancelPlace
    }
  | { readonly kind: 'close'; readonly cursor: number }

/** What a pull brings. */
export interface PullAnswer {
  readonly batch: SeriesBatch | undefined
  /** Nothing comes after this batch, or there is none; the cursor is closed. */
  readonly ended: boolean
  readonly warnings: readonly string[]
}

/** What a lane answers. */
export type LaneReply =
  | { readonly id: number; readonly value: AppendResult | LabelAnswer | PullAnswer | unknown }
  | { readonly id: number; readonly error: LaneError }

/** An error as data. Codes survive; other errors keep name and message. */
export interface LaneError {
  readonly code: ErrorCode | undefined
  readonly name: string
  readonly message: string
}

/** An error on its way out. */
export function errorToData(error: unknown): LaneError {
  if (error instanceof UserError)
    return { code: error.code, name: error.name, message: error.message }
  if (error instanceof Error) return { code: undefined, name: error.name, message: error.message }
  return { code: undefined, name: 'Error', message: String(error) }
}

/** An error on its way in. */
export function errorFromData(data: LaneError): Error {
  if (data.code !== undefined) return new UserError(data.code, { what: data.message })
  const error = new Error(data.message)
  error.name = data.name
  return error
}

/** The buffers among these that can be transferred; shared and pooled ones are left for the clone. */
export function transferList(buffers: readonly ArrayBufferLike[]): ArrayBuffer[] {
  return [...new Set(buffers)].filter(
    (buffer): buffer is ArrayBuffer =>
      buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(buffer),
  )
}

// The envelope of the Prometheus HTTP API: success and error bodies, and which error gets which status.
// Source: Prometheus web/api/v1/api.go; facts: `unavailable` is 503 here (a load balancer must see it), elsewhere equal.

import { type ErrorCode, UserError } from '../model/index.ts'

/** What an error becomes on the wire. */
export interface ErrorReply {
  readonly status: number
  readonly body: { readonly status: 'error'; readonly errorType: string; readonly error: string }
  readonly retryAfterSeconds?: number
}

const replies: Readonly<Record<ErrorCode, readonly [status: number, errorType: string]>> = {
  bad_data: [400, 'bad_data'],
  bad_config: [400, 'bad_data'],
  bad_tenant: [400, 'bad_data'],
  unauthorized: [401, 'unauthorized'],
  forbidden: [403, 'forbidden'],
  method_not_allowed: [405, 'bad_data'],
  unsupported_media_type: [415, 'bad_data'],
  body_too_large: [413, 'bad_data'],
  limit_exceeded: [429, 'too_many_requests'],
  sample_rejected: [400, 'bad_data'],
  not_ready: [503, 'unavailable'],
  disk_full: [503, 'unavailable'],
  data_in_use: [500, 'internal'],
  data_too_new: [500, 'internal'],
  execution: [422, 'execution'],
  timeout: [503, 'timeout'],
  canceled: [499, 'canceled'],
  not_found: [404, 'not_found'],
  gone: [410, 'not_found'],
  unavailable: [503, 'unavailable'],
  internal: [500, 'internal'],
}

const retryable: readonly ErrorCode[] = ['limit_exceeded', 'not_ready', 'disk_full', 'unavailable']

/** Turns whatever was thrown into a reply; what is not a UserError stays out of the text and is the caller's to log. */
export function errorReply(error: unknown): ErrorReply {
  if (error instanceof UserError) {
    const [status, errorType] = replies[error.code]
    const body = { status: 'error', errorType, error: error.message } as const
    return retryable.includes(error.code)
      ? { status, body, retryAfterSeconds: 5 }
      : { status, body }
  }
  const status = statusOf(error)
  if (status >= 400 && status < 500) {
    return {
      status,
      body: { status: 'error', errorType: 'bad_data', error: (error as Error).message },
    }
  }
  return {
    status: 500,
    body: { status: 'error', errorType: 'internal', error: 'internal error, see the log' },
  }
}

function statusOf(error: unknown): number {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode
  return typeof status === 'number' ? status : 500
}

/** `{"status":"success","data":…}` with warnings and infos where there are any. */
export function success(
  data: unknown,
  notes: { readonly warnings?: readonly string[]; readonly infos?: readonly string[] } = {},
): Record<string, unknown> {
  const body: Record<string, unknown> = { status: 'success', data }
  if (notes.warnings?.length) body.warnings = notes.warnings
  if (notes.infos?.length) body.infos = notes.infos
  return body
}

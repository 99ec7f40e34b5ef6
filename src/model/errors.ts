// The three kinds of failure: a user's mistake (UserError), corrupt bytes (CorruptionError), a programmer's
// mistake (assert). Codes are stable and explained in docs/errors.md.

/** Stable codes of user errors; each has a section in docs/errors.md. */
export type ErrorCode =
  | 'bad_data'
  | 'bad_config'
  | 'bad_tenant'
  | 'unauthorized'
  | 'forbidden'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'body_too_large'
  | 'limit_exceeded'
  | 'sample_rejected'
  | 'not_ready'
  | 'disk_full'
  | 'data_in_use'
  | 'data_too_new'
  | 'execution'
  | 'timeout'
  | 'canceled'
  | 'not_found'
  | 'gone'
  | 'unavailable'
  | 'internal'

/** What happened, where, and how to put it right. */
export interface ErrorParts {
  readonly what: string
  readonly where?: string
  readonly fix?: string
  readonly cause?: unknown
}

/** A mistake of a user or a peer: the message says what, where and how to fix it. */
export class UserError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, parts: ErrorParts) {
    const where = parts.where === undefined ? '' : ` (${parts.where})`
    const fix = parts.fix === undefined ? '' : `; ${parts.fix}`
    super(
      `${parts.what}${where}${fix}`,
      parts.cause === undefined ? undefined : { cause: parts.cause },
    )
    this.name = 'UserError'
    this.code = code
  }
}

/** Bytes that are not what they must be. Offsets in bytes from the start of the file or buffer. */
export class CorruptionError extends Error {
  constructor(parts: {
    readonly file: string
    readonly offset: number
    readonly expected: string
    readonly found: string
    readonly cause?: unknown
  }) {
    super(
      `${parts.file} is corrupt at byte ${parts.offset}: expected ${parts.expected}, found ${parts.found}`,
      parts.cause === undefined ? undefined : { cause: parts.cause },
    )
    this.name = 'CorruptionError'
  }
}

/** Fails when a programmer's assumption does not hold. */
export function assert(condition: boolean, message = 'assertion failed'): asserts condition {
  if (!condition) throw new Error(message)
}

// What goes wrong between us and an API server, in the server's own terms.
// Invariants: a failure is told apart by HTTP status and by the Status object's `reason`, never by its text.
// Source: Kubernetes API conventions, "Response Status Kind".

import { fieldOf, textOf } from './api-object.ts'

/** An answer of the API server that is a failure. `reason` is its machine-readable word, such as `Conflict`. */
export class KubeApiError extends Error {
  readonly status: number
  readonly reason: string
  /** How long the server asks us to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined
  /** The Status object as it came, where one came. */
  readonly answer: unknown

  constructor(
    status: number,
    answer: unknown,
    about: { readonly what: string; retryAfter?: string },
  ) {
    const said = textOf(answer, 'message')
    super(`${about.what}: ${status}${said === '' ? '' : ` ${said}`}`)
    this.name = 'KubeApiError'
    this.status = status
    this.reason = textOf(answer, 'reason')
    const seconds = Number(about.retryAfter ?? fieldOf(answer, 'details', 'retryAfterSeconds'))
    this.retryAfterMs = seconds > 0 ? seconds * 1000 : undefined
    this.answer = answer
  }

  /** The resource version, or the token of a page, is too old: list again. */
  get isExpired(): boolean {
    return this.status === 410
  }

  /** No such object, or no such kind. */
  get isAbsent(): boolean {
    return this.status === 404
  }

  /** Who we are, or what we may do, is not enough. */
  get isForbidden(): boolean {
    return this.status === 401 || this.status === 403
  }

  /** Somebody else changed or made the object, or owns a field of it. */
  get isConflict(): boolean {
    return this.status === 409
  }
}

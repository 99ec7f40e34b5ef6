// Times: Unix milliseconds as doubles (exact to 2^53), half-open windows aligned to the epoch.

/** Inclusive bounds in Unix milliseconds. */
export interface TimeRange {
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

/** The length of a head window and of a fresh block: two hours. */
export const windowMs = 2 * 3_600_000

/** Start of the two-hour window that holds `timestampMs`. */
export function windowStartMs(timestampMs: number): number {
  return Math.floor(timestampMs / windowMs) * windowMs
}

/** RFC 3339 in UTC with milliseconds; out-of-range times print as the number. */
export function formatTime(timestampMs: number): string {
  return Math.abs(timestampMs) <= 8.64e15
    ? new Date(timestampMs).toISOString()
    : String(timestampMs)
}

// When a refused sender should come back.

/** Seconds: long enough for a burst to pass, short enough that a sender's queue does not overflow. */
export const retryAfterSeconds = 5

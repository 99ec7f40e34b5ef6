// Times as Kubernetes writes them: RFC 3339, whole seconds, UTC.

/** A time in Unix milliseconds as text. */
export function timeText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`
}

// Near committer: commits on the lane's own thread while the disk is fast, on the log thread while it is not.
// Handing a commit over costs two messages and two switches of threads, more than a fast disk needs to sync; a slow disk
// would keep the lane from reading. Which of the two a disk is, its commits tell.
// Invariant: one commit at a time, as every committer; both threads write the same files at places the job names.

import type { Files } from '../files.ts'
import { type Committer, LogWriter } from './committer.ts'

/** When a disk is slow, and for how long it is thought so; milliseconds. */
export interface NearCommitOptions {
  /** A commit may take so long on average before the next ones are handed over. */
  readonly slowMs: number
  /** So long they are; then the disk is tried again. */
  readonly farMs: number
  readonly nowMs: () => number
}

/** Two milliseconds, ten seconds. */
export const nearCommitDefaults: NearCommitOptions = {
  slowMs: 2,
  farMs: 10_000,
  nowMs: () => performance.now(),
}

// The average forgets: about the last so many commits count.
const averagedCount = 8

/** Commits here or through `far`, the log thread's port. */
export function nearCommitter(
  files: Files,
  far: Committer,
  { slowMs, farMs, nowMs }: NearCommitOptions,
): Committer {
  const writer = new LogWriter(files)
  let averageMs = 0
  let farUntilMs = Number.NEGATIVE_INFINITY
  return {
    async commit(job) {
      const startMs = nowMs()
      if (startMs < farUntilMs) return far.commit(job)
      const outcome = writer.run(job)
      const endMs = nowMs()
      averageMs += (endMs - startMs - averageMs) / averagedCount
      if (averageMs > slowMs) {
        averageMs = 0
        farUntilMs = endMs + farMs
        writer.close()
      }
      return outcome
    },
    async close() {
      writer.close()
      await far.close()
    },
  }
}

// Near committer: commits on the lane's own thread while the disk is fast, on the log thread while it is not.
// Handing a commit over costs two messages and two switches of threads, more than a fast disk needs to sync; a slow disk
// would keep the lane from reading. Which of the two a disk is, its commits tell.
// Invariant: one commit at a time, as every committer; both threads write the same files at places the job names.

import type { Files } from '../files.ts'
import { type Committer, LogWriter } from './committer.ts'

/** When a disk is slow, and for how long it is thought so; milliseconds. */
export interface NearCommitOptions {
  /** When eight commits in a row took longer than this, the next ones are handed over. */
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

// Not an average: on a busy machine single commits wait for a processor, but some of several do not.
const slowInARow = 8

/** Commits here or through `far`, the log thread's port. */
export function nearCommitter(
  files: Files,
  far: Committer,
  { slowMs, farMs, nowMs }: NearCommitOptions,
): Committer {
  const writer = new LogWriter(files)
  let slowCount = 0
  let farUntilMs = Number.NEGATIVE_INFINITY
  let isFar = false
  return {
    async commit(job) {
      const startMs = nowMs()
      if (startMs < farUntilMs) return far.commit(job)
      if (isFar) far.release()
      isFar = false
      const outcome = writer.run(job)
      const endMs = nowMs()
      slowCount = endMs - startMs > slowMs ? slowCount + 1 : 0
      if (slowCount === slowInARow) {
        slowCount = 0
        isFar = true
        farUntilMs = endMs + farMs
        writer.close()
      }
      return outcome
    },
    release() {
      writer.close()
      far.release()
    },
    async close() {
      writer.close()
      await far.close()
    },
  }
}

// Committer: carries out commits of a log: write, fdatasync, sync the directory of a new file; always synchronously, because
// libuv's pool is shared with gzip and DNS.
// Here: what a commit is, its execution, and both ends of a message port to the log thread of a disk. Elsewhere: which
// thread does it (near-committer.ts).
// Invariants: the writes of a job reach the disk in order, each synced before the next begins; a job that failed for
// want of space leaves the file as long as it was and may be handed in again unchanged.

import { dirname } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import type { Files, OpenFile } from '../files.ts'

/** Bytes [start, end) of the job's buffer go to `path` at `position`. */
export interface LogWrite {
  readonly path: string
  readonly position: number
  readonly start: number
  readonly end: number
}

/** One commit. The buffer is handed over and comes back with the outcome. */
export interface CommitJob {
  readonly buffer: ArrayBuffer
  readonly writes: readonly LogWrite[]
}

/** `full`: no space, try again later. `failed`: the disk is not to be trusted until a restart. */
export interface CommitOutcome {
  readonly buffer: ArrayBuffer
  readonly kind: 'done' | 'full' | 'failed'
  readonly message: string
}

/** Runs the commits of one log, one at a time. */
export interface Committer {
  /** Never rejects. The caller waits for the outcome before it commits again. */
  commit(job: CommitJob): Promise<CommitOutcome>
  /** Lets go of the file: the next commits are another's, and an open file keeps the space of a deleted one. */
  release(): void
  /** Closes the file that is open, when the log is closed. */
  close(): Promise<void>
}

/** A committer that works on the calling thread. */
export function inlineCommitter(files: Files): Committer {
  const writer = new LogWriter(files)
  return {
    commit: async (job) => writer.run(job),
    release: () => writer.close(),
    close: async () => writer.close(),
  }
}

/** The log thread's end of a port: runs the jobs of one log as they come. */
export function serveCommits(port: MessagePort, files: Files): void {
  const writer = new LogWriter(files)
  port.on('message', (job: CommitJob | 'release' | 'close') => {
    if (job === 'release') return writer.close()
    if (job === 'close') {
      writer.close()
      port.postMessage('closed')
      port.close()
      return
    }
    const outcome = writer.run(job)
    port.postMessage(outcome, [outcome.buffer])
  })
  port.on('close', () => writer.close())
}

/**
 * The lane's end of a port that `serveCommits` serves. `onFirstCommit` is called before the first job is posted: whoever
 * serves the other end may start then, and a lane that never wrote costs no thread.
 */
export function portCommitter(port: MessagePort, onFirstCommit = () => {}): Committer {
  const gone = 'the log thread has ended'
  let isServed = false
  let waiting: ((answer: CommitOutcome | 'closed') => void) | undefined
  let open = true
  const answer = (value: CommitOutcome | 'closed'): void => {
    const resolve = waiting
    waiting = undefined
    resolve?.(value)
  }
  port.on('message', answer)
  port.on('close', () => {
    open = false
    answer('closed')
  })
  const ask = (message: CommitJob | 'close', transfer: ArrayBuffer[]) =>
    new Promise<CommitOutcome | 'closed'>((resolve) => {
      if (!open) return resolve('closed')
      waiting = resolve
      port.postMessage(message, transfer)
    })
  return {
    async commit(job) {
      if (!isServed) onFirstCommit()
      isServed = true
      const outcome = await ask(job, [job.buffer])
      if (outcome !== 'closed') return outcome
      return { buffer: new ArrayBuffer(0), kind: 'failed', message: gone }
    },
    release() {
      if (isServed && open) port.postMessage('release')
    },
    async close() {
      if (isServed) await ask('close', [])
    },
  }
}

/** Carries out jobs one after the other; keeps the file of the last one open until `close`. */
export class LogWriter {
  readonly #files: Files
  #path = ''
  #file: OpenFile | undefined

  constructor(files: Files) {
    this.#files = files
  }

  /** Never throws. */
  run(job: CommitJob): CommitOutcome {
    for (const write of job.writes) {
      try {
        this.#write(job.buffer, write)
      } catch (error) {
        return { buffer: job.buffer, ...this.#failure(write, error) }
      }
    }
    return { buffer: job.buffer, kind: 'done', message: '' }
  }

  /** Lets go of the file; a later job opens it again. */
  close(): void {
    this.#file?.close()
    this.#file = undefined
    this.#path = ''
  }

  #write(buffer: ArrayBuffer, write: LogWrite): void {
    if (this.#path !== write.path) {
      this.close()
      this.#file = this.#files.open(write.path, 'write')
      this.#path = write.path
    }
    const bytes = new Uint8Array(buffer, write.start, write.end - write.start)
    this.#file!.write([bytes], write.position)
    this.#file!.sync()
    // Position 0 is where a file begins its life: its name must be as durable as its content.
    if (write.position === 0) this.#files.syncDirectory(dirname(write.path))
  }

  #failure(write: LogWrite, error: unknown): { kind: 'full' | 'failed'; message: string } {
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'ENOSPC' && code !== 'EDQUOT') return { kind: 'failed', message }
    try {
      // Best effort: the same bytes are written to the same place again, so a tail left behind does no harm.
      if (this.#path === write.path) this.#file?.truncate(write.position)
    } catch {
      return { kind: 'full', message }
    }
    return { kind: 'full', message }
  }
}

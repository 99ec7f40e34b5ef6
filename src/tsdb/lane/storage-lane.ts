// Storage lane: one head with its log. What it acknowledges is on disk; what is on disk it has again after a restart.
// While the log is replayed, bodies are checked in form, logged and acknowledged, and stored once the replay has ended.
// Invariants: a body's records are pushed in one go, so a commit never tears it; a generation is dropped only after its
// blocks are durable and readers had time to see them.

import { UserError } from '../../model/index.ts'
import type {
  Appendable,
  AppendRequest,
  AppendResult,
  CancelSignal,
  LabelAnswer,
  LabelRequest,
  Queryable,
  SelectRequest,
  SeriesCursor,
} from '../../storage/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { Head, SealedDescriptor } from '../head/index.ts'
import type { LogPosition, Wal } from '../wal/index.ts'

/** What a lane is made of. */
export interface StorageLaneParts {
  readonly head: Head
  readonly wal: Wal
  readonly log: Logger
  readonly clock: () => number
  /** Bytes of bodies that may wait for the end of the replay; more are refused with not_ready. */
  readonly waitingBytesMax: number
}

/** A sealed window on its way into blocks; plain data, the linear memory is shared. */
export interface SealedWindow {
  readonly descriptor: SealedDescriptor
  /** Records of the window before this place in the log are in the sealed generation. */
  readonly mark: LogPosition
}

/** How long a slice of the replay may keep the thread, in milliseconds. */
const replaySliceMs = 5

/** One lane: writes, reads, and the life of its windows. */
export class StorageLane implements Appendable, Queryable {
  readonly #parts: StorageLaneParts
  #state: 'replaying' | 'open' | 'closing' = 'replaying'
  #waitingBytes = 0
  #inFlight = 0

  constructor(parts: StorageLaneParts) {
    this.#parts = parts
  }

  /** Why the lane does not answer queries, or undefined when it does. */
  notReady(): string | undefined {
    if (this.#state !== 'replaying') return undefined
    const { doneBytes, totalBytes } = this.#parts.wal.replayProgress
    const percent = totalBytes === 0 ? 0 : Math.floor((100 * doneBytes) / totalBytes)
    return `the write-ahead log is being replayed: ${percent} % of ${totalBytes} bytes`
  }

  /** Replays the log in short slices; writes are taken meanwhile. Resolves when queries are answered. */
  async replay(): Promise<void> {
    const { head, wal, log, clock } = this.#parts
    let damaged = 0
    let sliceEndMs = clock() + replaySliceMs
    for (const { payload, windowKey } of wal.replay()) {
      try {
        head.replay(payload, windowKey, clock())
      } catch (error) {
        // A record that makes no sense costs itself, not what stands behind it.
        damaged++
        if (damaged <= 10) log.error({ err: error }, 'a record of the write-ahead log is skipped')
      }
      if (clock() < sliceEndMs) continue
      await new Promise((resolve) => setImmediate(resolve))
      sliceEndMs = clock() + replaySliceMs
    }
    const { bodyCount, rejectedCount } = head.finishReplay()
    this.#state = 'open'
    this.#waitingBytes = 0
    // With the disk full the records wait for the next commit, and queries are answered meanwhile.
    await wal.commit().catch((error: unknown) => log.error({ err: error }, 'commit after replay'))
    log.info({ bodies: bodyCount, rejected: rejectedCount, damaged }, 'replay has ended')
  }

  /** Stores a body and waits until it is on disk. Rejects with UserError. */
  async append(request: AppendRequest): Promise<AppendResult> {
    const { head, wal, clock } = this.#parts
    if (this.#state === 'closing') throw shuttingDown()
    this.#inFlight++
    try {
      await wal.ready()
      const result =
        this.#state === 'replaying' ? this.#logBody(request) : head.append(request, clock())
      await wal.commit()
      return result
    } finally {
      this.#inFlight--
    }
  }

  select(request: SelectRequest, signal: CancelSignal): SeriesCursor {
    this.#refuseWhileReplaying()
    return this.#parts.head.select(request, signal)
  }

  labelNames(request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    this.#refuseWhileReplaying()
    return this.#parts.head.labelNames(request, signal)
  }

  labelValues(name: string, request: LabelRequest, signal: CancelSignal): Promise<LabelAnswer> {
    this.#refuseWhileReplaying()
    return this.#parts.head.labelValues(name, request, signal)
  }

  /**
   * Seals a window; later samples of it go to another generation. Undefined where none is open. The log is not synced
   * for it: what a block holds and nobody acknowledged does no harm, and on a full disk the cut is what makes space.
   */
  async seal(windowKey: number): Promise<SealedWindow | undefined> {
    const { head, wal, clock } = this.#parts
    if (this.#state === 'replaying') return undefined
    const descriptor = head.sealGeneration(windowKey)
    if (descriptor === undefined) return undefined
    const mark = wal.position()
    head.carryOn(windowKey, clock())
    return { descriptor, mark }
  }

  /** Notes that the sealed window is in blocks and frees its part of the log. */
  retire(windowKey: number, mark: LogPosition): number {
    const { head, wal } = this.#parts
    try {
      wal.retire(windowKey, mark)
      wal.checkpoint(head.laneRecords())
    } catch (error) {
      // On a full disk neither can be written, and deleting segments is what makes space for them.
      wal.dropSegments()
      throw error
    }
    return wal.dropSegments()
  }

  /** Forgets a sealed generation, by the id of its descriptor. */
  drop(id: number): void {
    this.#parts.head.dropGeneration(id)
  }

  /** Refuses writes from now on, waits for those under way, syncs and closes the log. */
  async close(): Promise<void> {
    const replaying = this.#state === 'replaying'
    this.#state = 'closing'
    while (this.#inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await this.#parts.wal.close()
    if (replaying) this.#parts.log.warn('stopped while the log was being replayed')
  }

  #logBody(request: AppendRequest): AppendResult {
    const { head, clock, waitingBytesMax } = this.#parts
    if (this.#waitingBytes + request.body.length > waitingBytesMax) {
      throw new UserError('not_ready', {
        what: `${waitingBytesMax} bytes of bodies wait already for the end of the replay`,
        fix: 'retry',
      })
    }
    const counts = head.logBody(request, clock())
    this.#waitingBytes += request.body.length
    return { ...counts, rejectedCount: 0, rejections: [], limited: false }
  }

  #refuseWhileReplaying(): void {
    const reason = this.notReady()
    if (reason !== undefined) throw new UserError('not_ready', { what: reason, fix: 'retry' })
  }
}

function shuttingDown(): UserError {
  return new UserError('not_ready', { what: 'shutting down', fix: 'retry' })
}

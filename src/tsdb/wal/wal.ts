// Wal: the write-ahead log of one lane: records in segments, group commits, replay.
// A record belongs to a window key (an i32 that the head chooses for a generation) or to the lane. A segment may go
// when every window in it is in blocks and a checkpoint covers its lane records.
// Invariants: records reach the disk in the order of `push`; a record that a commit could not write stays pending
// and is written before any later one, so whatever is acknowledged later never stands on a lost record.
// Drawn in docs/formats/wal.md.

import { join } from 'node:path'
import { assert, UserError } from '../../model/index.ts'
import type { Files } from '../files.ts'
import {
  checkpointPath,
  laneKey,
  newestCheckpoint,
  readCheckpoint,
  removeOlderCheckpoints,
  windowKeyMin,
  writeCheckpoint,
} from './checkpoint.ts'
import type { Committer } from './committer.ts'
import { encodeHeader, type FrameFault, frameHeadSizeBytes, headerSizeBytes } from './frame.ts'
import { PendingBuffer } from './pending.ts'
import { isBefore, type LogPosition, readRetired, writeRetired } from './retired-windows.ts'
import { cutTail, damageOf, readSegment, type WalDamage } from './segment-file.ts'

/** Options of a log. */
export interface WalOptions {
  readonly directory: string
  readonly files: Files
  readonly committer: Committer
  /** Hears of damage found while opening and replaying. */
  readonly onDamage: (damage: WalDamage) => void
  /** A segment that would grow beyond this is followed by a new one. */
  readonly segmentSizeBytesMax: number
  /** `ready` waits while more than this is pending. */
  readonly pendingSizeBytesMax: number
  /** With the disk full, `ready` tries again at most this often. */
  readonly retryMsMin: number
  readonly nowMs: () => number
}

/** 64 MiB segments, 32 MiB pending, a retry every 250 ms. */
export const walDefaults = {
  segmentSizeBytesMax: 64 << 20,
  pendingSizeBytesMax: 32 << 20,
  retryMsMin: 250,
  nowMs: () => performance.now(),
} as const

/** A record read back. `payload` is a view that holds until the next step. */
export interface ReplayedRecord {
  readonly windowKey: number
  readonly payload: Uint8Array
  readonly position: LogPosition
}

interface Segment {
  readonly path: string
  sizeBytes: number
  /** Where the last record of each key begins. */
  readonly lastOffsets: Map<number, number>
}

interface Waiter {
  readonly target: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const segmentPattern = /^\d{8}$/

/** The log of one lane. Used by one thread; only `commit` and `ready` wait. */
export class Wal {
  readonly #options: WalOptions
  readonly #segments = new Map<number, Segment>()
  readonly #toReplay: readonly number[]
  readonly #retired: Map<number, LogPosition>
  #checkpointFirst: number | undefined
  #nextSegment: number
  #current: { readonly number: number; readonly segment: Segment } | undefined
  #replay: 'due' | 'running' | 'done'
  #replayedBytes = 0

  #filling = new PendingBuffer()
  #spare: PendingBuffer | undefined = new PendingBuffer()
  /** The buffer that is with the committer, or that it could not write. */
  #leaving: { readonly buffer: PendingBuffer; readonly target: number } | undefined
  #flightDue = false
  #inFlight = false
  #pushedBytes = 0
  #durableBytes = 0
  #waiters: Waiter[] = []
  #fullError: UserError | undefined
  #retryAtMs = 0
  #fatal: UserError | undefined

  /**
   * Opens a log and cuts a torn tail off its last segment. Records can be pushed at once; what was there before
   * waits for `replay`.
   */
  static open(options: WalOptions): Wal {
    return new Wal(options)
  }

  private constructor(options: WalOptions) {
    const { directory, files } = options
    this.#options = options
    files.makeDirectory(directory)
    const names = files.list(directory)
    for (const name of names) if (name.endsWith('.tmp')) files.remove(join(directory, name))
    this.#checkpointFirst = newestCheckpoint(names)
    if (this.#checkpointFirst !== undefined)
      removeOlderCheckpoints(files, directory, this.#checkpointFirst)
    this.#retired = this.#readRetired()
    const numbers = names.filter((name) => segmentPattern.test(name)).map(Number)
    const last = numbers.at(-1)
    if (last !== undefined && !cutTail(files, this.#segmentPath(last), options.onDamage))
      numbers.pop()
    for (const number of numbers) this.#addSegment(number)
    this.#toReplay = numbers
    this.#replay = 'due'
    const marks = [...this.#retired.values()].map((mark) => mark.segment)
    this.#nextSegment = Math.max(last ?? -1, (this.#checkpointFirst ?? 0) - 1, ...marks) + 1
  }

  /** Bytes on disk and pending. */
  get sizeBytes(): number {
    let size = 0
    for (const segment of this.#segments.values()) size += segment.sizeBytes
    return size
  }

  /** Segments on disk and pending. */
  get segmentCount(): number {
    return this.#segments.size
  }

  /** Bytes pushed and not yet durable. */
  get pendingBytes(): number {
    return this.#pushedBytes - this.#durableBytes
  }

  /** Whether the last commit found no space. */
  get isDiskFull(): boolean {
    return this.#fullError !== undefined
  }

  /** How far the replay has come. */
  get replayProgress(): { readonly doneBytes: number; readonly totalBytes: number } {
    let totalBytes = 0
    for (const number of this.#toReplay) totalBytes += this.#segments.get(number)?.sizeBytes ?? 0
    return { doneBytes: this.#replayedBytes, totalBytes }
  }

  /**
   * Copies a record into the log; durable once a `commit` called afterwards resolves. Call `ready` before the work
   * that leads here: a push itself never waits and never fails.
   */
  push(record: Uint8Array, windowKey: number): void {
    assert(windowKey === laneKey || windowKey >= windowKeyMin, 'a reserved window key')
    const { number, segment } = this.#segmentFor(frameHeadSizeBytes + record.length)
    const before = this.#filling.sizeBytes
    if (this.#filling.writes.at(-1)?.segment !== number)
      this.#filling.open(number, segment.path, segment.sizeBytes)
    segment.lastOffsets.set(windowKey, segment.sizeBytes)
    this.#filling.appendFrame(record, windowKey)
    const added = this.#filling.sizeBytes - before
    segment.sizeBytes += added
    this.#pushedBytes += added
  }

  /** The place that the next record takes. */
  position(): LogPosition {
    if (this.#current === undefined) return { segment: this.#nextSegment, offset: 0 }
    return { segment: this.#current.number, offset: this.#current.segment.sizeBytes }
  }

  /**
   * Resolves when everything pushed so far is durable. Rejects with UserError disk_full (the records stay pending
   * and the next commit tries again) or unavailable (the disk failed: the log refuses work until a restart).
   */
  commit(): Promise<void> {
    if (this.#fatal !== undefined) return Promise.reject(this.#fatal)
    const target = this.#pushedBytes
    if (target <= this.#durableBytes) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ target, resolve, reject })
      this.#flySoon()
    })
  }

  /**
   * Resolves when the log can take more: at once as a rule, later when too much is pending. Rejects as `commit`
   * does; with the disk full this is what tries again.
   */
  async ready(): Promise<void> {
    if (this.#fatal !== undefined) throw this.#fatal
    if (this.#fullError !== undefined) {
      if (this.#options.nowMs() < this.#retryAtMs) throw this.#fullError
      await this.commit()
    }
    while (this.pendingBytes > this.#options.pendingSizeBytesMax) await this.commit()
  }

  /**
   * Yields what was in the log when it was opened, oldest first, each record once: the checkpoint's records, then
   * the segments' without those of retired windows and those that the checkpoint covers. Damage is reported and
   * costs the rest of its segment only. May be called once; records may be pushed meanwhile.
   */
  *replay(): Generator<ReplayedRecord> {
    assert(this.#replay === 'due', 'a log is replayed once')
    this.#replay = 'running'
    const first = this.#checkpointFirst
    if (first !== undefined) yield* this.#replayCheckpoint(first)
    let before = 0
    for (const number of this.#toReplay) {
      for (const record of this.#replaySegment(number)) {
        this.#replayedBytes = before + record.position.offset
        yield record
      }
      before += this.#segments.get(number)!.sizeBytes
      this.#replayedBytes = before
    }
    this.#replay = 'done'
  }

  /**
   * Notes durably that the records of a window before `mark` (a `position` taken when its generation was sealed) are
   * in blocks, so that no replay yields them again. Throws UserError disk_full; `dropSegments` counts on the note
   * all the same, because deleting segments is what makes space.
   */
  retire(windowKey: number, mark: LogPosition): void {
    const known = this.#retired.get(windowKey)
    if (known === undefined || isBefore(known, mark)) this.#retired.set(windowKey, mark)
    if (this.#replay === 'done') this.#forgetMarks()
    withSpace(this.#options.directory, () =>
      writeRetired(this.#options.files, this.#retiredPath(), this.#retired),
    )
  }

  /**
   * Deletes the segments that hold nothing but retired windows and lane records that a checkpoint covers. Returns
   * how many. Does nothing until the replay has ended.
   */
  dropSegments(): number {
    if (this.#replay !== 'done' && this.#toReplay.length > 0) return 0
    const pendingFrom = this.#firstPendingSegment()
    const gone = [...this.#segments].filter(
      ([number, segment]) => number < pendingFrom && this.#isSpent(number, segment),
    )
    for (const [number, segment] of gone) {
      this.#options.files.remove(segment.path)
      this.#segments.delete(number)
    }
    if (gone.length > 0) this.#options.files.syncDirectory(this.#options.directory)
    return gone.length
  }

  /**
   * Writes down what the lane's records pushed so far add up to; earlier ones are then not replayed. Throws
   * UserError disk_full, and the checkpoint before stays in force.
   */
  checkpoint(records: Iterable<Uint8Array>): void {
    // The next record opens a new segment, so that the border between covered and not is a segment's.
    this.#current = undefined
    const first = this.#nextSegment
    withSpace(this.#options.directory, () =>
      writeCheckpoint(this.#options.files, this.#options.directory, first, records),
    )
    this.#checkpointFirst = first
  }

  /** Commits what is pending and lets go of the file. */
  async close(): Promise<void> {
    try {
      await this.commit()
    } finally {
      await this.#options.committer.close()
    }
  }

  #segmentFor(frameSizeBytes: number): { readonly number: number; readonly segment: Segment } {
    const current = this.#current
    const fits =
      current !== undefined &&
      (current.segment.sizeBytes + frameSizeBytes <= this.#options.segmentSizeBytesMax ||
        current.segment.sizeBytes === headerSizeBytes)
    if (fits) return current
    const number = this.#nextSegment++
    const segment: Segment = {
      path: this.#segmentPath(number),
      sizeBytes: headerSizeBytes,
      lastOffsets: new Map(),
    }
    this.#segments.set(number, segment)
    this.#filling.open(number, segment.path, 0)
    this.#filling.append(encodeHeader('CNWL', number))
    this.#pushedBytes += headerSizeBytes
    this.#current = { number, segment }
    return this.#current
  }

  // After what waits in the thread's ports: bodies that came together are synced together.
  #flySoon(): void {
    if (this.#flightDue || this.#inFlight) return
    this.#flightDue = true
    setImmediate(() => {
      this.#flightDue = false
      this.#fly()
    })
  }

  // Starts a commit unless one is under way: first of what could not be written, then of what came since.
  #fly(): void {
    if (this.#inFlight) return
    if (this.#leaving === undefined) {
      this.#leaving = { buffer: this.#filling, target: this.#pushedBytes }
      this.#filling = this.#spare ?? new PendingBuffer()
      this.#spare = undefined
    }
    this.#inFlight = true
    const { buffer, target } = this.#leaving
    const job = { buffer: buffer.take(), writes: buffer.writes }
    void this.#options.committer.commit(job).then((outcome) => {
      this.#inFlight = false
      buffer.restore(outcome.buffer)
      if (outcome.kind === 'done') this.#landed(buffer, target)
      else this.#stalled(outcome.kind, outcome.message)
    })
  }

  #landed(buffer: PendingBuffer, target: number): void {
    buffer.clear()
    this.#spare = buffer
    this.#leaving = undefined
    this.#fullError = undefined
    this.#durableBytes = target
    const done = this.#waiters.filter((waiter) => waiter.target <= target)
    this.#waiters = this.#waiters.filter((waiter) => waiter.target > target)
    if (this.#waiters.length > 0) this.#flySoon()
    for (const waiter of done) waiter.resolve()
  }

  #stalled(kind: 'full' | 'failed', message: string): void {
    const error =
      kind === 'full' ? diskFull(this.#options.directory, message) : this.#brokenDisk(message)
    if (kind === 'full') {
      this.#fullError = error
      this.#retryAtMs = this.#options.nowMs() + this.#options.retryMsMin
    } else {
      this.#fatal = error
    }
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.reject(error)
  }

  // After a failed fdatasync the kernel may have dropped the pages and call the next sync a success.
  #brokenDisk(message: string): UserError {
    return new UserError('unavailable', {
      what: `the write-ahead log cannot be written: ${message}`,
      where: this.#options.directory,
      fix: 'check the disk and restart; what was acknowledged is kept, nothing more is accepted until then',
    })
  }

  #firstPendingSegment(): number {
    const leaving = this.#leaving?.buffer.writes[0]?.segment
    const filling = this.#filling.writes[0]?.segment
    return leaving ?? filling ?? this.#current?.number ?? this.#nextSegment
  }

  #isSpent(number: number, segment: Segment): boolean {
    for (const [windowKey, offset] of segment.lastOffsets) {
      if (windowKey === laneKey) {
        if (this.#checkpointFirst === undefined || number >= this.#checkpointFirst) return false
      } else if (!this.#isRetired(windowKey, { segment: number, offset })) {
        return false
      }
    }
    return true
  }

  #isRetired(windowKey: number, position: LogPosition): boolean {
    const mark = this.#retired.get(windowKey)
    return mark !== undefined && isBefore(position, mark)
  }

  // A mark is of no use once no segment holds records of its window.
  #forgetMarks(): void {
    const held = new Set([...this.#segments.values()].flatMap((s) => [...s.lastOffsets.keys()]))
    for (const windowKey of this.#retired.keys())
      if (!held.has(windowKey)) this.#retired.delete(windowKey)
  }

  *#replayCheckpoint(first: number): Generator<ReplayedRecord> {
    const path = checkpointPath(this.#options.directory, first)
    const position = { segment: first, offset: 0 }
    const onFault = (fault: FrameFault): void =>
      this.#options.onDamage(damageOf(path, fault, 'the rest of the checkpoint is read'))
    for (const payload of readCheckpoint(this.#options.files, path, onFault))
      yield { windowKey: laneKey, payload, position }
  }

  *#replaySegment(number: number): Generator<ReplayedRecord> {
    const segment = this.#segments.get(number)!
    const covered = this.#checkpointFirst !== undefined && number < this.#checkpointFirst
    const { files, onDamage } = this.#options
    for (const { windowKey, payload, offset } of readSegment(files, segment.path, onDamage)) {
      const position = { segment: number, offset }
      segment.lastOffsets.set(windowKey, offset)
      if (windowKey === laneKey ? covered : this.#isRetired(windowKey, position)) continue
      yield { windowKey, payload, position }
    }
  }

  #readRetired(): Map<number, LogPosition> {
    const path = this.#retiredPath()
    const marks = readRetired(this.#options.files, path)
    if (typeof marks !== 'string') return marks
    const fault = { offset: 0, lostBytes: 0, expected: marks }
    this.#options.onDamage(damageOf(path, fault, 'windows that are in blocks are loaded again'))
    return new Map()
  }

  #addSegment(number: number): void {
    const path = this.#segmentPath(number)
    const file = this.#options.files.open(path, 'read')
    this.#segments.set(number, { path, sizeBytes: file.sizeBytes(), lastOffsets: new Map() })
    file.close()
  }

  #segmentPath(number: number): string {
    return join(this.#options.directory, String(number).padStart(8, '0'))
  }

  #retiredPath(): string {
    return join(this.#options.directory, 'retired')
  }
}

function diskFull(directory: string, message: string, cause?: unknown): UserError {
  return new UserError('disk_full', {
    what: `the disk of the write-ahead log is full: ${message}`,
    where: directory,
    fix: 'make space; writes are refused until there is some, reads go on',
    cause,
  })
}

function withSpace(directory: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
    throw diskFull(directory, (error as Error).message, error)
  }
}

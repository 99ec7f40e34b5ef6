// A journal: events of ours on disk, numbered without gaps over restarts, and the state after one of them.
// Here: appending, reading, and letting old events go. Elsewhere: bytes (segment.ts), the copy in a bucket (mirror.ts).
// Invariants: an event that `append` returned is on the disk; ids grow by one each; what is kept is the newest run of
// ids without a gap; events go only where a state file holds what they led to.
// Units: times in Unix milliseconds, sizes in bytes.

import { type JournalFile, type JournalFiles, readWhole } from './journal-files.ts'
import { firstIdOf, frame, readRecords, segmentMagic, segmentName } from './segment.ts'
import { type JournalState, readState, writeState } from './state-file.ts'

/** What every event has. */
export interface JournalEvent {
  readonly id: number
  readonly atMs: number
}

/** Where a journal is, and how much of it is kept. Whole segments go, so a little more is kept than said. */
export interface JournalOptions {
  readonly directory: string
  readonly files: JournalFiles
  readonly countMax: number
  readonly ageMsMax: number
  readonly sizeBytesMax: number
  readonly segmentSizeBytesMax: number
  /** Segments whose events are held ready to be read. */
  readonly segmentsHeldMax: number
  /** Hears of bytes that could not be read back; they are left out. */
  readonly onDamage: (message: string) => void
}

/** Defaults: 200,000 events, three months, 256 MiB. */
export const journalDefaults = {
  countMax: 200_000,
  ageMsMax: 90 * 86_400_000,
  sizeBytesMax: 256 << 20,
  segmentSizeBytesMax: 256 << 10,
  segmentsHeldMax: 64,
} as const

interface Segment {
  readonly firstId: number
  count: number
  sizeBytes: number
  /** Time of the newest event. */
  newestMs: number
}

/** Events of one kind. */
export class Journal<T extends JournalEvent> {
  readonly #options: JournalOptions
  readonly #segments: Segment[] = []
  /** By first id, least recently read first. */
  readonly #held = new Map<number, T[]>()
  #file: JournalFile | undefined
  #nextId = 1
  #state: JournalState | undefined

  private constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Opens a journal, or begins one; cuts what was being written when the power failed. */
  static open<T extends JournalEvent>(options: JournalOptions): Journal<T> {
    const journal = new Journal<T>(options)
    options.files.makeDirectory(options.directory)
    journal.#read()
    return journal
  }

  /** `newestId` + 1 where no event is kept. */
  get oldestId(): number {
    return this.#segments[0]?.firstId ?? this.#nextId
  }

  /** The last id that was given; 0 where none was. */
  get newestId(): number {
    return this.#nextId - 1
  }

  /** The state file, where there is one. Read once, at the start. */
  get state(): JournalState | undefined {
    return this.#state
  }

  /** Numbers events and makes them durable. Throws what the disk throws, and then none of them counts. */
  append(events: readonly Omit<T, 'id'>[]): readonly T[] {
    if (events.length === 0) return []
    const numbered = events.map((event, i) => ({ ...event, id: this.#nextId + i }) as T)
    const segment = this.#openSegment()
    const parts = events.flatMap((event) => frame(encoder.encode(JSON.stringify(event))))
    try {
      this.#file!.write(parts, segment.sizeBytes)
      this.#file!.sync()
    } catch (error) {
      this.#closeFile()
      throw error
    }
    segment.sizeBytes += parts.reduce((sum, { length }) => sum + length, 0)
    segment.count += events.length
    segment.newestMs = Math.max(segment.newestMs, ...events.map(({ atMs }) => atMs))
    this.#nextId += events.length
    this.#held.get(segment.firstId)?.push(...numbered)
    return numbered
  }

  /** The event with an id from `oldestId` to `newestId`. */
  at(id: number): T {
    const segment = this.#segments.findLast(({ firstId }) => firstId <= id)
    const event = segment === undefined ? undefined : this.#events(segment)[id - segment.firstId]
    if (event === undefined) throw new RangeError(`event ${id} is not kept`)
    return event
  }

  /** Writes the state after the newest event, and lets events go that are too many, too old or too large. */
  writeState(bytes: Uint8Array, nowMs: number): void {
    const { files, directory } = this.#options
    writeState(files, directory, { id: this.newestId, bytes })
    this.#prune(nowMs)
  }

  close(): void {
    this.#closeFile()
  }

  #prune(nowMs: number): void {
    const { files, directory, countMax, ageMsMax, sizeBytesMax } = this.#options
    let count = this.newestId - this.oldestId + 1
    let sizeBytes = this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    // The newest segment stays: it says which id comes next.
    while (this.#segments.length > 1) {
      const oldest = this.#segments[0]!
      const isOld = oldest.newestMs < nowMs - ageMsMax
      if (count <= countMax && sizeBytes <= sizeBytesMax && !isOld) break
      files.remove(`${directory}/${segmentName(oldest.firstId)}`)
      this.#segments.shift()
      this.#held.delete(oldest.firstId)
      count -= oldest.count
      sizeBytes -= oldest.sizeBytes
    }
    files.syncDirectory(directory)
  }

  #events(segment: Segment): readonly T[] {
    let events = this.#held.get(segment.firstId)
    if (events === undefined) {
      const { files, directory } = this.#options
      const bytes = readWhole(files, `${directory}/${segmentName(segment.firstId)}`)
      const { payloads } = readRecords(bytes.subarray(0, segment.sizeBytes))
      events = payloads.map((payload, i) => decode<T>(payload, segment.firstId + i))
    }
    this.#held.delete(segment.firstId)
    this.#held.set(segment.firstId, events)
    if (this.#held.size > this.#options.segmentsHeldMax)
      this.#held.delete(this.#held.keys().next().value!)
    return events
  }

  #openSegment(): Segment {
    const { files, directory, segmentSizeBytesMax } = this.#options
    const last = this.#segments.at(-1)
    if (last !== undefined && last.sizeBytes < segmentSizeBytesMax) {
      if (this.#file === undefined) {
        this.#file = files.open(`${directory}/${segmentName(last.firstId)}`, 'write')
        // What an append that failed has written must not follow what the next one writes.
        if (this.#file.sizeBytes() > last.sizeBytes) this.#file.truncate(last.sizeBytes)
      }
      return last
    }
    this.#closeFile()
    const path = `${directory}/${segmentName(this.#nextId)}`
    // One that an append began and could not finish.
    files.remove(path)
    const file = files.open(path, 'write')
    file.write([segmentMagic], 0)
    file.sync()
    files.syncDirectory(directory)
    this.#file = file
    const segment = {
      firstId: this.#nextId,
      count: 0,
      sizeBytes: segmentMagic.length,
      newestMs: 0,
    }
    this.#segments.push(segment)
    return segment
  }

  #closeFile(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #read(): void {
    const { files, directory, onDamage } = this.#options
    const names = files.list(directory)
    for (const name of names) if (name.endsWith('.tmp')) files.remove(`${directory}/${name}`)
    this.#state = readState(files, directory)
    const firstIds = names.flatMap((name) => firstIdOf(name) ?? [])
    for (const [i, firstId] of firstIds.entries()) {
      const path = `${directory}/${segmentName(firstId)}`
      const bytes = readWhole(files, path)
      const { payloads, endOffset } = readRecords(bytes)
      const nextId = firstId + payloads.length
      const followerId = firstIds[i + 1]
      if (followerId === undefined) {
        if (endOffset < bytes.length) this.#cut(path, endOffset)
        if (endOffset === 0) continue
      } else if (followerId !== nextId) {
        onDamage(`${path}: ${followerId - nextId} events from ${nextId} on cannot be read`)
        this.#forget([...this.#segments.map((segment) => segment.firstId), firstId])
        continue
      }
      this.#segments.push({
        firstId,
        count: payloads.length,
        sizeBytes: endOffset,
        newestMs: payloads.length === 0 ? 0 : decode<T>(payloads.at(-1)!, nextId - 1).atMs,
      })
      this.#nextId = nextId
    }
    this.#nextId = Math.max(this.#nextId, ...firstIds)
    // A state that knows of events that are lost: ids go on after them.
    if (this.#state !== undefined && this.#state.id > this.newestId) {
      if (this.#segments.length > 0) onDamage(`events up to ${this.#state.id} cannot be read`)
      this.#forget(this.#segments.map((one) => one.firstId))
      this.#nextId = this.#state.id + 1
    }
  }

  #forget(firstIds: readonly number[]): void {
    const { files, directory } = this.#options
    for (const firstId of firstIds) files.remove(`${directory}/${segmentName(firstId)}`)
    files.syncDirectory(directory)
    this.#segments.length = 0
  }

  #cut(path: string, endOffset: number): void {
    const { files, directory } = this.#options
    if (endOffset === 0) {
      files.remove(path)
      files.syncDirectory(directory)
      return
    }
    const file = files.open(path, 'write')
    try {
      file.truncate(endOffset)
      file.sync()
    } finally {
      file.close()
    }
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function decode<T extends JournalEvent>(payload: Uint8Array, id: number): T {
  return { ...(JSON.parse(decoder.decode(payload)) as Omit<T, 'id'>), id } as T
}

// A journal's copy in a bucket, and of the checkpoints that are made from it: brought up to date now and then, and read
// back where the disk is lost.
// Invariants: events are copied before the state and the checkpoints that they led to, and deleted after them; a copy that
// was cut short is a journal all the same, of less; what was appended since the last `copy` is what a lost disk loses.

import { createHash } from 'node:crypto'
import { basename, dirname, relative } from 'node:path'
import { type Bucket, readObject } from '../objstore/index.ts'
import { type JournalFiles, readWhole, writeWhole } from './journal-files.ts'
import { firstIdOf } from './segment.ts'
import { stateIdOf } from './state-file.ts'

/** Names of checkpoints in the bucket begin with it; the rest is their path beside the journal. */
const checkpointPrefix = 'checkpoints/'

/** Keeps a bucket equal to a journal's directory. */
export class JournalMirror {
  readonly #bucket: Bucket
  readonly #files: JournalFiles
  readonly #directory: string
  readonly #checkpointFolders: readonly string[]
  /** Digests of checkpoints that were copied, by name. */
  readonly #checkpoints = new Map<string, string>()
  /** What the bucket holds, as far as it is known: sizes by name. */
  #copied: Map<string, number> | undefined

  /**
   * `bucket` is the journal's own: prefixed where others use the same. Checkpoints are the files NAME.json of some folders,
   * the one that holds the journal's `directory` or below it, each replaced as a whole.
   */
  constructor(
    bucket: Bucket,
    files: JournalFiles,
    directory: string,
    checkpointFolders: readonly string[] = [],
  ) {
    this.#bucket = bucket
    this.#files = files
    this.#directory = directory
    this.#checkpointFolders = checkpointFolders
  }

  /** Copies what the bucket lacks and deletes there what is gone here. Throws what the bucket throws. */
  async copy(signal?: AbortSignal): Promise<void> {
    this.#copied ??= await this.#list(signal)
    // Read before the events: a checkpoint may lack some of those that are copied with it, and never knows more.
    const checkpoints = this.#readCheckpoints()
    const names = this.#files.list(this.#directory).filter(isJournalFile)
    // The state of now: events that are appended while this goes on follow it.
    const states = names
      .filter((name) => !isSegment(name))
      .map((name) => [name, readWhole(this.#files, this.#pathOf(name))] as const)
    for (const name of names.filter(isSegment)) {
      const file = this.#files.open(this.#pathOf(name), 'read')
      const sizeBytes = file.sizeBytes()
      file.close()
      if (this.#copied.get(name) === sizeBytes) continue
      await this.#put(name, readWhole(this.#files, this.#pathOf(name)), signal)
    }
    for (const [name, bytes] of states)
      if (this.#copied.get(name) !== bytes.length) await this.#put(name, bytes, signal)
    for (const [name, bytes] of checkpoints) await this.#putCheckpoint(name, bytes, signal)
    for (const name of [...this.#copied.keys()]) {
      if (names.includes(name) || checkpoints.has(name)) continue
      await this.#bucket.delete(name, signal)
      this.#copied.delete(name)
    }
  }

  /** Reads the copy back where there is no journal. False where one is there, or no copy is. */
  async restore(signal?: AbortSignal): Promise<boolean> {
    const files = this.#files
    const home = dirname(this.#directory)
    if (files.list(this.#directory).some(isJournalFile)) return false
    const names = [...(await this.#list(signal)).keys()]
    if (names.length === 0) return false
    // Half of a copy would be taken for the whole journal, so it gets its name when it is complete.
    const partial = `${this.#directory}.partial`
    files.remove(partial)
    files.makeDirectory(partial)
    for (const name of names) {
      const bytes = await readObject(this.#bucket, name, signal)
      if (isJournalFile(name)) {
        writeWhole(files, partial, name, bytes)
        continue
      }
      const folder = dirname(`${home}/${name.slice(checkpointPrefix.length)}`)
      if (!this.#checkpointFolders.includes(folder)) continue
      files.makeDirectory(folder)
      writeWhole(files, folder, basename(name), bytes)
    }
    files.remove(this.#directory)
    files.rename(partial, this.#directory)
    files.syncDirectory(home)
    return true
  }

  #readCheckpoints(): ReadonlyMap<string, Uint8Array> {
    const home = dirname(this.#directory)
    const found = this.#checkpointFolders.flatMap((folder) =>
      this.#files
        .list(folder)
        .filter((name) => name.endsWith('.json'))
        .map((name) => `${folder}/${name}`),
    )
    return new Map(
      found.map((path) => [
        `${checkpointPrefix}${relative(home, path)}`,
        readWhole(this.#files, path),
      ]),
    )
  }

  async #putCheckpoint(
    name: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const digest = createHash('sha256').update(bytes).digest('base64')
    if (this.#checkpoints.get(name) === digest && this.#copied?.has(name) === true) return
    await this.#put(name, bytes, signal)
    this.#checkpoints.set(name, digest)
  }

  #pathOf(name: string): string {
    return `${this.#directory}/${name}`
  }

  async #put(name: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    await this.#bucket.put(name, bytes, signal)
    this.#copied!.set(name, bytes.length)
  }

  async #list(signal?: AbortSignal): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    for await (const entry of this.#bucket.list('', 'recursive', signal))
      if (entry.kind === 'object' && (isJournalFile(entry.name) || isCheckpoint(entry.name)))
        found.set(entry.name, entry.sizeBytes)
    return found
  }
}

function isCheckpoint(name: string): boolean {
  return name.startsWith(checkpointPrefix) && name.endsWith('.json')
}

function isSegment(name: string): boolean {
  return firstIdOf(name) !== undefined
}

function isJournalFile(name: string): boolean {
  return isSegment(name) || stateIdOf(name) !== undefined
}

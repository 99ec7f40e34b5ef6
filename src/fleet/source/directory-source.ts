// A directory of manifests as a source of the fleet: read, watched, never written to.
// Here: listing, reading, and noticing changes. Elsewhere: what stands in a file (manifest-file.ts).
// Invariants: a bad file is reported and its last good content stays; a directory that cannot be listed is
// reported and everything stays; scans never overlap; a file is taken when it has not been written to for
// `settleMs`, so that one that is emptied and written again is never seen empty; a change of a symlink (..data
// of a mounted ConfigMap) is a change of content, found by hash at the next event or poll.
// Units: sizes in bytes, times in milliseconds.

import { createHash } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as setTimeoutPromise } from 'node:timers/promises'
import type { KubeObject } from '../kube-object.ts'
import { objectKey, parseManifests } from './manifest-file.ts'

/** Where to read, how often, and what is too much. */
export interface DirectoryOptions {
  readonly path: string
  readonly pollMs: number
  /** Quiet time after an event or a write, so that a change is seen once and whole. */
  readonly settleMs: number
  /** How often a file that is being written is waited for (`settleMs` each) before it is taken as it is. */
  readonly settleCountMax: number
  readonly filesMax: number
  readonly fileSizeBytesMax: number
  readonly now: () => number
}

/** Defaults: a poll every 10 s finds what the file system's events miss. */
export const directoryDefaults: Omit<DirectoryOptions, 'path'> = {
  pollMs: 10_000,
  settleMs: 100,
  settleCountMax: 20,
  filesMax: 10_000,
  fileSizeBytesMax: 16 * 1024 * 1024,
  now: Date.now,
}

/** One file of the directory. A file with a mistake keeps the objects it had when it was good. */
export interface DirectoryFile {
  readonly file: string
  readonly objectCount: number
  readonly mistake?: string
}

/** What the directory holds. Objects are unique; where two files hold the same, the later name wins. */
export interface DirectorySnapshot {
  readonly objects: readonly KubeObject[]
  readonly files: readonly DirectoryFile[]
  /** Why the directory as a whole could not be read, where it could not. */
  readonly mistake?: string
}

interface KnownFile {
  readonly hash: string
  readonly objects: readonly KubeObject[]
  readonly mistake?: string
  /** Whether it had been left alone for a while when it was read. */
  readonly isSettled: boolean
}

/** A watched directory. `current` is what was last read; `onChange` hears of every change of it. */
export class DirectorySource {
  current: DirectorySnapshot = { objects: [], files: [] }
  readonly #options: DirectoryOptions
  readonly #onChange: (snapshot: DirectorySnapshot) => void
  #files: ReadonlyMap<string, KnownFile> = new Map()
  #mistake: string | undefined
  #watcher: FSWatcher | undefined
  #poll: NodeJS.Timeout | undefined
  #settle: NodeJS.Timeout | undefined
  #scan: Promise<void> | undefined
  #again = false
  #closed = false

  private constructor(options: DirectoryOptions, onChange: (snapshot: DirectorySnapshot) => void) {
    this.#options = options
    this.#onChange = onChange
  }

  /** Reads the directory once and goes on watching it. A directory that is not there yet is waited for. */
  static async open(
    options: Partial<DirectoryOptions> & Pick<DirectoryOptions, 'path'>,
    onChange: (snapshot: DirectorySnapshot) => void,
  ): Promise<DirectorySource> {
    const source = new DirectorySource({ ...directoryDefaults, ...options }, onChange)
    await source.rescan()
    source.#poll = setInterval(() => void source.rescan(), source.#options.pollMs)
    source.#poll.unref()
    return source
  }

  /** Reads the directory now. Resolves when what stood there at the call is in `current`. */
  rescan(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    // A scan that is under way may have passed the change already, so one more follows it.
    if (this.#scan !== undefined) this.#again = true
    else this.#scan = this.#scanUntilQuiet()
    return this.#scan
  }

  /** Stops watching; `current` stays. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
    this.#watcher?.close()
    await this.#scan
  }

  async #scanUntilQuiet(): Promise<void> {
    const { settleMs, settleCountMax } = this.#options
    try {
      for (let tries = 0, more = true; more && !this.#closed; tries++) {
        this.#again = false
        this.#watchDirectory()
        const settled = await this.#scanOnce(tries >= settleCountMax)
        if (!settled) await setTimeoutPromise(settleMs, undefined, { ref: false })
        more = this.#again || !settled
      }
    } finally {
      this.#scan = undefined
    }
  }

  // False where a file is being written: what it held is kept, and the scan is to be done again.
  async #scanOnce(takeUnsettled: boolean): Promise<boolean> {
    const { path, filesMax } = this.#options
    const unsettled = new Set<string>()
    let next = this.#files
    let mistake: string | undefined
    try {
      const names = await listManifests(path)
      if (names.length > filesMax) mistake = `${names.length} files are more than ${filesMax}`
      else next = await this.#readFiles(names, takeUnsettled ? undefined : unsettled)
    } catch (cause) {
      mistake = messageOf(cause)
    }
    const isChanged = mistake !== this.#mistake || !isSame(this.#files, next)
    if (isChanged && !this.#closed) {
      this.#files = next
      this.#mistake = mistake
      this.current = snapshotOf(next, mistake)
      this.#onChange(this.current)
    }
    return unsettled.size === 0
  }

  async #readFiles(
    names: readonly string[],
    unsettled: Set<string> | undefined,
  ): Promise<ReadonlyMap<string, KnownFile>> {
    const next = new Map<string, KnownFile>()
    for (const name of names) {
      const known = this.#files.get(name)
      const read = await readManifests(join(this.#options.path, name), known, this.#options)
      if (unsettled === undefined || read === known || read.isSettled) next.set(name, read)
      else {
        unsettled.add(name)
        if (known !== undefined) next.set(name, known)
      }
    }
    return next
  }

  // Watches anew at every scan: a directory that was replaced leaves its old watcher deaf.
  #watchDirectory(): void {
    const before = this.#watcher
    this.#watcher = undefined
    try {
      const watcher = watch(this.#options.path, () => {
        clearTimeout(this.#settle)
        this.#settle = setTimeout(() => void this.rescan(), this.#options.settleMs)
      })
      watcher.on('error', () => watcher.close())
      watcher.unref()
      this.#watcher = watcher
    } catch {
      // Not there yet, or no events on this file system: the scan reports the first, the poll covers both.
    }
    before?.close()
  }
}

// Names that begin with two dots are how a mounted ConfigMap keeps its versions; files link to them.
async function listManifests(path: string): Promise<readonly string[]> {
  const entries = await readdir(path)
  return entries.filter((name) => /\.(ya?ml|json)$/.test(name) && !name.startsWith('.')).sort()
}

async function readManifests(
  path: string,
  known: KnownFile | undefined,
  options: DirectoryOptions,
): Promise<KnownFile> {
  const bad = (mistake: string, hash = mistake, isSettled = true): KnownFile =>
    known?.hash === hash ? known : { hash, objects: known?.objects ?? [], mistake, isSettled }
  try {
    const about = await stat(path)
    // Opening a pipe would wait for its writer.
    if (!about.isFile()) return bad('not a file')
    const { fileSizeBytesMax, settleMs, now } = options
    if (about.size > fileSizeBytesMax)
      return bad(`${about.size} bytes are more than ${fileSizeBytesMax}`)
    const bytes = await readFile(path)
    const hash = createHash('sha256').update(bytes).digest('hex')
    if (known?.hash === hash) return known
    // Time of the last write as of after the read; clocks of network file systems may run ahead.
    const isSettled = Math.abs(now() - (await stat(path)).mtimeMs) >= settleMs
    const parsed = parseManifests(bytes.toString('utf8'))
    return 'mistake' in parsed
      ? bad(parsed.mistake, hash, isSettled)
      : { hash, objects: parsed.objects, isSettled }
  } catch (cause) {
    return bad(messageOf(cause))
  }
}

function isSame(
  one: ReadonlyMap<string, KnownFile>,
  other: ReadonlyMap<string, KnownFile>,
): boolean {
  if (one.size !== other.size) return false
  return [...one].every(([name, { hash }]) => other.get(name)?.hash === hash)
}

function snapshotOf(
  files: ReadonlyMap<string, KnownFile>,
  mistake: string | undefined,
): DirectorySnapshot {
  const objects = new Map<string, { readonly object: KubeObject; readonly file: string }>()
  const repeated = new Map<string, string>()
  for (const [file, known] of files) {
    for (const object of known.objects) {
      const key = objectKey(object)
      const earlier = objects.get(key)
      if (earlier !== undefined) repeated.set(earlier.file, `${key} is also in ${file}, which wins`)
      objects.set(key, { object, file })
    }
  }
  return {
    objects: [...objects.values()].map(({ object }) => object),
    files: [...files].map(([file, known]) => {
      const wrong = known.mistake ?? repeated.get(file)
      const objectCount = known.objects.length
      return { file, objectCount, ...(wrong === undefined ? {} : { mistake: wrong }) }
    }),
    ...(mistake === undefined ? {} : { mistake }),
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

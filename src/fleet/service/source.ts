// A source of the fleet: one hub's objects as changes, wherever they come from.
// Here: the seam, and the watched directory behind it. Elsewhere: what objects mean (source/read-object.ts).
// Invariants: a key names one object of its source for as long as the source lives; a change that is handed over is
// complete, so applying changes in order gives the source's objects; nothing is said of what could not be read.
// Units: times in Unix milliseconds.

import type { KubeObject } from '../kube-object.ts'
import {
  type DirectoryOptions,
  type DirectorySnapshot,
  DirectorySource,
} from '../source/directory-source.ts'
import { objectKey } from '../source/manifest-file.ts'
import type { SourceStatus } from '../view/fleet-view.ts'

/** An object with the key that names it in its source. */
export interface KeyedObject {
  readonly key: string
  readonly object: KubeObject
}

/** What changed in a source, all at once. Objects are read and let go: a source may keep or forget them. */
export interface SourceChange {
  readonly upserts: readonly KeyedObject[]
  /** Keys of objects that are gone. */
  readonly deletes: readonly string[]
  /**
   * Whether the source has been read whole at least once, this change included. Until then what is missing is not
   * known to be gone. Never goes back to false.
   */
  readonly synced: boolean
  /**
   * Where the source could not be watched for a while before this change: when it was last known to be current. What
   * changed then happened at some time since.
   */
  readonly unseenSinceMs?: number
}

/** One hub as the fleet sees it. */
export interface FleetSource {
  /** The hub's name in every entry of the fleet, unique among sources. */
  readonly name: string
  /** What kind of source it is: `directory`, `kubernetes`. */
  readonly kind: string
  /**
   * Begins to read and to watch; resolves when it is under way, not when it has read. `onChange` is called with every
   * change, also with empty ones when `synced` or the status is another than before. Never throws for the hub's sake.
   */
  start(onChange: (change: SourceChange) => void): Promise<void>
  /** How the source is now. */
  status(): SourceStatus
  /** Ends watching; `onChange` is not called any more. */
  close(): Promise<void>
}

/** A directory of manifests as a source. */
export class DirectoryFleetSource implements FleetSource {
  readonly name: string
  readonly kind = 'directory'
  readonly #options: Partial<DirectoryOptions> & Pick<DirectoryOptions, 'path'>
  readonly #now: () => number
  #objects: ReadonlyMap<string, KubeObject> = new Map()
  #source: DirectorySource | undefined
  #snapshot: DirectorySnapshot | undefined
  #isOpen = false
  #wasRead = false
  #status: Omit<SourceStatus, 'name' | 'kind' | 'parts'>

  constructor(name: string, options: Partial<DirectoryOptions> & Pick<DirectoryOptions, 'path'>) {
    this.name = name
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#status = { state: 'syncing', sinceMs: this.#now(), message: '' }
  }

  async start(onChange: (change: SourceChange) => void): Promise<void> {
    const take = (snapshot: DirectorySnapshot): void => onChange(this.#take(snapshot))
    this.#source = await DirectorySource.open(this.#options, take)
    // Files that are still being written come one by one, so only now has all been read; an empty directory too.
    this.#isOpen = true
    take(this.#source.current)
  }

  status(): SourceStatus {
    const parts = (this.#snapshot?.files ?? []).map(({ file, objectCount, mistake }) => ({
      name: file,
      objectCount,
      ...(mistake === undefined ? {} : { mistake }),
    }))
    return { name: this.name, kind: this.kind, ...this.#status, parts }
  }

  async close(): Promise<void> {
    await this.#source?.close()
  }

  #take(snapshot: DirectorySnapshot): SourceChange {
    const { mistake } = snapshot
    // A directory that failed from the start holds nothing that is known; one that fails later keeps what it held.
    this.#wasRead ||= this.#isOpen && mistake === undefined
    const read = this.#wasRead ? 'synced' : 'syncing'
    const state = mistake === undefined ? read : 'failing'
    const sinceMs = state === this.#status.state ? this.#status.sinceMs : this.#now()
    this.#status = { state, sinceMs, message: mistake ?? '' }
    this.#snapshot = snapshot
    const before = this.#objects
    this.#objects = new Map(snapshot.objects.map((object) => [objectKey(object), object]))
    const upserts = [...this.#objects].flatMap(([key, object]) =>
      before.get(key) === object ? [] : [{ key, object }],
    )
    const deletes = [...before.keys()].filter((key) => !this.#objects.has(key))
    return { upserts, deletes, synced: this.#wasRead }
  }
}

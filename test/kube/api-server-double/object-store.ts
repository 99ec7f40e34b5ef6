// The double's memory: objects, their history by revision, watchers, and compaction.
// Invariants: a revision is given to one change only; history older than the compaction is gone, and asking for
// it is refused; a page of a list shows the revision at which the list began.

import type { Stored } from './json-objects.ts'

/** A change of one object. `before` is what it was, for those whose selector it left. */
export interface Change {
  readonly revision: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly resource: string
  readonly key: string
  readonly object: Stored
  readonly before: Stored | undefined
}

/** Objects of all resources. A resource is `PLURAL.GROUP`; a key is `NS/NAME` or `NAME`. */
export class ObjectStore {
  readonly #objects = new Map<string, Map<string, Stored>>()
  readonly #history: Change[] = []
  readonly #listeners = new Set<(change: Change) => void>()
  #revision = 100
  #compacted = 100

  /** The newest revision. */
  get revision(): number {
    return this.#revision
  }

  /** The revision up to which history is gone. */
  get compacted(): number {
    return this.#compacted
  }

  get(resource: string, key: string): Stored | undefined {
    return this.#objects.get(resource)?.get(key)
  }

  /** Writes an object, which gets the next revision. */
  put(resource: string, key: string, object: Stored): Stored {
    const before = this.get(resource, key)
    const stored = this.#stamped(object)
    const of = this.#objects.get(resource) ?? new Map<string, Stored>()
    this.#objects.set(resource, of.set(key, stored))
    this.#tell({
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      resource,
      key,
      object: stored,
      before,
    })
    return stored
  }

  /** Removes an object. */
  remove(resource: string, key: string): void {
    const before = this.get(resource, key)
    if (before === undefined) return
    this.#objects.get(resource)!.delete(key)
    this.#tell({ type: 'DELETED', resource, key, object: this.#stamped(before), before })
  }

  /** Objects of a resource by key, in order of key, as they were at a revision. */
  list(resource: string, revision = this.#revision): readonly (readonly [string, Stored])[] {
    const objects = new Map(this.#objects.get(resource))
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const change = this.#history[i]!
      if (change.revision <= revision) break
      if (change.resource !== resource) continue
      if (change.before === undefined) objects.delete(change.key)
      else objects.set(change.key, change.before)
    }
    return [...objects].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** Changes after a revision, then all that come, until the returned function is called. */
  follow(revision: number, onChange: (change: Change) => void): () => void {
    for (const change of this.#history) if (change.revision > revision) onChange(change)
    this.#listeners.add(onChange)
    return () => this.#listeners.delete(onChange)
  }

  /** Forgets history up to now, as etcd does every five minutes. */
  compact(): void {
    this.#compacted = this.#revision
    this.#history.length = 0
  }

  #stamped(object: Stored): Stored {
    const resourceVersion = String(++this.#revision)
    return { ...object, metadata: { ...object.metadata, resourceVersion } }
  }

  #tell(change: Omit<Change, 'revision'>): void {
    const complete = { ...change, revision: this.#revision }
    this.#history.push(complete)
    for (const listener of this.#listeners) listener(complete)
  }
}

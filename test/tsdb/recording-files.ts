// Recording files: a disk in memory that knows what was synced and what was not, for simulated power cuts, full disks
// and failing syncs.
// After a cut a file holds what was synced plus a random prefix of the writes since, the last one torn at 512 bytes
// (sectors of a torn write may also be missing from its middle and read as zeros); names that were created, renamed
// or removed since their directory was synced are each there or not.
import { dirname } from 'node:path'
import type { Files, OpenFile } from '../../src/tsdb/index.ts'

const sectorSizeBytes = 512

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly sizeBytes: number }

interface Inode {
  data: Uint8Array
  durable: Uint8Array
  changes: Change[]
}

/** A change of names that is durable once one of `directories` is synced. A move takes along what lies below. */
type NameChange = { readonly directories: readonly string[] } & (
  | { readonly kind: 'set'; path: string; readonly inode: Inode }
  | { readonly kind: 'unset'; readonly path: string }
  | { readonly kind: 'move'; readonly from: string; readonly to: string }
)

/** Thrown by the operation at which the power fails. */
export class PowerCut extends Error {}

/** A disk error with a code, as Node throws it. */
export class DiskError extends Error {
  readonly code: string

  constructor(code: string) {
    super(`${code}: simulated`)
    this.code = code
  }
}

/** Random numbers in [0, 1) from a seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** See the head of this file. */
export class RecordingFiles implements Files {
  /** The operation at which the power fails; counts down. */
  operationsLeft = Number.POSITIVE_INFINITY
  /** Bytes that fit on the disk. */
  capacityBytes = Number.POSITIVE_INFINITY
  failSync: string | undefined
  readonly #random: () => number
  readonly #directories = new Set<string>(['/'])
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #nameChanges: NameChange[] = []
  #cut = false

  constructor(random: () => number) {
    this.#random = random
  }

  /** Whether the power has failed. */
  get isDown(): boolean {
    return this.#cut || this.operationsLeft < 0
  }

  /** The disk as it is found after the power came back. Everything that still held it open is dead. */
  afterPowerCut(): RecordingFiles {
    this.#cut = true
    const next = new RecordingFiles(this.#random)
    for (const directory of this.#directories) next.#directories.add(directory)
    const names = new Map(this.#durableNames)
    for (const change of this.#nameChanges) if (this.#random() < 0.5) applyName(names, change)
    for (const [path, inode] of names) {
      const data = this.#survivor(inode)
      const fresh: Inode = { data, durable: data, changes: [] }
      next.#names.set(path, fresh)
      for (let at = dirname(path); at !== '/'; at = dirname(at)) next.#directories.add(at)
      next.#durableNames.set(path, fresh)
    }
    return next
  }

  open(path: string, mode: 'read' | 'write'): OpenFile {
    this.#step()
    let inode = this.#names.get(path)
    if (inode === undefined) {
      if (mode === 'read' || !this.#directories.has(dirname(path))) throw new DiskError('ENOENT')
      inode = { data: new Uint8Array(0), durable: new Uint8Array(0), changes: [] }
      this.#names.set(path, inode)
      this.#nameChanges.push({ kind: 'set', directories: [dirname(path)], path, inode })
    }
    return this.#handle(inode)
  }

  exists(path: string): boolean {
    return this.#names.has(path) || this.#directories.has(path)
  }

  isDirectory(path: string): boolean {
    return this.#directories.has(path)
  }

  list(directory: string): string[] {
    const prefix = directory === '/' ? '/' : `${directory}/`
    const below = [...this.#names.keys(), ...this.#directories].filter(
      (path) => path.startsWith(prefix) && path.length > prefix.length,
    )
    return [...new Set(below.map((path) => path.slice(prefix.length).split('/')[0]!))].sort()
  }

  makeDirectory(path: string): void {
    this.#step()
    for (let at = path; at !== '/'; at = dirname(at)) this.#directories.add(at)
  }

  rename(from: string, to: string): void {
    this.#step()
    if (!this.exists(from)) throw new DiskError('ENOENT')
    const directories = [dirname(from), dirname(to)]
    const change: NameChange = { kind: 'move', directories, from, to }
    applyName(this.#names, change)
    this.#nameChanges.push(change)
    for (const directory of [...this.#directories])
      if (isAtOrBelow(directory, from)) {
        this.#directories.delete(directory)
        this.#directories.add(to + directory.slice(from.length))
      }
  }

  /** Gives a file a second name; its data is synced. */
  link(from: string, to: string): void {
    this.#step()
    const inode = this.#names.get(from)!
    this.#names.set(to, inode)
    this.#nameChanges.push({ kind: 'set', directories: [dirname(to)], path: to, inode })
  }

  remove(path: string): void {
    this.#step()
    for (const name of [...this.#names.keys()])
      if (isAtOrBelow(name, path)) {
        this.#names.delete(name)
        const directories = [dirname(name), dirname(path)]
        this.#nameChanges.push({ kind: 'unset', directories, path: name })
      }
    for (const directory of [...this.#directories])
      if (isAtOrBelow(directory, path)) this.#directories.delete(directory)
  }

  syncDirectory(path: string): void {
    this.#step()
    const rest: NameChange[] = []
    for (const change of this.#nameChanges) {
      if (!change.directories.includes(path)) {
        rest.push(change)
        continue
      }
      applyName(this.#durableNames, change)
      // What was created below a directory that moved is still only as durable as it was, under its new name.
      if (change.kind === 'move')
        for (const earlier of rest)
          if (earlier.kind === 'set' && isAtOrBelow(earlier.path, change.from))
            earlier.path = change.to + earlier.path.slice(change.from.length)
    }
    this.#nameChanges = rest
  }

  /** All bytes in files. */
  usedBytes(): number {
    let used = 0
    for (const inode of this.#names.values()) used += inode.data.length
    return used
  }

  #handle(inode: Inode): OpenFile {
    return {
      sizeBytes: () => inode.data.length,
      read: (into, position) => {
        const part = inode.data.subarray(position, position + into.length)
        into.set(part)
        return part.length
      },
      write: (parts, position) => {
        let at = position
        for (const part of parts) {
          this.#write(inode, at, part)
          at += part.length
        }
      },
      truncate: (sizeBytes) => {
        this.#step()
        this.#change(inode, { kind: 'truncate', sizeBytes })
      },
      sync: () => {
        this.#step()
        if (this.failSync !== undefined) throw new DiskError(this.failSync)
        inode.durable = inode.data
        inode.changes = []
      },
      close: () => {},
    }
  }

  #write(inode: Inode, position: number, bytes: Uint8Array): void {
    const room = this.capacityBytes - this.usedBytes() + Math.max(0, inode.data.length - position)
    if (bytes.length > room) {
      if (room > 0) this.#write(inode, position, bytes.subarray(0, room))
      throw new DiskError('ENOSPC')
    }
    // A cut in mid-write leaves the write among those of which a prefix survives.
    this.#change(inode, { kind: 'write', position, bytes: new Uint8Array(bytes) })
    if (--this.operationsLeft < 0) throw new PowerCut('power cut')
  }

  #change(inode: Inode, change: Change): void {
    if (this.#cut) throw new PowerCut('power cut')
    inode.data = applied(inode.data, change)
    inode.changes.push(change)
  }

  #survivor(inode: Inode): Uint8Array {
    const count = Math.floor(this.#random() * (inode.changes.length + 1))
    let data = inode.durable
    for (const change of inode.changes.slice(0, count)) data = applied(data, change)
    const torn = inode.changes[count]
    if (torn?.kind !== 'write' || this.#random() < 0.3) return data
    const sectors = Math.floor(this.#random() * (torn.bytes.length / sectorSizeBytes + 1))
    const bytes = torn.bytes.slice(0, sectors * sectorSizeBytes)
    const holesShare = this.#random() < 0.3 ? 0.3 : 0
    for (let at = 0; at < bytes.length; at += sectorSizeBytes)
      if (this.#random() < holesShare) bytes.fill(0, at, at + sectorSizeBytes)
    return applied(data, { kind: 'write', position: torn.position, bytes })
  }

  #step(): void {
    if (this.#cut || --this.operationsLeft < 0) throw new PowerCut('power cut')
  }
}

function isAtOrBelow(path: string, top: string): boolean {
  return path === top || path.startsWith(`${top}/`)
}

function applyName(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'set') names.set(change.path, change.inode)
  else if (change.kind === 'unset') names.delete(change.path)
  else
    for (const [path, inode] of [...names])
      if (isAtOrBelow(path, change.from)) {
        names.delete(path)
        names.set(change.to + path.slice(change.from.length), inode)
      }
}

function applied(data: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'truncate') {
    const out = new Uint8Array(change.sizeBytes)
    out.set(data.subarray(0, change.sizeBytes))
    return out
  }
  const out = new Uint8Array(Math.max(data.length, change.position + change.bytes.length))
  out.set(data)
  out.set(change.bytes, change.position)
  return out
}

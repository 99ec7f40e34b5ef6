// Files: what log, checkpoints and blocks need of a disk, as synchronous calls, so that tests can put a recording
// disk in its place and cut its power.
// Here: the seam, the real disk, and the one way to replace a file atomically.
// Units: sizes and positions in bytes. Errors are Node's, with `code` (ENOSPC, EIO, …).
// Invariant: after `writeDurably` returns, the file is whole under its name after any power cut.

import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writevSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** One open file. */
export interface OpenFile {
  sizeBytes(): number
  /** Fills `into` from `position` on; returns the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): number
  /** Writes all parts one after another from `position` on. A failed call may have written a prefix. */
  write(parts: readonly Uint8Array[], position: number): void
  truncate(sizeBytes: number): void
  /** Returns when data and size are on the disk. */
  sync(): void
  close(): void
}

/** A disk. */
export interface Files {
  /** `read` needs the file; `write` creates it where it is absent and allows both. */
  open(path: string, mode: 'read' | 'write'): OpenFile
  exists(path: string): boolean
  /** Names in a directory, sorted; none where it is absent. */
  list(directory: string): string[]
  /** Creates a directory and its parents, each durable in its own parent. */
  makeDirectory(path: string): void
  /** Replaces `to` atomically. Durable once both directories are synced. */
  rename(from: string, to: string): void
  /** Removes a file or a tree; absent is fine. Durable once the directory is synced. */
  remove(path: string): void
  syncDirectory(path: string): void
}

/** The disk of this machine. */
export const nodeFiles: Files = {
  open: (path, mode) => new NodeFile(openSync(path, mode === 'read' ? 'r' : openForWriting)),
  exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  list: (directory) => {
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) return []
    return readdirSync(directory).sort()
  },
  makeDirectory: makeDurableDirectory,
  rename: renameSync,
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  syncDirectory: (path) => {
    const descriptor = openSync(path, 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  },
}

/** The whole content of a file. */
export function readWhole(files: Files, path: string): Uint8Array {
  const file = files.open(path, 'read')
  try {
    const bytes = new Uint8Array(file.sizeBytes())
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}

/** Writes a file so that either its old or its new content is there, whole, whenever the power fails. */
export function writeDurably(files: Files, path: string, parts: readonly Uint8Array[]): void {
  const temporary = `${path}.tmp`
  files.remove(temporary)
  const file = files.open(temporary, 'write')
  try {
    file.write(parts, 0)
    file.sync()
  } finally {
    file.close()
  }
  files.rename(temporary, path)
  files.syncDirectory(dirname(path))
}

// O_RDWR | O_CREAT: Node's letter flags either truncate or insist that the file exists.
const openForWriting = 0o2 | 0o100

class NodeFile implements OpenFile {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  sizeBytes(): number {
    return fstatSync(this.#descriptor).size
  }

  read(into: Uint8Array, position: number): number {
    let count = 0
    while (count < into.length) {
      const step = readSync(
        this.#descriptor,
        into,
        count,
        Math.min(into.length - count, 1 << 30),
        position + count,
      )
      if (step === 0) break
      count += step
    }
    return count
  }

  write(parts: readonly Uint8Array[], position: number): void {
    let rest = parts.filter((part) => part.length > 0)
    let at = position
    while (rest.length > 0) {
      const written = writevSync(this.#descriptor, rest.slice(0, vectorsMax), at)
      at += written
      rest = afterBytes(rest, written)
    }
  }

  truncate(sizeBytes: number): void {
    ftruncateSync(this.#descriptor, sizeBytes)
  }

  sync(): void {
    fdatasyncSync(this.#descriptor)
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

// IOV_MAX on Linux.
const vectorsMax = 1024

function afterBytes(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count
  let index = 0
  while (index < parts.length && skip >= parts[index]!.length) skip -= parts[index++]!.length
  const rest = parts.slice(index)
  if (skip > 0) rest[0] = rest[0]!.subarray(skip)
  return rest
}

function makeDurableDirectory(path: string): void {
  if (nodeFiles.exists(path)) return
  const parent = dirname(path)
  if (parent !== path) makeDurableDirectory(parent)
  mkdirSync(path, { recursive: true })
  nodeFiles.syncDirectory(parent)
}
